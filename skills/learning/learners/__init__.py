"""Policy learners, one a file: transitions and a reward matrix -> a policy with a head per skill.

A learner is a module with
    FILES             what it leaves in its folder
    CHECKPOINT        the file that is there while it learns        READS_REWARDS        whether it needs the matrix
    train(transitions, experts, rewards, config, device, generator, folder, reporter) -> Policy
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from skills.progress import Reporter

if TYPE_CHECKING:
    import torch

    from skills.data.transitions import Transitions
    from skills.learning.classes import Classes
    from skills.learning.policy import Policy
    from skills.learning.rewards import Rewards
    from skills.settings.config import PolicyConfig

# Name -> module, imported when it is asked for. `clone` is `bc` with one head.
LEARNERS = {
    name: f"skills.learning.learners.{module}"
    for name, module in (("iql", "iql"), ("bc", "bc"), ("clone", "bc"), ("td3bc", "td3bc"))
}


class Learner(Protocol):
    """What the module of a learner holds."""

    FILES: tuple[str, ...]
    CHECKPOINT: str
    READS_REWARDS: bool

    def train(
        self,
        transitions: "Transitions",
        experts: "Classes",
        rewards: "Rewards | None",
        config: "PolicyConfig",
        device: "torch.device",
        generator: "torch.Generator",
        folder: Path,
        reporter: Reporter,
    ) -> "Policy":
        """Learns a head for each of the experts; saves the policy into `folder` and returns it.

        rewards: None where it reads none.   generator: a CPU generator; every draw comes from it, or on a GPU from one
        that it seeds. `folder` keeps a checkpoint that the caller removes once the policy is noted as done.
        """


def learner(name: str) -> Learner:
    """The learner of that name, one of `LEARNERS`."""
    return cast(Learner, import_module(LEARNERS[name]))
