"""Finds skills for a task by what each did in its rollouts, and checks what these promise by playing anew.

A class says what a skill was to do, its rollouts what it does: a gait that the policy falls out of promises the most by
its class. Where nothing has been played, the class is all that is known.

Letters: N dataset windows, G numbers of a step, K skills, R trials, T steps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skills.arrays import Floats
from skills.bodies.body import body_of
from skills.bodies.fates import survived
from skills.data.transitions import Transitions
from skills.learning.classes import Classes
from skills.learning.policy import Policy
from skills.measures.aims import Aim, RewardFunction, check_one_aim, goal_aim, parse_goals, reward_aim
from skills.measures.descriptor import Windows, cut_windows, window_means
from skills.measures.intervals import Interval, student
from skills.measures.quantities import LoggedSteps, words_of
from skills.playing.beginnings import Beginnings
from skills.playing.protocol import protocol_of
from skills.playing.sequence import STARTS_SEED, held, perform
from skills.progress import Progress, silent, silent_reporter, unsaid
from skills.runs.folder import RunFolder
from skills.runs.reading import read

_STRIDE = 8  # steps between windows
_LEAST = 1e-9  # below it a gain is none


@dataclass(frozen=True)
class Candidate:
    """What is to be expected of a skill.

    skill: its number.   expected: what the task is worth over its rollouts, in the mean; over the windows of its class
        where nothing was played.
    spread: standard deviation of that between rollouts, or windows.
    values: means of the numbers that the task is about, by name, in the same.
    rollouts: how many there are.   windows: how many its class has.   in_class: what these are worth, in the mean; None
        without any.
    """

    skill: int
    expected: float
    spread: float
    values: Mapping[str, float]
    rollouts: int
    windows: int
    in_class: float | None


@dataclass(frozen=True)
class Findings:
    """candidates: the best first; skills with neither a rollout nor a window are none.

    mean, best: of all windows of the data.   seconds: of a rollout, the most that are looked at; None of none.
    """

    aim: Aim
    candidates: tuple[Candidate, ...]
    mean: float
    best: float
    seconds: float | None = None


def class_means(values: Floats, labels: NDArray[np.integer], count: int) -> Floats:
    """[N, G] numbers of dataset windows and [N] their classes -> [K, G]; minus infinity of a class without windows."""
    sizes = np.bincount(labels, minlength=count)
    sums = np.stack([np.bincount(labels, weights=column, minlength=count) for column in values.T], axis=1)
    return np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], -np.inf)


def find_skills(run: RunFolder, reward: str | RewardFunction | None = None, goals: str | None = None) -> Findings:
    """Ranks a run's skills by what the beginnings of their rollouts are worth, where there are any.

    Else, and beside it, by what a window of 1.6 s of its data is worth whose middle is of their class.

    reward, goals: one of them; goals as `parse_goals` reads them.
    Raises: SkillsError (usage) for both or none, or a run of one expert; as reading the data does.
    """
    check_one_aim(reward, goals)
    run.require_skills("A search")
    run.require("experts")
    played = beginnings_of(run)
    words = words_of(run.env_id)
    aim = None if reward is None else reward_aim(reward, words)  # before the data are read: a typo is told at once
    wanted = {} if goals is None else parse_goals(goals, words)
    transitions, classes = read(run, "auto", silent_reporter, unsaid).own, Classes.load(run.experts_file)
    steps = LoggedSteps.of(transitions)
    windows = windows_of(transitions)
    aim = aim or goal_aim(wanted, steps.quantities, windows, words)
    found = rank_classes(aim, steps, windows, classes.labels[windows.middles], classes.count)
    return found if played is None else rank_played(found, played, run.env_id)


def beginnings_of(run: RunFolder) -> Beginnings | None:
    """What a run's skills did; None where they have not been played, or by a version that kept no steps."""
    files = run.manifest["stages"].get("rollouts", {"files": {}})["files"]
    if run.beginnings_file.relative_to(run.path).as_posix() not in files:
        return None
    run.require("rollouts")
    return Beginnings.load(run.beginnings_file)


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
            rollouts=0,
            windows=int(sizes[skill]),
            in_class=float(found[skill, 0]),
        )
        for skill in np.argsort(-found[:, 0], kind="stable")
        if sizes[skill]
    ]
    return Findings(aim, tuple(candidates), float(worth.mean()), float(worth.max()))


def rank_played(found: Findings, played: Beginnings, env_id: str) -> Findings:
    """The same skills, and those whose class has no window, by what the aim is worth over each rollout [K, R]."""
    aim, steps = found.aim, played.actions.shape[2]
    means = trial_means(aim, LoggedSteps(*played.rows(), env_id), played.lengths, steps)
    worth = aim.worth(means)
    in_class = {one.skill: one for one in found.candidates}
    candidates = []
    for skill in np.argsort(-worth.mean(axis=1), kind="stable").tolist():
        known = in_class.get(skill)
        candidates.append(
            Candidate(
                skill,
                float(worth[skill].mean()),
                float(worth[skill].std()),
                dict(zip(aim.names, means[skill].mean(axis=0).tolist(), strict=True)),
                rollouts=worth.shape[1],
                windows=known.windows if known else 0,
                in_class=known.in_class if known else None,
            )
        )
    seconds = steps * body_of(env_id).seconds_per_step
    return Findings(aim, tuple(candidates), found.mean, found.best, seconds)


def trial_means(aim: Aim, steps: LoggedSteps, lengths: NDArray[np.integer], most: int) -> Floats:
    """[K, R, G] the aim's numbers in the mean over each trial, of steps that are `lengths` [K, R] long each."""
    sizes = np.ravel(lengths).astype(np.int64)
    trials = Windows(np.cumsum(sizes) - sizes, sizes, most)
    return window_means(aim.columns(steps), trials).reshape(*lengths.shape, -1)


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
    run: RunFolder,
    found: Findings,
    skills: Sequence[int],
    *,
    seed: int = STARTS_SEED,
    progress: Progress = silent,
) -> tuple[Verified, ...]:
    """Plays some of the skills as the measures' protocol says, ten trials of ten seconds; those that achieve most first.

    seed: of the starts.
    """
    run.require("policy")
    policy, env_id = Policy.load(run.policy_folder), run.env_id
    protocol = protocol_of(env_id)
    schedule = held(np.asarray(skills), protocol.trials, protocol.steps)
    played = perform(policy, env_id, schedule, protocol.trials, seed=seed, progress=progress)
    lengths = played.seen.lengths.reshape(len(skills), protocol.trials)
    means = trial_means(found.aim, LoggedSteps(*played.rows(), env_id), lengths, protocol.steps)
    worth = found.aim.worth(means)
    expected = {candidate.skill: candidate.expected for candidate in found.candidates}
    shares = survived(played.fates(env_id), protocol.steps).reshape(len(skills), -1).mean(axis=1)
    by_skill = means.mean(axis=1)
    best_first = np.argsort(-worth.mean(axis=1), kind="stable").tolist()
    return tuple(
        Verified(
            skills[place],
            student(worth[place].tolist()),
            share_of(worth[place], found.mean, expected[skills[place]]),
            share_of(worth[place], found.mean, found.best),
            dict(zip(found.aim.names, by_skill[place].tolist(), strict=True)),
            float(shares[place]),
        )
        for place in best_first
    )


def share_of(worth: Floats, mean: float, promised: float) -> Interval | None:
    """What trials [R] gain over the mean, over what was promised; None where no gain was."""
    gain = promised - mean
    return student(((worth - mean) / gain).tolist()) if gain > _LEAST else None
