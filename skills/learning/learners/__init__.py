"""Policy learners, one a file: transitions and a reward matrix -> a policy with a head per skill.

Another package adds one by an entry point in the group `skills.learners`.
"""

from abc import abstractmethod
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

import torch

from skills.data.transitions import Transitions
from skills.learning.classes import Classes
from skills.learning.engine.shares import Share
from skills.learning.matrix import Rewards
from skills.learning.policy import Policy
from skills.plugins import Plugin
from skills.progress import Reporter
from skills.settings.config import Config


@dataclass(frozen=True)
class Learner(Plugin):
    """A learner and its settings.

    files: what it leaves in its folder.   checkpoint: the file that is there while it learns.
    reads_rewards: whether it needs the matrix.   shares: what of it processes can share out; see `make_share`.
    """

    files: ClassVar[tuple[str, ...]] = Policy.FILES
    checkpoint: ClassVar[str]
    reads_rewards: ClassVar[bool] = True
    shares: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """Its settings' own defaults, for `needs` of one whose presets are not IQL's."""
        return {one.name: one.default for one in fields(cls) if one.name not in ("reward_shift", "trunk")}

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

    def prepare(
        self,
        what: str,
        transitions: Transitions,
        experts: Classes,
        rewards: Rewards | None,
        device: torch.device,
        generator: torch.Generator,
        folder: Path,
        reporter: Reporter,
    ) -> None:
        """Does what all shares of one of `shares` begin from, and leaves it in `folder`; else as `train`."""
        raise NotImplementedError(f"{self.name} shares nothing out")

    def make_share(
        self,
        what: str,
        share: Share,
        transitions: Transitions,
        experts: Classes,
        rewards: Rewards | None,
        device: torch.device,
        generator: torch.Generator,
        folder: Path,
        reporter: Reporter,
    ) -> None:
        """Does a share of one of `shares`, and leaves it in `folder`, where `train` finds all of them; else as `train`.

        The same bytes come out as of `train` alone.
        """
        raise NotImplementedError(f"{self.name} shares nothing out")


def learner_of(config: Config) -> Learner:
    """The learner of a configuration, with its settings."""
    assert isinstance(config.policy, Learner), "what the registry gives"
    return config.policy
