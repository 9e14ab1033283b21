"""Fidelity: is a skill recognised as its own class by a classifier that learned from the dataset alone?

Letters: K skills, R trials, T steps.
"""

import numpy as np
from numpy.typing import NDArray

from skills.measures.intervals import Choice

TOP = 5


def ranks(log_probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
    """[K, R, K] log probability of each class for each trial -> [K, R] how many classes come before the skill's own.

    Ties count as half before, so that a classifier that tells nothing apart scores chance.
    """
    count = len(log_probabilities)
    own = log_probabilities[np.arange(count), :, np.arange(count)][..., None]
    before = (log_probabilities > own).sum(axis=-1)
    tied = (log_probabilities == own).sum(axis=-1) - 1
    return np.asarray(before + tied // 2)


def own_class_shares(classes: NDArray[np.int16], lengths: NDArray[np.int64]) -> NDArray[np.float64]:
    """[K, R, T] nearest classes and [K, R] lengths -> [K, R] share of its steps that a trial spends in its class."""
    own = classes == np.arange(len(classes), dtype=classes.dtype)[:, None, None]
    return np.asarray(own.sum(axis=-1) / lengths)


def fidelity(rank: NDArray[np.int64], choice: Choice) -> dict[str, float]:
    """Share of trials whose own class comes first, and among the first five."""
    chosen = np.take_along_axis(rank, choice, axis=1)
    return {"top1": float((chosen == 0).mean()), "top5": float((chosen < TOP).mean())}


def occupancy(shares: NDArray[np.float64], support: NDArray[np.float64], choice: Choice) -> dict[str, float]:
    """Median over skills of the own-class share over the class's share of the data [K]; 1 where nothing was learned."""
    ratio = np.take_along_axis(shares, choice, axis=1).mean(axis=1) / support
    return {"median_ratio": float(np.median(ratio))}
