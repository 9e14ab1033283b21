"""Aims: what is wanted of a body, as a reward of each step or as goals that it is to be at.

An aim is worth something over a window: the mean reward of its steps, or how near the means of the named quantities
are to the goals. A gait swings about its speed, and it is the speed that is asked for.

Letters: M rows (steps), N windows, G numbers of a step.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from skills.arrays import Floats
from skills.bodies.quantities import QUANTITIES, Quantity
from skills.errors import USAGE, SkillsError, nearest
from skills.measures.descriptor import Windows, window_means
from skills.measures.expression import Expression, known
from skills.measures.quantities import LoggedSteps

RewardFunction = Callable[[LoggedSteps], Floats]
_FLOOR = 1e-3  # of a scale: a quantity that the data never vary in is no measure of distance


@dataclass(frozen=True)
class Aim:
    """text: as a person wrote it.   names: [G] of the numbers of a step that it is about.

    expression, function: of an aim that is a reward, one of them.
    goals: of one that has goals; `scales` are what each counts distances in.   words: that it may be written in.
    """

    text: str
    names: tuple[str, ...]
    expression: Expression | None = None
    function: RewardFunction | None = None
    goals: Mapping[str, float] = field(default_factory=dict)
    scales: tuple[float, ...] = ()
    words: Mapping[str, Quantity] = field(default_factory=lambda: QUANTITIES)

    def columns(self, steps: LoggedSteps) -> Floats:
        """[M, G] the numbers of each step. Raises: SkillsError (usage) where a function of one's own gives others."""
        if self.function is None:
            return self.columns_of(steps.quantities)
        values = np.asarray(self.function(steps), np.float64)
        if values.shape != (len(steps),) or not np.isfinite(values).all():
            raise SkillsError(
                f"The reward of {len(steps):,} steps must be as many finite numbers, not the shape {values.shape}.",
                "It is a function of all steps at once: lambda steps: steps.velocity[:, 0]",
                USAGE,
            )
        return values[:, None]

    def columns_of(self, quantities: Mapping[str, Floats]) -> Floats:
        """[M, G] from [M] of each quantity, of an aim that is said in words."""
        if self.expression is not None:
            return self.expression(quantities)[:, None]
        return np.stack([quantities[name] for name in self.goals], axis=1)

    def worth(self, means: Floats) -> Floats:
        """[..., G] means over some steps -> [...]: the reward, or minus the distance to the goals in their scales."""
        if not self.goals:
            return means[..., 0]
        goals = np.array([self.goals[name] for name in self.names])
        return np.asarray(-(np.abs(means - goals) / self.scales).mean(axis=-1))


def reward_aim(reward: str | RewardFunction, words: Mapping[str, Quantity] = QUANTITIES) -> Aim:
    """Of an expression, or of a function of `LoggedSteps` that gives a number for each."""
    if not isinstance(reward, str):
        return Aim(getattr(reward, "__name__", "reward"), ("reward",), function=reward)
    return Aim(reward, ("reward",), Expression.parse(reward, words), words=words)


def check_one_aim(reward: object, goals: object) -> None:
    """Raises: SkillsError (usage) unless one of the two is given."""
    if (reward is None) == (goals is None):
        both = "both a reward and a goal are given" if reward is not None else "neither a reward nor a goal is given"
        raise SkillsError(
            f"What is to be found? {both.capitalize()}.",
            'Give one of them: --reward "vx - abs(vy)" or --goal "vx=1.5, height=0.6"',
            USAGE,
        )


def parse_goals(text: str, words: Mapping[str, Quantity] = QUANTITIES) -> dict[str, float]:
    """ "vx=1.5, height=0.6" -> {"vx": 1.5, "height": 0.6}. Raises: SkillsError (usage)."""
    goals: dict[str, float] = {}
    for part in text.split(","):
        name, equals, number = (word.strip() for word in part.partition("="))
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not equals or not math.isfinite(value) or name in goals:
            raise SkillsError(f"{part.strip()!r} is no goal.", 'Say it as in: --goal "vx=1.5, height=0.6"', USAGE)
        if name not in words:
            raise SkillsError(f"There is no quantity {name!r}.", f"{nearest(name, words)} {known(words)}", USAGE)
        goals[name] = value
    return goals


def goal_aim(
    goals: Mapping[str, float],
    quantities: Mapping[str, Floats],
    windows: Windows,
    words: Mapping[str, Quantity] = QUANTITIES,
) -> Aim:
    """Of goals, whose scales are how much windows of some steps differ in them.   quantities: [M] each of the steps."""
    names = tuple(goals)
    means = window_means(np.stack([quantities[name] for name in names], axis=1), windows)
    scales = tuple(np.maximum(means.std(axis=0), _FLOOR).tolist())
    text = ", ".join(f"{name}={goals[name]:g}" for name in names)
    return Aim(text, names, goals=dict(goals), scales=scales, words=words)
