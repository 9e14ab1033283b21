"""How usual are the steps of a log, and its episodes, by what a run's data are like?

What the body does next follows from where it is and what it is told: a ridge regression on random rectified features
says what is to be expected, and a Gaussian of each class how far (s, a) and what came of it are from that there. Where
a body has just been put down, or its feet hit the ground, that is farther than elsewhere: another regression says how
far is usual. So a weak motor, a dead sensor or a push stands out though every posture is an ordinary one.

Letters: N rows, E episodes, O observation columns, A action size, M inputs of the regression, F = O + A + O, K classes,
L lengths of time.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skills.arrays import Float32s, Floats, Ids
from skills.bodies.body import body_of
from skills.data.transitions import Transitions
from skills.files import read_arrays, write_arrays
from skills.learning.classes import Classes
from skills.learning.windows import means
from skills.progress import silent_reporter, unsaid
from skills.runs.folder import RunFolder
from skills.runs.reading import read

_VERSION = 1
_FITTED = 200_000  # rows at most that all is fitted to
_RANDOM = 256  # features
_RIDGE = 1e-3  # a row
_CLIP = 5.0  # standard deviations: a ReLU's line goes on for ever
_CHUNK = 65_536  # rows looked at at once
_FLOOR = 1e-4  # of a standardised column, squared: what hardly varies is not known more exactly than that
_LEAST = 1e-3  # of a distance, before its logarithm
_SECONDS = (0.1, 1.0)  # a push is short, a fault lasts; the third length is the whole episode
_INPUTS = "inputs_"


@dataclass(frozen=True)
class Inputs:
    """How (s, a) becomes the regression's M inputs: itself, a one, and rectified features of it in random directions.

    mean, scale: [C] of (s, a).   directions: [C, R] and shifts: [R] of the random features.
    """

    mean: Float32s
    scale: Float32s
    directions: Float32s
    shifts: Float32s

    @staticmethod
    def of(given: Float32s, rng: np.random.Generator) -> "Inputs":
        """Those that standardise (s, a), [N, C]."""
        size = given.shape[1]
        mean, scale = given.mean(axis=0, dtype=np.float64), given.std(axis=0, dtype=np.float64)
        directions = rng.standard_normal((size, _RANDOM)) / np.sqrt(size)
        shifts = rng.uniform(-1.0, 1.0, _RANDOM)
        parts = (mean, np.where(scale > 1e-8, scale, 1.0), directions, shifts)
        return Inputs(*(part.astype(np.float32) for part in parts))

    def __call__(self, given: Float32s) -> Float32s:
        """[N, M]"""
        rows = ((given - self.mean) / self.scale).clip(-_CLIP, _CLIP)
        ones = np.ones((len(rows), 1), np.float32)
        return np.concatenate([ones, rows, np.maximum(rows @ self.directions + self.shifts, 0.0)], axis=1)


@dataclass(frozen=True)
class Likeness:
    """inputs: of the regression, from (s, a).   weights: [M, O] that give s' - s.

    mean, scale: [F] that (s, a) and the regression's errors are standardised with.   middles: [K, F].
    roots: [K, F, F], so that the square of (x - middle) @ root is the Mahalanobis distance to the class, squared.
    usual: [M] that give the logarithm of it which is usual, within `bounds` [2].   spread: [] how far it varies.
    calm, range: [L] the same of the data's episodes, by length of time.
    """

    inputs: Inputs
    weights: Float32s
    mean: Float32s
    scale: Float32s
    middles: Float32s
    roots: Float32s
    usual: Float32s
    bounds: Float32s
    spread: Float32s
    calm: Floats
    range: Floats

    @staticmethod
    def fit(data: Transitions, labels: NDArray[np.integer], count: int) -> "Likeness":
        """Of a dataset's rows and their classes [N]."""
        rows = np.arange(0, len(data), max(1, -(-len(data) // _FITTED)))
        rows = rows[labels[rows] >= 0]
        given, change = _given(data, rows), _change(data, rows)
        inputs = Inputs.of(given, np.random.default_rng(0))
        weights = _ridge(inputs, given, change)
        x, of = np.concatenate([given, change - inputs(given) @ weights], axis=1), labels[rows]
        mean, scale = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-6)
        middles, roots = _gaussians((x - mean) / scale, of, count)
        parts = (inputs, weights, mean, scale, middles, roots)
        lengths = len(_SECONDS) + 1
        nothing = np.zeros(inputs.directions.shape[1] + given.shape[1] + 1, np.float32)
        rest = np.zeros(2, np.float32), np.ones((), np.float32), np.zeros(lengths), np.ones(lengths)
        raw = Likeness(*parts, nothing, *rest)
        distances = raw.surprise(data, np.maximum(labels, 0))
        usual = _ridge(inputs, given, distances[rows][:, None])[:, 0]
        said = inputs(given) @ usual
        bounds = np.quantile(said, [0.01, 0.99]).astype(np.float32)
        spread = np.array((distances[rows] - said.clip(*bounds)).std(), np.float32)
        known = Likeness(*parts, usual, bounds, spread, *rest[2:])
        scores = known.scores(known.surprise(data, np.maximum(labels, 0)), data)
        calm, high = np.quantile(scores, [0.5, 0.9], axis=0)
        return replace(known, calm=calm, range=np.maximum(high - calm, 1e-3))

    def surprise(self, log: Transitions, classes: NDArray[np.integer]) -> Float32s:
        """[N] how much farther from its class a step is than is usual there, in what that varies by; 0 usual."""
        found = np.empty(len(log), np.float32)
        for start in range(0, len(log), _CHUNK):
            rows = np.arange(start, min(start + _CHUNK, len(log)))
            given = _given(log, rows)
            seen = self.inputs(given)
            x = (np.concatenate([given, _change(log, rows) - seen @ self.weights], axis=1) - self.mean) / self.scale
            of = classes[rows]
            distance = np.empty(len(rows), np.float32)
            for one in np.unique(of):
                its = np.flatnonzero(of == one)
                distance[its] = np.square((x[its] - self.middles[one]) @ self.roots[one]).mean(axis=1)
            found[rows] = (np.log(distance + _LEAST) - (seen @ self.usual).clip(*self.bounds)) / self.spread
        return found

    def scores(self, surprise: Float32s, log: Transitions) -> Floats:
        """[N] -> [E, L] the mean of an episode's most surprising time of each length."""
        values = np.maximum(surprise, 0.0)[:, None]
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


def _gaussians(x: Float32s, of: NDArray[np.integer], count: int) -> tuple[Float32s, Float32s]:
    """(middles [K, F], roots [K, F, F]) of rows [n, F] of classes [n].

    A class's covariance is drawn towards that of all classes together, the more the fewer rows it has.
    """
    size = x.shape[1]
    middles, roots = np.zeros((count, size), np.float32), np.empty((count, size, size), np.float32)
    members = [np.flatnonzero(of == one) for one in range(count)]
    for one, its in enumerate(members):
        if len(its):
            middles[one] = x[its].mean(axis=0)
    apart = (x - middles[of]).astype(np.float64)
    together = apart.T @ apart / len(x)
    for one, its in enumerate(members):
        share = len(its) / (len(its) + 2.0 * size)
        own = apart[its].T @ apart[its] / max(len(its), 1)
        covariance = share * own + (1.0 - share) * together + _FLOOR * np.eye(size)
        roots[one] = np.linalg.inv(np.linalg.cholesky(covariance)).T
    return middles, roots


def _ridge(inputs: Inputs, given: Float32s, wanted: Float32s) -> Float32s:
    """[M, W] weights of the inputs that give what is wanted, [n, W]."""
    size = inputs(given[:1]).shape[1]
    squares, products = np.zeros((size, size)), np.zeros((size, wanted.shape[1]))
    for start in range(0, len(given), _CHUNK):
        part = slice(start, start + _CHUNK)
        x = inputs(given[part])
        squares += (x.T @ x).astype(np.float64)
        products += (x.T @ wanted[part]).astype(np.float64)
    penalty = _RIDGE * len(given) * np.eye(size)
    return np.asarray(np.linalg.solve(squares + penalty, products), np.float32)


def _given(data: Transitions, rows: Ids) -> Float32s:
    return np.concatenate([data.observations[rows], data.actions[rows]], axis=1)


def _change(data: Transitions, rows: Ids) -> Float32s:
    return data.next_observations[rows] - data.observations[rows]


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
