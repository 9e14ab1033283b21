"""The environment's own rewards: what a method that needs none is measured against."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from skills.data.transitions import Transitions
from skills.learning.classes import Classes
from skills.learning.rewards import LABELS, SCALES
from skills.learning.rewards.scaling import write
from skills.progress import Reporter
from skills.settings.config import RewardConfig

FILES = (LABELS, SCALES)
CHECKPOINTS = ""

_CHUNK = 65_536  # rows written at once


def make_rewards(
    transitions: Transitions,
    experts: Classes,
    config: RewardConfig,
    device: torch.device,
    generator: torch.Generator,
    folder: Path,
    reporter: Reporter,
) -> None:
    """Writes the dataset's rewards for every expert alike."""
    blocks = _repeated(transitions.rewards, experts.count)
    progress = reporter("writing the true rewards", "rows")
    write(folder, blocks, transitions, progress, scaled=config.scaled)


def _repeated(rewards: NDArray[np.float32], count: int) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(rewards), _CHUNK):
        yield np.repeat(rewards[start : start + _CHUNK, None], count, axis=1)
