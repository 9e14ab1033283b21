"""SQIL's reward maker: 1 for a step of the expert, 0 for any other (Reddy et al., ICLR 2020).

The other half of SQIL, that half of each batch is the expert's, is the learner's work (`Sqil.needs`).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from skills.choices import Domain, Mode, Preset
from skills.data.transitions import Transitions
from skills.learning.classes import Classes
from skills.learning.matrix import LABELS, SCALES, write
from skills.learning.rewards import RewardMaker
from skills.plugins import ONE_EXPERT, Layer
from skills.progress import Reporter


@dataclass(frozen=True)
class Sqil(RewardMaker):
    """1 for a step of the expert, 0 for any other."""

    name = "sqil"
    modes = ONE_EXPERT
    files = (LABELS, SCALES)

    @classmethod
    def needs(cls, preset: Preset, mode: Mode, domain: Domain) -> Layer:
        """Half of each batch is the expert's."""
        return {"policy": {"expert_share": 0.5}}

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
        rows, starts = experts.members()
        labels = np.zeros((len(transitions), experts.count), np.float32)
        labels[rows, np.repeat(np.arange(experts.count), np.diff(starts))] = 1.0
        progress = reporter("labelling the expert's rows", "rows")
        write(folder, [labels], transitions, progress, scaled=self.scaled)
