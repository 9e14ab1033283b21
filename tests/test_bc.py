"""Behaviour cloning, per class and of everything, and nearest-class replay, on classes with known actions."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from skills.evaluation.replay import Replay
from skills.learning.classes import Classes
from skills.learning.learners.bc import Bc
from skills.learning.learners.clone import Clone
from skills.learning.policy import Policy
from skills.playing.rollout import actor_of
from skills.progress import silent_reporter

ACTIONS = np.array([-0.5, 0.0, 0.5], np.float32)  # what each class does


@pytest.fixture
def taught(cheetah):
    """(transitions, classes): class k acts with ACTIONS[k] and a bit of noise; class 0 is twice as large."""
    labels = np.array([0, 0, 1, 2], np.int32)[np.arange(len(cheetah)) % 4]
    noise = np.random.default_rng(0).normal(0, 0.05, cheetah.actions.shape).astype(np.float32)
    transitions = replace(cheetah, actions=ACTIONS[labels][:, None] + noise)
    plain = np.zeros(3, np.float32)
    return transitions, Classes(labels, np.zeros((3, 3), np.float32), np.arange(3), plain, plain + 1)


def learn(taught, folder: Path, learner: str, steps: int = 250) -> Policy:
    config = {"bc": Bc, "clone": Clone}[learner](hidden=32, batch=64, steps=steps, learning_rate=1e-2)
    generator = torch.Generator().manual_seed(0)
    return config.train(*taught, None, torch.device("cpu"), generator, folder, silent_reporter)


def test_each_head_imitates_its_class(taught, tmp_path):
    learn(taught, tmp_path, "bc")
    policy = Policy.load(tmp_path)
    for skill, expected in enumerate(ACTIONS):
        acted = policy.act(taught[0].observations[:200], np.full(200, skill))
        assert acted.mean() == pytest.approx(expected, abs=0.05)
    assert policy.std_of_actions().max() < 0.3


def test_the_clone_does_the_mean_of_the_data_whatever_the_skill(taught, tmp_path):
    policy = learn(taught, tmp_path, "clone")
    acted = [policy.act(taught[0].observations[:200], np.full(200, skill)) for skill in range(3)]
    assert (acted[0] == acted[1]).all()
    assert (acted[0] == acted[2]).all()
    assert acted[0].mean() == pytest.approx(-0.125, abs=0.08)
    assert policy.std_of_actions().mean() == pytest.approx(0.41, abs=0.08)  # of the mixture


def test_the_same_seed_gives_the_same_bytes(taught, tmp_path):
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        learn(taught, folder, "bc", steps=20)
    first, again = ((folder / "weights.safetensors").read_bytes() for folder in folders)
    assert first == again


def test_a_noisy_actor_acts_around_its_policy(taught, tmp_path):
    policy = learn(taught, tmp_path, "clone")
    observations, skills = taught[0].observations, np.zeros(2000, np.int64)
    first, again = (actor_of(policy, True, seed=3).act(observations, skills) for _ in range(2))
    assert (first == again).all()
    spread = first - policy.act(observations, skills)
    assert spread.std(axis=0) == pytest.approx(policy.std_of_actions()[0], rel=0.2)
    assert actor_of(policy, False, seed=3) is policy


def test_replay_acts_as_the_nearest_row_of_the_class(taught):
    transitions, classes = taught
    replay = Replay(transitions, classes)
    rows = np.arange(100)
    own = replay.act(transitions.observations[rows], classes.labels[rows])
    assert (own == transitions.actions[rows]).all()  # a row of the class is nearest to itself
    other = replay.act(transitions.observations[rows], np.full(100, 2))
    assert other == pytest.approx(0.5, abs=0.25)
