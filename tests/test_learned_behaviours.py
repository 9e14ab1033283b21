"""Behaviours in data: strides of known length, regimes that were planted, clones that are one."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from skills.data.transitions import Transitions
from skills.learning import behaviours, clones, company
from skills.learning.classes import Classes, cluster
from skills.learning.seeing import Seeing
from skills.learning.strides import stride
from skills.learning.turns import turnovers, turns
from skills.learning.windows import means, moments
from skills.settings.config import ExpertsConfig


def waves(period: float, lengths: list[int], rng: np.random.Generator, amplitude: float = 1.0) -> np.ndarray:
    """[N, 4] a sine, its cosine, and noise; each episode begins somewhere else."""
    phases = np.concatenate([np.arange(length) + rng.uniform(0, period) for length in lengths]) * 2 * np.pi / period
    clean = amplitude * np.stack([np.sin(phases), np.cos(phases)], axis=1)
    return np.concatenate([clean, 0.1 * rng.standard_normal((len(phases), 2))], axis=1).astype(np.float32)


def transitions(observations: np.ndarray, actions: np.ndarray, lengths: list[int]) -> Transitions:
    total = len(observations)
    return Transitions(
        "planted", "", "HalfCheetah-v5", True, observations.astype(np.float32), actions.astype(np.float32),
        observations.astype(np.float32), np.zeros(total, np.float32), np.zeros(total, bool),
        np.cumsum(lengths) - lengths,
    )  # fmt: skip


@pytest.mark.parametrize("period", [6, 20, 71])
def test_the_stride_of_a_sine_is_its_period(period):
    rng, lengths = np.random.default_rng(0), [500, 300, 400, 5]
    assert stride(waves(period, lengths, rng), np.array(lengths)) == pytest.approx(period, abs=1)


@pytest.mark.parametrize("kind", ["noise", "still", "short", "reaching"])
def test_there_is_a_stride_where_nothing_strides(kind):
    rng = np.random.default_rng(0)
    lengths = np.full(40, 3 if kind == "short" else 200)
    values = rng.standard_normal((lengths.sum(), 5)).astype(np.float32)
    if kind == "still":
        values[:] = 1.0
    elif kind == "reaching":  # to a goal and stay
        values = 0.01 * values + np.tile(1 - np.exp(-np.arange(200) / 20), 40)[:, None].astype(np.float32)
    assert 2 <= stride(values, lengths) <= 400


def test_means_are_over_windows_cut_at_the_ends_of_episodes():
    values = np.arange(10, dtype=np.float32)[:, None]
    found = means(values, np.array([7, 3]), 3)
    assert found[:, 0].tolist() == [0.5, 1, 2, 3, 4, 5, 5.5, 7.5, 8, 8.5]


def test_moments_forget_the_phase_and_keep_the_amplitude():
    rng = np.random.default_rng(0)
    small, large = (waves(20, [400], rng, amplitude) for amplitude in (1.0, 2.0))
    found = [moments(values, np.array([400]), 60)[100:300] for values in (small, large)]
    assert np.ptp(found[0][:, :2], axis=0).max() < 0.01
    assert found[1][:, 4:6] / found[0][:, 4:6] == pytest.approx(4.0, rel=0.05)


def planted(rng: np.random.Generator, turns: bool) -> tuple[Transitions, np.ndarray]:
    """Three linear policies on one kind of states: each for whole episodes, or in turn every 80 steps."""
    lengths = [200] * 60
    states = waves(8, lengths, rng)
    states += 0.5 * rng.standard_normal(states.shape).astype(np.float32)
    truth = np.repeat(np.arange(60) % 3, 200)
    if turns:
        truth = np.repeat(rng.integers(3, size=len(states) // 80), 80)[: len(states)]
    gains = rng.standard_normal((3, 4, 2))
    actions = np.einsum("no,noa->na", states, gains[truth]) + 0.05 * rng.standard_normal((len(states), 2))
    return transitions(states, np.clip(actions / 5.0, -1, 1), lengths), truth


@pytest.mark.parametrize("turns", [False, True])
def test_planted_policies_and_their_number_are_found(turns):
    data, truth = planted(np.random.default_rng(0), turns)
    found = behaviours.find(data, seed=1)
    assert found.count == 3
    assert adjusted_rand_score(truth, found.labels) > (0.8 if turns else 0.95)


def test_two_clones_of_one_policy_become_one_and_those_of_two_do_not():
    rng = np.random.default_rng(0)
    states = rng.standard_normal((6000, 3)).astype(np.float32)
    gains = rng.standard_normal((2, 3, 2))
    policy = np.repeat([0, 0, 1], 2000)
    actions = (np.einsum("no,noa->na", states, gains[policy]) + 0.1 * rng.standard_normal((6000, 2))).astype(np.float32)
    inputs = np.concatenate([np.ones_like(states[:, :1]), states], axis=1)
    cost = clones.costs(clones.Sums.of(inputs, actions, np.repeat([0, 1, 2], 2000), 3))
    assert cost[0, 1] < 0.03
    assert min(cost[0, 2], cost[1, 2]) > 0.5
    found = clones.competing(states, actions, np.array([2000] * 3), np.arange(6000) // 1000, 0.05, rng)
    assert len(found.weights) == 2


def test_the_sums_of_two_clones_are_those_of_their_rows_together():
    rng = np.random.default_rng(0)
    states, actions = (rng.standard_normal((300, size)).astype(np.float32) for size in (4, 2))
    inputs = np.concatenate([np.ones_like(states[:, :1]), states], axis=1)
    parts = clones.Sums.of(inputs, actions, np.arange(300) % 2, 2)
    joint = parts.chosen(np.array([0])).with_others(parts.chosen(np.array([1])))
    whole = clones.Sums.of(inputs, actions, np.zeros(300, np.intp), 1)
    np.testing.assert_allclose(joint.weights(), whole.weights(), rtol=1e-3, atol=1e-5)
    errors = clones.errors(inputs, actions, whole.weights())
    assert whole.error(whole.weights())[0] == pytest.approx(errors.mean(), rel=1e-3)


def test_turns_are_those_of_the_least_error_of_all_ways_to_take_turns():
    rng = np.random.default_rng(0)
    missed = rng.uniform(size=(6 + 3, 3)).astype(np.float32)
    found = turns(missed, np.array([6, 3]), 0.4)

    def cost(labels: tuple[int, ...], rows: np.ndarray) -> float:
        return rows[np.arange(len(rows)), labels].sum() + 0.4 * np.count_nonzero(np.diff(labels))

    for rows, own in ((missed[:6], found[:6]), (missed[6:], found[6:])):
        best = min(itertools.product(range(3), repeat=len(rows)), key=lambda one: cost(one, rows))
        assert tuple(own) == best
    assert turnovers(np.array([0, 1, 1, 2, 2]), np.array([3, 2])) == 1


def test_long_episodes_are_cut_where_turns_are_found_and_nothing_is_lost():
    rng = np.random.default_rng(0)
    truth = np.repeat(rng.integers(3, size=50), 100)
    missed = (np.arange(3) != truth[:, None]) + 0.3 * rng.standard_normal((5000, 3))
    assert (turns(missed.astype(np.float32), np.array([4990, 10]), 3.0) == truth).mean() > 0.99


def test_a_regression_on_what_was_learned_to_be_seen_errs_less_than_one_on_the_observation():
    rng = np.random.default_rng(0)
    states = rng.standard_normal((4000, 3)).astype(np.float32)
    labels = np.arange(4000) % 2
    actions = np.stack([np.tanh(np.abs(states[:, 0]) - labels), np.sin(2.0 * states[:, 1])], axis=1).astype(np.float32)
    seen = Seeing.learned(states, actions, labels, rng)(states)
    plain = np.concatenate([np.ones_like(states[:, :1]), states], axis=1)
    learned, given = (clones.Sums.of(one, actions, labels, 2) for one in (seen, plain))
    assert learned.error(learned.weights()).mean() < 0.2 * given.error(given.weights()).mean()


def test_company_says_nothing_where_every_cell_meets_every_other():
    rng = np.random.default_rng(0)
    found = company.keeping(rng.integers(12, size=4000), 12, np.full(20, 200), 10)
    assert found.count == 0
    own = np.repeat(np.arange(20) % 2, 200) * 6 + rng.integers(6, size=4000)
    found = company.keeping(own, 12, np.full(20, 200), 10)
    assert (found.count, adjusted_rand_score(own // 6, found.labels)) == (2, 1.0)


@pytest.fixture(scope="module")
def cut() -> tuple[Transitions, np.ndarray, Classes]:
    data, truth = planted(np.random.default_rng(0), turns=True)
    return data, truth, cluster(data, 12, ExpertsConfig(features="behaviour"), 1)


def test_classes_are_cut_inside_behaviours_and_found_again(cut, tmp_path):
    data, truth, classes = cut
    assert (classes.count, len(classes.behaviours), classes.behaviours.max() + 1) == (12, 12, 3)
    assert adjusted_rand_score(truth, classes.behaviours[classes.labels]) > 0.8
    classes.save(tmp_path / "experts.npz")
    loaded = Classes.load(tmp_path / "experts.npz")
    found = loaded.classify(data.observations, data.actions, data.next_observations, data.lengths)
    assert (found == classes.labels).mean() > 0.98
    assert loaded.stride == classes.stride == pytest.approx(8, abs=1)


def test_classes_are_cut_over_as_many_strides_as_asked_for(cut):
    data, _, classes = cut
    shorter = cluster(data, 12, ExpertsConfig(features="behaviour", strides=2), 1)
    assert int(shorter.window) == 2 * int(shorter.stride)
    assert int(classes.window) == int(classes.stride)  # one, unless asked otherwise
    assert (shorter.labels != classes.labels).any()


def test_there_are_as_many_classes_as_behaviours_where_that_is_asked_for(cut):
    data, _, _ = cut
    classes = cluster(data, 100, ExpertsConfig(features="behaviour", inferred=True), 1)
    assert sorted(classes.behaviours) == [0, 1, 2]
    fewer = cluster(data, 2, ExpertsConfig(features="behaviour"), 1)
    assert fewer.count == len(fewer.behaviours) == 2


def test_classes_of_steps_are_saved_as_before(cheetah, tmp_path):
    classes = cluster(cheetah, 5, ExpertsConfig(), 1)
    classes.save(tmp_path / "experts.npz")
    with np.load(tmp_path / "experts.npz") as arrays:
        assert sorted(arrays) == ["centroids", "columns", "labels", "mean", "scale", "window"]
    assert len(Classes.load(tmp_path / "experts.npz").behaviours) == 0


def test_the_same_seed_gives_the_same_behaviours():
    data, _ = planted(np.random.default_rng(1), turns=True)
    one, other = (behaviours.find(data, seed=3).labels for _ in range(2))
    np.testing.assert_array_equal(one, other)
    shuffled = cluster(data, 6, replace(ExpertsConfig(features="behaviour"), labels="shuffled"), 1)
    assert adjusted_rand_score(shuffled.labels, cluster(data, 6, ExpertsConfig(features="behaviour"), 1).labels) < 0.05
