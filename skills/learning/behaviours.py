"""The behaviours in data, and how many there are: what a person would tell apart, rather than phases of one stride.

Rows become what a body does around them: means of x and x^2 over strides, x = (s, a) standardised. Fine cells of these
are put together by the company that they keep. Where every behaviour meets every other (a log in which they take turns
inside an episode), company says nothing, and clones that ask who could have acted so decide instead.

Letters: N rows, E episodes, B behaviours, C = O + A columns of (s, a).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from skills.data.transitions import Transitions
from skills.learning.clones import Clones, competing
from skills.learning.company import keeping
from skills.learning.strides import stride
from skills.learning.windows import moments

Floats = NDArray[np.float32]
Ids = NDArray[np.intp]

STRIDES = 6  # of a window
_SHORT_STRIDES = 3  # of a window where behaviours take turns
_CELLS, _CLONES = 200, 32  # that behaviours are put together of
_FITTED = 40_000  # rows that cells and clones are found in
_SMALLEST = 0.01  # share of all rows that a behaviour has
_PHASES = 8  # rows of a stride that clones need


@dataclass(frozen=True)
class Behaviours:
    """labels: [N] the behaviour of each row, 0..B-1, the largest first.   stride: in steps.
    clones: who could have acted so, where they decided."""

    labels: Ids
    stride: int
    clones: Clones | None

    @property
    def count(self) -> int:
        """B."""
        return int(self.labels.max()) + 1


def standardised(transitions: Transitions) -> tuple[Floats, Floats, Floats, NDArray[np.int64]]:
    """(x [N, C], its mean [C] and scale [C], the columns [C] of (s, a) that ever change)."""
    rows = np.concatenate([transitions.observations, transitions.actions], axis=1)
    mean, scale = rows.mean(axis=0, dtype=np.float64), rows.std(axis=0, dtype=np.float64)
    columns = np.flatnonzero(scale > 1e-8)
    mean, scale = mean[columns].astype(np.float32), scale[columns].astype(np.float32)
    return (rows[:, columns] - mean) / scale, mean, scale, columns


def find(transitions: Transitions, seed: int) -> Behaviours:
    """The behaviours of a dataset."""
    rng = np.random.default_rng(seed)
    values, *_ = standardised(transitions)
    lengths = transitions.lengths
    step = stride(values, lengths)
    if len(values) < 10 * _CELLS:  # too few to tell anything apart
        return Behaviours(np.zeros(len(values), np.intp), step, None)
    cells = partition(moments(values, lengths, STRIDES * step), _CELLS, rng)
    company = keeping(cells, _CELLS, lengths, step, _SMALLEST)
    if company.count:
        return Behaviours(_by_size(company.labels), step, None)
    clones = _compete(transitions, values, step, rng)
    labels = clones.labels(transitions.observations, transitions.actions, lengths, step)
    ranked = _by_size(labels)
    order = [int(labels[np.argmax(ranked == one)]) for one in range(int(ranked.max()) + 1)]
    return Behaviours(ranked, step, Clones(clones.inputs, clones.weights[order]))


def _compete(transitions: Transitions, values: Floats, step: int, rng: np.random.Generator) -> Clones:
    """Clones of some of the data: whole episodes, of a stride eight rows."""
    lengths, apart = transitions.lengths, max(1, step // _PHASES)
    order = rng.permutation(len(lengths))
    enough = int(np.searchsorted(np.cumsum(lengths[order]), _FITTED * apart)) + 1
    episodes = np.sort(order[:enough])
    rows = transitions.rows_of(episodes)
    sizes = lengths[episodes]
    cells = partition(moments(values[rows], sizes, _SHORT_STRIDES * step), _CLONES, rng)
    kept = np.concatenate([np.arange(size) for size in sizes]) % apart == 0
    chosen = rows[kept]
    return competing(
        transitions.observations[chosen],
        transitions.actions[chosen],
        -(-sizes // apart),
        np.unique(cells[kept], return_inverse=True)[1],
        max(2, round(step / apart)),
        rng,
    )


def partition(features: Floats, count: int, rng: np.random.Generator) -> Ids:
    """[N] the cell of each row of features [N, F] by K-means, standardised."""
    scaled = (features - features.mean(axis=0)) / np.maximum(features.std(axis=0), 1e-6)
    fitted = scaled[rng.permutation(len(scaled))[:_FITTED]]
    with threadpool_limits(limits=2, user_api="openmp"):  # as in skills.learning.classes
        means = KMeans(count, n_init=1, max_iter=100, random_state=int(rng.integers(2**31))).fit(fitted)
        return np.asarray(means.predict(scaled), np.intp)


def _by_size(labels: Ids) -> Ids:
    """The labels numbered anew, the largest first."""
    found, labels, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    return np.argsort(np.argsort(-sizes, kind="stable"))[labels]
