"""Selection transfer: choose a skill for a goal by looking at the dataset alone, then see what it does.

Letters: M rows, N windows, K skills, R trials, G goals.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skills.bodies.body import body_of
from skills.measures.descriptor import Steps, window_means
from skills.measures.expression import Expression
from skills.measures.finding import class_means
from skills.measures.intervals import Choice, Statistic
from skills.measures.judge import Judge, Played
from skills.measures.judged import Measure, Number
from skills.measures.quantities import quantities_of

# Eight fixed state rewards, in the words of `QUANTITIES`.
REWARDS = {
    "+x": "vx", "-x": "-vx", "+y": "vy", "-y": "-vy",
    "left": "yaw_rate", "right": "-yaw_rate", "still": "-speed", "height": "height",
}  # fmt: skip
GOALS = tuple(REWARDS)
_PLANAR = (True, True, False, False, False, False, True, True)


@dataclass(frozen=True)
class GoalData:
    """What the data say of each goal [G].

    selected: the skill to choose.   mean, best: of dataset windows.   possible: for the body.
    """

    selected: NDArray[np.int64]
    mean: NDArray[np.float64]
    best: NDArray[np.float64]
    possible: NDArray[np.bool_]


@dataclass(frozen=True)
class Transfer(Measure[GoalData]):
    """What skills earn that were chosen for a goal by the data alone."""

    name = "transfer"
    rank = 70

    def numbers(self) -> tuple[Number, ...]:
        """The mean over goals, and each of them."""
        goals = (Number(goal, lowest=-np.inf) for goal in GOALS)
        return Number("mean", "selection transfer", lowest=-np.inf), *goals

    def prepare(self, judge: Judge) -> GoalData:
        """Which skill to choose for each goal, and what the data earn."""
        rewards = window_means(goal_rewards(judge.steps), judge.cut)
        body = body_of(judge.env_id)
        possible = possible_goals(planar=body.planar) & body.travels
        selected = select(rewards, judge.labels, judge.count)
        return GoalData(selected, rewards.mean(axis=0), rewards.max(axis=0), possible)

    def of(self, played: Played, known: GoalData) -> Statistic:
        """For a method's trials."""
        achieved = window_means(goal_rewards(played.steps), played.whole).reshape(*played.shape, -1)
        return lambda choice: transfer(achieved, known, choice)


def goal_rewards(steps: Steps) -> NDArray[np.float64]:
    """[M, G] the reward of each goal."""
    values = quantities_of(steps)
    return np.stack([Expression.parse(text)(values) for text in REWARDS.values()], axis=1)


def possible_goals(planar: bool) -> NDArray[np.bool_]:
    """[G] which goals a body can have: in a plane there is no y and no turning."""
    return np.array(_PLANAR) if planar else np.ones(len(GOALS), bool)


def select(rewards: NDArray[np.float64], labels: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    """[N, G] rewards of dataset windows and [N] their classes -> [G] the class whose windows earn most in the mean."""
    return np.asarray(class_means(rewards, labels, count).argmax(axis=0))


def transfer(achieved: NDArray[np.float64], known: GoalData, choice: Choice) -> dict[str, float]:
    """For each goal what the selected skill earns over what the best dataset window earns, and the mean over goals.

    Both count from the mean window: 0 is no better than the data, 1 as good as its best moment.

    achieved: [K, R, G] mean reward of each trial.
    """
    goals = np.arange(len(GOALS))
    earned = achieved[known.selected[:, None], choice[known.selected], goals[:, None]].mean(axis=1)
    gain, most = earned - known.mean, known.best - known.mean
    share = np.where(known.possible, gain / np.maximum(most, 1e-9), np.nan)
    mean = float(np.nanmean(share)) if known.possible.any() else float("nan")
    return {"mean": mean} | {name: float(share[goal]) for goal, name in enumerate(GOALS)}
