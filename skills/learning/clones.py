"""Which windows of data are one behaviour, by who could have acted so: clones that compete for them.

A clone is a ridge regression of actions on the observation and random rectified features of it. A window goes to the
clone that errs least in it; clones are fitted anew, and so on. What a clone needs to know of its rows are sums, so the
clone of two clones' rows together is known without touching a row: two that it costs little to be one, become one.

Letters: N rows, E episodes, O observation columns, M random features, F = 1 + O + M, A action size, B clones.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skills.arrays import Float32s as Floats
from skills.arrays import Places as Ids
from skills.learning.windows import means

_RANDOM = 64  # M
_CLIP = 5.0  # standard deviations: a ReLU's line goes on for ever
_RIDGE = 1e-2  # a row, to tell who could have acted so
# A row, to tell whether two are one: a stiff clone knows little of states it has not seen and bends between them.
_STIFF_RIDGE = 0.1
_WIDE, _NARROW = (3, 3, 3), (2, 2)  # strides of a window, round after round
_DWELL = 2  # strides that a behaviour lasts; what lasts less are the moments between two
_CHUNK = 65_536  # rows whose errors are found at once
# What it may cost two clones to be one: by how much the logarithm of the error grows, in all, over the geometric mean
# of the smaller's rows and all rows. Between clones of one policy it was 0.02 to 0.13, of two 0.12 to 0.8.
_COST = 0.14


@dataclass(frozen=True)
class Inputs:
    """How an observation becomes a clone's F inputs.

    mean, scale: [O] of observations.   directions: [O, M] and shifts: [M] of the random features.
    """

    mean: Floats
    scale: Floats
    directions: Floats
    shifts: Floats

    @staticmethod
    def of(observations: Floats, rng: np.random.Generator) -> "Inputs":
        """Those that standardise the observations [N, O]."""
        size = observations.shape[1]
        mean, scale = observations.mean(axis=0, dtype=np.float64), observations.std(axis=0, dtype=np.float64)
        directions = rng.standard_normal((size, _RANDOM)) / np.sqrt(size)
        shifts = rng.uniform(-1.0, 1.0, _RANDOM)
        parts = (mean, np.where(scale > 1e-8, scale, 1.0), directions, shifts)
        return Inputs(*(part.astype(np.float32) for part in parts))

    def __call__(self, observations: Floats) -> Floats:
        """[N, F]"""
        rows = ((observations - self.mean) / self.scale).clip(-_CLIP, _CLIP)
        ones = np.ones((len(rows), 1), np.float32)
        return np.concatenate([ones, rows, np.maximum(rows @ self.directions + self.shifts, 0.0)], axis=1)


def errors(inputs: Floats, actions: Floats, weights: NDArray[np.floating]) -> Floats:
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
    def of(inputs: Floats, actions: Floats, labels: Ids, count: int) -> "Sums":
        """Of rows [N], each its label's."""
        members = [np.flatnonzero(labels == one) for one in range(count)]
        chosen = [inputs[rows] for rows in members]
        return Sums(
            np.array([len(rows) for rows in members], np.float64),
            np.stack([rows.T @ rows for rows in chosen]).astype(np.float64),
            np.stack([one.T @ actions[rows] for one, rows in zip(chosen, members, strict=True)]).astype(np.float64),
            np.array([np.square(actions[rows], dtype=np.float64).sum() for rows in members]),
        )

    def chosen(self, which: Ids) -> "Sums":
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
    own = np.log(sums.error(sums.weights(_STIFF_RIDGE)))
    first, second = sums.chosen(one), sums.chosen(other)
    joint = first.with_others(second).weights(_STIFF_RIDGE)
    grown = first.rows * (np.log(first.error(joint)) - own[one])
    grown += second.rows * (np.log(second.error(joint)) - own[other])
    found[one, other] = grown / np.sqrt(np.minimum(first.rows, second.rows) * sums.rows.sum())
    return np.asarray(np.minimum(found, found.T))


@dataclass(frozen=True)
class Clones:
    """B clones.   weights: [B, F, A]."""

    inputs: Inputs
    weights: Floats

    def labels(self, observations: Floats, actions: Floats, lengths: NDArray[np.integer], window: int) -> Ids:
        """[N] who could have acted so: the clone of the least error in the window around each row."""
        missed = means(errors(self.inputs(observations), actions, self.weights), lengths, window)
        return np.asarray(missed.argmin(axis=1))


def _dwell(labels: Ids, lengths: NDArray[np.integer]) -> NDArray[np.float64]:
    """[B] the mean number of rows that a clone keeps when it has them."""
    begins = np.ones(len(labels), bool)
    begins[1:] = labels[1:] != labels[:-1]
    begins[np.cumsum(lengths)[:-1]] = True
    return np.bincount(labels) / np.bincount(labels[begins])


def competing(
    observations: Floats,
    actions: Floats,
    lengths: NDArray[np.integer],
    labels: Ids,
    stride: int,
    rng: np.random.Generator,
) -> Clones:
    """Clones that have found their rows, from the labels [N] that they begin with; how many they are is theirs too."""
    inputs = Inputs.of(observations, rng)
    rows = inputs(observations)

    def fitted(labels: Ids) -> Sums:
        return Sums.of(rows, actions, labels, int(labels.max()) + 1)

    def again(labels: Ids, strides: int) -> Ids:
        found = means(errors(rows, actions, fitted(labels).weights(_RIDGE)), lengths, strides * stride).argmin(axis=1)
        return np.unique(found, return_inverse=True)[1]

    for strides in (*_WIDE, *_NARROW):
        labels = again(labels, strides)
    while labels.max() > 0:
        cost = costs(fitted(labels))
        one, other = np.unravel_index(int(cost.argmin()), cost.shape)
        if cost[one, other] > _COST:
            break
        joined = np.where(labels == other, one, labels)
        labels = again(np.unique(joined, return_inverse=True)[1], _NARROW[-1])
    while labels.max() > 0:
        dwell = _dwell(labels, lengths)
        if dwell.min() >= _DWELL * stride:
            break
        stay = labels != dwell.argmin()
        weights = Sums.of(rows[stay], actions[stay], np.unique(labels[stay], return_inverse=True)[1], int(labels.max()))
        found = means(errors(rows, actions, weights.weights(_RIDGE)), lengths, _NARROW[-1] * stride)
        labels = np.unique(found.argmin(axis=1), return_inverse=True)[1]
    return Clones(inputs, fitted(labels).weights(_RIDGE).astype(np.float32))
