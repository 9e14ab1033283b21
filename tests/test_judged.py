"""The measures together: on constructed trials their numbers are what they always were, and they say what they are."""

import numpy as np
import pytest
from hops import K, R, T, classes_of, hops, trials

from skills.errors import USAGE, SkillsError
from skills.measures.intervals import draw_trials, every_trial
from skills.measures.judge import Judge, Played
from skills.measures.judged import Row, measures, prepare, rows
from skills.playing.protocol import Protocol
from skills.progress import silent_reporter

# Printed by the version of this project in which every measure was a function that the judge called by its name.
BEFORE = {
    "fidelity.top1": 0.7083333333333334,
    "fidelity.top5": 1.0,
    "occupancy.median_ratio": 3.7401699705059563,
    "effective_skills.value": 1.5715568683124543,
    "diversity.ratio": 0.898728082843038,
    "diversity.in_range": 0.8962992239105294,
    "coverage.cells_ratio": 1.25,
    "coverage.recall": 0.8857142857142857,
    "coverage.precision": 0.8958333333333334,
    "quality.best": 8.782379576333646,
    "quality.iqm": 2.8273464216946325,
    "quality.survival": 0.88125,
    "quality.time_to_fall": 0.4,
    "transfer.mean": 0.19666722280216642,
    "transfer.+x": -0.716298615971232,
    "transfer.-x": 0.8686958666473602,
    "transfer.+y": np.nan,
    "transfer.-y": np.nan,
    "transfer.left": np.nan,
    "transfer.right": np.nan,
    "transfer.still": 0.6525450017658334,
    "transfer.height": -0.018273361233295947,
}


@pytest.fixture(scope="module")
def judge() -> Judge:
    discovery = hops(40, seed=0)
    protocol = Protocol(trials=R, steps=T, window=20)
    return Judge(discovery, hops(40, seed=1), classes_of(discovery), protocol, 1, silent_reporter)


def test_numbers_are_what_they_were(judge):
    found = prepare(measures(), judge)(trials(2))(every_trial(K, R))
    assert {name: found[name] for name in BEFORE} == pytest.approx(BEFORE, rel=1e-4, nan_ok=True)


@pytest.mark.parametrize("measure", measures(), ids=lambda one: one.name)
def test_a_measure_gives_the_numbers_that_it_says_within_their_bounds(judge, measure):
    statistic = measure.of(Played(trials(3), judge), measure.prepare(judge))
    generator = np.random.default_rng(0)
    said = {number.name: number for number in measure.numbers()}
    for choice in (every_trial(K, R), draw_trials(K, R, generator)):
        found = statistic(choice)
        assert list(found) == list(said)
        for name, value in found.items():
            assert np.isnan(value) or said[name].lowest <= value <= said[name].highest, name
    assert all(values.shape == (K,) for values in measure.of_skills(Played(trials(3), judge)).values())


def test_a_setting_reaches_its_measure(judge):
    chosen = measures({"fidelity.top": "2", "coverage.cell": 0.25})
    found = prepare(chosen, judge)(trials(2))(every_trial(K, R))
    assert BEFORE["fidelity.top1"] <= found["fidelity.top2"] <= 1
    assert "fidelity.top5" not in found
    assert found["coverage.cells_ratio"] != pytest.approx(BEFORE["coverage.cells_ratio"])
    assert found["quality.best"] == pytest.approx(BEFORE["quality.best"])
    assert "fidelity, top 2" in [row.words for row in rows({"protocol": {"settings": {"fidelity.top": "2"}}})]


def test_an_unknown_measure_or_setting_is_refused():
    with pytest.raises(SkillsError, match=r"Unknown setting 'fidelity\.tops'") as caught:
        measures({"fidelity.tops": 3})
    assert "fidelity.top" in caught.value.hint
    assert caught.value.exit_code == USAGE


def test_a_number_that_was_not_measured_is_nothing():
    there = {"value": 1.0, "low": 0.5, "high": 1.5}
    assert Row("effective_skills", None, "", 1).read({"effective_skills": there}) == there
    for groups in ({}, {"fidelity": {}}, {"fidelity": {"top5": there}}):
        assert set(Row("fidelity", "top1", "", 3).read(groups).values()) == {None}
