"""ORIL's and SQIL's rewards: an obvious expert, and the loss."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch.nn import functional as F

from skills.errors import SkillsError
from skills.learning.classes import one_expert
from skills.learning.matrix import Rewards
from skills.learning.rewards.oril import Oril, loss
from skills.learning.rewards.sqil import Sqil
from skills.progress import silent_reporter

CONFIG = Oril(hidden=32, batch=64, iterations=300, learning_rate=2e-3)
EXPERT = np.arange(200)  # the first episode


@pytest.fixture
def leaning(cheetah):
    """The expert's actions are high, everybody else's are low."""
    high = np.arange(len(cheetah)) < len(EXPERT)
    noise = np.random.default_rng(0).normal(0, 0.1, cheetah.actions.shape)
    actions = np.where(high[:, None], 0.5, -0.5) + noise
    return replace(cheetah, actions=actions.astype(np.float32))


def make(name, transitions, folder, copies=2, config=CONFIG, reporter=silent_reporter) -> Rewards:
    experts, made = one_expert(len(transitions), EXPERT, copies), {"oril": config, "sqil": Sqil()}[name]
    generator = torch.Generator().manual_seed(0)
    made.make(transitions, experts, torch.device("cpu"), generator, folder, reporter)
    assert set(made.files) <= {path.name for path in folder.iterdir()}
    return Rewards.open(folder, len(transitions))


@pytest.mark.parametrize("name", ["oril", "sqil"])
def test_an_obvious_expert_is_told_from_the_rest(leaning, tmp_path, name):
    rewards = make(name, leaning, tmp_path)
    is_expert = np.isin(np.arange(len(leaning)), EXPERT)
    for column in range(2):
        assert roc_auc_score(is_expert, rewards.labels[:, column]) > 0.99
    sums = np.add.reduceat(rewards.labels * rewards.scale, leaning.episode_starts, axis=0)
    np.testing.assert_allclose(np.ptp(sums, axis=0), 1000.0, rtol=5e-3)


def test_oril_has_a_discriminator_for_each_seed_and_sqil_a_column(leaning, tmp_path):
    first, second = make("oril", leaning, tmp_path / "oril").labels.T
    assert (first != second).any()
    columns = make("sqil", leaning, tmp_path / "sqil").labels
    np.testing.assert_array_equal(columns, (np.arange(len(leaning)) < 200)[:, None] * [1, 1])


def test_steps_that_it_was_not_made_for_are_judged_alike(leaning, tmp_path):
    kept = make("oril", leaning, tmp_path / "oril").labels[100:300, 1]
    model = CONFIG.model(tmp_path / "oril", leaning)
    rows = slice(100, 300)
    found = model.of_steps(leaning.observations[rows], leaning.actions[rows], 1)
    np.testing.assert_allclose(found, kept, rtol=2e-3)
    assert model.of_steps(leaning.observations[:0], leaning.actions[:0], 1).shape == (0,)


def test_sqil_says_that_it_rewards_no_other_steps(leaning, tmp_path):
    with pytest.raises(SkillsError, match="sqil are those of the dataset's own steps"):
        Sqil().model(tmp_path, leaning)


def test_the_loss_is_the_papers_while_its_second_part_is_positive():
    generator = torch.Generator().manual_seed(0)
    expert, unlabelled = torch.randn(2, 3, 16, generator=generator)
    one, zero = torch.ones(16), torch.zeros(16)
    entropy = F.binary_cross_entropy_with_logits
    expected = 0.0
    for k in range(3):
        rest = entropy(unlabelled[k], zero) - 0.5 * entropy(expert[k], zero)
        expected += 0.5 * entropy(expert[k], one) + max(rest, torch.tensor(0.0))
    assert loss(expert, unlabelled) == pytest.approx(float(expected), rel=1e-5)
    assert loss(expert + 50, unlabelled - 50) == pytest.approx(0.0, abs=1e-6), "never below 0"
