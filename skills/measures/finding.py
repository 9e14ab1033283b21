"""Finds skills for a task in what the data say of their classes, and checks what these promise by playing.

Letters: N dataset windows, G numbers of a step, K skills, R trials, T steps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skills.arrays import Floats
from skills.bodies.fates import survived
from skills.data.transitions import Transitions
from skills.learning.classes import Classes
from skills.learning.policy import Policy
from skills.measures.aims import Aim, RewardFunction, check_one_aim, goal_aim, parse_goals, reward_aim
from skills.measures.descriptor import Windows, cut_windows, window_means
from skills.measures.intervals import Interval, student
from skills.measures.quantities import LoggedSteps, words_of
from skills.playing.protocol import protocol_of
from skills.playing.sequence import held, perform
from skills.progress import Progress, silent, silent_reporter, unsaid
from skills.runs.folder import RunFolder
from skills.runs.reading import read

_STRIDE = 8  # steps between windows
_LEAST = 1e-9  # below it a gain is none


@dataclass(frozen=True)
class Candidate:
    """What the data promise of a skill.

    skill: its number.   expected: what the task is worth over a window of its class, in the mean.
    spread: standard deviation of that between windows.   values: means of the numbers that the task is about, by name.
    windows: how many there are.
    """

    skill: int
    expected: float
    spread: float
    values: Mapping[str, float]
    windows: int


@dataclass(frozen=True)
class Findings:
    """candidates: the best first; skills without a window are none.   mean, best: of all windows of the data."""

    aim: Aim
    candidates: tuple[Candidate, ...]
    mean: float
    best: float


def class_means(values: Floats, labels: NDArray[np.integer], count: int) -> Floats:
    """[N, G] numbers of dataset windows and [N] their classes -> [K, G]; minus infinity of a class without windows."""
    sizes = np.bincount(labels, minlength=count)
    sums = np.stack([np.bincount(labels, weights=column, minlength=count) for column in values.T], axis=1)
    return np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], -np.inf)


def find_skills(run: RunFolder, reward: str | RewardFunction | None = None, goals: str | None = None) -> Findings:
    """Ranks a run's skills by what a window of 1.6 s of its data is worth whose middle is of their class.

    reward, goals: one of them; goals as `parse_goals` reads them.
    Raises: SkillsError (usage) for both or none, or a run of one expert; as reading the data does.
    """
    check_one_aim(reward, goals)
    run.require_skills("A search")
    run.require("experts")
    words = words_of(run.env_id)
    aim = None if reward is None else reward_aim(reward, words)  # before the data are read: a typo is told at once
    wanted = {} if goals is None else parse_goals(goals, words)
    transitions, classes = read(run, "auto", silent_reporter, unsaid).own, Classes.load(run.experts_file)
    steps = LoggedSteps.of(transitions)
    windows = windows_of(transitions)
    aim = aim or goal_aim(wanted, steps.quantities, windows, words)
    return rank_classes(aim, steps, windows, classes.labels[windows.middles], classes.count)


def windows_of(transitions: Transitions) -> Windows:
    """The overlapping windows of a dataset that tasks are worth something in."""
    window = protocol_of(transitions.env_id).window
    return cut_windows(transitions.episode_starts, transitions.lengths, window, stride=_STRIDE)


def rank_classes(aim: Aim, steps: LoggedSteps, windows: Windows, labels: NDArray[np.integer], count: int) -> Findings:
    """Of windows whose classes are `labels` [N], -1 of none."""
    means = window_means(aim.columns(steps), windows)
    worth = aim.worth(means)
    known = labels >= 0
    table = np.concatenate([worth[:, None], np.square(worth)[:, None], means], axis=1)[known]
    found = class_means(table, labels[known], count)
    sizes = np.bincount(labels[known], minlength=count)
    candidates = [
        Candidate(
            int(skill),
            float(found[skill, 0]),
            float(np.sqrt(max(found[skill, 1] - found[skill, 0] ** 2, 0.0))),
            dict(zip(aim.names, found[skill, 2:].tolist(), strict=True)),
            int(sizes[skill]),
        )
        for skill in np.argsort(-found[:, 0], kind="stable")
        if sizes[skill]
    ]
    return Findings(aim, tuple(candidates), float(worth.mean()), float(worth.max()))


@dataclass(frozen=True)
class Verified:
    """What a skill did that was promised something.

    achieved: what the task is worth over a trial from a reset, the start included; 95 % by Student's t over trials.
    over_predicted: the gain of that over the data's mean, over the gain that was predicted; None where none was.
    over_best: the same over the gain of the data's best window (selection transfer).   values: as in `Candidate`.
    survival: share of the time before a body fell, lay down on its back for good or left its bounds.
    """

    skill: int
    achieved: Interval
    over_predicted: Interval | None
    over_best: Interval | None
    values: Mapping[str, float]
    survival: float


def verify(
    run: RunFolder, found: Findings, skills: Sequence[int], *, progress: Progress = silent
) -> tuple[Verified, ...]:
    """Plays some of the skills as the measures' protocol says, ten trials of ten seconds, and compares."""
    run.require("policy")
    policy, env_id = Policy.load(run.policy_folder), run.env_id
    protocol = protocol_of(env_id)
    schedule = held(np.asarray(skills), protocol.trials, protocol.steps)
    played = perform(policy, env_id, schedule, protocol.trials, progress=progress)
    lengths = played.seen.lengths
    whole = Windows(np.cumsum(lengths) - lengths, lengths, protocol.steps)
    means = window_means(found.aim.columns(LoggedSteps(*played.rows(), env_id)), whole)
    worth = found.aim.worth(means).reshape(len(skills), -1)
    expected = {candidate.skill: candidate.expected for candidate in found.candidates}
    shares = survived(played.fates(env_id), protocol.steps).reshape(len(skills), -1).mean(axis=1)
    by_skill = means.reshape(len(skills), protocol.trials, -1).mean(axis=1)
    return tuple(
        Verified(
            skill,
            student(worth[place].tolist()),
            share_of(worth[place], found.mean, expected[skill]),
            share_of(worth[place], found.mean, found.best),
            dict(zip(found.aim.names, by_skill[place].tolist(), strict=True)),
            float(shares[place]),
        )
        for place, skill in enumerate(skills)
    )


def share_of(worth: Floats, mean: float, promised: float) -> Interval | None:
    """What trials [R] gain over the mean, over what was promised; None where no gain was."""
    gain = promised - mean
    return student(((worth - mean) / gain).tolist()) if gain > _LEAST else None
