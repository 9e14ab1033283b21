"""The environment's own rewards as a reward matrix."""

from dataclasses import replace

import numpy as np
import torch

from skills.learning.classes import one_expert
from skills.learning.matrix import Rewards
from skills.learning.rewards.true import TrueRewards
from skills.progress import silent_reporter
from skills.runs.configure import make_config


def made(transitions, folder, scaled: bool = True) -> Rewards:
    experts = one_expert(len(transitions), np.arange(100), 2)
    config = TrueRewards(scaled=scaled)
    generator = torch.Generator().manual_seed(0)
    config.make(transitions, experts, torch.device("cpu"), generator, folder, silent_reporter)
    assert {path.name for path in folder.iterdir()} == set(config.files)
    return Rewards.open(folder, len(transitions))


def test_the_matrix_is_the_rewards_of_the_data_for_every_seed(cheetah, tmp_path):
    rewards = made(cheetah, tmp_path)
    for column in range(2):
        np.testing.assert_allclose(rewards.labels[:, column], cheetah.rewards, rtol=1e-3, atol=1e-4)
    returns = cheetah.returns
    np.testing.assert_allclose(rewards.scale, 1000.0 / (returns.max() - returns.min()), rtol=1e-4)


def test_sparse_rewards_are_left_as_they_are(cheetah, tmp_path):
    goals = np.zeros(len(cheetah), np.float32)
    goals[199] = 1.0
    rewards = made(
        replace(cheetah, rewards=goals),
        tmp_path,
        scaled=make_config("antmaze-umaze-play", mode="sparse", maker="true").reward.scaled,
    )
    assert rewards.scale.tolist() == [1.0, 1.0]
    assert np.flatnonzero(rewards.labels[:, 1]).tolist() == [199]
