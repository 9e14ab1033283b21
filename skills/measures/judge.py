"""The judge: what the measures know of a dataset, from rows that discovery never saw; the same for every method.

Letters: K skills, R trials, T steps, N dataset windows, D descriptor size, O observation columns, M rows.
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from skills.arrays import Floats
from skills.bodies.body import body_of
from skills.bodies.references import references_of
from skills.data.transitions import Transitions
from skills.errors import SkillsError
from skills.learning.classes import Classes
from skills.measures.descriptor import Windows, cut_windows, describe, fit_whitening, read_steps
from skills.playing.protocol import Protocol
from skills.playing.trials import Trials, take_segments
from skills.progress import Reporter

_STRIDE = 8  # steps between the windows that the classifier learns from
_MOST_WINDOWS = 2000  # of the dataset that measures look for


class Judge:
    """Fitted once for a run's classes, before any method's trials are seen.

    classes: of discovery.   support: [K] share of the data in each.   returns: of discovery's episodes.
    steps: the held-out rows' motion.   cut: windows of them, overlapping.   labels: the class of each.
    whitening, step_whitening: of descriptors and of the features of a step.   step_range: the least and the greatest of
        each whitened feature of a step.
    windows: [N, D] whitened, held out, not overlapping.
    segments: random pieces of discovery's rows in the place of trials.
    """

    def __init__(
        self,
        discovery: Transitions,
        held: Transitions,
        classes: Classes,
        protocol: Protocol,
        seed: int,
        reporter: Reporter,
    ) -> None:
        self.env_id = held.env_id
        self.protocol = protocol
        self.classes = classes
        self.support = classes.support
        self.count = classes.count
        self.returns = discovery.returns
        self.seconds = body_of(self.env_id).seconds_per_step
        progress = reporter("fitting the judge", "parts")
        generator = np.random.default_rng([seed, self.count])
        self.steps = read_steps(held.observations, self.env_id)
        self.cut = cut_windows(held.episode_starts, held.lengths, protocol.window, stride=_STRIDE)
        labels = classes.classify(held.observations, held.actions, held.next_observations, held.lengths)
        self.labels = labels[self.cut.middles]
        if len(np.unique(self.labels)) < 2:
            raise SkillsError(
                f"The data that the judge learns from are {len(self.cut)} windows of {protocol.window} steps,"
                " all of one class: nothing can be told apart.",
                "Evaluate a run on more rows, in longer episodes.",
            )
        described = describe(self.steps, self.cut)
        self.whitening = fit_whitening(described)
        self.step_whitening = fit_whitening(self.steps.features)
        whitened = self.step_whitening.transform(self.steps.features)
        self.step_range = whitened.min(axis=0), whitened.max(axis=0)
        progress(1, 4)
        self._classifier = LogisticRegression(class_weight="balanced", max_iter=100, tol=1e-3)
        self._classifier.fit(self.whitening.transform(described), self.labels)
        progress(2, 4)
        apart = cut_windows(held.episode_starts, held.lengths, protocol.window)
        chosen = generator.permutation(len(apart))[:_MOST_WINDOWS]
        self.windows = self.whitening.transform(describe(self.steps, apart.take(chosen)))
        progress(3, 4)
        self.segments = take_segments(discovery, classes, self.count, generator, protocol)
        progress(4, 4)

    @cached_property
    def random(self) -> "Played":
        """The random segments, described."""
        return Played(self.segments, self)

    def windows_of(self, transitions: Transitions) -> tuple[Floats, NDArray[np.int64]]:
        """[N, D] whitened windows of any rows, not overlapping, and [N] the row in the middle of each."""
        cut = cut_windows(transitions.episode_starts, transitions.lengths, self.protocol.window)
        cut = cut.take(np.random.default_rng(self.count).permutation(len(cut))[: 2 * _MOST_WINDOWS])
        rows: Floats = self.whitening.transform(describe(read_steps(transitions.observations, self.env_id), cut))
        return rows, cut.middles

    def normalise(self, returns: Floats) -> Floats:
        """Scores: 0 a random policy's return, 100 an expert's (D4RL's references); the returns where there are none."""
        references = references_of(self.env_id)
        if references is None:
            return returns
        low, high = references
        return 100.0 * (returns - low) / (high - low)

    def log_probabilities(self, windows: Floats) -> Floats:
        """[N, D] whitened windows -> [N, K] log probability of each class; next to none of a class without windows."""
        found = np.full((len(windows), self.count), np.log(1e-12))
        with np.errstate(divide="ignore"):  # far off the data a probability rounds to 0: that class is out
            found[:, self._classifier.classes_] = self._classifier.predict_log_proba(windows)
        return found


class Played:
    """A method's trials as the judge describes them.

    steps: the motion of the played steps [M], trial after trial.   whole: each trial as one window of them.
    windows: [V, D] whitened, not overlapping, trial after trial.   owners: [V] the trial (k * R + r) of each.
    """

    def __init__(self, trials: Trials, judge: Judge) -> None:
        self.judge = judge
        self.trials = trials
        self.shape = trials.shape
        self._mask = np.arange(trials.observations.shape[2]) < trials.lengths[..., None]
        self.steps = read_steps(trials.observations[self._mask], judge.env_id)
        lengths = trials.lengths.ravel()
        self.whole = Windows(np.cumsum(lengths) - lengths, lengths, judge.protocol.steps)
        cut = cut_windows(self.whole.starts, lengths, judge.protocol.window)
        self.windows: Floats = judge.whitening.transform(describe(self.steps, cut))
        self.owners = np.searchsorted(self.whole.starts, cut.starts, side="right") - 1

    @cached_property
    def means(self) -> Floats:
        """[K, R, D] the mean of each trial's windows."""
        return self.over_windows(self.windows)

    @cached_property
    def log_probabilities(self) -> Floats:
        """[K, R, K] of each class, the mean over each trial's windows."""
        return self.over_windows(self.judge.log_probabilities(self.windows))

    def over_windows(self, values: Floats) -> Floats:
        """[V, ...] of windows -> [K, R, ...], the mean over each trial's."""
        firsts = np.searchsorted(self.owners, np.arange(self.shape[0] * self.shape[1]))
        sums = np.add.reduceat(values, firsts, axis=0)
        return np.asarray((sums / np.bincount(self.owners)[:, None]).reshape(*self.shape, -1))

    def spread(self, rows: Floats) -> Floats:
        """[M, F] of played steps -> [K, R, T, F], 0 in the padding."""
        laid = np.zeros((*self._mask.shape, rows.shape[1]))
        laid[self._mask] = rows
        return laid
