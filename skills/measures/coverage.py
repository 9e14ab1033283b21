"""Coverage: how much of the ground, and of what the data do, the skills reach.

Letters: K skills, R trials, T steps, C cells, N dataset windows, V windows of a trial, D descriptor size.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from skills.measures.intervals import Choice

CELL = 1.0  # m
NEIGHBOURS = 5  # the k of k-NN recall and precision (Kynkaanniemi et al. 2019)


def visited_cells(places: NDArray[np.float64], lengths: NDArray[np.int64]) -> NDArray[np.bool_]:
    """[K, R, T, 2] m from the start, [K, R] steps that count -> [K, R, C] which cells each trial was in.

    A cell is a square of 1 m; the start is in the middle of one. C counts the cells that any trial was in.
    """
    counts = np.arange(places.shape[2]) < lengths[..., None]
    cells = np.floor(places / CELL + 0.5).astype(np.int64)
    _, number = np.unique(cells[counts], axis=0, return_inverse=True)
    visited = np.zeros((*lengths.shape, int(number.max()) + 1), bool)
    skill, trial, _ = np.nonzero(counts)
    visited[skill, trial, number.ravel()] = True
    return visited


def cell_count(visited: NDArray[np.bool_], choice: Choice) -> int:
    """How many cells the chosen trials were in together."""
    return int(_any_chosen(visited.reshape(-1, visited.shape[-1]).astype(np.float32), choice).sum())


def reach(windows: NDArray[np.float64]) -> NDArray[np.float64]:
    """[N, D] -> [N] distance of each window to its fifth nearest neighbour: how far it speaks for its surroundings."""
    neighbours = min(NEIGHBOURS, len(windows) - 1)
    distances, _ = NearestNeighbors(n_neighbors=neighbours, algorithm="brute").fit(windows).kneighbors()
    return np.asarray(distances[:, -1])


def is_reached(
    points: NDArray[np.float64], windows: NDArray[np.float64], radii: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """[N, D] points, [V, D] windows with a radius each -> [N, V] which point lies within reach of which window."""
    squared = np.square(points).sum(axis=1)[:, None] - 2.0 * points @ windows.T + np.square(windows).sum(axis=1)
    return np.asarray(squared <= np.square(radii))


def coverage(
    visited: NDArray[np.float32],
    cells_of_segments: int,
    reached: NDArray[np.float32],
    inside: NDArray[np.float64],
    choice: Choice,
) -> dict[str, float]:
    """Cells over those of as many random segments; k-NN recall and precision.

    visited: [K * R, C] 1 where the trial was in the cell, else 0.
    reached: [K * R, N] 1 where dataset window n is within reach of a window of the trial, else 0.
    inside: [K, R] share of a trial's windows that are within reach of a dataset window.
    """
    return {
        "cells_ratio": float(_any_chosen(visited, choice).sum() / cells_of_segments),
        "recall": float(_any_chosen(reached, choice).mean()),
        "precision": float(np.take_along_axis(inside, choice, axis=1).mean()),
    }


def _any_chosen(marks: NDArray[np.float32], choice: Choice) -> NDArray[np.bool_]:
    """[K * R, C] 0 or 1 -> [C] whether any chosen trial has the mark. A product is far faster than gathering rows."""
    times = np.zeros((len(choice), len(marks) // len(choice)), np.float32)
    np.add.at(times, (np.arange(len(choice))[:, None], choice), 1.0)
    return np.asarray(times.reshape(-1) @ marks > 0)
