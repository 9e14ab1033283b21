"""Scores, survival and falls of constructed trials."""

import numpy as np
import pytest

from skills.bodies.fates import OUTCOMES, Outcome
from skills.measures.intervals import every_trial
from skills.measures.judged.quality import quality
from skills.playing.trials import Trials

K, R = 8, 4


def trials(survived: np.ndarray, fates: np.ndarray) -> Trials:
    """fates: [K, R] of `Outcome`s."""
    empty = np.zeros((K, R, 1, 1), np.float32)
    codes = np.vectorize(OUTCOMES.index)(fates).astype(np.int8)
    return Trials(empty, np.ones((K, R), np.int64), np.zeros((K, R, 1), np.int16), np.zeros((K, R)), survived, codes)


def standing() -> np.ndarray:
    return np.full((K, R), Outcome.STAYS_UP, object)


def test_the_best_is_chosen_on_one_half_and_scored_on_the_other():
    upright = trials(np.full((K, R), 1000), standing())
    scores = np.zeros((K, R))
    scores[2, :2] = 100  # lucky in the first half
    scores[5] = 50
    assert quality(scores, upright, 0.05, 1000, every_trial(K, R))["best"] == 0
    scores[2, 2:] = 60
    assert quality(scores, upright, 0.05, 1000, every_trial(K, R))["best"] == 60


def test_the_mean_leaves_out_the_outer_quarters():
    upright = trials(np.full((K, R), 1000), standing())
    scores = np.repeat(np.array([-1000, -1000, 1, 2, 3, 4, 1000, 1000.0])[:, None], R, axis=1)
    found = quality(scores, upright, 0.05, 1000, every_trial(K, R))
    assert found["iqm"] == pytest.approx(2.5)
    assert found["survival"] == 1
    assert np.isnan(found["time_to_fall"])


def test_falls_are_counted_and_timed_and_a_leap_is_no_fall():
    survived, fates = np.full((K, R), 1000), standing()
    survived[0], fates[0] = [100, 100, 300, 300], Outcome.FALLS
    survived[1], fates[1] = 600, Outcome.LEAPS
    survived[2, 0], fates[2, 0] = 0, Outcome.LIES
    fates[3] = Outcome.STUCK
    fates[4, :2] = Outcome.STANDS
    found = quality(np.zeros((K, R)), trials(survived, fates), 0.05, 1000, every_trial(K, R))
    assert found["survival"] == pytest.approx((5 + 0.2 + 0.6 + 0.75) / 8)
    assert found["time_to_fall"] == pytest.approx(0.05 * (100 + 100 + 300 + 300 + 0) / 5)
    shares = {name: found[name] * K * R for name in ("falls", "tips", "lies", "leaps", "stuck", "stands")}
    assert shares == pytest.approx({"falls": 4, "tips": 0, "lies": 1, "leaps": 4, "stuck": 4, "stands": 2})
