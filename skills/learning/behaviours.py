"""The behaviours in data, and how many there are: what a person would tell apart, rather than phases of one stride.

Rows become what a body does around them: means of x and x^2 over strides, x = (s, a) standardised. Fine cells of these
are put together by the company that they keep. Where every behaviour meets every other (a log in which they take turns
inside an episode), company says nothing, and clones that ask who could have acted so decide instead.

Letters: N rows, E episodes, B behaviours, C = O + A columns of (s, a), F = 2 C features, K classes.
"""

import warnings
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from skills.arrays import Float32s, Places
from skills.bodies.body import body_of
from skills.data.transitions import Transitions
from skills.learning.clones import Clones, competing
from skills.learning.company import keeping, stretches
from skills.learning.strides import stride
from skills.learning.windows import moments

_STRIDES = 6  # of a window
_SHORT_STRIDES = 5  # of a window where behaviours take turns
_CELLS, _CLONES = 200, 24  # at most, that behaviours are put together of
_FEWEST_CELLS = 24  # more than there are stretches of time, and each stretch had cells of its own
_FITTED = 40_000  # rows that cells and clones are found in
_PHASES = 8  # rows of a stride that clones need


@dataclass(frozen=True)
class Behaviours:
    """labels: [N] the behaviour of each row, 0..B-1, the largest first.   stride: in steps.
    clones: who could have acted so, where they decided."""

    labels: Places
    stride: int
    clones: Clones | None

    @property
    def count(self) -> int:
        """B."""
        return int(self.labels.max()) + 1


@dataclass(frozen=True)
class Cut:
    """K classes, each of one behaviour.

    labels: [N] the class of each row.   behaviours: [K] the behaviour of each class.   stride: in steps.
    columns: [C] those of (s, a) that ever change.   mean, scale: [C] theirs.
    spread: [2, F] mean and scale of features.
    centroids: [K, F] in standardised features.   clones: as `Behaviours` has them.
    """

    labels: Places
    behaviours: Places
    stride: int
    columns: NDArray[np.int64]
    mean: Float32s
    scale: Float32s
    spread: Float32s
    centroids: Float32s
    clones: Clones | None


def cut(transitions: Transitions, count: int | None, strides: int, seed: int) -> Cut:
    """Cuts a dataset into `count` classes, or into as many as there are behaviours where that is None.

    strides: of the window around a row that classes are cut by inside a behaviour.
    A behaviour gets its share of the classes, by its rows; at least one. Where there are fewer classes than behaviours,
    classes are cut through them all, and a class is of the behaviour that most of its rows are of.
    """
    found = find(transitions, seed)
    rng = np.random.default_rng([seed, 1])
    values, mean, scale, columns = standardised(transitions)
    features, spread = standardised_moments(values, transitions.lengths, strides * found.stride)
    if count is None:
        count = found.count
    if count < found.count:
        labels, centroids = partition(features, count, rng)
        shares = np.zeros((count, found.count))
        np.add.at(shares, (labels, found.labels), 1.0)
        behaviours = shares.argmax(axis=1)
        return Cut(labels, behaviours, found.stride, columns, mean, scale, spread, centroids, None)
    labels = np.empty(len(features), np.intp)
    centres: list[Float32s] = []
    owners: list[int] = []
    for behaviour, share in enumerate(_shares(np.bincount(found.labels), count)):
        rows = np.flatnonzero(found.labels == behaviour)
        own, places = partition(features[rows], int(share), rng)
        labels[rows] = len(owners) + own
        centres.append(places)
        owners += [behaviour] * int(share)
    return Cut(
        labels,
        np.array(owners),
        found.stride,
        columns,
        mean,
        scale,
        spread,
        np.concatenate(centres),
        found.clones,
    )


