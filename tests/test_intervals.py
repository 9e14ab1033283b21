"""The hierarchical bootstrap against what theory says."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from skills.measures.intervals import (
    FEWEST_TRIALS,
    Interval,
    bootstrap,
    draw_trials,
    every_trial,
    interval,
    point,
    resampled,
)

K, R = 20, 10


def mean_of(values: np.ndarray):
    return lambda choice: {"mean": float(np.take_along_axis(values, choice, axis=1).mean())}


def test_the_interval_of_a_mean_is_as_wide_as_its_standard_error():
    values = np.random.default_rng(0).normal(3.0, 1.0, (K, R))
    draws = bootstrap([mean_of(values)], (K, R), np.random.default_rng(1))
    found = interval(point([mean_of(values)], (K, R))["mean"], draws["mean"])
    assert found.value == pytest.approx(values.mean())
    assert found.low is not None
    assert found.high is not None
    expected = 2 * 1.96 * values.std(axis=1).mean() / np.sqrt(K * R)
    assert found.high - found.low == pytest.approx(expected, rel=0.1)


def test_seeds_that_differ_widen_the_interval():
    same = [mean_of(np.zeros((K, R))), mean_of(np.zeros((K, R)))]
    apart = [mean_of(np.zeros((K, R))), mean_of(np.ones((K, R)))]
    assert np.ptp(bootstrap(same, (K, R), np.random.default_rng(0), 200)["mean"]) == 0
    draws = bootstrap(apart, (K, R), np.random.default_rng(0), 200)["mean"]
    assert set(draws) == {0.0, 0.5, 1.0}
    assert point(apart, (K, R)) == {"mean": 0.5}


def test_the_same_generator_gives_the_same_draws():
    statistic = mean_of(np.random.default_rng(0).normal(size=(K, R)))
    first, again = (bootstrap([statistic], (K, R), np.random.default_rng(7), 50)["mean"] for _ in range(2))
    assert (first == again).all()


def test_the_halves_of_a_choice_never_mix():
    choice = draw_trials(K, R, np.random.default_rng(0))
    assert choice.shape == (K, R)
    assert (choice[:, : R // 2] < R // 2).all()
    assert (choice[:, R // 2 :] >= R // 2).all()
    assert (draw_trials(K, 1, np.random.default_rng(0)) == 0).all()
    assert (every_trial(2, 3) == [[0, 1, 2], [0, 1, 2]]).all()


def test_the_shift_of_the_draws_is_taken_off_and_the_bounds_hold():
    draws = np.linspace(0.5, 0.7, 2001)  # of a number that is 0.95
    assert interval(0.95, draws).low == pytest.approx(0.855)
    assert interval(0.95, draws, highest=1.0).high == 1.0
    assert interval(float("nan"), draws) == Interval(None, None, None)


def test_draws_without_the_number_are_left_out():
    draws = np.full(2000, np.nan)
    draws[::2] = np.linspace(1.0, 3.0, 1000)
    found = interval(2.0, draws)
    assert (found.low, found.high) == (pytest.approx(1.05, abs=0.01), pytest.approx(2.95, abs=0.01))
    assert interval(2.0, np.full(9, np.nan)) == Interval(2.0, None, None)


@pytest.mark.parametrize("trials", [1, 2, 3])
def test_of_too_few_trials_there_is_no_interval(trials: int) -> None:
    """Each half would be drawn from one trial: the same in every draw, an interval of no width."""
    values = np.random.default_rng(0).normal(3.0, 1.0, (K, trials))
    draws = bootstrap([mean_of(values)], (K, trials), np.random.default_rng(0), 20)["mean"]
    ours = interval(float(values.mean()), draws)
    assert ours == Interval(float(values.mean()), None, None)
    assert not ours.above(Interval(0.0, -1.0, 1.0))


def test_of_the_fewest_trials_there_is_one() -> None:
    values = np.random.default_rng(0).normal(3.0, 1.0, (K, FEWEST_TRIALS))
    assert np.ptp(bootstrap([mean_of(values)], values.shape, np.random.default_rng(0), 20)["mean"]) > 0


def test_above_means_apart():
    assert Interval(2, 1.5, 2.5).above(Interval(1, 0.5, 1.4))
    assert not Interval(2, 1.5, 2.5).above(Interval(1, 0.5, 1.6))
    assert not Interval(2, 1.5, 2.5).above(Interval(None, None, None))


def test_draws_without_a_number_are_left_out_in_silence(recwarn):
    """Some draws hold one episode three times, which correlates with nothing."""
    pairs = [np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])]
    found = resampled(lambda x, y: float(spearmanr(x, y).statistic), pairs, np.random.default_rng(0))
    assert found.value == pytest.approx(0.5)
    assert found.low == -1.0
    assert found.high == 1.0
    assert not [one for one in recwarn if one.category.__name__ == "DegenerateDataWarning"]
