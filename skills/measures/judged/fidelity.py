"""Fidelity: is a skill recognised as its own class by a classifier that learned from the dataset alone?

Letters: K skills, R trials.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from skills.measures.intervals import Choice, Interval, Statistic
from skills.measures.judge import Judge, Played
from skills.measures.judged import Measure, Number


@dataclass(frozen=True)
class Fidelity(Measure[None]):
    """Share of trials whose own class the judge puts first, and among the first few."""

    name = "fidelity"
    rank = 10

    top: Annotated[int, "classes among which a trial's own has to be"] = 5

    def numbers(self) -> tuple[Number, ...]:
        """Its numbers."""
        several = Number(f"top{self.top}", f"fidelity, top {self.top}", highest=1.0)
        return Number("top1", "fidelity, top 1", highest=1.0), several

    def prepare(self, judge: Judge) -> None:
        """Nothing: the judge's classifier is there."""

    def of(self, played: Played, known: None) -> Statistic:
        """For a method's trials."""
        rank = ranks(played.log_probabilities)
        return lambda choice: fidelity(rank, choice, self.top)

    def of_skills(self, played: Played) -> dict[str, NDArray[np.float64]]:
        """[K] share of each skill's trials that are recognised as its class."""
        return {"fidelity": np.asarray((ranks(played.log_probabilities) == 0).mean(axis=1))}

    def against(self, judge: Judge) -> dict[str, Interval]:
        """What a guess is right by."""
        chance = 1.0 / judge.count
        return {"chance": Interval(chance, chance, chance)}


def ranks(log_probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
    """[K, R, K] log probability of each class for each trial -> [K, R] how many classes come before the skill's own.

    Ties count as half before, so that a classifier that tells nothing apart scores chance.
    """
    count = len(log_probabilities)
    own = log_probabilities[np.arange(count), :, np.arange(count)][..., None]
    before = (log_probabilities > own).sum(axis=-1)
    tied = (log_probabilities == own).sum(axis=-1) - 1
    return np.asarray(before + tied // 2)


def fidelity(rank: NDArray[np.int64], choice: Choice, top: int = Fidelity.top) -> dict[str, float]:
    """Share of trials whose own class comes first, and among the first `top`."""
    chosen = np.take_along_axis(rank, choice, axis=1)
    return {"top1": float((chosen == 0).mean()), f"top{top}": float((chosen < top).mean())}