def _shares(sizes: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """[B] how many of `count` classes each behaviour gets: one, and of the rest its share, but no more than rows."""
    wanted = sizes / sizes.sum() * count
    shares = np.ones(len(sizes), np.int64)
    while shares.sum() < count:
        shares[np.argmax(np.where(shares < sizes, wanted - shares, -np.inf))] += 1
    return shares


def standardised(transitions: Transitions) -> tuple[Float32s, Float32s, Float32s, NDArray[np.int64]]:
    """(x [N, C], its mean [C] and scale [C], the columns [C] of (s, a) that ever change)."""
    rows = np.concatenate([transitions.observations, transitions.actions], axis=1)
    mean, scale = rows.mean(axis=0, dtype=np.float64), rows.std(axis=0, dtype=np.float64)
    columns = np.flatnonzero(scale > 1e-8)
    mean, scale = mean[columns].astype(np.float32), scale[columns].astype(np.float32)
    return (rows[:, columns] - mean) / scale, mean, scale, columns


def standardised_moments(values: Float32s, lengths: NDArray[np.integer], window: int) -> tuple[Float32s, Float32s]:
    """(features [N, F] over the window around each row of values [N, C], their mean and scale [2, F])."""
    features = moments(values, lengths, window)
    spread = np.stack([features.mean(axis=0), np.maximum(features.std(axis=0), 1e-6)])
    return (features - spread[0]) / spread[1], spread


def find(transitions: Transitions, seed: int) -> Behaviours:
    """The behaviours of a dataset."""
    rng = np.random.default_rng(seed)
    values, *_ = standardised(transitions)
    lengths = transitions.lengths
    step = stride(values, lengths)
    if len(values) < 10 * _CELLS:  # too few to tell anything apart
        return Behaviours(np.zeros(len(values), np.intp), step, None)
    count = min(_CELLS, max(_FEWEST_CELLS, int(stretches(lengths, step).max()) + 1))
    cells = _cells(moments(values, lengths, _STRIDES * step), count, rng)
    company = keeping(cells, count, lengths, step)
    if company.count:
        return Behaviours(_by_size(company.labels), step, None)
    clones = _compete(transitions, values, step, rng)
    labels = clones.labels(transitions.observations, transitions.actions, lengths)
    ranked = _by_size(labels)
    order = [int(labels[np.argmax(ranked == one)]) for one in range(int(ranked.max()) + 1)]
    return Behaviours(ranked, step, replace(clones, weights=clones.weights[order]))


def _compete(transitions: Transitions, values: Float32s, step: int, rng: np.random.Generator) -> Clones:
    """Clones of some of the data: whole episodes, of a stride eight rows."""
    lengths, apart = transitions.lengths, max(1, step // _PHASES)
    order = rng.permutation(len(lengths))
    enough = int(np.searchsorted(np.cumsum(lengths[order]), _FITTED * apart)) + 1
    episodes = np.sort(order[:enough])
    rows = transitions.rows_of(episodes)
    sizes = lengths[episodes]
    cells = _cells(moments(values[rows], sizes, _SHORT_STRIDES * step), _CLONES, rng)
    kept = np.concatenate([np.arange(size) for size in sizes]) % apart == 0
    chosen = rows[kept]
    seconds = body_of(transitions.env_id).seconds_per_step
    clones = competing(
        transitions.observations[chosen],
        transitions.actions[chosen],
        -(-sizes // apart),
        np.unique(cells[kept], return_inverse=True)[1],
        seconds * apart,
        rng,
    )
    return replace(clones, turn=clones.turn * apart)


def _cells(features: Float32s, count: int, rng: np.random.Generator) -> Places:
    """[N] the cell of each row of features [N, F]."""
    return partition((features - features.mean(axis=0)) / np.maximum(features.std(axis=0), 1e-6), count, rng)[0]


def partition(features: Float32s, count: int, rng: np.random.Generator) -> tuple[Places, Float32s]:
    """(the class of each row [N], the centroids [count, F]) of standardised features [N, F] by K-means."""
    fitted = features[rng.permutation(len(features))[:_FITTED]]
    # As in skills.learning.classes: with two threads sums are the same in whatever order they finish.
    with threadpool_limits(limits=2, user_api="openmp"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # too few distinct rows: said by who asked for classes
        means = KMeans(count, n_init=1, max_iter=100, random_state=int(rng.integers(2**31))).fit(fitted)
        return np.asarray(means.predict(features), np.intp), means.cluster_centers_.astype(np.float32)


def _by_size(labels: Places) -> Places:
    """The labels numbered anew, the largest first."""
    _, labels, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    return np.argsort(np.argsort(-sizes, kind="stable"))[labels]
