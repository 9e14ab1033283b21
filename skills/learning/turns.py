"""Whose turn it is at each step of an episode: the labels of least error where every change of turn costs something.

What the Viterbi algorithm finds (Viterbi 1967) with one cost for all changes, so that a step of it looks at the best
label so far, not at all pairs.

Letters: N rows, E episodes, B labels, T rows of the longest episode.
"""

import numpy as np
from numpy.typing import NDArray

from skills.arrays import Float32s, Places

_PIECE = 2000  # rows: longer episodes are cut, so that many pieces take each step together


def turns(missed: Float32s, lengths: NDArray[np.integer], cost: float) -> Places:
    """[N] the labels with the least sum of errors [N, B] and of `cost` for each change, in episodes [E] end to end."""
    pieces = _pieces(lengths)
    padded = np.zeros((int(pieces.max()), len(pieces), missed.shape[1]), np.float32)
    inside = np.arange(len(padded))[:, None] < pieces  # [T, E]
    padded.transpose(1, 0, 2)[inside.T] = missed
    stays = np.ones(padded.shape, bool)
    best = np.zeros(inside.shape, np.intp)
    every = np.arange(len(pieces))
    total = padded[0].copy()
    for step in range(1, len(padded)):
        best[step] = total.argmin(axis=1)
        changed = total[every, best[step]] + cost
        stays[step] = total <= changed[:, None]
        total = np.minimum(total, changed[:, None]) + padded[step]
    found = np.empty(inside.shape, np.intp)
    label = total.argmin(axis=1)
    for step in reversed(range(len(padded))):
        found[step] = label
        label = np.where(stays[step, every, label], label, best[step])
    return found.T[inside.T]


def turnovers(labels: Places, lengths: NDArray[np.integer]) -> int:
    """How often labels [N] change inside episodes."""
    changed = labels[1:] != labels[:-1]
    changed[np.cumsum(lengths)[:-1] - 1] = False
    return int(changed.sum())


def _pieces(lengths: NDArray[np.integer]) -> NDArray[np.int64]:
    """The lengths when none is longer than a piece."""
    counts = -(-np.asarray(lengths, np.int64) // _PIECE)
    pieces = np.full(int(counts.sum()), _PIECE, np.int64)
    pieces[np.cumsum(counts) - 1] = lengths - (counts - 1) * _PIECE
    return pieces
