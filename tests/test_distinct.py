"""Distinct skills, counted where their number is known."""

import numpy as np
import pytest
from constructed import TRIALS, identical, shuffled, skills

from skills.measures.intervals import every_trial
from skills.measures.judged.distinct import accuracies, groups, told_apart


def distinct(described: np.ndarray) -> int:
    every = every_trial(*described.shape[:2])
    return int(groups(accuracies(told_apart(described), every), 0.75).max())


@pytest.mark.parametrize(("count", "copies"), [(10, 10), (20, 1), (1, 20), (3, 7)])
def test_copies_are_merged_and_nothing_else(count, copies):
    assert distinct(skills(count, copies, scatter=1.0)) == count


def test_the_same_trials_again_are_one_skill():
    assert distinct(np.repeat(identical(1), 8, axis=0)) == 1


def test_skills_that_are_all_alike_are_one_or_next_to_it():
    assert distinct(identical(50)) <= 3
    assert distinct(shuffled(skills(10, 5))) <= 3


def test_a_difference_within_the_scatter_is_none():
    assert distinct(skills(10, 1, scatter=1.0, apart=0.2)) <= 2
    assert distinct(skills(10, 1, scatter=1.0, apart=6.0)) == 10


def test_a_pair_is_told_apart_by_trials_from_other_starts():
    described = np.zeros((2, TRIALS, 1))
    described[1] = 1.0
    described[1, 0] = -1.0  # one trial of the second does the opposite
    found = accuracies(told_apart(described), every_trial(2, TRIALS))
    assert found[0, 1] == found[1, 0] == pytest.approx(1.0 - 0.5 / TRIALS)


def test_one_skill_is_one():
    assert groups(np.zeros((1, 1)), 0.75).tolist() == [1]
