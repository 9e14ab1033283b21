"""Choosing a skill for a goal from the data alone, on constructed windows."""

import numpy as np
import pytest

from skills.measures.descriptor import Windows, window_means
from skills.measures.intervals import every_trial
from skills.measures.judged.transfer import GOALS, GoalData, possible_goals, select, transfer

G = len(GOALS)


def test_the_mean_of_each_window():
    rewards = np.arange(10.0)[:, None]
    windows = Windows(np.array([0, 4]), np.array([4, 2]), 4)
    assert window_means(rewards, windows)[:, 0].tolist() == [1.5, 4.5]


def test_the_class_that_earns_most_is_selected_and_an_empty_one_never():
    rewards = np.zeros((4, G))
    rewards[:, 0] = [1, 1, 5, -9]
    labels = np.array([0, 0, 2, 2], np.int32)
    assert select(rewards, labels, 3)[0] == 0  # the mean of class 2 is -2; class 1 has no windows
    assert select(-rewards, labels, 3)[0] == 2


def test_a_skill_that_does_as_the_best_window_scores_one_and_the_mean_scores_none():
    best, mean = np.full(G, 3.0), np.full(G, 1.0)
    achieved = np.full((2, 3, G), 1.0)
    achieved[1] = 3.0
    found = transfer(achieved, GoalData(np.ones(G, np.int64), mean, best, possible_goals(False)), every_trial(2, 3))
    assert set(found.values()) == {1.0}
    chance = transfer(achieved, GoalData(np.zeros(G, np.int64), mean, best, possible_goals(False)), every_trial(2, 3))
    assert set(chance.values()) == {0.0}


def test_a_planar_body_has_no_sideways_goals():
    achieved = np.ones((1, 2, G))
    known = GoalData(np.zeros(G, np.int64), np.zeros(G), np.ones(G), possible_goals(True))
    found = transfer(achieved, known, every_trial(1, 2))
    assert found["mean"] == pytest.approx(1)
    assert [name for name in GOALS if np.isnan(found[name])] == ["+y", "-y", "left", "right"]
