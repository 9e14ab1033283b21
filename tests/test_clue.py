"""Rewards from the CVAEs: the formula, the scale, and that they rank a class above the rest."""

import numpy as np
import pytest
import torch

from skills.data.transitions import Transitions
from skills.errors import SkillsError
from skills.learning.classes import Classes, cluster
from skills.learning.cvae.model import CvaeShape, StackedCvae
from skills.learning.engine.checkpoint import load_tensors
from skills.learning.engine.stacked import with_ones
from skills.learning.matrix import Rewards
from skills.learning.rewards.clue import MODELS, Clue, squared_distance
from skills.measures.overview import reward_aucs
from skills.progress import silent_reporter
from skills.settings.config import ExpertsConfig

CONFIG = Clue(hidden=64, batch=64, iterations=400, learning_rate=2e-3)


@pytest.fixture(scope="module")
def made(cheetah: Transitions, tmp_path_factory) -> tuple[Classes, Rewards, object]:
    classes = cluster(cheetah, 6, ExpertsConfig(), seed=1)
    folder = tmp_path_factory.mktemp("rewards")
    generator = torch.Generator().manual_seed(0)
    CONFIG.make(cheetah, classes, torch.device("cpu"), generator, folder, silent_reporter)
    return classes, Rewards.open(folder, len(cheetah)), folder


def test_labels_are_equation_6_of_each_class(cheetah, made):
    classes, rewards, folder = made
    cvae = StackedCvae.from_tensors(load_tensors(folder / MODELS), CvaeShape(17, 6, 64))
    mean, std = cheetah.scaling
    rows = torch.from_numpy(np.concatenate([(cheetah.observations - mean) / std, cheetah.actions], axis=1))
    mu, log_std = cvae.encode(with_ones(rows)[None])
    for index in range(6):
        centre = mu[index][torch.from_numpy(classes.labels == index)].mean(dim=0)
        distance = (mu[index] - centre).square().sum(dim=1) + log_std[index].exp().square().sum(dim=1)
        expected = torch.exp(-distance).numpy()
        np.testing.assert_allclose(rewards.labels[:, index], expected, rtol=2e-3, atol=1e-6)


def test_scaled_episode_sums_span_a_thousand(cheetah, made):
    _, rewards, _ = made
    scaled = rewards.labels.astype(np.float64) * rewards.scale
    sums = np.add.reduceat(scaled, cheetah.episode_starts, axis=0)
    np.testing.assert_allclose(sums.max(axis=0) - sums.min(axis=0), 1000.0, rtol=5e-3)


def test_rewards_rank_each_class_above_the_rest(made):
    classes, rewards, _ = made
    assert reward_aucs(classes, rewards, silent_reporter).min() > 0.95


def test_without_calibration_the_sampled_reward_ranks_near_chance(cheetah, tmp_path):
    classes = cluster(cheetah, 6, ExpertsConfig(), seed=1)
    aucs = {}
    for calibration in (0.0, 0.1):
        config = Clue(
            hidden=64, batch=64, iterations=400, learning_rate=2e-3, distance="sample", calibration=calibration
        )
        generator = torch.Generator().manual_seed(0)
        folder = tmp_path / str(calibration)
        config.make(cheetah, classes, torch.device("cpu"), generator, folder, silent_reporter)
        aucs[calibration] = np.median(reward_aucs(classes, Rewards.open(folder, len(cheetah)), silent_reporter))
    assert aucs[0.0] < 0.7
    assert aucs[0.1] > 0.9


def test_expected_distance_is_the_mean_of_sampled_distances():
    generator = torch.Generator().manual_seed(0)
    mean, std, centre = torch.randn(1, 4, generator=generator), torch.rand(1, 4, generator=generator), torch.zeros(4)
    noise = torch.randn(200_000, 4, generator=generator)
    sampled = squared_distance(mean, std, centre, noise, "sample").mean()
    expected = squared_distance(mean, std, centre, None, "expected")[0]
    assert sampled == pytest.approx(float(expected), rel=0.01)


def test_a_cut_matrix_is_refused(made, cheetah, tmp_path):
    _, _, folder = made
    for name in ("labels.f16", "scales.npz"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / "labels.f16").write_bytes((folder / "labels.f16").read_bytes()[:-100])
    with pytest.raises(SkillsError, match="damaged"):
        Rewards.open(tmp_path, len(cheetah))
