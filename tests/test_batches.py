"""Batches: whose rows they are, and returns of several steps."""

import dataclasses

import numpy as np
import torch
from conftest import bandit

from skills.learning.batches import Batches, BatchSettings
from skills.learning.matrix import Rewards

CPU = torch.device("cpu")


def test_batches_are_rows_of_the_data():
    """Every number of a batch belongs to one transition; rewards are scaled and shifted."""
    transitions, rewards = bandit(50)
    rewards = Rewards(rewards.labels, np.array([2.0, 3.0], np.float32))
    config = BatchSettings(batch=64, reward_shift=-1.0)
    mean, std = torch.full((2,), 0.5), torch.full((2,), 2.0)
    with Batches(transitions, rewards, config, mean, std, torch.Generator().manual_seed(0), CPU) as batches:
        for _ in range(3):
            index, _ = batches.take()
            batch = batches.buffers[index]
            rows = [
                int(np.flatnonzero(transitions.actions[:, 0] == action)[0]) for action in batch.actions[:, 0].numpy()
            ]
            scaled = (transitions.observations[rows] - 0.5) / 2.0
            np.testing.assert_allclose(batch.states, np.hstack([scaled, np.ones((64, 1))]), rtol=1e-6)
            np.testing.assert_allclose(batch.next_states[:, :-1], scaled, rtol=1e-6)
            expected = rewards.labels[rows].astype(np.float32) * rewards.scale - 1.0
            np.testing.assert_allclose(batch.rewards, expected, rtol=1e-6)
            assert (batch.continues == 0).all()


def test_an_n_step_return_ends_with_its_episode(cheetah):
    """Each row's reward and next state, by hand: within an episode, at its truncation, at its termination."""
    terminated = np.zeros(len(cheetah), bool)
    terminated[399] = True  # the last row of the second episode
    data = dataclasses.replace(cheetah, terminated=terminated)
    labels = np.random.default_rng(0).random((len(data), 2), np.float32).astype(np.float16)
    rewards = Rewards(labels, np.array([2.0, 3.0], np.float32))
    config = BatchSettings(batch=16_000, td_steps=4, discount=0.9, reward_shift=-1.0)
    size = data.observations.shape[1]
    with Batches(
        data, rewards, config, torch.zeros(size), torch.ones(size), torch.Generator().manual_seed(0), CPU
    ) as batches:
        batch = batches.buffers[batches.take()[0]]
    row_of = {action.tobytes(): row for row, action in enumerate(data.actions)}
    rows = [row_of[action.tobytes()] for action in batch.actions.numpy()]
    assert {398, 399, 598, 599} <= set(rows), "both ends are looked at"
    for index, row in enumerate(rows):
        last = min(row + 3, row - row % 200 + 199)
        expected = sum(0.9 ** (one - row) * (labels[one] * rewards.scale - 1.0) for one in range(row, last + 1))
        np.testing.assert_allclose(batch.rewards[index], expected, rtol=1e-3)
        np.testing.assert_array_equal(batch.next_states[index, :-1], data.next_observations[last])
        np.testing.assert_allclose(batch.continues[index], 0.0 if terminated[last] else 0.9 ** (last - row), rtol=1e-6)
