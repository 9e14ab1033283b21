"""Reward makers, one a file: transitions and experts -> the reward matrix, which is all that a learner reads.

Another package adds one by an entry point in the group `skills.makers`.
"""

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import torch

from skills.data.transitions import Transitions
from skills.learning.classes import Classes
from skills.plugins import Plugin
from skills.progress import Reporter
from skills.settings.config import Config


@dataclass(frozen=True)
class RewardMaker(Plugin):
    """A reward maker and its settings.

    files: what it writes.   checkpoints: a pattern of files that are left while it works, or "".
    """

    files: ClassVar[tuple[str, ...]]
    checkpoints: ClassVar[str] = ""

    scaled: Annotated[bool, "by 1000 / (max - min over episodes of their sums), as IQL does for locomotion"] = True

    @abstractmethod
    def make(
        self,
        transitions: Transitions,
        experts: Classes,
        device: torch.device,
        generator: torch.Generator,
        folder: Path,
        reporter: Reporter,
    ) -> None:
        """Writes `files` into `folder`: a column of the matrix for each of the experts (`skills.learning.matrix`).

        generator: a CPU generator; every draw comes from it.
        """


def maker_of(config: Config) -> RewardMaker:
    """The reward maker of a configuration, with its settings."""
    assert isinstance(config.reward, RewardMaker), "what the registry gives"
    return config.reward
