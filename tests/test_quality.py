"""Scores, survival and falls of constructed trials."""

import numpy as np
import pytest

from skills.measures.intervals import every_trial
from skills.measures.judged.quality import quality
from skills.playing.trials import Trials

K, R = 8, 4


def trials(survived: np.ndarray, fell: np.ndarray) -> Trials:
    empty = np.zeros((K, R, 1, 1), np.float32)
    return Trials(empty, np.ones((K, R), np.int64), np.zeros((K, R, 1), np.int16), np.zeros((K, R)), survived, fell)


def test_the_best_is_chosen_on_one_half_and_scored_on_the_other():
    standing = trials(np.full((K, R), 1000), np.zeros((K, R), bool))
    scores = np.zeros((K, R))
    scores[2, :2] = 100  # lucky in the first half
    scores[5] = 50
    assert quality(scores, standing, 0.05, 1000, every_trial(K, R))["best"] == 0
    scores[2, 2:] = 60
    assert quality(scores, standing, 0.05, 1000, every_trial(K, R))["best"] == 60


def test_the_mean_leaves_out_the_outer_quarters():
    standing = trials(np.full((K, R), 1000), np.zeros((K, R), bool))
    scores = np.repeat(np.array([-1000, -1000, 1, 2, 3, 4, 1000, 1000.0])[:, None], R, axis=1)
    found = quality(scores, standing, 0.05, 1000, every_trial(K, R))
    assert found["iqm"] == pytest.approx(2.5)
    assert found["survival"] == 1
    assert np.isnan(found["time_to_fall"])


def test_falls_are_counted_and_timed():
    survived, fell = np.full((K, R), 1000), np.zeros((K, R), bool)
    survived[0], fell[0] = [100, 100, 300, 300], True
    found = quality(np.zeros((K, R)), trials(survived, fell), 0.05, 1000, every_trial(K, R))
    assert found["survival"] == pytest.approx((7 + 0.2) / 8)
    assert found["time_to_fall"] == pytest.approx(10.0)
