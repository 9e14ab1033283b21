"""Where the episodes of a file end: where its flags say so, where its ids change, where its next states do not go on.

Letters: N rows, E episodes, O observation columns.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skills.arrays import Bools, Floats, Ids
from skills.errors import USAGE, SkillsError

Parts = Mapping[str, Any]  # {part: [N, .]} of the observations; see `skills.data.tables.Column`

TERMINALS = ("terminals", "terminal", "terminations", "terminated", "terminateds")
LIMITS = ("timeouts", "timeout", "truncations", "truncated", "truncateds")
DONES = ("dones", "done", "dones_float", "is_last")  # which do not say why
GOES_ON = ("masks", "not_done", "not_dones")  # 0 where an episode ended by itself
FINAL = "is_terminal"  # RLDS's: with `is_last` the row is of the state after the episode
_CHUNK = 65_536  # rows compared at once
_ROUNDING = 1e-6  # by which a next state may differ from the same state in the following row
_MOST_IN_TURN = 4096  # environments that may have been stepped together
_ENOUGH, _LOOKED_AT = 3, 200  # marks that say something; rows whose steps are measured
_LATE = 0.9  # share of the flags that must stand a row behind a break


@dataclass(frozen=True)
class Ends:
    """terminals: [N] the episode ended by itself.   bounds: [E] (first, after the last) row of each episode.

    said: a line on each thing that is not as it stands in the file.
    """

    terminals: Bools
    bounds: list[tuple[int, int]]
    said: list[str] = field(default_factory=list)


def find_ends(
    read: Callable[[str], Bools | None],
    changes: Bools | None,
    observations: Parts,
    next_observations: Parts,
    limit: int | None,
    what: str,
) -> Ends:
    """Where episodes end.

    read: gives the flags of a name, or None.   changes: [N] where another id follows, or None.
    limit: the steps after which the environment ends an episode.   what: the file, for messages.
    Raises: SkillsError (usage) where the rows of several environments take turns.
    """
    said: list[str] = []
    flags = {name: found for name in (*TERMINALS, *LIMITS, *DONES) if (found := read(name)) is not None}
    if not any(name in flags for name in TERMINALS):
        flags |= {name: ~found for name in GOES_ON if (found := read(name)) is not None}
    final = read(FINAL)
    if final is not None and ("is_last" not in flags or next_observations):
        flags[FINAL] = final
    rows = int(next(iter(observations.values())).shape[0])
    breaks = np.zeros(rows, np.bool_)
    if next_observations:
        breaks = ~goes_on(observations, next_observations)
        breaks[-1] = False
        if 2 * breaks.sum() > rows:
            _refuse_own(observations, next_observations, what)
            _refuse_turns(observations, next_observations, what)
        if _are_late(np.any(list(flags.values()), axis=0) if flags else breaks & False, breaks):
            flags = {name: np.append(found[1:], False) for name, found in flags.items()}
            said.append(
                f"{', '.join(flags)}: marked a row late, on the first row of the next episode; they are read a row up."
            )
    elif flags and _seem_late(np.any(list(flags.values()), axis=0), observations):
        said.append(
            f"{', '.join(flags)} seem to be marked a row late: the large steps are into marked rows, not out of them. "
            "If the file's first row of an episode is marked, move the marks a row up."
        )
    failures = (*TERMINALS, *GOES_ON, FINAL)
    terminals, at_limit, dones = (_any(flags, names, rows) for names in (failures, LIMITS, DONES))
    marked = terminals | at_limit | dones | (changes if changes is not None else False)
    unmarked = int((breaks & ~marked).sum())
    if unmarked:
        said.append(
            f"In {unmarked:,} rows the next observation is not the following row's, where nothing marks an end: "
            "an episode is cut there, as by a time limit."
        )
    bounds = _bounds(marked | breaks)
    if any(name in flags for name in DONES):
        terminals = _with_reasons(terminals, dones & ~at_limit, flags, bounds, limit, said)
    if not marked.any() and not unmarked:
        said.append(f"Nothing marks where an episode ends: all {rows:,} rows are taken for one.")
    if final is not None and FINAL not in flags:
        terminals |= np.append((final & dones)[1:], False)
    longest = max(after - first for first, after in bounds)
    if limit is not None and longest > limit:
        said.append(
            f"An episode of {longest:,} rows is longer than the environment's limit of {limit:,}: is an end missing?"
        )
    said.append(f"{len(bounds):,} episodes, the longest of {longest:,} rows; {terminals.sum():,} ended by themselves.")
    return Ends(terminals, bounds, said)


def goes_on(observations: Parts, next_observations: Parts) -> Bools:
    """[N] whether a row's next observation is the following row's observation; the last row's is not."""
    rows = int(next(iter(observations.values())).shape[0])
    found = np.ones(rows, np.bool_)
    found[-1] = False
    for first in range(0, rows - 1, _CHUNK):
        here = slice(first, min(first + _CHUNK, rows - 1))
        below = slice(here.start + 1, here.stop + 1)
        for name, part in observations.items():
            found[here] &= _same(next_observations[name][here], part[below])
    return found


