"""A training that is interrupted goes on where it was and ends in the same bytes: of every learner and reward maker."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import bandit, shrunk
from interrupting import first_reports, interrupted_after

from skills.learning.classes import Classes
from skills.learning.cvae import training
from skills.plugins import LEARNERS, MAKERS
from skills.progress import Reporter, silent_reporter

CPU, ROWS, STOP = torch.device("cpu"), 500, 31  # after an odd number of steps: TD3+BC's actor moves at even ones
TRAINED_MAKERS = [name for name in MAKERS.names() if MAKERS.load(name).checkpoints]


def nine_classes() -> Classes:
    """Of the bandit's rows."""
    plain = np.zeros(3, np.float32)
    return Classes(np.arange(ROWS, dtype=np.int32) % 9, np.zeros((9, 3), np.float32), np.arange(9), plain, plain + 1)


def learn(name: str, folder: Path, reporter: Reporter) -> tuple[str, ...]:
    """Trains; returns the names of the files."""
    transitions, rewards = bandit(ROWS)
    columns = transitions.observations.shape[1]
    parts = (("achieved_goal", 1), ("desired_goal", 1), ("observation", columns - 2))  # which those for mazes ask for
    transitions = replace(transitions, observation_parts=parts)
    sizes = {"hidden": 16, "batch": 16, "steps": 100, "learning_rate": 1e-3}
    sizes |= {"value_hidden": 16, "value_batch": 16, "value_steps": 80, "way_batch": 16, "way_steps": 80}
    sizes |= {"classifier_batch": 16, "classifier_steps": 80}
    sizes |= {"flow_batch": 16, "flow_steps": 80, "flow_blocks": 2, "flow_hidden": 8}
    learner = shrunk(LEARNERS.load(name)(), **sizes)
    generator = torch.Generator().manual_seed(2)
    learner.train(transitions, nine_classes(), rewards, CPU, generator, folder, reporter)
    return learner.files


def make(name: str, folder: Path, reporter: Reporter) -> tuple[str, ...]:
    """Trains and labels; returns the names of the files."""
    maker = MAKERS.load(name)(hidden=16, batch=8, iterations=60, learning_rate=1e-2)
    maker.make(bandit(ROWS)[0], nine_classes(), CPU, torch.Generator().manual_seed(5), folder, reporter)
    return maker.files


@pytest.mark.parametrize(
    ("train", "name"), [*((learn, name) for name in LEARNERS.names()), *((make, name) for name in TRAINED_MAKERS)]
)
def test_an_interrupted_training_ends_in_the_same_bytes(train, name, tmp_path, monkeypatch):
    # Blocks of two CVAEs, so that nine classes are five blocks, the last one smaller.
    monkeypatch.setattr(training, "_BLOCK_FLOATS", 2 * (2 * 8 * 4 * 16))
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    files = train(name, whole, silent_reporter)
    with interrupted_after(STOP), pytest.raises(KeyboardInterrupt):
        train(name, cut, silent_reporter)
    said: list[str] = []
    train(name, cut, first_reports(said.append))
    assert int(said[0].split(": ")[1]) > STOP, "the second run continues, it does not begin again"
    for file in files:
        assert (cut / file).read_bytes() == (whole / file).read_bytes(), file
