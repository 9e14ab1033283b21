"""Which windows of data are one behaviour, by who could have acted so: clones that compete for them.

A clone is a ridge regression of actions on the observation and random rectified features of it. A window goes to the
clone that errs least in it; clones are fitted anew, and so on. What a clone needs to know of its rows are sums, so the
clone of two clones' rows together is known without touching a row: two that it costs little to be one, become one.

Letters: N rows, E episodes, O observation columns, M random features, F = 1 + O + M, A action size, B clones.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skills.arrays import Float32s, Places
from skills.learning.windows import means

_RANDOM = 64  # M
_CLIP = 5.0  # standard deviations: a ReLU's line goes on for ever
RIDGE = 1e-2  # a row, to tell who could have acted so
# A row, to tell whether two are one: a stiff clone knows little of states it has not seen and bends between them.
_STIFF_RIDGE = 0.03
_WIDE, _NARROW = (3, 3, 3), (2, 2)  # strides of a window, round after round
_DWELL = 2  # strides that a behaviour lasts; what lasts less are the moments between two
_CHUNK = 65_536  # rows whose errors are found at once
# What it may cost two clones to be one: by how much the squared error grows, over all rows, actions being in +-1.
_COST = 0.016


@dataclass(frozen=True)
class Inputs:
    """How an observation becomes a clone's F inputs.

    mean, scale: [O] of observations.   directions: [O, M] and shifts: [M] of the random features.
    """

    mean: Float32s
    scale: Float32s
    directions: Float32s
    shifts: Float32s

    @staticmethod
    def of(observations: Float32s, rng: np.random.Generator, features: int = _RANDOM) -> "Inputs":
        """Those that standardise the observations [N, O].   features: M."""
        size = observations.shape[1]
        mean, scale = observations.mean(axis=0, dtype=np.float64), observations.std(axis=0, dtype=np.float64)
        directions = rng.standard_normal((size, features)) / np.sqrt(size)
        shifts = rng.uniform(-1.0, 1.0, features)
        parts = (mean, np.where(scale > 1e-8, scale, 1.0), directions, shifts)
        return Inputs(*(part.astype(np.float32) for part in parts))

    def __call__(self, observations: Float32s) -> Float32s:
        """[N, F]"""
        rows = ((observations - self.mean) / self.scale).clip(-_CLIP, _CLIP)
        ones = np.ones((len(rows), 1), np.float32)
        return np.concatenate([ones, rows, np.maximum(rows @ self.directions + self.shifts, 0.0)], axis=1)


def errors(inputs: Float32s, actions: Float32s, weights: NDArray[np.floating]) -> Float32s:
    """[N, B] the squared error of each clone [B, F, A] in each row."""
    count, size, width = weights.shape
    side_by_side = np.ascontiguousarray(weights.transpose(1, 0, 2).reshape(size, count * width), np.float32)
    found = np.empty((len(inputs), count), np.float32)
    for start in range(0, len(inputs), _CHUNK):
        part = slice(start, start + _CHUNK)
        missed = (inputs[part] @ side_by_side).reshape(-1, count, width) - actions[part, None]
        found[part] = np.einsum("nba,nba->nb", missed, missed)
    return found


@dataclass(frozen=True)
class Sums:
    """All that fitting B clones takes of their rows.

    rows: [B].   squares: [B, F, F] of inputs.   products: [B, F, A] of inputs with actions.   actions: [B] squares.
    """

    rows: NDArray[np.float64]
    squares: NDArray[np.float64]
    products: NDArray[np.float64]
    actions: NDArray[np.float64]

    @staticmethod
    def of(inputs: Float32s, actions: Float32s, labels: Places, count: int) -> "Sums":
        """Of rows [N], each its label's."""
        members = [np.flatnonzero(labels == one) for one in range(count)]
        chosen = [inputs[rows] for rows in members]
        return Sums(
            np.array([len(rows) for rows in members], np.float64),
            np.stack([rows.T @ rows for rows in chosen]).astype(np.float64),
            np.stack([one.T @ actions[rows] for one, rows in zip(chosen, members, strict=True)]).astype(np.float64),
            np.array([np.square(actions[rows], dtype=np.float64).sum() for rows in members]),
        )

    def chosen(self, which: Places) -> "Sums":
        """Of some of the clones, in that order."""
        return Sums(*(array[which] for array in vars(self).values()))

    def with_others(self, others: "Sums") -> "Sums":
        """Of each clone's rows and the other's together."""
        return Sums(*(one + other for one, other in zip(vars(self).values(), vars(others).values(), strict=True)))

    def weights(self, ridge: float) -> NDArray[np.float64]:
        """[B, F, A] of the clones."""
        penalty = ridge * np.maximum(self.rows, 1.0)[:, None, None] * np.eye(self.squares.shape[-1])
        return np.asarray(np.linalg.solve(self.squares + penalty, self.products), np.float64)

    def error(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """[B] mean squared error of weights [B, F, A] in each clone's rows."""
        sums = self.actions - 2.0 * (weights * self.products).sum(axis=(1, 2))
        sums += (weights * (self.squares @ weights)).sum(axis=(1, 2))
        return np.asarray(np.maximum(sums / np.maximum(self.rows, 1.0), 1e-6))


def costs(sums: Sums) -> NDArray[np.float64]:
    """[B, B] what it costs each pair to be one clone, see `_COST`; infinite of one with itself."""
    count = len(sums.rows)
    found = np.full((count, count), np.inf)
    one, other = np.triu_indices(count, 1)
    own = sums.rows * sums.error(sums.weights(_STIFF_RIDGE))
    first, second = sums.chosen(one), sums.chosen(other)
    joint = first.with_others(second)
    together = joint.rows * joint.error(joint.weights(_STIFF_RIDGE))
    found[one, other] = (together - own[one] - own[other]) / sums.rows.sum()
    return np.asarray(np.minimum(found, found.T))


@dataclass(frozen=True)
class Clones:
    """B clones.   weights: [B, F, A]."""

    inputs: Inputs
    weights: Float32s

    def labels(self, observations: Float32s, actions: Float32s, lengths: NDArray[np.integer], window: int) -> Places:
        """[N] who could have acted so: the clone of the least error in the window around each row."""
        missed = means(errors(self.inputs(observations), actions, self.weights), lengths, window)
        return np.asarray(missed.argmin(axis=1))


def competing(
    observations: Float32s,
    actions: Float32s,
    lengths: NDArray[np.integer],
    labels: Places,
    stride: int,
    rng: np.random.Generator,
) -> Clones:
    """Clones that have found their rows, from the labels [N] that they begin with; how many they are is theirs too."""
    inputs = Inputs.of(observations, rng)
    rows = _Rows(inputs(observations), actions, lengths, stride)
    for strides in (*_WIDE, *_NARROW):
        labels = rows.again(labels, strides)
    labels = _lasting(_merged(labels, rows), rows)
    return Clones(inputs, rows.sums(labels).weights(RIDGE).astype(np.float32))


@dataclass(frozen=True)
class _Rows:
    """What clones compete for.   inputs: [N, F].   actions: [N, A].   lengths: [E].   stride: in rows."""

    inputs: Float32s
    actions: Float32s
    lengths: NDArray[np.integer]
    stride: int

    def sums(self, labels: Places) -> Sums:
        """Of the rows of each label 0..B-1; those of -1 are nobody's."""
        return Sums.of(self.inputs, self.actions, labels, int(labels.max()) + 1)

    def again(self, labels: Places, strides: int) -> Places:
        """[N] who errs least in windows of so many strides, of clones of these rows; 0..B-1, each with some row."""
        missed = errors(self.inputs, self.actions, self.sums(labels).weights(RIDGE))
        return _numbered(means(missed, self.lengths, strides * self.stride).argmin(axis=1))

    def dwell(self, labels: Places) -> NDArray[np.float64]:
        """[B] how many strides each clone keeps its rows for, in the mean."""
        begins = np.ones(len(labels), bool)
        begins[1:] = labels[1:] != labels[:-1]
        begins[np.cumsum(self.lengths)[:-1]] = True
        return np.asarray(np.bincount(labels) / np.bincount(labels[begins]) / self.stride)


def _numbered(labels: Places) -> Places:
    """The labels as 0..B-1; -1 stays."""
    found = np.unique(labels[labels >= 0])
    return np.where(labels < 0, -1, np.searchsorted(found, labels))


def _merged(labels: Places, rows: _Rows) -> Places:
    """The labels when every two clones would err much more as one."""
    while labels.max() > 0:
        cost = costs(rows.sums(labels))
        one, other = np.unravel_index(int(cost.argmin()), cost.shape)
        if cost[one, other] > _COST:
            break
        labels = rows.again(_numbered(np.where(labels == other, one, labels)), _NARROW[-1])
    return labels


def _lasting(labels: Places, rows: _Rows) -> Places:
    """The labels without those of the moments between two behaviours, which go to these."""
    while labels.max() > 0:
        dwell = rows.dwell(labels)
        if dwell.min() >= _DWELL:
            break
        labels = rows.again(_numbered(np.where(labels == dwell.argmin(), -1, labels)), _NARROW[-1])
    return labels
