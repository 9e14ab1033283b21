"""OTR's rewards: against POT's exact and log-domain solvers, closed forms, and an obvious expert."""

import sys
from dataclasses import replace

import numpy as np
import ot
import pytest
import torch

from skills.errors import ENVIRONMENT, SkillsError
from skills.learning.classes import one_expert
from skills.learning.matrix import Rewards
from skills.learning.rewards.otr import Otr, cosine_distances, episode_rewards, transport_costs
from skills.progress import silent_reporter


def make(transitions, rows, folder, copies: int = 1) -> Rewards:
    experts = one_expert(len(transitions), rows, copies)
    config, generator = Otr(), torch.Generator().manual_seed(0)
    config.make(transitions, experts, torch.device("cpu"), generator, folder, silent_reporter)
    assert {path.name for path in folder.iterdir()} == set(config.files)
    return Rewards.open(folder, len(transitions))


def two(cheetah, steps: int = 200) -> tuple[np.ndarray, np.ndarray]:
    return cheetah.observations[:steps], cheetah.observations[200:400]


@pytest.mark.parametrize("steps", [200, 60], ids=["equal lengths", "a short episode"])
def test_costs_are_those_of_the_log_domain_solver(cheetah, steps):
    states, shown = two(cheetah, steps)
    costs = cosine_distances(states, shown)
    weights = [np.full(size, 1 / size) for size in costs.shape]
    plan = ot.bregman.sinkhorn_log(*weights, costs, 0.01, numItermax=100, stopThr=1e-9, warn=False)
    expected = (plan * costs).sum(axis=1) * steps
    # The log-domain solver ends with the demonstration's marginal, ours with the episode's: nearly the same by then.
    np.testing.assert_allclose(transport_costs(states, shown, ot), expected, rtol=0.05, atol=1e-3)


def test_the_total_cost_is_close_to_the_exact_transport(cheetah):
    states, shown = two(cheetah)
    weights = [np.full(200, 1 / 200)] * 2
    exact = ot.emd2(*weights, cosine_distances(states, shown))
    total = transport_costs(states, shown, ot).mean()
    assert exact - 1e-6 < total < exact + 0.02


def test_cosine_distances_are_scipys(cheetah):
    from scipy.spatial.distance import cdist

    states, shown = two(cheetah)
    np.testing.assert_allclose(cosine_distances(states, shown), cdist(states, shown, "cosine"), atol=1e-6)


def test_a_demonstration_of_itself_costs_nothing_where_states_are_far_apart():
    states = np.eye(50, dtype=np.float32)
    np.testing.assert_allclose(transport_costs(states, states, ot), 0.0, atol=1e-9)
    np.testing.assert_allclose(episode_rewards(states, [states], 5 / 50, ot), 5.0)


def test_one_state_costs_its_mean_distance(cheetah):
    """With one state there is one plan: it goes everywhere."""
    states, shown = two(cheetah, 1)
    expected = cosine_distances(states, shown).mean()
    assert transport_costs(states, shown, ot) == pytest.approx(expected, rel=1e-6)


def test_the_nearer_demonstration_counts(cheetah):
    states, shown = two(cheetah)
    alone = episode_rewards(states, [states], 0.3, ot)
    np.testing.assert_array_equal(episode_rewards(states, [shown, states], 0.3, ot), alone)


def test_an_experts_own_episode_has_the_highest_reward_and_every_seed_the_same(cheetah, tmp_path):
    rewards = make(cheetah, np.arange(400, 600), tmp_path, copies=2)
    sums = np.add.reduceat(rewards.labels[:, 0].astype(np.float64) * rewards.scale[0], cheetah.episode_starts)
    assert sums.argmax() == 2
    assert sums.max() - sums.min() == pytest.approx(1000.0, rel=5e-3)
    np.testing.assert_array_equal(rewards.labels[:, 0], rewards.labels[:, 1])


def test_two_trajectories_are_two_demonstrations(cheetah, tmp_path):
    rewards = make(cheetah, np.arange(400, 800), tmp_path)
    states = cheetah.observations[:200]
    shown = [cheetah.observations[400:600], cheetah.observations[600:800]]
    expected = episode_rewards(states, shown, 5 / 17, ot)
    np.testing.assert_allclose(rewards.labels[:200, 0], expected, rtol=2e-3)


def test_antmaze_has_a_scale_of_its_own(cheetah, tmp_path):
    maze = replace(cheetah, env_id="AntMaze_UMaze-v4").episodes(np.arange(3))
    rewards = make(maze, np.arange(400, 600), tmp_path)
    expected = episode_rewards(maze.observations[:200], [maze.observations[400:600]], 1.0, ot)
    np.testing.assert_allclose(rewards.labels[:200, 0], expected, rtol=2e-3)


def test_without_pot_it_says_what_to_install(cheetah, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ot", None)
    with pytest.raises(SkillsError, match="POT") as caught:
        make(cheetah, np.arange(200), tmp_path)
    assert caught.value.exit_code == ENVIRONMENT
    assert "pip install POT" in caught.value.hint
