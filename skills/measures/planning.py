"""Plans: which skill when, for an aim that is to be met over some time.

What a skill does once it has settled, where one can safely go from it and how long that takes were measured
(`skills.measures.switches`). Plans are found by a beam over slots of time, each one skill's. The best of thousands
by a few seconds' measurements is the luckiest of them: so some are tried, from other starts than what is reported.

Letters: K skills, R trials, T steps, G numbers of a step, B plans that are kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from skills.arrays import Float32s, Floats
from skills.bodies.fates import survived
from skills.bodies.quantities import QUANTITIES, Quantity
from skills.errors import SkillsError
from skills.learning.policy import Policy
from skills.measures.aims import Aim, check_one_aim, goal_aim, parse_goals, reward_aim
from skills.measures.descriptor import Windows
from skills.measures.finding import trial_means
from skills.measures.intervals import Interval, student
from skills.measures.quantities import LoggedSteps
from skills.measures.switches import Switches
from skills.playing.sequence import Performance, Piece, perform, schedule_of
from skills.playing.trials import STARTS_SEED
from skills.progress import Progress, silent
from skills.runs.folder import RunFolder

SLOT = 2.0  # s: shorter ones would be all beginnings
_BEAM = 400  # B
_TRIALS = 10
_TRIED, _TRIES = 10, 10  # plans, and as many single skills, that are tried; how often each
_PRICE = 0.01  # of a switch, in what the best and the worst skill differ by
_ALIKE = 3  # digits to which two plans' means are the same


@dataclass(frozen=True)
class Plan:
    """parts: which skill for how long.   predicted: what the aim is worth over all of it, if it stays up.

    stays_up: the share of starts that is expected to.
    """

    parts: tuple[Piece, ...]
    predicted: float
    stays_up: float

    def __str__(self) -> str:
        return ", ".join(map(str, self.parts))


def aim_of(
    reward: str | None, goals: str | None, switches: Switches, words: Mapping[str, Quantity] = QUANTITIES
) -> Aim:
    """An aim in words, whose goals count in what the skills differ by.

    words: of the body that switched.
    Raises: SkillsError (usage) for words that mean nothing; where no skill stays up.
    """
    check_one_aim(reward, goals)
    if not switches.tried.any():
        raise SkillsError(
            f"Every skill falls within {switches.seconds[0]:g} s of a start: there is nothing to plan with.",
            "Look at what it learned: skills show RUN; or try a shorter time: skills transitions RUN --seconds 1",
        )
    if reward is not None:
        return reward_aim(reward, words)
    flat = switches.values.reshape(-1, len(words))
    flat = flat[np.isfinite(flat).all(axis=1)].astype(np.float64)
    ends = np.arange(0, len(flat), max(switches.values.shape[2], 1))
    windows = Windows(ends, np.diff(np.append(ends, len(flat))), switches.values.shape[2])
    return goal_aim(parse_goals(goals or "", words), dict(zip(words, flat.T, strict=True)), windows, words)


def search(aim: Aim, switches: Switches, seconds: float) -> tuple[tuple[Plan, ...], tuple[Plan, ...]]:
    """(plans, those that hold one skill), the best first, for so many seconds; no two of the same skills.

    A fall is reckoned as worth what the worst skill is, and a switch costs a little.
    """
    means = _means(aim, switches)
    known = np.flatnonzero(np.isfinite(means).all(axis=1))
    worths = aim.worth(means[known])
    stakes = _Stakes(aim, float(worths.min()), _PRICE * float(worths.max() - worths.min()))
    slots = max(1, round(seconds / SLOT))
    beam = _Beam.begun(known, means, switches)
    for _ in range(slots - 1):
        beam = beam.longer(means, switches, stakes)
    held = _Beam.begun(known, means, switches)
    for _ in range(slots - 1):
        held = held.held(means, switches)
    return beam.best(stakes, seconds), held.best(stakes, seconds)


def choose(
    run: RunFolder,
    aim: Aim,
    found: tuple[tuple[Plan, ...], tuple[Plan, ...]],
    *,
    progress: Progress = silent,
) -> tuple[Plan, Plan]:
    """(the plan, the single skill) that did best when each was tried: what `search` found, from starts of their own.

    A fall is reckoned as worth what the worst came to. The plan holds one skill where no sequence did better.
    """
    singles = found[1]
    every = (*singles, *(plan for plan in found[0] if plan not in singles))
    tried = _play(run, aim, every, _TRIES, STARTS_SEED + 1, progress)
    scores = (tried.survival * tried.worth + (1.0 - tried.survival) * tried.worth.min()).mean(axis=1)
    return every[int(scores.argmax())], every[int(scores[: len(singles)].argmax())]


@dataclass(frozen=True)
class _Stakes:
    """worst: what the worst skill is worth, and a fall.   price: of a switch: what was measured is never quite so."""

    aim: Aim
    worst: float
    price: float


@dataclass(frozen=True)
class _Beam:
    """slots: [B, S] the skill of each slot so far.   sums: [B, G] of their means.   up: [B] share that stays up."""

    slots: NDArray[np.int64]
    sums: Floats
    up: Floats

    @staticmethod
    def begun(skills: NDArray[np.int64], means: Floats, switches: Switches) -> "_Beam":
        return _Beam(skills[:, None], means[skills], switches.tried[skills] / switches.values.shape[1])

    def held(self, means: Floats, switches: Switches) -> "_Beam":
        """Each with its last skill once more."""
        last = self.slots[:, -1]
        slots = np.concatenate([self.slots, last[:, None]], axis=1)
        return _Beam(slots, self.sums + means[last], self.up * _going_on(switches)[last])

    def longer(self, means: Floats, switches: Switches, stakes: _Stakes) -> "_Beam":
        """The best of all that go on as they are, or go where one can safely go."""
        same = self.held(means, switches)
        rows, after = np.nonzero(switches.safe[self.slots[:, -1]] & np.isfinite(means).all(axis=1))
        before = self.slots[rows, -1]
        half = np.minimum(switches.times[before, after] / SLOT, 1.0)[:, None] / 2.0  # on the way it is half of each
        sums = self.sums[rows] + half * means[before] + (1.0 - half) * means[after]
        slots = np.concatenate([self.slots[rows], after[:, None]], axis=1)
        whole = _Beam(
            np.concatenate([same.slots, slots]),
            np.concatenate([same.sums, sums]),
            np.concatenate([same.up, self.up[rows] * _going_on(switches)[after]]),
        )
        return whole.pruned(stakes)

    def pruned(self, stakes: _Stakes) -> "_Beam":
        """The best B, one of those that are alike so far."""
        order = np.argsort(-self.scores(stakes), kind="stable")
        about = np.column_stack([self.slots[order, -1], np.round(self.sums[order], _ALIKE)])
        _, firsts = np.unique(about, axis=0, return_index=True)
        kept = order[np.sort(firsts)[:_BEAM]]
        return _Beam(self.slots[kept], self.sums[kept], self.up[kept])

    def scores(self, stakes: _Stakes) -> Floats:
        """[B] what each is worth so far, falls and switches reckoned in."""
        worth = stakes.aim.worth(self.sums / self.slots.shape[1])
        switched = np.count_nonzero(np.diff(self.slots, axis=1), axis=1)
        return np.asarray(self.up * worth + (1.0 - self.up) * stakes.worst - stakes.price * switched)

    def best(self, stakes: _Stakes, seconds: float) -> tuple[Plan, ...]:
        """The best that are to be tried, one of those that use the same skills."""
        firsts: dict[frozenset[int], int] = {}
        for place in np.argsort(-self.scores(stakes), kind="stable").tolist():
            firsts.setdefault(frozenset(self.slots[place].tolist()), place)
        return tuple(self._plan(place, stakes, seconds) for place in list(firsts.values())[:_TRIED])

    def _plan(self, place: int, stakes: _Stakes, seconds: float) -> Plan:
        slots = self.slots[place]
        each = seconds / len(slots)
        parts = tuple(Piece(int(skill), each * len(list(some))) for skill, some in groupby(slots.tolist()))
        return Plan(parts, float(stakes.aim.worth(self.sums[place] / len(slots))), float(self.up[place]))


def _means(aim: Aim, switches: Switches) -> Floats:
    """[K, G] the mean of each number of the aim while a skill goes on; NaN of one that never does."""
    count = len(switches.done)
    found = np.full((count, len(aim.names)), np.nan)
    for skill in range(count):
        rows = switches.values[skill].reshape(-1, len(aim.words)).astype(np.float64)
        rows = rows[np.isfinite(rows).all(axis=1)]
        if len(rows):
            found[skill] = aim.columns_of(dict(zip(aim.words, rows.T, strict=True))).mean(axis=0)
    return found


def _going_on(switches: Switches) -> Floats:
    """[K] share of starts that a skill stays up for one more slot."""
    own = np.nan_to_num(np.diagonal(switches.survived).astype(np.float64))
    return np.asarray(own ** (SLOT / float(switches.seconds[1])))


@dataclass(frozen=True)
class PlayedPlan:
    """What a plan did.   achieved: the worth, over trials.   means: [G] of the aim's numbers.   survival: share played.

    qpos: [T + 1, P] of the first trial, for a film; `length` of its steps were played.
    """

    achieved: Interval
    means: tuple[float, ...]
    survival: float
    qpos: Float32s
    length: int


def play_plans(
    run: RunFolder, aim: Aim, plans: Sequence[Plan], *, progress: Progress = silent
) -> tuple[PlayedPlan, ...]:
    """Plays plans of one length, ten times each from the measures' starts."""
    trials = _play(run, aim, plans, _TRIALS, STARTS_SEED, progress)
    return tuple(
        PlayedPlan(
            student(trials.worth[place].tolist()),
            tuple(trials.means[place].mean(axis=0).tolist()),
            float(trials.survival[place].mean()),
            trials.played.qpos[place * _TRIALS],
            int(trials.played.seen.lengths[place * _TRIALS]),
        )
        for place in range(len(plans))
    )


@dataclass(frozen=True)
class _Trials:
    """means: [B, R, G] of the aim's numbers.   worth: [B, R] of these.   survival: [B, R] share of the time played."""

    means: Floats
    worth: Floats
    survival: Floats
    played: Performance


def _play(run: RunFolder, aim: Aim, plans: Sequence[Plan], trials: int, seed: int, progress: Progress) -> _Trials:
    """Plays plans of one length some times each."""
    run.require("policy")
    policy, shape = Policy.load(run.policy_folder), (len(plans), trials)
    schedules = np.stack([schedule_of(plan.parts, run.env_id) for plan in plans])
    played = perform(policy, run.env_id, np.repeat(schedules, trials, axis=0), trials, seed=seed, progress=progress)
    lengths, steps = played.seen.lengths.reshape(shape), schedules.shape[1]
    means = trial_means(aim, LoggedSteps(*played.rows(), run.env_id), lengths, steps)
    survival = survived(played.fates(run.env_id), steps).reshape(shape)
    return _Trials(means, aim.worth(means), survival, played)
