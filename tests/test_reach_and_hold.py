"""Reach and hold of constructed trials with known answers."""

import numpy as np
import pytest

from skills.measures.intervals import every_trial
from skills.measures.judged.reach_and_hold import reach_and_hold, visits

T = 10
GROUPS = np.arange(10)  # every class its own


def of(rows: list[list[list[int]]], limit: int = 5) -> dict[str, float]:
    classes = np.array(rows, np.int16)
    return reach_and_hold(visits(classes, GROUPS, limit), 0.5, every_trial(*classes.shape[:2]))


def test_a_skill_in_its_class_from_the_first_step_to_the_last():
    assert of([[[0] * T]]) == {"reached": 1.0, "held": 1.0, "dwell": 5.0, "never": 0.0}


def test_half_of_the_trials_reach_and_hold_half_of_the_time_in_two_visits():
    late = [9, 9, 0, 0, 9, 9, 0, 0, 9, 9]
    found = of([[late, [9] * T]])
    assert found == {"reached": 0.5, "held": 0.5, "dwell": 1.0, "never": 0.0}


def test_too_late_is_not_reached_and_counts_for_no_holding():
    found = of([[[9] * 5 + [0] * 5], [[1] * T]])
    assert found["reached"] == 0.5
    assert found["held"] == 1.0
    assert found["never"] == 1.0


def test_a_fall_holds_nothing():
    assert of([[[0] * 2 + [-1] * 8]])["held"] == pytest.approx(0.2)


def test_where_nothing_is_reached_there_is_nothing_to_hold():
    found = of([[[3] * T]])
    assert found["reached"] == 0.0
    assert np.isnan(found["held"])
    assert np.isnan(found["dwell"])


def test_only_chosen_trials_count():
    classes = np.array([[[0] * T, [9] * T]], np.int16)
    assert reach_and_hold(visits(classes, GROUPS, 5), 0.5, np.array([[0, 0]]))["reached"] == 1.0
    assert reach_and_hold(visits(classes, GROUPS, 5), 0.5, np.array([[1, 1]]))["reached"] == 0.0


def test_classes_of_one_behaviour_are_as_good_as_each_other():
    classes = np.array([[[2, 0, 2, 0, 1, -1]]], np.int16)
    found = reach_and_hold(visits(classes, np.array([0, 1, 0]), 5), 1.0, every_trial(1, 1))
    assert found == {"reached": 1.0, "held": pytest.approx(4 / 6), "dwell": 4.0, "never": 0.0}
