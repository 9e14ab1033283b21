"""Policy learners, one a file: transitions and a reward matrix -> a policy with a head per skill.

Another package adds one by an entry point in the group `skills.learners`.
"""

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch

from skills.data.transitions import Transitions
from skills.learning.classes import Classes
from skills.learning.matrix import Rewards
from skills.learning.policy import Policy
from skills.plugins import Plugin
from skills.progress import Reporter
from skills.settings.config import Config


@dataclass(frozen=True)
class Learner(Plugin):
    """A learner and its settings.

    files: what it leaves in its folder.   checkpoint: the file that is there while it learns.
    reads_rewards: whether it needs the matrix.
    """

    files: ClassVar[tuple[str, ...]] = Policy.FILES
    checkpoint: ClassVar[str]
    reads_rewards: ClassVar[bool] = True

    @abstractmethod
    def train(
        self,
        transitions: Transitions,
        experts: Classes,
        rewards: Rewards | None,
        device: torch.device,
        generator: torch.Generator,
        folder: Path,
        reporter: Reporter,
    ) -> Policy:
        """Learns a head for each of the experts; saves the policy into `folder` and returns it.

        rewards: None where it reads none.   generator: a CPU generator; every draw comes from it, or on a GPU from one
        that it seeds. `folder` keeps a checkpoint that the caller removes once the policy is noted as done.
        """


def learner_of(config: Config) -> Learner:
    """The learner of a configuration, with its settings."""
    assert isinstance(config.policy, Learner), "what the registry gives"
    return config.policy