def _same(one: Any, other: Any) -> Bools:
    return np.asarray(np.isclose(one, other, rtol=_ROUNDING, atol=_ROUNDING, equal_nan=True).all(axis=1))


def _refuse_own(observations: Parts, next_observations: Parts, what: str) -> None:
    rows = int(next(iter(observations.values())).shape[0])
    looked = slice(min(rows, _CHUNK))
    own = np.ones(looked.stop, np.bool_)
    for name, part in observations.items():
        own &= _same(next_observations[name][looked], part[looked])
    if 2 * own.sum() > len(own):
        raise SkillsError(
            f"{what}: the next observation is the row's own in {own.sum():,} of {len(own):,} rows, and the following "
            "row's is another.",
            "Nothing could be learned of what actions do. Leave next_observations out: the following row's are taken.",
        )


def _refuse_turns(observations: Parts, next_observations: Parts, what: str) -> None:
    rows = int(next(iter(observations.values())).shape[0])
    looked = slice(min(rows, 4 * _MOST_IN_TURN))
    states, nexts = (
        np.concatenate([np.asarray(part[looked]) for part in parts.values()], axis=1)
        for parts in (observations, {name: next_observations[name] for name in observations})
    )
    for turn in range(2, min(_MOST_IN_TURN, len(states) // 2) + 1):
        sample = np.unique(np.linspace(0, len(states) - turn - 1, 100).astype(np.int64))
        if 2 * _same(nexts[sample], states[sample + turn]).sum() > len(sample):
            raise SkillsError(
                f"{what} holds the rows of {turn} environments that take turns: the state after a row is in the "
                f"{turn}th row below it, not in the following one.",
                f"Take them apart: skills data import FILE --interleaved {turn}",
                USAGE,
            )


def _are_late(marked: Bools, breaks: Bools) -> bool:
    """Whether flags stand a row behind the breaks that they mean."""
    places = np.flatnonzero(marked)
    places = places[places > 0]
    if not len(places):
        return False
    return bool(np.mean(breaks[places - 1]) >= _LATE and np.mean(breaks[places]) <= 1 - _LATE)


def _seem_late(marked: Bools, observations: Parts) -> bool:
    """Whether it is the step into a marked row that leads to a new start, rather than the one out of it."""
    rows = len(marked)
    places = np.flatnonzero(marked)
    places = places[(places > 0) & (places < rows - 1)]
    if len(places) < _ENOUGH:
        return False
    ordinary = np.linspace(1, rows - 2, _LOOKED_AT).astype(np.int64)
    chosen = places[np.linspace(0, len(places) - 1, min(len(places), _LOOKED_AT)).astype(np.int64)]
    into, out = np.median(_steps(observations, chosen), axis=0)
    usual = np.median(_steps(observations, ordinary))
    return bool(into > 3.0 * usual and out < 1.5 * usual)


def _steps(observations: Parts, places: Ids) -> Floats:
    """[P, 2] how far the state moves into each of some rows, and out of it."""
    near = [
        np.concatenate([np.asarray(part[place - 1 : place + 2], np.float64) for part in observations.values()], axis=1)
        for place in places.tolist()
    ]
    return np.asarray(np.linalg.norm(np.diff(np.stack(near), axis=1), axis=2))


def _any(flags: Mapping[str, Bools], names: tuple[str, ...], rows: int) -> Bools:
    found = np.zeros(rows, np.bool_)
    for name in names:
        found |= flags.get(name, False)
    return found


def _with_reasons(
    terminals: Bools,
    dones: Bools,
    flags: Mapping[str, Bools],
    bounds: list[tuple[int, int]],
    limit: int | None,
    said: list[str],
) -> Bools:
    """Adds to the terminals what flags without a reason mean: a failure, unless the time limit was reached.

    Where other flags tell failures, and in RLDS's `is_last`, they mean no more than an end.
    """
    name = next(name for name in DONES if name in flags)
    if name == "is_last" or any(other in flags for other in (*TERMINALS, *GOES_ON, FINAL)):
        return terminals
    at_limit = np.zeros(len(dones), np.bool_)
    for first, after in bounds:
        at_limit[after - 1] = after - first == limit
    added = dones & ~at_limit
    said.append(
        f"{name} does not say why episodes end: {int(added.sum()):,} are taken to have ended by themselves, and "
        f"{int((dones & at_limit).sum()):,}, as long as the time limit, by that."
    )
    return terminals | added


def _bounds(ends: Bools) -> list[tuple[int, int]]:
    last = np.append(ends[:-1], True)
    after = np.flatnonzero(last) + 1
    return list(zip([0, *after[:-1].tolist()], after.tolist(), strict=True))
