"""The environment's own rewards: what a method that needs none is measured against."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from skills.choices import Domain, Mode, Preset
from skills.data.transitions import Transitions
from skills.errors import SkillsError
from skills.learning.classes import Classes
from skills.learning.matrix import LABELS, LARGEST, SCALES, write
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
        """Writes the dataset's rewards.

        Raises: SkillsError where they are all 0.
        """
        largest = float(np.abs(transitions.rewards).max())
        if largest == 0.0:
            raise SkillsError(
                f"The rewards of {transitions.name} are all 0: there is nothing to learn from them.",
                "Are they missing from the file that it was imported from? --rewards clue needs none.",
            )
        unit = _unit(largest)
        blocks = _repeated(transitions.rewards / np.float32(unit), experts.count)
        progress = reporter("writing the true rewards", "rows")
        write(folder, blocks, transitions, progress, scaled=self.scaled, unit=unit)


def _unit(largest: float) -> float:
    """What rewards are divided by to fit the matrix: 1, or a power of two, by which nothing is rounded."""
    return max(1.0, 2.0 ** math.ceil(math.log2(largest / LARGEST)))


def _repeated(rewards: NDArray[np.float32], count: int) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(rewards), _CHUNK):
        yield np.repeat(rewards[start : start + _CHUNK, None], count, axis=1)
