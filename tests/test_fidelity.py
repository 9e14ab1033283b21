"""Fidelity of constructed skills with known answers."""

import numpy as np
import pytest

from skills.measures.intervals import every_trial
from skills.measures.judged.fidelity import fidelity, ranks

K, R = 20, 10


def test_skills_that_are_their_class_and_skills_that_are_the_next():
    right = np.repeat(np.eye(K)[:, None], R, axis=1)
    assert fidelity(ranks(right), every_trial(K, R)) == {"top1": 1.0, "top5": 1.0}
    assert fidelity(ranks(np.roll(right, 1, axis=0)), every_trial(K, R))["top1"] == 0.0


def test_ten_copies_of_two_skills_are_right_twice():
    copies = np.repeat(np.eye(K)[[0, 10]], 10, axis=0)[:, None].repeat(R, axis=1)
    assert fidelity(ranks(copies), every_trial(K, R))["top1"] == pytest.approx(2 / K)


def test_shuffled_skills_score_chance():
    scores = np.random.default_rng(0).normal(size=(100, 100, 100))
    found = fidelity(ranks(scores), every_trial(100, 100))
    assert found["top1"] == pytest.approx(0.01, abs=0.004)
    assert found["top5"] == pytest.approx(0.05, abs=0.008)


def test_a_judge_that_tells_nothing_apart_gives_nobody_the_first_place():
    assert fidelity(ranks(np.zeros((K, R, K))), every_trial(K, R)) == {"top1": 0.0, "top5": 0.0}
