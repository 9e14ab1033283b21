"""How usual are the steps of a log, and its episodes, by what a run's data are like?

What the body does next follows from where it is and what it is told: a ridge regression on random rectified features
says what is to be expected, and a Gaussian of each class how far (s, a) and what came of it are from that there. So a
weak motor, a dead sensor or a push stands out though every posture is an ordinary one.

Letters: N rows, E episodes, O observation columns, A action size, M inputs of the regression, F = O + A + O, K classes,
L lengths of time.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skills.arrays import Float32s, Floats, Ids
from skills.bodies.body import body_of
from skills.data.transitions import Transitions
from skills.files import read_arrays, write_arrays
from skills.learning.classes import Classes
from skills.learning.clones import Inputs
from skills.learning.windows import means
from skills.progress import silent_reporter, unsaid
from skills.runs.folder import RunFolder
from skills.runs.reading import read

_VERSION = 1
_FITTED = 200_000  # rows at most that all is fitted to
_RANDOM = 256  # features
_RIDGE = 1e-3  # a row
_CHUNK = 65_536  # rows looked at at once
_FLOOR = 1e-4  # of a standardised column, squared: what hardly varies is not known more exactly than that
_SECONDS = (0.1, 1.0)  # a push is short, a fault lasts; the third length is the whole episode
_INPUTS = "inputs_"


@dataclass(frozen=True)
class Likeness:
    """inputs: of the regression, from (s, a).   weights: [M, O] that give s' - s.

    mean, scale: [F] that (s, a) and the regression's errors are standardised with.   middles: [K, F].
    roots: [K, F, F], so that the square of (x - middle) @ root is the Mahalanobis distance to the class, squared.
    usual, spread: [K] median of that in the class's own rows, and how far it varies there.
    calm, range: [L] the same of the data's episodes, by length of time.
    """

    inputs: Inputs
    weights: Float32s
    mean: Float32s
    scale: Float32s
    middles: Float32s
    roots: Float32s
    usual: Float32s
    spread: Float32s
    calm: Floats
    range: Floats

    @staticmethod
    def fit(data: Transitions, labels: NDArray[np.integer], count: int) -> "Likeness":
        """Of a dataset's rows and their classes [N].

        A class's covariance is drawn towards that of all classes together, the more the fewer rows it has.
        """
        rows = np.arange(0, len(data), max(1, -(-len(data) // _FITTED)))
        rows = rows[labels[rows] >= 0]
        inputs, weights = _regression(data, rows)
        x, of = _errors(inputs, weights, data, rows), labels[rows]
        mean, scale = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-6)
        x = (x - mean) / scale
        size = x.shape[1]
        middles = np.zeros((count, size), np.float32)
        members = [np.flatnonzero(of == one) for one in range(count)]
        for one, its in enumerate(members):
            if len(its):
                middles[one] = x[its].mean(axis=0)
        apart = (x - middles[of]).astype(np.float64)
        together = apart.T @ apart / len(x)
        roots = np.empty((count, size, size), np.float32)
        usual, spread = np.zeros(count, np.float32), np.ones(count, np.float32)
        for one, its in enumerate(members):
            share = len(its) / (len(its) + 2.0 * size)
            own = apart[its].T @ apart[its] / max(len(its), 1)
            covariance = share * own + (1.0 - share) * together + _FLOOR * np.eye(size)
            roots[one] = np.linalg.inv(np.linalg.cholesky(covariance)).T
            if len(its):
                distance = np.square(apart[its] @ roots[one]).sum(axis=1)
                low, usual[one], high = np.quantile(distance, [0.1, 0.5, 0.9])
                spread[one] = max(high - low, 1.0)
        lengths = len(_SECONDS) + 1
        parts = (inputs, weights, mean, scale, middles, roots, usual, spread)
        raw = Likeness(*parts, np.zeros(lengths), np.ones(lengths))
        scores = raw.scores(raw.surprise(data, np.maximum(labels, 0)), data)
        calm, high = np.quantile(scores, [0.5, 0.9], axis=0)
        return Likeness(*parts, calm, np.maximum(high - calm, 1e-3))

    def surprise(self, log: Transitions, classes: NDArray[np.integer]) -> Float32s:
        """[N] how much farther from its class a step is than the class's own, in what these vary by; 0 usual."""
        found = np.empty(len(log), np.float32)
        for start in range(0, len(log), _CHUNK):
            rows = np.arange(start, min(start + _CHUNK, len(log)))
            x = (_errors(self.inputs, self.weights, log, rows) - self.mean) / self.scale
            of = classes[rows]
            for one in np.unique(of):
                its = np.flatnonzero(of == one)
                distance = np.square((x[its] - self.middles[one]) @ self.roots[one]).sum(axis=1)
                found[rows[its]] = (distance - self.usual[one]) / self.spread[one]
        return found

    def scores(self, surprise: Float32s, log: Transitions) -> Floats:
        """[N] -> [E, L] the mean of an episode's most surprising time of each length, on a logarithmic scale."""
        values = np.log1p(np.maximum(surprise, 0.0))[:, None]
        step = body_of(log.env_id).seconds_per_step
        lengths = log.lengths
        columns = []
        for seconds in _SECONDS:
            around = means(values, lengths, max(1, round(seconds / step)))[:, 0]
            columns.append(np.maximum.reduceat(around, log.episode_starts))
        columns.append(np.add.reduceat(values[:, 0].astype(np.float64), log.episode_starts) / lengths)
        return np.stack(columns, axis=1).astype(np.float64)

    def unusual(self, surprise: Float32s, log: Transitions) -> Floats:
        """[N] -> [E] how far an episode lies above the data's own, by the length of time where it does so most."""
        return np.asarray(((self.scores(surprise, log) - self.calm) / self.range).max(axis=1))


