"""Behaviour cloning, the baseline that reads no rewards: each skill imitates its class.

The network is that of the skills (one trunk, a head per skill), so what differs from them is what it learns from.

Letters: N transitions, B rows of a batch, A action size, K skills.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
from torch import Tensor

from skills.choices import Trunk
from skills.data.transitions import Transitions
from skills.learning.classes import Classes
from skills.learning.engine.checkpoint import Checkpoint
from skills.learning.learners import Learner
from skills.learning.matrix import Rewards
from skills.learning.policy import LOG_STD_RANGE, Policy, Shape
from skills.plugins import ONE_EXPERT
from skills.progress import Reporter, sparsely


@dataclass(frozen=True)
class Bc(Learner):
    """A head for each class; every head sees as many rows as any other, however large its class."""

    name = "bc"
    modes = ONE_EXPERT
    checkpoint = "bc.checkpoint.safetensors"
    reads_rewards = False

    hidden: Annotated[int, "units of each of the two hidden layers"] = 256
    batch: Annotated[int, "rows per step, over all heads"] = 256
    steps: Annotated[int, "updates"] = 1_000_000
    learning_rate: Annotated[float, "of Adam"] = 3e-4
    trunk: Annotated[Trunk, "or a network of its own for each skill"] = "shared"

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
        """Clones."""
        heads = self._heads(experts)
        members, starts = (torch.from_numpy(array) for array in experts.members())
        bounds = torch.tensor([0, len(members)]) if heads == 1 else starts
        shape = Shape(
            transitions.observations.shape[1], transitions.actions.shape[1], heads, self.hidden,
            trunks=heads if self.trunk == "independent" else 1,
        )  # fmt: skip
        mean, std = (torch.from_numpy(array) for array in transitions.scaling)
        policy = Policy(shape, mean, std, generator).to(device)
        observations = policy.standardise(torch.from_numpy(transitions.observations).to(device))
        actions = torch.from_numpy(transitions.actions).to(device)
        optimizer = torch.optim.Adam(policy.parameters(), lr=self.learning_rate, fused=True)
        saved = Checkpoint(folder / self.checkpoint, dict(policy.state_dict()), {"policy": optimizer}, generator)
        progress = sparsely(reporter(f"cloning {heads} {'class' if heads == 1 else 'classes'}", "steps"))
        for step in range(saved.restore(), self.steps):
            drawn = torch.randint(heads, (self.batch,), generator=generator)
            rows = members[_one_of_each(bounds, drawn, generator)].to(device)
            optimizer.zero_grad(set_to_none=True)
            loss(policy, observations[rows], actions[rows], drawn.to(device)).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            saved.save_if_due(step + 1)
            progress(step + 1, self.steps)
        cloned = repeated(policy, experts.count) if heads == 1 else policy
        cloned.save(folder)
        return cloned

    def _heads(self, experts: Classes) -> int:
        """How many heads are trained; of one, every skill gets a copy."""
        return experts.count


def loss(policy: Policy, observations: Tensor, actions: Tensor, heads: Tensor) -> Tensor:
    """Mean negative log density of actions [B, A] under the heads [B] of their rows, up to a constant."""
    means = policy.means(observations)[torch.arange(len(heads), device=heads.device), heads]
    log_std = policy.log_std.clamp(*LOG_STD_RANGE)[heads]
    deviation = (actions - means) * torch.exp(-log_std)
    return (0.5 * deviation.square() + log_std).sum(dim=-1).mean()


def repeated(policy: Policy, count: int) -> Policy:
    """A policy of one skill as a policy of `count` skills that all do the same."""
    shape = Shape(policy.shape.observation_size, policy.shape.action_size, count, policy.shape.hidden)
    state = policy.state_dict()
    last = 2 * policy.shape.depth  # a ReLU stands behind each hidden layer
    for name in (f"network.{last}.weight", f"network.{last}.bias", "log_std"):
        state[name] = state[name].repeat(count, *[1] * (state[name].ndim - 1))
    whole = Policy(shape, policy.mean, policy.std, torch.Generator()).to(policy.mean.device)
    whole.load_state_dict(state)
    return whole


def _one_of_each(bounds: Tensor, drawn: Tensor, generator: torch.Generator) -> Tensor:
    """A place among the members for each drawn class, [B] -> [B]."""
    sizes = bounds.diff()[drawn]
    return bounds[drawn] + (torch.rand(len(drawn), generator=generator, dtype=torch.float64) * sizes).long()
