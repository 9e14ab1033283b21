"""The environment's own rewards as a reward matrix."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from skills.errors import SkillsError
from skills.learning.classes import one_expert
from skills.learning.experience import n_step_sums
from skills.learning.matrix import LARGEST, Rewards, write
from skills.learning.rewards.true import TrueRewards
from skills.progress import silent, silent_reporter
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


@pytest.mark.parametrize("times", [1e3, 1e6, 1e30])
def test_rewards_too_large_for_the_matrix_are_kept_in_larger_units(cheetah, tmp_path, times):
    """Scaled they are what the usual ones are, unscaled they are themselves; none is infinite, nor are sums of them."""
    large = replace(cheetah, rewards=(cheetah.rewards * times).astype(np.float32))
    folders = [tmp_path / name for name in ("usual", "scaled", "plain")]
    for folder in folders:
        folder.mkdir()
    usual, scaled, plain = made(cheetah, folders[0]), made(large, folders[1]), made(large, folders[2], scaled=False)
    for found, expected in ((scaled, usual.labels * usual.scale), (plain, np.stack([large.rewards] * 2, axis=1))):
        assert np.abs(found.labels).max() <= LARGEST
        np.testing.assert_allclose(found.labels * found.scale, expected, rtol=2e-3, atol=2e-3 * np.abs(expected).max())
    sums = n_step_sums(
        np.full((3000, 1), LARGEST, np.float16), np.array([0, 3000]), 3000, 0.99, np.zeros(1, np.float32)
    )
    assert np.isfinite(sums).all()


def test_ordinary_rewards_keep_their_bytes(cheetah, tmp_path):
    rewards = made(cheetah, tmp_path)
    assert rewards.labels.tobytes() == np.stack([cheetah.rewards.astype(np.float16)] * 2, axis=1).tobytes()


def test_rewards_that_are_all_0_are_refused(cheetah, tmp_path):
    with pytest.raises(SkillsError, match="The rewards of random are all 0: there is nothing to learn from them"):
        made(replace(cheetah, rewards=np.zeros(len(cheetah), np.float32)), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("value", [np.nan, np.inf, 7e4])
def test_a_label_that_cannot_be_kept_is_refused(cheetah, tmp_path, value):
    labels = np.zeros((len(cheetah), 2), np.float32)
    labels[70, 1] = value
    with pytest.raises(SkillsError, match="cannot be kept"):
        write(tmp_path, [labels], cheetah, silent, scaled=True)
    assert not list(tmp_path.iterdir())
