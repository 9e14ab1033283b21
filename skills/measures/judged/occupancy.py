"""Occupancy: how much longer a skill is in its own class than the data are.

Letters: K skills, R trials, T steps.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skills.measures.intervals import Choice, Statistic
from skills.measures.judge import Judge, Played
from skills.measures.judged import Measure, Number


@dataclass(frozen=True)
class Occupancy(Measure[NDArray[np.float64]]):
    """The own-class share of a trial's steps over the class's share of the data."""

    name = "occupancy"
    rank = 20

    def numbers(self) -> tuple[Number, ...]:
        """Its number."""
        return (Number("median_ratio", "occupancy / base rate", 2),)

    def prepare(self, judge: Judge) -> NDArray[np.float64]:
        """[K] share of the data in each class."""
        return judge.support

    def of(self, played: Played, known: NDArray[np.float64]) -> Statistic:
        """For a method's trials."""
        shares = own_class_shares(played.trials.classes, played.trials.lengths)
        return lambda choice: occupancy(shares, known, choice)


def own_class_shares(classes: NDArray[np.int16], lengths: NDArray[np.int64]) -> NDArray[np.float64]:
    """[K, R, T] nearest classes and [K, R] lengths -> [K, R] share of its steps that a trial spends in its class."""
    own = classes == np.arange(len(classes), dtype=classes.dtype)[:, None, None]
    return np.asarray(own.sum(axis=-1) / lengths)


def occupancy(shares: NDArray[np.float64], support: NDArray[np.float64], choice: Choice) -> dict[str, float]:
    """Median over skills of the own-class share over the class's share of the data [K]; 1 where nothing was learned."""
    ratio = np.take_along_axis(shares, choice, axis=1).mean(axis=1) / support
    return {"median_ratio": float(np.median(ratio))}
