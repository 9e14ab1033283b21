"""Makes rows of recordings of topics, whose messages come each at its own time.

A row is a message of the first topic of the actions; all else is what was last said at that time. A recording is an
episode, and one that pauses is several.

Letters: N rows, M messages of a topic, O numbers of a column.
"""

import re
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skills.arrays import Floats, Ids
from skills.data.bags import messages, recordings, topics
from skills.errors import USAGE, SkillsError, some

TIMES = "timestamp"  # the column of times, s from the first row of a recording
_NANOSECONDS = 1e9
_DIGITS = 6  # of a step's length, s: times of a clock end in noise
_PAUSE = 5.0  # times as long as usual between two rows, and an episode ends
_WIDEST = 4096  # numbers of a column: more are pictures
_LEFT_OUT = ("header", "stamp")  # fields of a message that say when it is of, which is known
_NAMED = 40  # columns that a message lists


@dataclass(frozen=True)
class _Wanted:
    """name: of a column, as it was asked for.   topic: in the recordings.   fields: the way into its messages."""

    name: str
    topic: str
    fields: tuple[str, ...]


def columns(path: Path, observations: Sequence[str], actions: Sequence[str]) -> dict[str, NDArray[Any]]:
    """The columns that are asked for, by these names: "/joint_states/position", "cmd_vel.linear.x".

    A name that goes no further than a topic or a part of its messages means all numbers there.
    Raises: SkillsError (usage) where none are asked for, or there is no such; as reading does.
    """
    episodes = recordings(path)
    recorded = sorted({topic for files in episodes for file in files for topic in topics(file)})
    if not observations or not actions:
        raise SkillsError(
            f"{path} does not say which of its columns are observations, and which actions.",
            f"Name them: --observation A,B --action C   It has: {_listed(episodes, recorded)}.",
            USAGE,
        )
    wanted = [_wanted(name, recorded, episodes, path) for name in dict.fromkeys([*observations, *actions])]
    clock = next(one.topic for one in wanted if one.name == actions[0])
    parts = [part for files in episodes for part in _cut(_episode(files, wanted, clock))]
    if not parts:
        raise SkillsError(f"In none of the recordings of {path} all of {some(one.name for one in wanted)} were said.")
    ids = np.repeat(np.arange(len(parts)), [len(part[TIMES]) for part in parts])
    _check_alike(parts, path)
    return {"episode_ids": ids, **{name: np.concatenate([part[name] for part in parts]) for name in parts[0]}}


def seconds(found: Mapping[str, Any]) -> float | None:
    """Of a step of such columns: the usual time from a row to the next; None where there is none."""
    ids = found["episode_ids"]
    gaps = np.diff(found[TIMES])[ids[1:] == ids[:-1]]
    usual = round(float(np.median(gaps)), _DIGITS) if len(gaps) else 0.0
    return usual if usual > 0 else None


def _wanted(name: str, recorded: Sequence[str], episodes: list[list[Path]], path: Path) -> _Wanted:
    asked = _steps(name)
    fitting = [topic for topic in recorded if asked[: len(_steps(topic))] == _steps(topic)]
    if not fitting:
        raise SkillsError(f"{path} has no topic of {name!r}.", f"It has: {_listed(episodes, recorded)}.", USAGE)
    topic = max(fitting, key=len)
    return _Wanted(name, topic, asked[len(_steps(topic)) :])


def _steps(name: str) -> tuple[str, ...]:
    return tuple(re.split(r"[/.]", name.strip("/")))


def _episode(files: Sequence[Path], wanted: Sequence[_Wanted], clock: str) -> dict[str, NDArray[Any]]:
    """The rows of one recording, none where a topic says nothing."""
    times: dict[str, list[int]] = {one.topic: [] for one in wanted}
    values: dict[str, list[Floats]] = {one.name: [] for one in wanted}
    for file in files:
        for message in messages(file, times.keys()):
            times[message.topic].append(message.time)
            for one in wanted:
                if one.topic == message.topic:
                    values[one.name].append(_numbers_at(message.value, one, file))
    if not all(times.values()):
        return {}
    stamps = {topic: np.array(said, np.int64) for topic, said in times.items()}
    rows = stamps[clock][stamps[clock] >= max(said[0] for said in stamps.values())]
    found: dict[str, NDArray[Any]] = {TIMES: (rows - rows[:1]) / _NANOSECONDS}
    for one in wanted:
        _check_widths(values[one.name], one, files[0])
        last = np.searchsorted(stamps[one.topic], rows, side="right") - 1
        found[one.name] = np.stack(values[one.name])[last]
    return found


