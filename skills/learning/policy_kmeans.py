"""Classes that are policies, by PG-Kmeans: clones that share out pieces of data by who could have acted so.

Policy-guided K-means (Hu, Wang and Du, 2025) is Lloyd's algorithm with policies for centres. In turn, until no piece
moves:
    pi_k       <- behaviour cloning of the rows of class k
    class of p <- argmax_k of the likelihood of piece p under pi_k: for Gaussians of one width, of the K clones the one
                  whose squared error over the piece's rows is lowest
There a piece is a trajectory and a clone a neural network. Here a piece is as many strides as asked for, which are a
whole episode where that is shorter; and a clone is a ridge regression (`skills.learning.clones`) on
features that are learned once, from the classes that it begins with: K-means of what pieces look like. The number of
classes is asked for: nothing in it says how many there are.

Letters: N rows, E episodes, P pieces, K classes, F features of a clone, A action size.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skills.arrays import Float32s, Floats, Places
from skills.data.transitions import Transitions
from skills.errors import USAGE, SkillsError
from skills.learning.behaviours import Cut, partition, standardised, standardised_moments
from skills.learning.clones import Clones, Sums, errors
from skills.learning.seeing import Seeing
from skills.learning.strides import stride

_CHUNK = 65_536  # rows, or a piece more, whose errors are in memory at once


@dataclass(frozen=True)
class Pieces:
    """Rows that are of one class together.   starts: [P] the first row of each, ascending; the last ends with the data.
    total: N."""

    starts: Places
    total: int

    @staticmethod
    def of(lengths: NDArray[np.integer], steps: int) -> "Pieces":
        """Of so many steps, or nearly, in episodes [E]; a whole episode where it is shorter."""
        counts = np.maximum(1, np.rint(np.asarray(lengths) / steps).astype(np.int64))
        ends = np.cumsum(lengths)
        starts = [
            end - length + np.arange(n) * length // n for end, length, n in zip(ends, lengths, counts, strict=True)
        ]
        return Pieces(np.concatenate(starts).astype(np.intp), int(ends[-1]))

    @property
    def lengths(self) -> Places:
        """[P]."""
        return np.diff(np.append(self.starts, self.total))

    def rows(self, values: Places) -> Places:
        """[N] what is said of pieces [P], of each of their rows."""
        return np.repeat(values, self.lengths)

    def sums(self, inputs: Float32s, actions: Float32s, weights: NDArray[np.floating]) -> Floats:
        """[P, K] the squared error of each clone [K, F, A] in each piece."""
        found, bounds = [], np.append(self.starts, self.total)
        first = 0
        while first < len(self.starts):
            last = max(first + 1, int(np.searchsorted(bounds, bounds[first] + _CHUNK, side="right")) - 1)
            part = slice(bounds[first], bounds[last])
            missed = errors(inputs[part], actions[part], weights)
            found.append(np.add.reduceat(missed, bounds[first:last] - bounds[first], axis=0, dtype=np.float64))
            first = last
        return np.concatenate(found)


def cut_by_policy(transitions: Transitions, count: int, strides: int, rounds: int, seed: int) -> Cut:
    """Cuts a dataset into `count` classes, each a behaviour of its own.

    strides: of a piece.   rounds: at most.
    Raises: SkillsError (usage) where there are fewer pieces than classes.
    """
    rng = np.random.default_rng([seed, 2])
    values, mean, scale, columns = standardised(transitions)
    step = stride(values, transitions.lengths)
    pieces = Pieces.of(transitions.lengths, strides * step)
    if len(pieces.starts) < count:
        raise SkillsError(
            f"{len(pieces.starts)} pieces of {strides} strides cannot be shared out among {count} policies.",
            "Ask for fewer with --skills, or for shorter pieces with --set experts.strides=1.",
            USAGE,
        )
    features, spread = standardised_moments(values, transitions.lengths, strides * step)
    middles = pieces.starts + pieces.lengths // 2
    owners = _all_own(partition(features[middles], count, rng)[0], np.zeros((len(middles), count)))
    seeing = Seeing.learned(transitions.observations, transitions.actions, pieces.rows(owners), rng)
    inputs = seeing(transitions.observations)
    clones, owners = sharing_out(inputs, transitions.actions, pieces, owners, count, rounds)
    labels = pieces.rows(owners)
    piece = pieces.sums(inputs, transitions.actions, clones)[np.arange(len(owners)), owners].mean()
    centroids = np.stack([features[labels == one].mean(axis=0) for one in range(count)])
    whole = Clones(seeing, clones.astype(np.float32), float(piece))  # a change of turn costs a piece's error
    return Cut(labels, np.arange(count), step, columns, mean, scale, spread, centroids, whole)


def sharing_out(
    inputs: Float32s, actions: Float32s, pieces: Pieces, owners: Places, count: int, rounds: int
) -> tuple[Floats, Places]:
    """(the clones [K, F, A], the class of each piece [P]) after some rounds, or when nothing moves.

    inputs: [N, F] of clones.   actions: [N, A].   owners: [P] the classes that it begins with.
    """
    for _ in range(rounds):
        weights = Sums.of(inputs, actions, pieces.rows(owners), count).weights()
        missed = pieces.sums(inputs, actions, weights)
        moved = _all_own(missed.argmin(axis=1), missed)
        if (moved == owners).all():
            break
        owners = moved
    return Sums.of(inputs, actions, pieces.rows(owners), count).weights(), owners


def _all_own(owners: Places, missed: Floats) -> Places:
    """The owners [P], but that a class without any piece takes the one that fits its own class least.

    missed: [P, K] the error of each class in each piece.
    """
    owners = owners.copy()
    sizes = np.bincount(owners, minlength=missed.shape[1])
    for empty in np.flatnonzero(sizes == 0):
        worst = missed[np.arange(len(owners)), owners]
        taken = int(np.where(sizes[owners] > 1, worst, -np.inf).argmax())
        sizes[owners[taken]] -= 1
        owners[taken], sizes[empty] = empty, 1
    return owners
