"""Intervals: a hierarchical bootstrap over discovery seeds, then over the trials of each skill.

Letters: S seeds, K skills, R trials.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

DRAWS = 2000
CONFIDENCE = 0.95
FEWEST_TRIALS = (
    4  # of each skill, for an interval: each half of them is drawn from, and of one there is nothing to draw
)
SEED = 20231108  # of every bootstrap

Choice = NDArray[np.int64]  # [K, R'] which trials of each skill are looked at
ByName = Mapping[str, float]
Statistic = Callable[[Choice], ByName]


@dataclass(frozen=True)
class Interval:
    """A number and its 95 % interval; None where the number does not exist for this body or this method."""

    value: float | None
    low: float | None
    high: float | None

    def above(self, other: "Interval") -> bool:
        """Whether the whole of this interval lies above the whole of another."""
        return self.low is not None and other.high is not None and self.low > other.high


def every_trial(skills: int, trials: int) -> Choice:
    """[K, R] each trial once."""
    return np.broadcast_to(np.arange(trials), (skills, trials))


def draw_trials(skills: int, trials: int, generator: np.random.Generator) -> Choice:
    """[K, R] trials drawn with replacement, each skill's its own.

    The first half of the columns comes from the first half of the trials, the second from the second, so that a choice
    made on one half never sees the other.
    """
    half = trials // 2
    first = generator.integers(0, max(half, 1), (skills, half))
    return np.concatenate([first, generator.integers(half, trials, (skills, trials - half))], axis=1)


def point(statistics: Sequence[Statistic], shape: tuple[int, int]) -> dict[str, float]:
    """Each number on the trials as they are, averaged over the seeds."""
    return _mean([statistic(every_trial(*shape)) for statistic in statistics])


def bootstrap(
    statistics: Sequence[Statistic], shape: tuple[int, int], generator: np.random.Generator, draws: int = DRAWS
) -> dict[str, NDArray[np.float64]]:
    """[draws] of each number: seeds drawn with replacement, then trials within each.

    statistics: one a seed; all give numbers of the same names.   shape: (K, R), the same for all seeds.
    All draws are NaN where there are too few trials to draw from (`FEWEST_TRIALS`).
    """
    if shape[1] < FEWEST_TRIALS:
        return dict.fromkeys(point(statistics, shape), np.full(draws, np.nan))
    rows = []
    for _ in range(draws):
        seeds = generator.integers(0, len(statistics), len(statistics))
        rows.append(_mean([statistics[seed](draw_trials(*shape, generator)) for seed in seeds]))
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def centre(value: float, draws: NDArray[np.float64]) -> NDArray[np.float64]:
    """The draws around the number that they are of.

    Drawing with replacement repeats some trials and leaves others out, which shifts a distance between means up and a
    union of places down. The shift is no part of the uncertainty.
    """
    return np.asarray(draws - draws.mean() + value)


def interval(value: float, draws: NDArray[np.float64], *, lowest: float = -np.inf, highest: float = np.inf) -> Interval:
    """The percentile interval of centred draws, within what the number can be; of no number where it is NaN.

    Draws in which the number does not exist (nobody falls, so there is no time to fall) are left out; where it exists
    in none, there is no interval.
    """
    if not np.isfinite(value):
        return Interval(None, None, None)
    tail = (1.0 - CONFIDENCE) / 2.0
    existing = draws[np.isfinite(draws)]
    if not len(existing):
        return Interval(float(value), None, None)
    low, high = np.clip(np.quantile(centre(value, existing), [tail, 1.0 - tail]), lowest, highest)
    return Interval(float(value), min(float(low), float(value)), max(float(high), float(value)))


def resampled(
    statistic: Callable[..., float], samples: Sequence[NDArray[np.float64]], generator: np.random.Generator
) -> Interval:
    """A number of independent things (episodes, skills) and its percentile interval over draws of them.

    samples: what is known of each thing, [n] each; `statistic` takes them in this order.
    Of no number where it is NaN, or there is one thing only.
    """
    value = float(statistic(*samples))
    if not np.isfinite(value) or len(samples[0]) < 2:
        return Interval(None, None, None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)  # draws of which there is no number are left out
        draws = stats.bootstrap(
            samples, statistic, paired=True, vectorized=False, n_resamples=DRAWS, method="percentile", rng=generator
        ).bootstrap_distribution
    tail = (1.0 - CONFIDENCE) / 2.0
    low, high = np.quantile(draws[np.isfinite(draws)], [tail, 1.0 - tail])
    return Interval(value, float(low), float(high))


def student(values: Sequence[float], *, lowest: float = -np.inf, highest: float = np.inf) -> Interval:
    """The mean of independent values, such as one a seed, and its interval by Student's t, within what it can be.

    No interval of a single value.
    """
    mean = float(np.mean(values))
    if len(values) < 2:
        return Interval(mean, None, None)
    half = float(stats.t.ppf((1.0 + CONFIDENCE) / 2.0, len(values) - 1) * stats.sem(values))
    return Interval(mean, max(mean - half, lowest), min(mean + half, highest))


def _mean(values: Sequence[ByName]) -> dict[str, float]:
    return {name: float(np.mean([value[name] for value in values])) for name in values[0]}