def _cut(rows: dict[str, NDArray[Any]]) -> list[dict[str, NDArray[Any]]]:
    """A recording in parts, where it pauses."""
    if not rows or not len(rows[TIMES]):
        return []
    gaps = np.diff(rows[TIMES])
    ends: Ids = np.flatnonzero(gaps > _PAUSE * np.median(gaps)) + 1 if len(gaps) else np.zeros(0, np.int64)
    bounds = [0, *ends.tolist(), len(rows[TIMES])]
    return [{name: array[first:after] for name, array in rows.items()} for first, after in pairwise(bounds)]


def _numbers_at(value: Any, one: _Wanted, file: Path) -> Floats:
    for field in one.fields:
        inside = _parts(value)
        if field not in inside:
            raise SkillsError(
                f"The messages of {one.topic} in {file} have no {field!r} for {one.name!r}.",
                f"There is: {some(inside) or 'nothing further'}.",
                USAGE,
            )
        value = inside[field]
    found = np.array(_numbers(value), np.float64)
    if not 0 < len(found) <= _WIDEST:
        why = "no numbers" if not len(found) else f"{len(found):,} numbers: pictures are left out"
        raise SkillsError(f"{one.name!r} in {file} has {why}.", "Name others.", USAGE)
    return found


def _parts(value: Any) -> dict[str, Any]:
    """What a message or an array is made of, by name or place."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list | tuple):
        return {str(place): part for place, part in enumerate(value)}
    return {name: getattr(value, name) for name in getattr(type(value), "__slots__", ())}


def _numbers(value: Any) -> list[float]:
    """All numbers in it, in their order; what says when it is of is left out."""
    if isinstance(value, bool | int | float | np.number):
        return [float(value)]
    if isinstance(value, bytes | bytearray):
        return list(map(float, value))
    if isinstance(value, memoryview | array | np.ndarray):
        return np.asarray(value, np.float64).ravel().tolist()
    return [number for name, part in _parts(value).items() if name not in _LEFT_OUT for number in _numbers(part)]


def _check_widths(said: Sequence[Floats], one: _Wanted, file: Path) -> None:
    widths = sorted({len(numbers) for numbers in said})
    if len(widths) > 1:
        raise SkillsError(
            f"{one.name!r} in {file} has {widths[0]} numbers in some messages and {widths[-1]} in others.",
            "Name a column that always has as many.",
            USAGE,
        )


def _check_alike(parts: Sequence[dict[str, NDArray[Any]]], path: Path) -> None:
    for name in parts[0]:
        widths = sorted({part[name].shape[1:] for part in parts})
        if len(widths) > 1:
            raise SkillsError(f"The recordings of {path} have {name!r} of different sizes: {widths}.")


def _listed(episodes: list[list[Path]], recorded: Sequence[str]) -> str:
    """The columns of the first recording, by the first message of each topic."""
    names: list[str] = []
    for topic in recorded:
        first = next((said for file in episodes[0] for said in messages(file, {topic})), None)
        names += [] if first is None else [".".join((topic, *way)) for way in _ways(first.value)]
    return some(names, _NAMED)


def _ways(value: Any) -> list[tuple[str, ...]]:
    """The ways to the numbers in a message; an array of numbers is one column."""
    if isinstance(value, str) or not _numbers(value):
        return []
    parts = {} if isinstance(value, list | tuple) and not _parts(value[0]) else _parts(value)
    if not parts:
        return [()]
    return [(name, *way) for name, part in parts.items() if name not in _LEFT_OUT for way in _ways(part)]
