"""The plainest reward: 1 for a step of the class, 0 for any other. What is left of a reward without a model of it.

Letters: N transitions, K experts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from skills.data.transitions import Transitions
from skills.learning.classes import Classes
from skills.learning.matrix import LABELS, SCALES, write
from skills.learning.rewards import RewardMaker
from skills.progress import Reporter

_CHUNK = 65_536  # rows written at once


@dataclass(frozen=True)
class Indicator(RewardMaker):
    """1 for a step of the class, 0 for any other."""

    name = "indicator"
    files = (LABELS, SCALES)

    def make(
        self,
        transitions: Transitions,
        experts: Classes,
        device: torch.device,
        generator: torch.Generator,
        folder: Path,
        reporter: Reporter,
    ) -> None:
        """Writes the matrix; draws nothing."""
        progress = reporter("labelling the rows of each class", "rows")
        write(folder, indicators(experts, len(transitions)), transitions, progress, scaled=self.scaled)


def indicators(experts: Classes, total: int) -> Iterator[NDArray[np.float32]]:
    """Whether each row is of each expert, of all rows in order, some [n, K] at a time."""
    copies = experts.count if len(experts.columns) == 0 else 1
    classes = np.arange(experts.count // copies)
    for start in range(0, total, _CHUNK):
        own = experts.labels[start : start + _CHUNK, None] == classes
        yield np.repeat(own, copies, axis=1).astype(np.float32)
