"""The environment's own rewards: what a method that needs none is measured against."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from skills.choices import Domain, Mode, Preset
from skills.data.transitions import Transitions
from skills.learning.classes import Classes
from skills.learning.matrix import LABELS, SCALES, write
from skills.learning.rewards import RewardMaker
from skills.plugins import ONE_EXPERT, Layer
from skills.progress import Reporter

_CHUNK = 65_536  # rows written at once


@dataclass(frozen=True)
class TrueRewards(RewardMaker):
    """The rewards that the dataset holds, for every expert alike."""

    name = "true"
    modes = ONE_EXPERT
    files = (LABELS, SCALES)

    @classmethod
    def needs(cls, preset: Preset, mode: Mode, domain: Domain) -> Layer:
        """Outside of locomotion they stay as they are, but for the shift, as the official IQL leaves them."""
        return {} if domain == "locomotion" else {"reward": {"scaled": False}}

    def make(
        self,
        transitions: Transitions,
        experts: Classes,
        device: torch.device,
        generator: torch.Generator,
        folder: Path,
        reporter: Reporter,
    ) -> None:
        """Writes the dataset's rewards."""
        blocks = _repeated(transitions.rewards, experts.count)
        progress = reporter("writing the true rewards", "rows")
        write(folder, blocks, transitions, progress, scaled=self.scaled)


def _repeated(rewards: NDArray[np.float32], count: int) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(rewards), _CHUNK):
        yield np.repeat(rewards[start : start + _CHUNK, None], count, axis=1)
