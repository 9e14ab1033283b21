"""Diversity: how far apart skills are, against how far apart random pieces of the data are.

Never alone: ten skills copied ten times still score 0.91 of a hundred distinct ones. And a body that lies on its back,
where no data are, can be hundreds of times farther from the others than any two pieces of the data are from each other:
so it is measured once as it is, and once with every feature held within the range that it has in the data.

Letters: K skills, R trials, T steps, F features.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist, squareform

from skills.measures.intervals import Choice, Statistic
from skills.measures.judge import Judge, Played
from skills.measures.judged import Measure, Number


@dataclass(frozen=True)
class Diversity(Measure[dict[str, float]]):
    """Mean pairwise distance of successor features."""

    name = "diversity"
    rank = 40

    def numbers(self) -> tuple[Number, ...]:
        """With features as they are, and held within the range that they have in the data."""
        return Number("ratio", "diversity / data"), Number("in_range", "diversity in range")

    def prepare(self, judge: Judge) -> dict[str, float]:
        """The distance between random segments of the data, for each kind of features."""
        return {kind: reference_distance(found) for kind, found in _successors(judge.random).items()}

    def of(self, played: Played, known: dict[str, float]) -> Statistic:
        """For a method's trials."""
        successors = _successors(played)
        return lambda choice: {kind: diversity(found, known[kind], choice) for kind, found in successors.items()}


def _successors(played: Played) -> dict[str, NDArray[np.float64]]:
    """[K, R, F] successor features, as they are and with each feature within the range that it has in the data."""
    judge = played.judge
    whitened = judge.step_whitening.transform(played.steps.features)
    kinds = {"ratio": whitened, "in_range": np.clip(whitened, *judge.step_range)}
    lengths, discount = played.trials.lengths, judge.protocol.discount
    return {kind: successor_features(played.spread(rows), lengths, discount) for kind, rows in kinds.items()}


def successor_features(
    features: NDArray[np.float64], lengths: NDArray[np.int64], discount: float
) -> NDArray[np.float64]:
    """[K, R, T, F] features of each step, [K, R] steps that count -> [K, R, F], their discounted mean.

    A mean rather than a sum: a trial that ends early is not nearer to the origin for it.
    """
    steps = np.arange(features.shape[2])
    weight = np.where(steps < lengths[..., None], discount**steps, 0.0)
    return np.asarray(np.einsum("krt,krtf->krf", weight / weight.sum(axis=-1, keepdims=True), features))


def mean_distance(points: NDArray[np.float64]) -> float:
    """[K, F] -> mean Euclidean distance of all pairs."""
    return float(pdist(points).mean())


def diversity(successors: NDArray[np.float64], reference: float, choice: Choice) -> float:
    """Mean pairwise distance of the skills' expected successor features, over that of K random dataset segments.

    What is expected is estimated from R trials; the distance that their scatter alone would make is taken off, or a
    hundred groups of ten random segments would score a third of a hundred distinct skills.
    """
    chosen = np.take_along_axis(successors, choice[..., None], axis=1)
    trials = chosen.shape[1]
    scatter = chosen.var(axis=1, ddof=1).sum(axis=1) / trials if trials > 1 else np.zeros(len(chosen))
    means = chosen.mean(axis=1)
    squared = squareform(pdist(means, "sqeuclidean")) - scatter[:, None] - scatter
    np.fill_diagonal(squared, 0.0)
    pairs = len(means) * (len(means) - 1)
    return float(np.sqrt(np.maximum(squared, 0.0)).sum() / pairs) / reference


def reference_distance(segments: NDArray[np.float64]) -> float:
    """[K, R, F] successor features of random segments -> mean distance between K of them, averaged over R such sets."""
    return float(np.mean([mean_distance(segments[:, index]) for index in range(segments.shape[1])]))
