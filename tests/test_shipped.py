"""The shipped behaviours do what their record says, and the trainer that made them learns."""

from dataclasses import replace

import numpy as np
import pytest

from skills.data.made import shipped
from skills.data.made.shipped import LEVELS, ShippedPolicy
from skills.errors import SkillsError
from skills.files import read_json
from tools.behaviours import ppo, recipes
from tools.behaviours.ppo import Plain, PPOConfig

BODIES = list(recipes.RECIPES)
SHIPPED = [(body, level) for body in BODIES for level in recipes.recipe(body).levels]
TINY = PPOConfig(steps=2048, simulations=16, rollout=32, epochs=2, minibatch=128, hidden=16)


def weights(policy: ShippedPolicy) -> np.ndarray:
    return np.concatenate([array.ravel() for layer in policy.layers for array in layer] + [policy.log_std])


def test_ppo_learns_to_hop():
    curve = []
    config = PPOConfig(steps=40_000, simulations=32, rollout=64, epochs=8, minibatch=256, hidden=64, lr=1e-3)
    ppo.train(Plain("Hopper-v5", config), 0, config, lambda snapshot: curve.append(snapshot.mean_return) or True)
    assert curve[-1] > 100
    assert curve[-1] > 4 * curve[0]


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    first, again, other = (
        weights(ppo.train(Plain("HalfCheetah-v5", TINY), seed, TINY, lambda snapshot: True)) for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_training_stops_where_the_callback_says():
    steps = []
    ppo.train(Plain("Hopper-v5", TINY), 0, TINY, lambda snapshot: steps.append(snapshot.steps) or len(steps) < 2)
    assert steps == [512, 1024]


def test_advantages_carry_nothing_over_the_end_of_an_episode():
    rewards = np.ones((3, 1))
    values = np.array([[0.5], [0.25], [8.0], [2.0]])
    ends = np.array([[False], [True], [False]])
    result = ppo.advantages(rewards, values, ends, 0.9, 0.8)
    last = 1 + 0.9 * 2.0 - 8.0
    middle = 1 - 0.25  # the episode ends here: neither the next value nor the next advantage counts
    first = 1 + 0.9 * 0.25 - 0.5 + 0.9 * 0.8 * middle
    np.testing.assert_allclose(result[:, 0], [first, middle, last])


def test_the_running_scale_is_that_of_all_rows():
    rows = np.random.default_rng(0).normal(3.0, 2.0, (1000, 2))
    scale = ppo.RunningScale(2)
    for part in np.split(rows, 10):
        scale.update(part)
    np.testing.assert_allclose(scale.mean, rows.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(scale.variance, rows.var(axis=0), rtol=1e-4)


def test_a_saved_behaviour_acts_the_same(tmp_path):
    policy = ppo.train(Plain("Ant-v5", TINY), 0, TINY, lambda snapshot: snapshot.steps < 1024)
    shipped.save(policy, shipped.path("ant", "medium", tmp_path))
    loaded = shipped.load("ant", "medium", tmp_path)
    observations = np.random.default_rng(0).normal(size=(16, 105))
    assert loaded.columns == 27
    np.testing.assert_array_equal(loaded.act(observations), policy.act(observations))
    noisy = [each.act(observations, [np.random.default_rng(seed) for seed in range(16)]) for each in (policy, loaded)]
    np.testing.assert_array_equal(*noisy)
    assert noisy[0].dtype == np.float32
    assert np.abs(noisy[0]).max() <= 1
    assert not np.array_equal(noisy[0], policy.act(observations))


def test_episodes_vary_in_turn_by_gain_and_by_noise():
    plain = ppo.train(Plain("Hopper-v5", TINY), 0, TINY, lambda snapshot: False)
    policy = replace(plain, gains=(1.0, 0.5), noise_scales=(1.0, 1.0, 0.0))
    observations = np.zeros((6, 11))
    acted = policy.act(observations, [np.random.default_rng(3) for _ in range(6)], np.arange(6))
    mean = plain.act(observations)[0]
    noise = plain.act(observations, [np.random.default_rng(3) for _ in range(6)])[0] - mean
    expected = [mean + noise, mean / 2 + noise, mean, mean / 2 + noise, mean + noise, mean / 2]
    np.testing.assert_allclose(acted, expected, atol=1e-6)


def test_behaviours_play_the_episodes_of_a_level_in_turn():
    turns = shipped.load_turns("walker2d", "medium")
    assert [file.stem for file in shipped.paths("walker2d", "medium")[:2]] == ["walker2d-medium", "walker2d-medium-2"]
    assert len(turns.policies) == 4
    assert len(shipped.load_turns("walker2d", "expert").policies) == 1
    observations = np.random.default_rng(0).normal(size=(6, 17))
    episodes = np.array([0, 1, 2, 3, 5, 12])
    acted = turns.act(observations, [np.random.default_rng(seed) for seed in range(6)], episodes)
    for row, episode in enumerate(episodes):
        alone = turns.policies[episode % 4].act(
            observations[row : row + 1], [np.random.default_rng(row)], episodes[row : row + 1] // 4
        )
        np.testing.assert_allclose(acted[row], alone[0], atol=1e-6)


def test_an_absent_or_damaged_behaviour_is_refused(tmp_path):
    with pytest.raises(SkillsError, match="no policy ant-medium"):
        shipped.load("ant", "medium", tmp_path)
    np.savez(tmp_path / "ant-medium.npz", mean=np.zeros(27))
    with pytest.raises(SkillsError, match="lacks std"):
        shipped.load("ant", "medium", tmp_path)


@pytest.mark.parametrize(("body", "level"), SHIPPED)
def test_a_shipped_behaviour_is_small_and_returns_what_its_record_says(body, level):
    path = shipped.path(body, level)
    assert path.stat().st_size <= 120_000
    recorded = read_json(shipped.record_path(body))["levels"][level]
    made, ours = recipes.recipe(body), shipped.load(body, level)
    assert recorded["steps"] == made.levels[level]
    assert (ours.gains, ours.noise_scales) == (
        made.gains.get(level, (1.0,)),
        made.noise_scales.get(level, (1.0,)),
    )
    measured = recipes.returns(made.env_id, ours, noisy=True, episodes=8)
    expected = recorded["stochastic"]
    assert abs(measured.mean() - expected["return_mean"]) < 3 * expected["return_std"] / 8**0.5 + 50


@pytest.mark.parametrize("body", BODIES)
def test_levels_are_in_order(body):
    levels = read_json(shipped.record_path(body))["levels"]
    means = [levels[level]["stochastic"]["return_mean"] for level in LEVELS]
    assert means == sorted(means)
