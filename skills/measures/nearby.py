"""Windows near each other: how far each speaks for its surroundings, as k-NN recall and precision have it.

Letters: N points, V windows, D descriptor size.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

NEIGHBOURS = 5


def reach(windows: NDArray[np.float64], neighbours: int = NEIGHBOURS) -> NDArray[np.float64]:
    """[N, D] -> [N] distance of each window to its k-th nearest neighbour: how far it speaks for its surroundings."""
    count = min(neighbours, len(windows) - 1)
    distances, _ = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(windows).kneighbors()
    return np.asarray(distances[:, -1])


def is_reached(
    points: NDArray[np.float64], windows: NDArray[np.float64], radii: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """[N, D] points, [V, D] windows with a radius each -> [N, V] which point lies within reach of which window."""
    squared = np.square(points).sum(axis=1)[:, None] - 2.0 * points @ windows.T + np.square(windows).sum(axis=1)
    return np.asarray(squared <= np.square(radii))
