"""CLUE's ORIL: a reward of states alone, as it is, with TD3+BC; and that its SQIL is the one that is here."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from skills.evaluation.paper import method, published
from skills.learning.classes import one_expert
from skills.learning.matrix import Rewards
from skills.learning.rewards.ratio import Ratio
from skills.learning.rewards.sqil import Sqil
from skills.progress import silent_reporter
from skills.runs.configure import make_config

CPU = torch.device("cpu")
CONFIG = Ratio(hidden=24, batch=64, iterations=150, learning_rate=5e-3, scaled=False)
EXPERT = np.arange(200)  # the first episode


@pytest.fixture(scope="module")
def made(cheetah, tmp_path_factory):
    """(folder, transitions, rewards) of an expert that is elsewhere in one column, for two seeds."""
    observations = cheetah.observations.copy()
    observations[EXPERT, 3] += 2 * observations[:, 3].std()
    transitions = replace(cheetah, observations=observations)
    folder = tmp_path_factory.mktemp("ratio")
    experts = one_expert(len(transitions), EXPERT, copies=2)
    CONFIG.make(transitions, experts, CPU, torch.Generator().manual_seed(0), folder, silent_reporter)
    assert set(CONFIG.files) <= {path.name for path in folder.iterdir()}
    return folder, transitions, Rewards.open(folder, len(transitions))


def test_states_of_the_expert_are_told_and_their_logits_are_the_rewards(made):
    _, transitions, rewards = made
    for column in range(2):
        assert roc_auc_score(np.isin(np.arange(len(transitions)), EXPERT), rewards.labels[:, column]) > 0.9
    assert (rewards.labels[:, 0] != rewards.labels[:, 1]).any(), "a classifier a seed"
    assert rewards.labels.min() < 0 < rewards.labels.max(), "a logit, no probability"
    assert rewards.scale.tolist() == [1.0, 1.0]


def test_new_steps_are_judged_alike_whatever_is_done_in_them(made):
    folder, transitions, rewards = made
    model, rows = CONFIG.model(folder, transitions), slice(100, 300)
    for actions in (transitions.actions[rows], -transitions.actions[rows]):
        found = model.of_steps(transitions.observations[rows], actions, 1)
        np.testing.assert_allclose(found, rewards.labels[rows, 1], rtol=2e-3, atol=2e-3)


def test_rewards_of_sqil_are_one_and_nothing_as_they_are_where_the_expert_is_given(hopper, tmp_path):
    """No episode of the dataset's own earns anything, so nothing is scaled."""
    last = int(hopper.episode_starts[-1])
    shown = replace(hopper, demonstrations=len(hopper) - last)
    experts = one_expert(len(shown), np.arange(last, len(shown)))
    Sqil().make(shown, experts, CPU, torch.Generator().manual_seed(0), tmp_path, silent_reporter)
    rewards = Rewards.open(tmp_path, len(shown))
    np.testing.assert_array_equal(rewards.labels[:, 0] * rewards.scale, np.arange(len(shown)) >= last)


def test_both_orils_are_kept_apart():
    ours, theirs = method("oril"), method("oril-td3bc-10")
    assert (ours.maker, ours.learner) == ("oril", "iql")
    assert (theirs.maker, theirs.learner, theirs.trajectories) == ("ratio", "td3bc", 10)
    assert [one.paper for one in published("table4", "hopper-medium", "oril-td3bc")] == ["CLUE"]
    assert [one.paper for one in published("table3", "hopper-medium", "oril")] == ["SEABO"]


@pytest.mark.parametrize(("preset", "batch"), [("quick", 256), ("paper", 512)])
def test_at_the_papers_budget_batches_are_the_codes(preset, batch):
    config = make_config(
        "hopper-medium", preset=preset, mode="imitation", expert="hopper-expert", maker="ratio", learner="td3bc"
    )
    assert (config.reward.scaled, config.policy.batch) == (False, batch)
