"""Reach and hold: does a skill come to its own class, and its class's behaviour, from a reset, and stay there?

Letters: K skills, R trials, T steps.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from skills.measures.intervals import Choice, Statistic
from skills.measures.judge import Judge, Played
from skills.measures.judged import Measure, Number


@dataclass(frozen=True)
class Visits:
    """What each trial has of its own class, [K, R] each.

    reached: it came there in time.   held: share of the steps from then to the trial's planned end, so that a fall
        holds nothing; NaN where it was not reached.   steps, visits: in the class, and how many times it was entered.
    """

    reached: NDArray[np.bool_]
    held: NDArray[np.float64]
    steps: NDArray[np.int64]
    visits: NDArray[np.int64]


@dataclass(frozen=True)
class ReachAndHold(Measure[None]):
    """Share of trials that enter their class in time, share of the time after that in it, and how long visits last."""

    name = "reach_and_hold"
    rank = 25

    seconds: Annotated[float, "within which a class has to be reached"] = 5.0

    def numbers(self) -> tuple[Number, ...]:
        """Its numbers."""
        return (
            Number("reached", f"reached in {self.seconds:g} s", highest=1.0),
            Number("held", "held after that", highest=1.0),
            Number("dwell", "mean dwell, s", 2),
            Number("never", "skills that never reach", 0),
            Number("behaviour_reached", f"behaviour reached in {self.seconds:g} s", highest=1.0),
            Number("behaviour_held", "behaviour held after that", highest=1.0),
        )

    def prepare(self, judge: Judge) -> None:
        """Nothing: a trial's classes are there."""

    def of(self, played: Played, known: None) -> Statistic:
        """For a method's trials; of behaviours only where classes were cut inside them."""
        found, seconds = self._visits(played, np.arange(played.judge.count)), played.judge.seconds
        behaviours = played.judge.classes.behaviours
        of_behaviours = self._visits(played, behaviours) if len(behaviours) else None

        def numbers(choice: Choice) -> dict[str, float]:
            wider = dict.fromkeys(("reached", "held"), float("nan"))
            if of_behaviours is not None:
                wider = reach_and_hold(of_behaviours, seconds, choice)
            own = reach_and_hold(found, seconds, choice)
            return {**own, "behaviour_reached": wider["reached"], "behaviour_held": wider["held"]}

        return numbers

    def of_skills(self, played: Played) -> dict[str, NDArray[np.float64]]:
        """[K] share of each skill's trials that reach its class."""
        return {"reached": np.asarray(self._visits(played, np.arange(played.judge.count)).reached.mean(axis=1))}

    def _visits(self, played: Played, groups: NDArray[np.integer]) -> Visits:
        return visits(played.trials.classes, groups, round(self.seconds / played.judge.seconds))


def visits(classes: NDArray[np.int16], groups: NDArray[np.integer], limit: int) -> Visits:
    """[K, R, T] nearest classes, -1 behind a trial's end -> what each trial has of its own class's group.

    groups: [K] of each class; every class its own for what trials have of their class.   limit: steps to reach it.
    """
    own = (groups[classes] == groups[: len(classes), None, None]) & (classes >= 0)
    reached = own[..., :limit].any(axis=-1)
    first = own.argmax(axis=-1)
    steps = own.sum(axis=-1)
    held = np.where(reached, steps / (own.shape[-1] - first), np.nan)
    entered = own[..., 0] + (own[..., 1:] & ~own[..., :-1]).sum(axis=-1)
    return Visits(reached, held, steps, entered)


def reach_and_hold(found: Visits, seconds: float, choice: Choice) -> dict[str, float]:
    """Means over the chosen trials, of `held` over those that reach; and how many skills have none that does."""
    reached, held, steps, entered = (
        np.take_along_axis(part, choice, axis=1) for part in (found.reached, found.held, found.steps, found.visits)
    )
    return {
        "reached": float(reached.mean()),
        "held": float(held[reached].mean()) if reached.any() else float("nan"),
        "dwell": float(steps.sum() / entered.sum() * seconds) if entered.any() else float("nan"),
        "never": float((~reached.any(axis=1)).sum()),
    }
