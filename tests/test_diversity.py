"""Diversity of constructed skills with known answers."""

import numpy as np
import pytest
from constructed import TRIALS, identical, shuffled, skills

from skills.measures.intervals import every_trial
from skills.measures.judged.diversity import diversity, mean_distance, reference_distance, successor_features


def ratio(successors: np.ndarray, reference: float) -> float:
    return diversity(successors, reference, every_trial(*successors.shape[:2]))


def test_distinct_skills_are_as_far_apart_as_their_corners():
    assert ratio(skills(30, 1), 10 * np.sqrt(2)) == pytest.approx(1, abs=0.01)


def test_ten_skills_copied_ten_times_still_score_nearly_full():
    pairs_apart = (100 * 99 - 10 * 10 * 9) / (100 * 99)
    assert ratio(skills(10, 10), 10 * np.sqrt(2)) == pytest.approx(pairs_apart, abs=0.01)


def test_identical_skills_are_nowhere_apart():
    same = np.repeat(identical(1), 20, axis=0)
    assert ratio(same, 1.0) == 0


def test_the_scatter_of_trials_is_no_diversity():
    trials = identical(200)
    assert ratio(trials, reference_distance(trials)) < 0.12  # 0.32 with the scatter of the means left in
    dealt = shuffled(skills(30, 1))
    assert ratio(dealt, reference_distance(dealt)) < 0.15


def test_successor_features_are_the_discounted_mean_of_the_steps_that_count():
    features = np.zeros((1, 2, 4, 1))
    features[0, :, :, 0] = [1, 2, 3, 100]
    found = successor_features(features, np.array([[3, 1]]), 0.9)
    weights = 0.9 ** np.arange(3)
    assert found[0, 0, 0] == pytest.approx(weights @ [1, 2, 3] / weights.sum())
    assert found[0, 1, 0] == 1


def test_reference_is_the_distance_of_single_segments():
    segments = skills(5, 1, scatter=0.0)
    assert segments.shape[1] == TRIALS
    assert reference_distance(segments) == pytest.approx(10 * np.sqrt(2))
    assert mean_distance(np.array([[0.0], [1.0], [3.0]])) == pytest.approx(2)
