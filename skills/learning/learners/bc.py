"""Behaviour cloning, the baseline that reads no rewards: each skill imitates its class, or all skills all of the data.

The network is that of the skills (one trunk, a head per skill), so what differs from them is what it learns from.

Letters: N transitions, B rows of a batch, A action size, K skills.
"""

from pathlib import Path

import torch
from torch import Tensor

from skills.data.transitions import Transitions
from skills.learning.classes import Classes
from skills.learning.engine.checkpoint import Checkpoint
from skills.learning.policy import LOG_STD_RANGE, Policy, Shape
from skills.learning.rewards import Rewards
from skills.progress import Reporter, sparsely
from skills.settings.config import PolicyConfig

CHECKPOINT = "bc.checkpoint.safetensors"
READS_REWARDS = False
FILES = Policy.FILES


def loss(policy: Policy, observations: Tensor, actions: Tensor, heads: Tensor) -> Tensor:
    """Mean negative log density of actions [B, A] under the heads [B] of their rows, up to a constant."""
    means = policy.means(observations)[torch.arange(len(heads), device=heads.device), heads]
    log_std = policy.log_std.clamp(*LOG_STD_RANGE)[heads]
    deviation = (actions - means) * torch.exp(-log_std)
    return (0.5 * deviation.square() + log_std).sum(dim=-1).mean()


def train(
    transitions: Transitions,
    experts: Classes,
    rewards: Rewards | None,
    config: PolicyConfig,
    device: torch.device,
    generator: torch.Generator,
    folder: Path,
    reporter: Reporter,
) -> Policy:
    """Clones, saves the policy into `folder` and returns it; as `bc` (K heads) or `clone` (one head, given K times).

    Every head sees as many rows as any other, however large its class. `folder` keeps a checkpoint that the caller
    removes once the policy is noted as done.
    rewards: not read.   generator: a CPU generator; initial weights and every draw come from it.
    """
    heads = 1 if config.learner == "clone" else experts.count
    members, starts = (torch.from_numpy(array) for array in experts.members())
    bounds = torch.tensor([0, len(members)]) if heads == 1 else starts
    shape = Shape(
        transitions.observations.shape[1], transitions.actions.shape[1], heads, config.hidden,
        trunks=heads if config.trunk == "independent" else 1,
    )  # fmt: skip
    mean, std = (torch.from_numpy(array) for array in transitions.scaling)
    policy = Policy(shape, mean, std, generator).to(device)
    observations = policy.standardise(torch.from_numpy(transitions.observations).to(device))
    actions = torch.from_numpy(transitions.actions).to(device)
    optimizer = torch.optim.Adam(policy.parameters(), lr=config.learning_rate, fused=True)
    saved = Checkpoint(folder / CHECKPOINT, dict(policy.state_dict()), {"policy": optimizer}, generator)
    progress = sparsely(reporter(f"cloning {heads} {'class' if heads == 1 else 'classes'}", "steps"))
    for step in range(saved.restore(), config.steps):
        drawn = torch.randint(heads, (config.batch,), generator=generator)
        rows = members[_one_of_each(bounds, drawn, generator)].to(device)
        optimizer.zero_grad(set_to_none=True)
        loss(policy, observations[rows], actions[rows], drawn.to(device)).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        saved.save_if_due(step + 1)
        progress(step + 1, config.steps)
    cloned = repeated(policy, experts.count) if heads == 1 else policy
    cloned.save(folder)
    return cloned


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
