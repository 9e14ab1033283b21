"""K-means of more rows than are worth going over again and again: by mini-batches of whole episodes.

Nothing is copied but a batch, so the rows may lie on a disk: they are read once for their scaling and once for their
labels, and the batches between are 64 episodes each. docs/scale.md has what it agrees with K-means of all rows.

Letters: N transitions, F features, K classes, n rows of some episodes.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import MiniBatchKMeans
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

EPISODES = 64  # of a batch
BATCHES = 200
_LEAST_SPREAD = 1e-8  # of a column that tells anything apart

# The features of some episodes before they are scaled, [n, F].
Features = Callable[[NDArray[np.int64]], NDArray[np.float32]]


def scaling_of(features: Features, episodes: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """(mean [F], scale [F], columns [F]) of all episodes. Columns that never change are left out."""
    scaler = StandardScaler()
    for chosen in blocks(episodes):
        scaler.partial_fit(features(chosen).astype(np.float64))
    std = np.sqrt(scaler.var_)
    columns = np.flatnonzero(std > _LEAST_SPREAD)
    return scaler.mean_[columns].astype(np.float32), std[columns].astype(np.float32), columns


def centroids_of(features: Features, episodes: int, count: int, seed: int) -> NDArray[np.float32]:
    """[K, F] from batches of episodes that are drawn at random.   features: scaled."""
    generator = np.random.default_rng(seed)
    kmeans = MiniBatchKMeans(n_clusters=count, random_state=seed, n_init=1)
    with threadpool_limits(limits=2, user_api="openmp"):  # as in K-means of all rows
        for _ in range(BATCHES):
            chosen = generator.choice(episodes, min(EPISODES, episodes), replace=False)
            kmeans.partial_fit(features(np.sort(chosen)))
    return np.asarray(kmeans.cluster_centers_, np.float32)


def blocks(episodes: int) -> Iterator[NDArray[np.int64]]:
    """The episodes in order, some at a time."""
    for start in range(0, episodes, EPISODES):
        yield np.arange(start, min(start + EPISODES, episodes))
