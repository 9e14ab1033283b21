"""Which cells of data are one behaviour, by the company they keep: what a policy does in an episode is its own.

The phases, postures and turns of one policy are seen in the same stretches of time, again and again; those of policies
that never act in one episode are not. That needs no scale: a pair either meets far more often than chance, or not.

Letters: N rows, E episodes, C cells, S stretches, B behaviours.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skills.arrays import Floats, Places

_STRIDES = 300  # of a stretch; an episode that is shorter is one
_TOGETHER = 0.5  # of the way from chance to always, that a pair must keep company to be one behaviour
_SEEN = 0.005  # share of all rows that a pair must have to say that there is company at all
_APART = 0.5  # of the way from chance to always, that a row must be of the behaviour that prevails in its stretch
_SMALLEST = 0.2  # of the size that a row finds its behaviour to have, in the mean
_ROUNDS = 30


@dataclass(frozen=True)
class Company:
    """labels: [N] the behaviour of each row.   count: B; 0 where cells meet as chance has it: company says nothing."""

    labels: Places
    count: int


def stretches(lengths: NDArray[np.integer], stride: int) -> Places:
    """[N] the stretch of time of each row: its episode, cut into pieces of about 300 strides."""
    cuts = np.maximum(1, np.rint(np.asarray(lengths) / (_STRIDES * stride)).astype(np.int64))
    firsts = np.cumsum(cuts) - cuts
    within = [np.arange(length) * pieces // length for length, pieces in zip(lengths, cuts, strict=True)]
    return np.concatenate([first + piece for first, piece in zip(firsts, within, strict=True)])


def keeping(cells: Places, count: int, lengths: NDArray[np.integer], stride: int) -> Company:
    """The behaviours of rows [N] in C = `count` cells.

    Merges the pair of cells that keeps company most, again and again. The number is where that last exceeded chance by
    far. Then rows are told by their cell and their stretch together (probabilistic latent semantic analysis, Hofmann
    1999), which parts a cell that several behaviours share. Behaviours that are small beside the others join them.
    """
    stretch = stretches(lengths, stride)
    table = np.zeros((count, int(stretch.max()) + 1))
    np.add.at(table, (cells, stretch), 1.0)
    behaviour = _merged(table)
    if behaviour is None:
        return Company(np.zeros(len(cells), np.intp), 0)
    by_cell, by_stretch = _in_context(table, behaviour)
    joint = by_cell.T[cells] * by_stretch[stretch]  # [N, B]
    shares = np.bincount(joint.argmax(axis=1), minlength=joint.shape[1]) / len(cells)
    joint[:, shares < _SMALLEST * np.square(shares).sum()] = -1.0
    names, labels = np.unique(joint.argmax(axis=1), return_inverse=True)
    if not _prevail(labels, stretch):
        return Company(np.zeros(len(cells), np.intp), 0)
    return Company(labels, len(names))


def _prevail(labels: Places, stretch: Places) -> bool:
    """Whether stretches are of one behaviour each, or nearly: rows [N] by behaviour and by stretch."""
    table = np.zeros((int(labels.max()) + 1, int(stretch.max()) + 1))
    np.add.at(table, (labels, stretch), 1.0)
    prevailing, chance = table.max(axis=0).sum() / len(labels), table.sum(axis=1).max() / len(labels)
    return bool(prevailing - chance >= _APART * (1.0 - chance)) and len(table) > 1


def _merged(table: Floats) -> Places | None:
    """[C] the behaviour of each cell, of rows counted by cell and stretch [C, S]; None where company says nothing."""
    alive = np.flatnonzero(table.sum(axis=1))
    counts, total, lengths = table[alive].copy(), table.sum(), table.sum(axis=0)
    names = np.zeros(len(table), np.intp)
    names[alive] = np.arange(len(alive))
    kept, seen = None, False
    while len(counts) > 1:
        rows = counts.sum(axis=1)
        small, base = np.minimum.outer(rows, rows), np.maximum.outer(rows, rows) / total
        # Of the smaller's rows, the share of the larger in their stretches, over its share in all.
        excess = ((counts / lengths) @ counts.T / small - base) / np.maximum(1.0 - base, 1e-12)
        np.fill_diagonal(excess, -np.inf)
        one, other = sorted(np.unravel_index(int(excess.argmax()), excess.shape))
        together = excess[one, other] >= _TOGETHER
        seen |= bool(together and small[one, other] >= _SEEN * total)
        counts[one] += counts[other]
        counts = np.delete(counts, other, axis=0)
        names[names == other] = one
        names[names > other] -= 1
        if together:
            kept = names.copy()
    return kept if seen else None


def _in_context(table: Floats, behaviour: Places) -> tuple[Floats, Floats]:
    """(how likely each cell is in a behaviour [B, C], how likely a behaviour is in each stretch [S, B])."""
    count = int(behaviour.max()) + 1
    by_cell = np.full((count, len(table)), 1e-3)
    by_cell[behaviour, np.arange(len(table))] += table.sum(axis=1)
    by_cell /= by_cell.sum(axis=1, keepdims=True)
    by_stretch = np.full((table.shape[1], count), 1.0 / count)
    for _ in range(_ROUNDS):
        ratio = table / np.maximum((by_stretch @ by_cell).T, 1e-12)
        by_stretch, by_cell = by_stretch * (ratio.T @ by_cell.T), by_cell * (by_stretch.T @ ratio.T)
        by_stretch /= np.maximum(by_stretch.sum(axis=1, keepdims=True), 1e-12)
        by_cell /= np.maximum(by_cell.sum(axis=1, keepdims=True), 1e-12)
    return by_cell, by_stretch
