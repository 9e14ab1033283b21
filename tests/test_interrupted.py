"""A training that is interrupted goes on where it was and ends in the same bytes: every training that there is."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import bandit
from interrupting import first_reports, interrupted_after
from skills.learning.rewards.training import Members

from skills.learning.classes import one_expert
from skills.learning.engine.stacked import with_ones
from skills.learning.learners import bc, iql, td3bc
from skills.learning.rewards import oril, training
from skills.progress import Reporter, silent_reporter
from skills.settings.config import PolicyConfig, RewardConfig

CPU = torch.device("cpu")
Training = Callable[[Path, Reporter], None]


def learn(learner, config: PolicyConfig, folder: Path, reporter: Reporter) -> None:
    transitions, rewards = bandit(500)
    experts, generator = one_expert(len(transitions), np.arange(100)), torch.Generator().manual_seed(2)
    learner.train(transitions, experts, rewards, config, CPU, generator, folder, reporter)


def judge(folder: Path, reporter: Reporter) -> None:
    transitions, _ = bandit(500)
    experts, generator = one_expert(len(transitions), np.arange(100), 2), torch.Generator().manual_seed(2)
    config = RewardConfig(maker="oril", hidden=32, batch=64, iterations=80, learning_rate=2e-3)
    oril.make_rewards(transitions, experts, config, CPU, generator, folder, reporter)


def encode(group: int | None, folder: Path, reporter: Reporter) -> None:
    """Nine CVAEs; whatever came of them is put into a file."""
    rows = with_ones(torch.randn(200, 7, generator=torch.Generator().manual_seed(3)).clamp(-1, 1))
    members = Members(torch.arange(200), torch.tensor([0, 30, 50, 80, 100, 120, 140, 160, 180, 200]))
    config = RewardConfig(hidden=16, batch=8, iterations=40, learning_rate=1e-2)
    generator = torch.Generator().manual_seed(5)
    made = training.train(rows, members, 2, config, generator, folder, reporter("training 9 CVAEs", "steps"), group)
    torch.save([made.cvae.flat, *made.curves.parts.values()], folder / "cvae.pt")


IQL = PolicyConfig(hidden=16, batch=16, steps=120)
TD3BC = PolicyConfig(learner="td3bc", hidden=32, batch=64, steps=40, learning_rate=1e-3)
BC = PolicyConfig(learner="bc", hidden=16, batch=16, steps=60, learning_rate=1e-3)
# name: (the training, after how many steps it is interrupted, the files that it makes)
TRAININGS: dict[str, tuple[Training, int, tuple[str, ...]]] = {
    "iql": (partial(learn, iql, IQL), 61, ("weights.safetensors", "curves.npz")),
    "td3bc": (partial(learn, td3bc, TD3BC), 25, ("weights.safetensors",)),
    "bc": (partial(learn, bc, BC), 31, ("weights.safetensors",)),
    "oril": (judge, 41, ("labels.f16", "oril.safetensors")),
    "cvae": (partial(encode, None), 21, ("cvae.pt",)),
    "cvae in groups, in the second": (partial(encode, 4), 61, ("cvae.pt",)),
}


@pytest.mark.parametrize("name", TRAININGS)
def test_an_interrupted_training_ends_in_the_same_bytes(name, tmp_path, monkeypatch):
    train, stop, files = TRAININGS[name]
    # Blocks of two CVAEs, so that nine classes are five blocks, the last one smaller.
    monkeypatch.setattr(training, "_BLOCK_FLOATS", 2 * (2 * 8 * 4 * 16))
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train(whole, silent_reporter)
    with interrupted_after(stop), pytest.raises(KeyboardInterrupt):
        train(cut, silent_reporter)
    said: list[str] = []
    train(cut, first_reports(said.append))
    assert int(said[0].split(": ")[1]) > stop, "the second run continues, it does not begin again"
    for file in files:
        assert (cut / file).read_bytes() == (whole / file).read_bytes()
