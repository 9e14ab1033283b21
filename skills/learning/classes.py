"""Experts: the sets of transitions that the skills imitate.

Letters: N transitions, E episodes, O observation columns, A action size, F features, K classes.

In skill discovery they are the K-means classes of (s, a, s') (CLUE, section 8.3), or of what a body does over some
strides, put together in behaviours (see `skills.learning.behaviours`). In the other modes there is one: the
demonstrations, or the dataset's own successes; a network of each of S seeds learns from it, and K is S.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from skills.data.transitions import Transitions
from skills.errors import USAGE, SkillsError
from skills.files import MAKE_AGAIN, read_arrays, write_arrays
from skills.learning.behaviours import cut
from skills.learning.clones import Clones
from skills.learning.minibatches import blocks, centroids_of, feature_scaling
from skills.learning.policy_kmeans import cut_by_policy
from skills.learning.seeing import Seeing
from skills.learning.windows import moments
from skills.settings.config import ExpertsConfig
from skills.troubles import reading

_CLONES = "clones_"  # what arrays of clones are called in a file
_ASSIGN_CHUNK = 65_536  # rows; bounds the memory of nearest-centroid distances


@dataclass(frozen=True)
class Classes:
    """K classes of transitions, and how to tell the class of a new one.

    labels: [N] int32, the class of each transition; -1 of none.
    centroids: [K, F] float32, in feature space: (columns of (s, a, s') - mean) / scale. F is 0 of an expert that was
        given rather than clustered: no new transition is of it. Then K is the number of seeds S: `labels` name one
        class, and it counts S times, once for the networks of each seed, with the same members each time.
    columns: [F] int64, which columns of concat(s, a, s') are features.   mean, scale: [F] float32.
    window: [] int64, over how many steps those columns are averaged first, see `ExpertsConfig`.

    Where the classes are of behaviours or of policies, `columns` are [C] of (s, a), and features are the F = 2 C means
    over the window of what they make standardised, and of its squares, standardised once more:
    behaviours: [K] int64, the behaviour of each class.   stride: [] int64, in steps.   spread: [2, F] float32, mean and
        scale of the features.   clones: whose the rows of a new episode are, where clones decided; else None.
    Of other classes they are empty and 0.
    """

    labels: NDArray[np.int32]
    centroids: NDArray[np.float32]
    columns: NDArray[np.int64]
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    window: NDArray[np.int64] = field(default_factory=lambda: np.array(1))
    behaviours: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    stride: NDArray[np.int64] = field(default_factory=lambda: np.array(0))
    spread: NDArray[np.float32] = field(default_factory=lambda: np.zeros((2, 0), np.float32))
    clones: Clones | None = None

    @property
    def count(self) -> int:
        """K."""
        return len(self.centroids)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """[K] transitions in each class."""
        found = np.bincount(self.labels[self.labels >= 0], minlength=self.count // self._copies)
        return np.tile(found, self._copies)

    @property
    def _copies(self) -> int:
        """S: how often the one expert counts, once a seed; 1 of classes that K-means cut."""
        return 1 if len(self.columns) else self.count // (int(self.labels.max()) + 1)

    @property
    def support(self) -> NDArray[np.float64]:
        """[K] share of the data in each class."""
        return self.sizes / len(self.labels)

    def members(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(rows [N], starts [K + 1]): class k holds transitions rows[starts[k]:starts[k + 1]]."""
        starts = np.concatenate([[0], np.cumsum(self.sizes)])
        by_class = np.argsort(self.labels, kind="stable")
        return np.tile(by_class[np.count_nonzero(self.labels < 0) :], self._copies), starts

    def classify(
        self,
        observations: NDArray[np.float32],
        actions: NDArray[np.float32],
        next_observations: NDArray[np.float32],
        lengths: NDArray[np.integer],
    ) -> NDArray[np.int32]:
        """[N] the nearest centroid of each transition; -1 where there are none.

        lengths: [E] of the episodes that the transitions are, end to end.
        """
        if len(self.columns) == 0:
            return np.full(len(actions), -1, np.int32)
        if len(self.behaviours):
            return self._classify_behaviour(observations, actions, lengths)
        labels = np.empty(len(actions), dtype=np.int32)
        norms = np.square(self.centroids).sum(axis=1)
        raw = _averaged([observations, actions, next_observations], lengths, int(self.window))
        for start in range(0, len(actions), _ASSIGN_CHUNK):
            part = slice(start, start + _ASSIGN_CHUNK)
            features = (raw[part, self.columns] - self.mean) / self.scale
            labels[part] = (norms - 2.0 * features @ self.centroids.T).argmin(axis=1)
        return labels

    def _classify_behaviour(
        self, observations: NDArray[np.float32], actions: NDArray[np.float32], lengths: NDArray[np.integer]
    ) -> NDArray[np.int32]:
        """[N] the nearest centroid, of those of the behaviour that the clones say where there are clones."""
        values = (np.concatenate([observations, actions], axis=1)[:, self.columns] - self.mean) / self.scale
        features = (moments(values, lengths, int(self.window)) - self.spread[0]) / self.spread[1]
        distances = np.square(self.centroids).sum(axis=1) - 2.0 * features @ self.centroids.T
        if self.clones is not None:
            behaviour = self.clones.labels(observations, actions, lengths)
            distances[behaviour[:, None] != self.behaviours] = np.inf
        return np.asarray(distances.argmin(axis=1), np.int32)

    def save(self, path: Path) -> None:
        """Writes `experts.npz`; of classes of steps, what there is of them."""
        arrays = dict(vars(self))
        clones = arrays.pop("clones")
        if not len(self.behaviours):
            arrays = {name: array for name, array in arrays.items() if name not in ("behaviours", "stride", "spread")}
        if clones is not None:
            arrays |= {_CLONES + name: array for name, array in vars(clones.seeing).items()}
            arrays |= {_CLONES + "weights": clones.weights, _CLONES + "turn": np.float64(clones.turn)}
        write_arrays(path, arrays)

    @staticmethod
    def load(path: Path) -> "Classes":
        """Reads `experts.npz`. Raises: SkillsError where it is damaged."""
        with reading(path, MAKE_AGAIN):
            arrays: dict[str, Any] = dict(read_arrays(path))
            of_clones = {name: arrays.pop(name) for name in list(arrays) if name.startswith(_CLONES)}
            if not of_clones:
                return Classes(**arrays)
            parts = {name.removeprefix(_CLONES): array for name, array in of_clones.items()}
            weights, turn = parts.pop("weights"), float(parts.pop("turn"))
            return Classes(**arrays, clones=Clones(Seeing(**parts), weights, turn))


def one_expert(total: int, rows: NDArray[np.integer], copies: int = 1) -> Classes:
    """One expert for each of `copies` seeds, always the same: these rows of `total`."""
    labels = np.full(total, -1, np.int32)
    labels[rows] = 0
    nothing = np.zeros(0, np.float32)
    return Classes(labels, np.zeros((copies, 0), np.float32), np.zeros(0, np.int64), nothing, nothing)


def cluster(transitions: Transitions, count: int, config: ExpertsConfig, seed: int) -> Classes:
    """Cuts a dataset into `count` classes with scikit-learn's K-means, or into as many as there are behaviours in it.

    Raises: SkillsError where there are fewer distinct transitions than classes, or a class stays empty.
    """
    if count > len(transitions):
        raise SkillsError(
            f"{count} classes cannot be cut from {len(transitions)} transitions.",
            f"Ask for at most {len(transitions)} with --skills, or use a larger dataset.",
            USAGE,
        )
    if config.features != "step" and config.labels != "returns":
        return _shuffled(_of_behaviours(transitions, None if config.inferred else count, config, seed), config, seed)
    if len(transitions) > config.batched_above and config.labels != "returns":
        return _shuffled(_all_filled(_by_batches(transitions, count, config.window, seed)), config, seed)
    parts = [transitions.observations, transitions.actions, transitions.next_observations]
    raw = _averaged(parts, transitions.lengths, config.window)
    mean, scale, columns = _scaling(raw)
    features = raw if len(columns) == raw.shape[1] else raw[:, columns]
    features -= mean
    features /= scale
    if config.labels == "returns":
        labels = _bands(transitions, count)
        centroids = np.stack([features[labels == band].mean(axis=0) for band in range(count)])
        return Classes(labels, centroids, columns, mean, scale, np.array(config.window))
    kmeans = KMeans(n_clusters=count, random_state=seed, n_init=1, max_iter=config.max_iterations, copy_x=False)
    # K-means adds the threads' partial sums in whatever order they finish. With two the sum is the same either way;
    # with more it is not, and the same seed would not give the same classes.
    with threadpool_limits(limits=2, user_api="openmp"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # too few distinct rows: said below, with what to do
        labels = kmeans.fit(features).labels_
    centroids = kmeans.cluster_centers_.astype(np.float32)
    classes = Classes(labels.astype(np.int32), centroids, columns, mean, scale, np.array(config.window))
    return _shuffled(_all_filled(classes), config, seed)


def _by_batches(transitions: Transitions, count: int, window: int, seed: int) -> Classes:
    """Classes of more rows than K-means goes over again and again."""
    episodes = transitions.lengths

    def steps(chosen: NDArray[np.int64]) -> tuple[list[NDArray[np.float32]], NDArray[np.int64]]:
        rows = transitions.rows_of(chosen)
        columns = (transitions.observations, transitions.actions, transitions.next_observations)
        return [one[rows] for one in columns], episodes[chosen]

    mean, scale, columns = feature_scaling(lambda chosen: _averaged(*steps(chosen), window), episodes)

    def features(chosen: NDArray[np.int64]) -> NDArray[np.float32]:
        return (_averaged(*steps(chosen), window)[:, columns] - mean) / scale

    centroids = centroids_of(features, episodes, count, seed)
    nothing = np.zeros(0, np.int32)
    classes = Classes(nothing, centroids, columns, mean, scale, np.array(window))
    labels = np.empty(len(transitions), np.int32)
    for chosen in blocks(episodes):
        (states, actions, after), lengths = steps(chosen)
        part = slice(transitions.bounds[chosen[0]], transitions.bounds[chosen[-1] + 1])
        labels[part] = classes.classify(states, actions, after, lengths)
    return replace(classes, labels=labels)


def _of_behaviours(transitions: Transitions, count: int | None, config: ExpertsConfig, seed: int) -> Classes:
    if config.features == "behaviour":
        found = cut(transitions, count, config.strides, seed)
    elif count is None:
        raise SkillsError(
            "How many policies there are must be said: PG-Kmeans does not find it.",
            "Name a number with --skills, or leave out --set experts.features=policy.",
            USAGE,
        )
    else:
        found = cut_by_policy(transitions, count, config.strides, config.max_iterations, seed)
    window, stride = np.array(config.strides * found.stride), np.array(found.stride)
    return _all_filled(
        Classes(
            found.labels.astype(np.int32), found.centroids, found.columns, found.mean, found.scale, window,
            found.behaviours.astype(np.int64), stride, found.spread, found.clones,
        )
    )  # fmt: skip


def _all_filled(classes: Classes) -> Classes:
    """The same. Raises: SkillsError (usage) where a class is empty."""
    empty = np.flatnonzero(classes.sizes == 0)
    if len(empty):
        raise SkillsError(
            f"{len(empty)} of {classes.count} classes are empty (the first is {empty[0]}): "
            "the data has too few distinct rows.",
            f"Ask for at most {classes.count - len(empty)} with --skills.",
            USAGE,
        )
    return classes


def _shuffled(classes: Classes, config: ExpertsConfig, seed: int) -> Classes:
    """The same, or its null."""
    if config.labels == "shuffled":
        return replace(classes, labels=np.random.default_rng(seed).permutation(classes.labels))
    return classes


def _bands(transitions: Transitions, count: int) -> NDArray[np.int32]:
    """[N] the band of each row's episode: ranked by return, episodes are cut into `count` bands of equal number.

    Raises: SkillsError (usage) where there are fewer episodes than bands.
    """
    episodes = len(transitions.episode_starts)
    if count > episodes:
        raise SkillsError(f"{episodes} episodes cannot be cut into {count} bands.", "Ask for fewer.", USAGE)
    rank = np.argsort(np.argsort(transitions.returns, kind="stable"))
    return np.repeat((rank * count // episodes).astype(np.int32), transitions.lengths)


def _averaged(parts: Sequence[NDArray[np.float32]], lengths: NDArray[np.integer], window: int) -> NDArray[np.float32]:
    """[N, sum of columns] the parts side by side, each row the mean over the window around it.

    lengths: [E] of the episodes, at whose ends a window is cut.
    """
    raw = np.concatenate(parts, axis=1)
    if window == 1:
        return raw
    for episode in np.split(raw, np.cumsum(lengths)[:-1]):  # views
        there = uniform_filter1d(np.ones(len(episode)), window, mode="constant")
        episode[:] = uniform_filter1d(episode, window, axis=0, mode="constant") / there[:, None]
    return raw


def _scaling(raw: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """(mean [F], scale [F], columns [F]). Columns that never change tell nothing apart and are dropped."""
    mean = raw.mean(axis=0, dtype=np.float64)
    std = raw.std(axis=0, dtype=np.float64)
    columns = np.flatnonzero(std > 1e-8)
    return mean[columns].astype(np.float32), std[columns].astype(np.float32), columns
