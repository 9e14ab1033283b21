"""Who acted when, of behaviours that take turns inside an episode: clones that compete for its steps.

A clone is a ridge regression of actions on what is seen of the observation. A step is the turn of the clone that errs
least, but that turns change costs something (`skills.learning.turns`); clones are fitted anew, and so on. What a clone
needs to know of its rows are sums, so the clone of two clones' rows together is known without touching a row: two that
it costs little to be one, become one, and what is seen is learned anew from those that are left.

Letters: N rows, E episodes, O observation columns, F features, A action size, B clones.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from skills.arrays import Float32s, Places
from skills.learning.seeing import Seeing
from skills.learning.turns import turnovers, turns

_RIDGE = 1e-2  # a row
_LEFT = (12, 8)  # clones, when what is seen is learned anew
_SETTLED, _ROUNDS, _TRIED = 5, 2, 3  # rounds after learning to see; after putting two together; pairs that are tried
_TURN = 0.8  # s: a change of turn costs as much as that time's error
# Two become one unless that adds more than these shares of what all clones explain, and of the error that is left.
_EXPLAINED, _LOST = 0.03, 0.03
_CHUNK = 65_536  # rows whose errors are found at once


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

    def weights(self) -> NDArray[np.float64]:
        """[B, F, A] of the clones."""
        penalty = _RIDGE * np.maximum(self.rows, 1.0)[:, None, None] * np.eye(self.squares.shape[-1])
        return np.asarray(np.linalg.solve(self.squares + penalty, self.products), np.float64)

    def error(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """[B] mean squared error of weights [B, F, A] in each clone's rows."""
        sums = self.actions - 2.0 * (weights * self.products).sum(axis=(1, 2))
        sums += (weights * (self.squares @ weights)).sum(axis=(1, 2))
        return np.asarray(np.maximum(sums / np.maximum(self.rows, 1.0), 1e-6))


def costs(sums: Sums) -> NDArray[np.float64]:
    """[B, B] what it costs each pair to be one clone, in error of all rows; infinite of one with itself."""
    count = len(sums.rows)
    found = np.full((count, count), np.inf)
    one, other = np.triu_indices(count, 1)
    own = sums.rows * sums.error(sums.weights())
    first, second = sums.chosen(one), sums.chosen(other)
    joint = first.with_others(second)
    together = joint.rows * joint.error(joint.weights())
    found[one, other] = (together - own[one] - own[other]) / sums.rows.sum()
    return np.asarray(np.minimum(found, found.T))


@dataclass(frozen=True)
class Clones:
    """B clones.   weights: [B, F, A].   turn: what a change of turn costs, in error of a row."""

    seeing: Seeing
    weights: Float32s
    turn: float

    def labels(self, observations: Float32s, actions: Float32s, lengths: NDArray[np.integer]) -> Places:
        """[N] whose turn it is at each step of episodes [E] end to end."""
        return turns(errors(self.seeing(observations), actions, self.weights), lengths, self.turn)


def competing(
    observations: Float32s,
    actions: Float32s,
    lengths: NDArray[np.integer],
    labels: Places,
    seconds: float,
    rng: np.random.Generator,
) -> Clones:
    """Clones that have found their rows, from the labels [N] that they begin with; how many they are is theirs too.

    seconds: between two rows.
    """
    for left in (*_LEFT, 1):
        seeing = Seeing.learned(observations, actions, labels, rng)
        rows = _Rows(seeing(observations), actions, lengths)
        rows = replace(rows, turn=_TURN / seconds * rows.lost(labels))
        found = rows.settled(labels, _SETTLED)
        found = _put_together(rows, found, left, 0.0 if left > 1 else _least(rows, found))
        labels = found.labels
    return Clones(seeing, rows.sums(labels).weights().astype(np.float32), rows.turn)


@dataclass(frozen=True)
class _Found:
    """labels: [N].   cost: mean error of a row and what changes of turn cost, shared out to the rows."""

    labels: Places
    cost: float

    @property
    def count(self) -> int:
        return int(self.labels.max()) + 1


@dataclass(frozen=True)
class _Rows:
    """What clones compete for.   inputs: [N, F].   actions: [N, A].   lengths: [E].   turn: as in `Clones`."""

    inputs: Float32s
    actions: Float32s
    lengths: NDArray[np.integer]
    turn: float = 0.0

    def sums(self, labels: Places) -> Sums:
        """Of the rows of each label 0..B-1."""
        return Sums.of(self.inputs, self.actions, labels, int(labels.max()) + 1)

    def lost(self, labels: Places) -> float:
        """Mean squared error of a row by the clone that the labels give it."""
        sums = self.sums(labels)
        return float((sums.error(sums.weights()) * sums.rows).sum() / sums.rows.sum())

    def settled(self, labels: Places, rounds: int) -> _Found:
        """The labels after so many rounds of fitting clones and sharing out the rows."""
        for _ in range(rounds):
            missed = errors(self.inputs, self.actions, self.sums(labels).weights())
            labels = turns(missed, self.lengths, self.turn)
            error = missed[np.arange(len(labels)), labels].mean()
            labels = np.unique(labels, return_inverse=True)[1]
        return _Found(labels, float(error) + self.turn * turnovers(labels, self.lengths) / len(labels))


def _put_together(rows: _Rows, found: _Found, left: int, worth: float) -> _Found:
    """Two become one until so few are left, or until the best two to put together cost more than that is worth."""
    while found.count > left:
        cost = costs(rows.sums(found.labels))
        pairs = np.column_stack(np.triu_indices(len(cost), 1))
        cheapest = pairs[np.argsort(cost[pairs[:, 0], pairs[:, 1]], kind="stable")[:_TRIED]]
        tried = [rows.settled(_together(found.labels, *pair), _ROUNDS) for pair in cheapest]
        best = min(tried, key=lambda one: one.cost)
        if worth > 0.0 and best.cost - found.cost > worth:
            break
        found = best
    return found


def _together(labels: Places, one: int, other: int) -> Places:
    """The labels 0..B-2 when two of 0..B-1 are one."""
    return np.unique(np.where(labels == other, one, labels), return_inverse=True)[1]


def _least(rows: _Rows, found: _Found) -> float:
    """What telling two apart must spare, see `_EXPLAINED`."""
    left = rows.lost(found.labels)
    return max(_EXPLAINED * (rows.lost(np.zeros_like(found.labels)) - left), _LOST * left)
