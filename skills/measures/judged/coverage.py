"""Coverage: how much of the ground, and of what the data do, the skills reach.

Letters: K skills, R trials, T steps, C cells, N dataset windows.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from skills.measures.intervals import Choice, Statistic, every_trial
from skills.measures.judge import Judge, Played
from skills.measures.judged import Measure, Number
from skills.measures.nearby import NEIGHBOURS, is_reached, reach


@dataclass(frozen=True)
class Ground:
    """What coverage knows of the data.   cells: of random segments.   reach: [N] of each held-out window."""

    cells: int
    reach: NDArray[np.float64]


@dataclass(frozen=True)
class Coverage(Measure[Ground]):
    """Cells of the ground over those of random segments; k-NN recall and precision of the data's windows."""

    name = "coverage"
    rank = 50

    cell: Annotated[float, "m, the side of a square of the ground"] = 1.0
    neighbours: Annotated[int, "the k of k-NN recall and precision (Kynkaanniemi et al. 2019)"] = NEIGHBOURS

    def numbers(self) -> tuple[Number, ...]:
        """Its numbers."""
        shares = Number("recall", "recall of the data", highest=1.0), Number("precision", "precision", highest=1.0)
        return Number("cells_ratio", "cells / data", 2), *shares

    def prepare(self, judge: Judge) -> Ground:
        """What the data cover."""
        visited = self._visited(judge.random)
        return Ground(cell_count(visited, every_trial(*judge.random.shape)), reach(judge.windows, self.neighbours))

    def of(self, played: Played, known: Ground) -> Statistic:
        """For a method's trials."""
        visited = self._visited(played)
        marks = visited.reshape(-1, visited.shape[-1]).astype(np.float32)
        reached, inside = self._reached(played, known.reach)
        return lambda choice: coverage(marks, known.cells, reached, inside, choice)

    def _visited(self, played: Played) -> NDArray[np.bool_]:
        """[K, R, C] cells of the ground."""
        moves = played.spread(played.steps.velocity[:, :2] * played.steps.seconds)
        places = np.cumsum(moves, axis=2) - moves[:, :, :1]
        return visited_cells(places, played.trials.lengths, self.cell)

    def _reached(self, played: Played, radii: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """What `coverage` asks of k-NN recall and precision: ([K * R, N], [K, R])."""
        data, windows, owners = played.judge.windows, played.windows, played.owners
        hits = is_reached(data, windows, reach(windows, self.neighbours))
        count, trials = played.shape
        starts = np.searchsorted(owners, np.arange(count * trials))  # owners ascend, and every trial has a window
        reached = np.logical_or.reduceat(hits, starts, axis=1).T.astype(np.float32)
        near = is_reached(windows, data, radii).any(axis=1)
        inside = np.bincount(owners, weights=near) / np.bincount(owners)
        return reached, inside.reshape(count, trials)


def visited_cells(
    places: NDArray[np.float64], lengths: NDArray[np.int64], cell: float = Coverage.cell
) -> NDArray[np.bool_]:
    """[K, R, T, 2] m from the start, [K, R] steps that count -> [K, R, C] which cells each trial was in.

    A cell is a square; the start is in the middle of one. C counts the cells that any trial was in.
    """
    counts = np.arange(places.shape[2]) < lengths[..., None]
    cells = np.floor(places / cell + 0.5).astype(np.int64)
    _, number = np.unique(cells[counts], axis=0, return_inverse=True)
    visited = np.zeros((*lengths.shape, int(number.max()) + 1), bool)
    skill, trial, _ = np.nonzero(counts)
    visited[skill, trial, number.ravel()] = True
    return visited


def cell_count(visited: NDArray[np.bool_], choice: Choice) -> int:
    """How many cells the chosen trials were in together."""
    return int(_any_chosen(visited.reshape(-1, visited.shape[-1]).astype(np.float32), choice).sum())


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
