"""SQIL's reward maker: 1 for a step of the expert, 0 for any other (Reddy et al., ICLR 2020).

The other half of SQIL, that half of each batch is the expert's, is the learner's: `PolicyConfig.expert_share`.
"""

from pathlib import Path

import numpy as np
import torch

from skills.data.transitions import Transitions
from skills.learning.classes import Classes
from skills.learning.rewards import LABELS, SCALES
from skills.learning.rewards.scaling import write
from skills.progress import Reporter
from skills.settings.config import RewardConfig

FILES = (LABELS, SCALES)
CHECKPOINTS = ""


def make_rewards(
    transitions: Transitions,
    experts: Classes,
    config: RewardConfig,
    device: torch.device,
    generator: torch.Generator,
    folder: Path,
    reporter: Reporter,
) -> None:
    """Writes labels.f16 [N, K] and scales.npz into `folder`; draws nothing."""
    rows, starts = experts.members()
    labels = np.zeros((len(transitions), experts.count), np.float32)
    labels[rows, np.repeat(np.arange(experts.count), np.diff(starts))] = 1.0
    progress = reporter("labelling the expert's rows", "rows")
    write(folder, [labels], transitions, progress, scaled=config.scaled)
