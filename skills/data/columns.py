"""What the columns of a file of transitions mean, and in which shapes people keep them.

    observations, actions           [N, .]; observations may be several arrays, "observations/achieved_goal" and so on
    next_observations, rewards      if there are any
    terminals, timeouts, dones ...  [N], see `ends.py`; or episode_ids, [N]
    anything else with N rows       kept in the dataset's infos

Letters: N rows, E episodes, O observation columns.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Dict, Space
from numpy.typing import NDArray

from skills.bodies.environments import ENVIRONMENTS, motion_size, observation_size
from skills.data.checks import numbers
from skills.data.ends import DONES, FINAL, GOES_ON, LIMITS, TERMINALS, Ends, find_ends
from skills.data.tables import Column, NamedColumns
from skills.errors import USAGE, SkillsError, nearest, some
from skills.memory import check_memory
from skills.progress import Notify

_SINGLE = {"rewards", "episode_ids", *TERMINALS, *LIMITS, *DONES, FINAL}  # a number a row
_KNOWN = {"actions", *_SINGLE} - {"episode_ids"}
_BYTES_A_ROW = 32  # of what is known of each row at once: its ends, its label
_FORCES = 6  # columns of the forces on one body
_CHUNK = 65_536  # rows looked at at once


@dataclass(frozen=True)
class FileTable:
    """The columns of a file and what they mean.   limit: the steps after which the environment ends an episode."""

    path: Path
    columns: NamedColumns
    limit: int | None = None

    def __post_init__(self) -> None:
        for name in ("observations", "actions"):
            if name not in self.columns and not self._parts(name):
                raise SkillsError(f"{self.path} has no array {name!r}.", self._instead(name))
        if np.dtype(self._actions.dtype).kind in "iub":
            raise SkillsError(
                f"{self.path} has discrete actions ({self._actions.dtype}).", "Only continuous ones can be used."
            )
        self._check_shapes()
        if len(self) == 0:
            raise SkillsError(f"{self.path} is empty.")
        check_memory(_BYTES_A_ROW * len(self), f"Cutting {len(self):,} rows of {self.path} into episodes")

    def __len__(self) -> int:
        return int(self._actions.shape[0])

    @property
    def _actions(self) -> Column:
        return self.columns["actions"]

    @cached_property
    def observations(self) -> dict[str, Column]:
        """{part: [N, .]}; one part, without a name, where observations are a single array."""
        return self._parts("observations")

    @cached_property
    def next_observations(self) -> dict[str, Column]:
        """As `observations`; empty where the file has none."""
        return self._parts("next_observations")

    @property
    def observation_size(self) -> int:
        """O, of all parts together."""
        return sum(int(part.shape[1]) for part in self.observations.values())

    def observation_space(self) -> Space[Any]:
        """Unbounded boxes: a dict of them where the observations have parts."""
        boxes: dict[str, Space[Any]] = {
            name: Box(-np.inf, np.inf, (part.shape[1],), np.float64) for name, part in self.observations.items()
        }
        return boxes[""] if "" in boxes else Dict(boxes)

    @cached_property
    def ends(self) -> Ends:
        """Where the episodes end."""
        changes = None
        if "episode_ids" in self.columns:
            ids = np.asarray(self.columns["episode_ids"][:])
            changes = np.append(ids[1:] != ids[:-1], False)
        parts = self.observations, self.next_observations
        return find_ends(self._flags, changes, *parts, self.limit, str(self.path))

    @property
    def terminals(self) -> NDArray[np.bool_]:
        """[N], whether the episode ended by itself."""
        return self.ends.terminals

    @property
    def bounds(self) -> list[tuple[int, int]]:
        """(first, after the last) row of each episode."""
        return self.ends.bounds

    @cached_property
    def extras(self) -> list[str]:
        """Names of the arrays of N rows that mean nothing here: kept as infos."""
        return [
            name
            for name, column in self.columns.items()
            if not self._is_known(name) and column.shape[:1] == (len(self),) and np.dtype(column.dtype).kind in "fiub"
        ]

    def labels(self, name: str | None) -> tuple[NDArray[np.int32] | None, list[str]]:
        """([N] which label each row has, their names), from an array of a row each or of an episode each."""
        if name is None:
            return None, []
        if name not in self.columns:
            raise SkillsError(f"{self.path} has no array {name!r}.", nearest(name, self.columns), USAGE)
        values = np.asarray(self.columns[name][()])
        if values.shape == (len(self.bounds),) and values.shape != (len(self),):
            values = np.repeat(values, [after - first for first, after in self.bounds])
        if values.shape != (len(self),) or values.dtype.kind not in "iubSU":
            raise SkillsError(
                f"{self.path}: {name} cannot label the rows: {values.dtype} of the shape {values.shape}.",
                f"It takes whole numbers or words, one for each of {len(self)} rows or {len(self.bounds)} episodes.",
                USAGE,
            )
        names, labels = np.unique(values, return_inverse=True)
        return labels.astype(np.int32), [one.decode() if isinstance(one, bytes) else str(one) for one in names.tolist()]

    def report(self, notify: Notify) -> None:
        """Says what is not as it stands in the file."""
        left_out = [name for name in self.columns if not self._is_known(name) and name not in self.extras]
        if left_out:
            notify(f"Left out, not being numbers of {len(self)} rows: {some(left_out)}.")
        if "rewards" not in self.columns:
            notify("There are no rewards: zeros are stored.")
        if not self.next_observations:
            cut = sum(not self.terminals[after - 1] for _, after in self.bounds)
            notify(
                f"There are no next observations: they are the following row's, inside an episode. The last row of "
                f"{cut} episodes has none and is left out; after a termination the row's own observation stands in."
            )
        for line in self.ends.said:
            notify(line)

    def _instead(self, name: str) -> str:
        """What a file has that lacks an array."""
        apart = [column for column in sorted(self.columns) if column.endswith((f"/{name}", "/obs"))]
        if len(apart) > 1:
            return (
                f"It keeps {len(apart):,} demonstrations apart, as {apart[0]}. Put their rows end to end: an array "
                "'observations', one 'actions', and one 'episode_ids' with the number of each row's demonstration."
            )
        return f"It has: {some(sorted(self.columns)) or 'none'}. Say which they are: --observation A,B --action C"

    def _parts(self, name: str) -> dict[str, Column]:
        if name in self.columns:
            return {"": self.columns[name]}
        parts = {key.partition("/")[2]: column for key, column in self.columns.items() if key.startswith(f"{name}/")}
        return dict(sorted(parts.items()))

    def _is_known(self, name: str) -> bool:
        return name in _KNOWN or name.partition("/")[0] in ("observations", "next_observations")

    def _flags(self, name: str) -> NDArray[np.bool_] | None:
        if name not in self.columns or (name in GOES_ON and not self._is_of_flags(name)):
            return None
        return numbers(self.columns[name][:], np.bool_, (len(self),), f"{self.path}: {name}")

    def _is_of_flags(self, name: str) -> bool:
        """Whether an array is of 0 and 1, one a row: what is called "masks" may be other things."""
        column = self.columns[name]
        return column.shape == (len(self),) and bool(np.isin(np.asarray(column[:]), (0, 1)).all())

    def _check_shapes(self) -> None:
        known = {name: column for name, column in self.columns.items() if self._is_known(name)}
        if "episode_ids" in self.columns:
            known["episode_ids"] = self.columns["episode_ids"]
        inside = {name.partition("/")[0] for name in self.columns if "/" in name}
        hollow = [name for name, column in known.items() if not column.shape] + sorted(_SINGLE & inside)
        if hollow:
            raise SkillsError(
                f"{self.path} has no rows of {some(hollow)}: a group, a link or a single number stands there.",
                "Put the array itself there, or leave the name out.",
            )
        lengths = {name: column.shape[0] if column.shape else 0 for name, column in known.items()}
        if len(set(lengths.values())) > 1:
            said = some(f"{name} {length}" for name, length in lengths.items())
            raise SkillsError(f"{self.path} has arrays of unequal length: {said}.")
        for name, column in known.items():
            if np.dtype(column.dtype).kind not in "fiub" and name != "episode_ids":
                raise SkillsError(f"{self.path}: {name} are of the type {column.dtype}, not numbers.")
            axes = 2 if name == "actions" or "observations" in name.partition("/")[0] else 1
            if len(column.shape) != axes:
                raise SkillsError(f"{self.path}: {name} have the shape {column.shape}, expected {axes} axes.")
        if self.next_observations:
            sizes, next_sizes = (
                {name: part.shape for name, part in parts.items()}
                for parts in (self.observations, self.next_observations)
            )
            if sizes != next_sizes:
                raise SkillsError(f"{self.path}: observations are {sizes}, next_observations {next_sizes}.")


class _View:
    """A column read otherwise than it is stored: its rows are changed as they are read."""

    def __init__(self, column: Column, columns: tuple[int, ...], change: Callable[[Any], Any]) -> None:
        self._column, self._change = column, change
        self.shape, self.dtype = (*column.shape[:1], *columns), column.dtype

    def __getitem__(self, rows: Any) -> Any:
        return self._change(np.asarray(self._column[rows]))


def flat(columns: NamedColumns) -> NamedColumns:
    """The columns with those of a number a row in one axis: (N, 1) has one reading."""
    return {
        name: _View(column, (), lambda rows: rows[:, 0]) if name in _SINGLE and column.shape[1:] == (1,) else column
        for name, column in columns.items()
    }


def chosen(columns: NamedColumns, observations: Sequence[str], actions: Sequence[str], path: Path) -> NamedColumns:
    """The columns with those that are named as observations, or as actions, in the place of what the file calls so.

    Raises: SkillsError (usage) for a name that there is not.
    """
    seen = {_named(name, columns, path): name for name in observations}
    done = [_named(name, columns, path) for name in actions]
    found = {name: column for name, column in columns.items() if name not in (*seen, *done)}
    if seen:
        found = {name: column for name, column in found.items() if not _is_observation(name)}
        found |= {f"observations/{part}": _upright(columns[own]) for own, part in _parts_called(seen).items()}
    if actions:
        found["actions"] = np.concatenate([np.asarray(_upright(columns[name])[:]) for name in done], axis=1)
    return found


def _parts_called(seen: dict[str, str]) -> dict[str, str]:
    """{column: part} what each of the chosen is called: the last of its name, or all of it where others end alike."""
    short = {own: name.rpartition("/")[2] for own, name in seen.items()}
    alike = len(set(short.values())) < len(short)
    return {own: name.strip("/").replace("/", ".") for own, name in seen.items()} if alike else short


def _named(name: str, columns: NamedColumns, path: Path) -> str:
    """The array of a name, or of its last part: "state" is "observations/state", "action" is "actions".

    A table's columns have dots where the file has slashes, which are folders here.
    """
    apart, dotted = name.replace("observation.", "observations/"), name.replace("/", ".")
    meant = (name, f"observations/{name}", apart, f"{name}s", dotted)
    known = next((one for one in meant if one in columns), None)
    if known is None:
        raise SkillsError(f"{path} has no array {name!r}.", nearest(name, columns), USAGE)
    return known


def _is_observation(name: str) -> bool:
    return name.partition("/")[0] in ("observations", "next_observations")


def _upright(column: Column) -> Column:
    """A column of one number a row as one of one column."""
    return column if len(column.shape) != 1 else _View(column, (1,), lambda rows: rows[:, None])


def apart(columns: NamedColumns, count: int, path: Path) -> NamedColumns:
    """The columns with the rows of `count` environments, which take turns, one environment behind the other.

    Each begins an episode of its own. Raises: SkillsError (usage) where the rows do not come out even.
    """
    rows = int(columns["actions"].shape[0]) if "actions" in columns and columns["actions"].shape else 0
    if count < 1 or rows % count:
        raise SkillsError(f"The {rows:,} rows of {path} are not those of {count} environments.", exit_code=USAGE)
    order = np.arange(rows).reshape(-1, count).T.ravel()
    found: dict[str, Column] = {
        name: np.asarray(column[()])[order]
        if column.shape[:1] == (rows,) and not np.dtype(column.dtype).hasobject
        else column
        for name, column in columns.items()
    }
    number = np.arange(rows) // (rows // count)
    ids = found.get("episode_ids")
    if ids is not None:
        number = np.unique(np.stack([number, ids]), axis=1, return_inverse=True)[1].ravel()
    return {**found, "episode_ids": number}


def without_world(columns: NamedColumns, env_id: str, notify: Notify) -> NamedColumns:
    """D4RL's Ant of 111 columns as Ant-v5 has them: it observed the forces on the world too.

    D4RL's own are all zeros, because of a fault of its simulator; then all are left out.
    """
    spec = ENVIRONMENTS.get(env_id)
    if spec is None or not spec.contact_forces:
        return columns
    motion, size = motion_size(env_id), observation_size(env_id)
    seen = columns.get("observations")
    if seen is None or seen.shape[1:] != (size + _FORCES,):
        return columns
    silent = not any(
        np.any(np.asarray(seen[first : first + _CHUNK])[:, motion:]) for first in range(0, seen.shape[0], _CHUNK)
    )
    kept = [*range(motion), *([] if silent else range(motion + _FORCES, size + _FORCES))]
    why = "are all 0, as in D4RL's own files" if silent else f"begin with {_FORCES} on the world"
    notify(f"The {size + _FORCES - motion} contact forces {why}: {len(kept)} of {size + _FORCES} columns are kept.")
    views = {
        name: _View(columns[name], (len(kept),), lambda rows: rows[:, kept])
        for name in ("observations", "next_observations")
        if name in columns and columns[name].shape[1:] == seen.shape[1:]
    }
    return {**columns, **views}
