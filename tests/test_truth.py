"""Agreement with known behaviours, and their recovery, on constructed cases."""

import numpy as np
import pytest

from skills.measures.truth import agreement, match, recovered


def test_classes_that_are_the_behaviours_agree_wholly_and_random_ones_not_at_all():
    sources = np.repeat(np.arange(3), 1000)
    same = agreement(np.array([2, 0, 1])[sources], sources)
    assert (same.ari, same.nmi) == (1.0, pytest.approx(1.0))
    chance = agreement(np.random.default_rng(0).integers(0, 3, 3000), sources)
    assert chance.ari == pytest.approx(0, abs=0.01)
    assert chance.nmi == pytest.approx(0, abs=0.01)


def test_a_finer_cut_keeps_nmi_higher_than_ari():
    sources = np.repeat(np.arange(3), 1000)
    finer = agreement(sources * 10 + np.random.default_rng(0).integers(0, 10, 3000), sources)
    assert finer.ari < finer.nmi < 1


def test_a_behaviour_is_recovered_where_a_skill_stays_within_it():
    generator = np.random.default_rng(0)
    centres = np.array([[0.0, 0.0], [20.0, 0.0], [0.0, 20.0]])
    sources = np.repeat(np.arange(3), 100)
    windows = centres[sources] + generator.normal(0, 1, (300, 2))
    owners = np.repeat(np.arange(3), 50)  # skill 0 does behaviour 1, skill 1 nothing known, skill 2 a quarter of 2
    played = np.concatenate([np.tile(centres[1], (50, 1)), np.full((50, 2), 500.0), np.full((50, 2), 500.0)])
    played[-12:] = centres[2]
    shares = match(windows, sources, played, owners, (3, 3))
    assert shares[0].tolist() == [0, 1, 0]
    assert shares[1].tolist() == [0, 0, 0]
    assert shares[2].tolist() == [0, 0, 0.24]
    assert recovered(shares).tolist() == [False, True, False]
