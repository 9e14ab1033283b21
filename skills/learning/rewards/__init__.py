"""Reward makers, one a file: transitions and experts -> the reward matrix, which is all that a learner reads.

Another package adds one by an entry point in the group `skills.makers`.
"""

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from skills.data.transitions import Transitions
from skills.errors import SkillsError
from skills.learning.classes import Classes
from skills.learning.engine.shares import Share
from skills.plugins import Plugin
from skills.progress import Reporter
from skills.settings.config import Config


class RewardModel(Protocol):
    """What a reward maker has learned, asked about steps that it was not made for."""

    def of_steps(
        self, observations: NDArray[np.float32], actions: NDArray[np.float32], expert: int
    ) -> NDArray[np.float32]:
        """[B] the labels, before scaling, of steps [B, O] and [B, A] for one expert."""


@dataclass(frozen=True)
class RewardMaker(Plugin):
    """A reward maker and its settings.

    files: what it writes.   checkpoints: a pattern of files that are left while it works, or "".
    shares: what of it processes can share out, one after the other; see `make_share`.
    """

    files: ClassVar[tuple[str, ...]]
    checkpoints: ClassVar[str] = ""
    shares: ClassVar[tuple[str, ...]] = ()

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

    def make_share(
        self,
        what: str,
        share: Share,
        transitions: Transitions,
        experts: Classes,
        device: torch.device,
        generator: torch.Generator,
        folder: Path,
        reporter: Reporter,
    ) -> None:
        """Does a share of one of `shares`, and leaves it in `folder`, where `make` finds all of them; else as `make`.

        The same bytes come out as of `make` alone.
        """
        raise NotImplementedError(f"{self.name} shares nothing out")

    def model(self, folder: Path, reference: Transitions) -> RewardModel:
        """What gives the rewards of new steps.   folder: where `make` wrote.   reference: what it made rewards of.

        Raises: SkillsError where a reward is no function of a step: so it is unless a maker says otherwise.
        """
        raise SkillsError(
            f"The rewards of {self.name} are those of the dataset's own steps; it has none for others.",
            "clue and oril have: discover with one of these.",
        )


def maker_of(config: Config) -> RewardMaker:
    """The reward maker of a configuration, with its settings."""
    assert isinstance(config.reward, RewardMaker), "what the registry gives"
    return config.reward