def _regression(data: Transitions, rows: Ids) -> tuple[Inputs, Float32s]:
    """Fitted to some rows: standardised (s, a), and that again through random rectified directions, gives s' - s."""
    given = _given(data, rows)
    size = given.shape[1]
    rng = np.random.default_rng(0)
    mean, scale = given.mean(axis=0, dtype=np.float64), given.std(axis=0, dtype=np.float64)
    drawn = rng.standard_normal((size, _RANDOM)) / np.sqrt(size), rng.uniform(-1.0, 1.0, _RANDOM)
    parts = (mean, np.where(scale > 1e-8, scale, 1.0), *drawn)
    inputs = Inputs(*(part.astype(np.float32) for part in parts))
    squares, products = 0.0, 0.0
    for start in range(0, len(rows), _CHUNK):
        part = slice(start, start + _CHUNK)
        x = inputs(given[part])
        squares += (x.T @ x).astype(np.float64)
        products += (x.T @ _change(data, rows[part])).astype(np.float64)
    penalty = _RIDGE * len(rows) * np.eye(len(squares))
    return inputs, np.linalg.solve(squares + penalty, products).astype(np.float32)


def _given(data: Transitions, rows: Ids) -> Float32s:
    return np.concatenate([data.observations[rows], data.actions[rows]], axis=1)


def _change(data: Transitions, rows: Ids) -> Float32s:
    return data.next_observations[rows] - data.observations[rows]


def _errors(inputs: Inputs, weights: Float32s, data: Transitions, rows: Ids) -> Float32s:
    """[n, F] (s, a) and what the regression errs by."""
    given = _given(data, rows)
    return np.concatenate([given, _change(data, rows) - inputs(given) @ weights], axis=1)


def likeness(run: RunFolder, classes: Classes) -> Likeness:
    """That of a run's data, fitted once and then kept in its folder."""
    key = repr((_VERSION, sorted(run.manifest["stages"]["experts"]["files"].items())))
    if run.likeness_file.is_file():
        arrays: dict[str, Any] = dict(read_arrays(run.likeness_file))
        if str(arrays.pop("key")) == key:
            names = [name for name in arrays if name.startswith(_INPUTS)]
            inputs = Inputs(**{name.removeprefix(_INPUTS): arrays.pop(name) for name in names})
            return Likeness(inputs, **arrays)
    data = read(run, "auto", silent_reporter, unsaid).own
    found = Likeness.fit(data, classes.labels, classes.count)
    arrays = dict(vars(found))
    arrays |= {_INPUTS + name: array for name, array in vars(arrays.pop("inputs")).items()}
    write_arrays(run.likeness_file, {**arrays, "key": np.array(key)})
    return found
