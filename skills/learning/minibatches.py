"""K-means of more rows than are worth going over again and again: by mini-batches of whole episodes.

Nothing is copied but a batch, so the rows may lie on a disk: they are read once for their scaling and once for their
labels, and between these a batch at a time. docs/scale.md has how far it agrees with K-means of all rows.

Letters: N transitions, E episodes, F features, K classes, n rows of some episodes.
"""

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import MiniBatchKMeans
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

ROWS = 65_536  # of a batch, about
BATCHES = 200
_LEAST_SPREAD = 1e-8  # of a column that tells anything apart
_ROWS_A_CLASS = 10  # of a batch at least, on average

# The features of some episodes, [n, F].
FeaturesOf = Callable[[NDArray[np.int64]], NDArray[np.float32]]


def feature_scaling(
    features: FeaturesOf, lengths: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """(mean [F], scale [F], columns [F]) of all episodes. Columns that never change are left out.

    features: not scaled yet.   lengths: [E] of the episodes.
    """
    scaler = StandardScaler()
    for chosen in blocks(lengths):
        scaler.partial_fit(features(chosen).astype(np.float64))
    std = np.sqrt(scaler.var_)
    columns = np.flatnonzero(std > _LEAST_SPREAD)
    return scaler.mean_[columns].astype(np.float32), std[columns].astype(np.float32), columns


def centroids_of(features: FeaturesOf, lengths: NDArray[np.int64], count: int, seed: int) -> NDArray[np.float32]:
    """[K, F] from batches of episodes that are drawn at random.   features: scaled.   lengths: [E] of the episodes."""
    generator = np.random.default_rng(seed)
    kmeans = MiniBatchKMeans(n_clusters=count, random_state=seed, n_init=1)
    together = _together(lengths, max(ROWS, _ROWS_A_CLASS * count))
    with threadpool_limits(limits=2, user_api="openmp"):  # as in K-means of all rows
        for _ in range(BATCHES):
            kmeans.partial_fit(features(np.sort(generator.choice(len(lengths), together, replace=False))))
    return np.asarray(kmeans.cluster_centers_, np.float32)


def blocks(lengths: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """The episodes in order, some at a time.   lengths: [E]."""
    together = _together(lengths, ROWS)
    for start in range(0, len(lengths), together):
        yield np.arange(start, min(start + together, len(lengths)))


def _together(lengths: NDArray[np.int64], rows: int) -> int:
    """How many episodes have about so many rows."""
    return min(math.ceil(rows / float(lengths.mean())), len(lengths))
