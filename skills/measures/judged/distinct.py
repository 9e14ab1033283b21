"""Distinct skills: how many are left when those are merged whose trials cannot be told apart.

Letters: K skills, R trials, D descriptor size.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from skills.measures.intervals import Choice, Statistic
from skills.measures.judge import Judge, Played
from skills.measures.judged import ONLY, Measure, Number


@dataclass(frozen=True)
class Distinct(Measure[None]):
    """The number of groups of skills between which a classifier tells held-out trials apart."""

    name = "distinct"
    rank = 5

    accuracy: Annotated[float, "of telling two skills apart, below which they are one; a guess has 0.5"] = 0.75

    def numbers(self) -> tuple[Number, ...]:
        """Its only number."""
        return (Number(ONLY, "distinct skills", 0, lowest=1.0),)

    def prepare(self, judge: Judge) -> None:
        """Nothing: it is of the skills alone."""

    def of(self, played: Played, known: None) -> Statistic:
        """For a method's trials."""
        right = told_apart(played.means)
        return lambda choice: {ONLY: float(groups(accuracies(right, choice), self.accuracy).max())}


def told_apart(described: NDArray[np.float64]) -> NDArray[np.float64]:
    """[K, R, D] what each trial does, whitened -> [K, R, K] whether it is told from each other skill: 1, 0, tied 0.5.

    A trial is of the skill, out of two, whose mean over the trials from all other starts is nearer.
    """
    count, trials, _ = described.shape
    others = (described.sum(axis=1, keepdims=True) - described) / (trials - 1)  # [K, R, D] the mean without start r
    right = np.empty((count, trials, count))
    for trial in range(trials):
        played, means = described[:, trial], others[:, trial]
        squared = np.square(played[:, None] - means).sum(axis=-1)
        own = squared[np.arange(count), np.arange(count)][:, None]
        right[:, trial] = np.where(np.isclose(own, squared, rtol=1e-9), 0.5, own < squared)
    return right


def accuracies(right: NDArray[np.float64], choice: Choice) -> NDArray[np.float64]:
    """[K, R, K] of each trial, as `told_apart` gives them -> [K, K] of each pair of skills, over the chosen trials."""
    one_way = np.take_along_axis(right, choice[..., None], axis=1).mean(axis=1)
    return np.asarray((one_way + one_way.T) / 2.0)


def groups(accuracy: NDArray[np.float64], least: float) -> NDArray[np.int64]:
    """[K, K] -> [K] the group of each skill, from 1: the pair told apart worst is merged until none is below."""
    if len(accuracy) == 1:
        return np.ones(1, np.int64)
    pairs = squareform(accuracy, checks=False)
    merged = linkage(pairs, method="average")
    return np.asarray(fcluster(merged, np.nextafter(least, 0.0), criterion="distance"), np.int64)
