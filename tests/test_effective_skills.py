"""Effective skills of constructed skills: identical, 10 x 10 copies, distinct, shuffled."""

import numpy as np
import pytest
from constructed import TRIALS, identical, shuffled, skills

from skills.measures.intervals import every_trial
from skills.measures.judged.effective_skills import effective_skills, held_out_log_probabilities


def count(behaviour: np.ndarray) -> float:
    log_q = held_out_log_probabilities(behaviour)
    return effective_skills(log_q, every_trial(*log_q.shape))["value"]


def test_distinct_skills_all_count():
    assert count(skills(30, 1)) == pytest.approx(30, rel=0.03)


def test_ten_skills_copied_ten_times_are_ten():
    assert count(skills(10, 10)) == pytest.approx(10, rel=0.05)


def test_identical_skills_are_one():
    assert count(identical(20)) == pytest.approx(1, abs=0.05)


def test_trials_dealt_out_at_random_are_one_skill():
    assert count(shuffled(skills(20, 1))) == pytest.approx(1, abs=0.05)


def test_a_difference_that_only_a_computer_sees_is_no_skill():
    assert count(skills(20, 1, scatter=1e-6, apart=1e-3)) == pytest.approx(1, abs=0.05)


def test_the_classifier_never_sees_a_trial_from_the_same_start():
    # Every start has a behaviour of its own, which says nothing of the skill.
    starts = np.random.default_rng(0).normal(0, 10, (1, TRIALS, 5)).repeat(8, axis=0)
    assert count(starts) == pytest.approx(1, abs=0.05)


def test_certainty_is_bounded():
    assert effective_skills(np.zeros((7, 3)), every_trial(7, 3))["value"] == pytest.approx(7)
    assert effective_skills(np.full((7, 3), np.log(1e-6)), every_trial(7, 3))["value"] == 1
