"""Does a body do what it is told? What it was asked and what it did, in the same units, command by command.

Letters: M rows, T steps of an episode, C command columns, D columns of what is measured.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skills.arrays import Floats
from skills.data.made.directions import facing
from skills.data.made.joystick import Joystick

SETTLING = 1.0  # s after a new command that are not judged


@dataclass(frozen=True)
class Following:
    """How a cell's commands were followed.

    rows: of the data under these commands, judged or not.   asked, done: [D] means over the judged stretches.
    missed: [D] root mean square of what the stretches' means miss.
    followed: share of the judged rows whose stretch is, on average, nearer to this cell than to any other.
    fallen: episodes that ended in a fall under these commands.
    """

    name: str
    rows: int
    asked: Floats
    done: Floats
    missed: Floats
    followed: float
    fallen: int


def measured(env_id: str) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """(names [D], scales [D]) of what is measured; two cells differ by a scale or more in some column."""
    return {
        "Ant-v5": (("ahead, m/s", "to the left, m/s", "yaw rate, rad/s"), (0.8, 0.8, 1.2)),
        "HalfCheetah-v5": (("speed, m/s", "cosine of pitch"), (1.5, 2.0)),
        "Walker2d-v5": (("speed, m/s",), (1.0,)),
        "Hopper-v5": (("speed, m/s", "height, m"), (1.0, 0.3)),
    }[env_id]


def asked(env_id: str, commands: Floats) -> Floats:
    """[M, D] of commands [M, C]."""
    if env_id != "Ant-v5":
        return commands
    speed, heading, turn = commands.T
    return np.stack([speed * np.cos(heading), speed * np.sin(heading), turn], axis=1)


def done(env_id: str, observations: Floats) -> Floats:
    """[M, D] of observations [M, O]; the ant's velocity as it would see it itself."""
    if env_id == "Ant-v5":
        yaw = facing(observations)
        x, y = observations[:, 13], observations[:, 14]
        ahead, left = x * np.cos(yaw) + y * np.sin(yaw), y * np.cos(yaw) - x * np.sin(yaw)
        return np.stack([ahead, left, observations[:, 18]], axis=1)
    if env_id == "HalfCheetah-v5":
        return np.stack([observations[:, 8], np.cos(observations[:, 1])], axis=1)
    if env_id == "Walker2d-v5":
        return observations[:, 8:9]
    return np.stack([observations[:, 5], observations[:, 0]], axis=1)


@dataclass(frozen=True)
class Drive:
    """observations: [T + 1, O].   cells: [T].   commands: [T, C].   fallen: whether it ended in a fall."""

    observations: NDArray[np.floating]
    cells: NDArray[np.integer]
    commands: NDArray[np.floating]
    fallen: bool


@dataclass(frozen=True)
class _Stretch:
    """The judged rows of one command.   rows: how many.   asked: [D].   done: [D] on average."""

    cell: int
    rows: int
    asked: Floats
    done: Floats


def follow(joystick: Joystick, episodes: Iterable[Drive]) -> list[Following]:
    """Measures each cell of a joystick over whole episodes."""
    scales = np.array(measured(joystick.env_id)[1])
    centres = asked(joystick.env_id, np.array([cell.middle for cell in joystick.cells]))
    rows, fallen = np.zeros(len(centres), int), np.zeros(len(centres), int)
    stretches: list[_Stretch] = []
    for episode in episodes:
        rows += np.bincount(episode.cells, minlength=len(rows))
        fallen[episode.cells[-1]] += episode.fallen
        stretches += _stretches(joystick, episode)
    found = []
    for number, cell in enumerate(joystick.cells):
        own = [stretch for stretch in stretches if stretch.cell == number]
        hits = [np.square((each.done - centres) / scales).sum(axis=1).argmin() == number for each in own]
        found.append(_summed(cell.name, own, hits, int(rows[number]), int(fallen[number]), len(scales)))
    return found


def _stretches(joystick: Joystick, episode: Drive) -> list[_Stretch]:
    settling = round(SETTLING / joystick.seconds_per_step)
    did = done(joystick.env_id, np.asarray(episode.observations[1:], np.float64))
    should = asked(joystick.env_id, np.asarray(episode.commands, np.float64))
    changes = np.flatnonzero((np.diff(episode.commands, axis=0) != 0).any(axis=1)) + 1
    bounds = zip([0, *changes], [*changes, len(did)], strict=True)
    return [
        _Stretch(
            int(episode.cells[start]), end - start - settling, should[start], did[start + settling : end].mean(axis=0)
        )
        for start, end in bounds
        if end - start > settling
    ]


def _summed(name: str, own: list[_Stretch], hits: list[bool], rows: int, fallen: int, size: int) -> Following:
    if not own:
        nothing = np.full(size, np.nan)
        return Following(name, rows, nothing, nothing, nothing, float("nan"), fallen)
    weights = [stretch.rows for stretch in own]
    wanted, did = np.array([stretch.asked for stretch in own]), np.array([stretch.done for stretch in own])
    missed = np.sqrt(np.average(np.square(did - wanted), axis=0, weights=weights))
    asked_mean, done_mean = (np.average(each, axis=0, weights=weights) for each in (wanted, did))
    followed = float(np.average(hits, weights=weights))
    return Following(name, rows, asked_mean, done_mean, missed, followed, fallen)
