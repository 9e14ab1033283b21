"""Implicit Q-learning for all skills at once (Kostrikov et al. 2022; CLUE trains it on its rewards).

A relabelled transition has a reward for each skill, so every head learns from every row: Q(s, a) and V(s) have K
outputs on a shared trunk, the policy K x A. With K = 1 it is plain IQL.

Letters: N transitions, B rows of a batch, O observation columns, A action size, K skills.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from skills.checkpoint import Checkpoint
from skills.config import PolicyConfig
from skills.dataset import Transitions
from skills.policy import LOG_STD_RANGE, Policy, Shape, mlp
from skills.progress import Progress, Reporter
from skills.rewards import Rewards

CHECKPOINT = "iql.checkpoint.safetensors"

_REPORT_EVERY = 20  # steps between two calls of progress


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows drawn from the dataset.

    observations, next_observations: [B, O], standardised.   actions: [B, A].   rewards: [B, K].
    continues: [B, 1], 0 where the episode terminated, else 1.
    """

    observations: Tensor
    actions: Tensor
    next_observations: Tensor
    rewards: Tensor
    continues: Tensor


class Critics(nn.Module):
    """Two Q networks, their targets, and V; each with K outputs."""

    def __init__(self, shape: Shape, generator: torch.Generator) -> None:
        super().__init__()
        inputs = shape.observation_size + shape.action_size
        self.q = nn.ModuleList(mlp(inputs, shape.hidden, shape.skills, generator) for _ in range(2))
        self.target = nn.ModuleList(mlp(inputs, shape.hidden, shape.skills, generator) for _ in range(2))
        self.target.load_state_dict(self.q.state_dict())
        self.target.requires_grad_(False)
        self.value = mlp(shape.observation_size, shape.hidden, shape.skills, generator)

    def targets(self, rows: Tensor) -> Tensor:
        """The lower of the two target Qs: (s, a) [B, O + A] -> [B, K]."""
        first, second = self.target
        return torch.minimum(first(rows), second(rows))


def expectile_loss(difference: Tensor, expectile: float) -> Tensor:
    """L2 with weight tau above 0 and 1 - tau below (IQL, eq. 5), elementwise."""
    weight = torch.where(difference > 0, expectile, 1.0 - expectile)
    return weight * difference.square()


def value_loss(value: Tensor, target: Tensor, config: PolicyConfig) -> Tensor:
    """V's loss: the expectile of Q_target - V, summed over skills: [B, K], [B, K] -> []."""
    return expectile_loss(target - value, config.expectile).mean(dim=0).sum()


def policy_loss(policy: Policy, batch: Batch, advantage: Tensor, config: PolicyConfig) -> Tensor:
    """Advantage-weighted regression (IQL, eq. 7), summed over skills.

    advantage: Q_target - V, [B, K].   The log density is that of a Gaussian around the tanh mean.
    """
    weight = torch.exp(config.inverse_temperature * advantage).clamp_(max=config.weight_limit)
    log_std = policy.log_std.clamp(*LOG_STD_RANGE)
    deviation = (batch.actions[:, None] - policy.means(batch.observations)) * torch.exp(-log_std)
    log_density = -(0.5 * deviation.square() + log_std).sum(dim=-1)
    return -(weight * log_density).mean(dim=0).sum()


def q_loss(critics: Critics, batch: Batch, config: PolicyConfig) -> Tensor:
    """Both Qs' squared error to r + gamma V(s'), summed over skills (IQL, eq. 6)."""
    with torch.no_grad():
        goal = batch.rewards + config.discount * batch.continues * critics.value(batch.next_observations)
    rows = torch.cat([batch.observations, batch.actions], dim=1)
    return torch.stack([(q(rows) - goal).square().mean(dim=0).sum() for q in critics.q]).sum()


class Learner:
    """The networks, their optimisers and one update of them all."""

    def __init__(self, policy: Policy, critics: Critics, config: PolicyConfig) -> None:
        self.policy = policy
        self.critics = critics
        self._config = config
        rate = config.learning_rate
        self.optimizers = {
            "value": torch.optim.Adam(critics.value.parameters(), lr=rate, fused=True),
            "policy": torch.optim.Adam(policy.parameters(), lr=rate, fused=True),
            "q": torch.optim.Adam(critics.q.parameters(), lr=rate, fused=True),
        }

    def update(self, batch: Batch, step: int) -> None:
        """One step: V, actor, Q, targets. The actor's rate decays as a cosine to 0.

        The actor's advantage is of V before its own step, as in most PyTorch versions (the official JAX code takes V
        after it): a forward pass less, and a difference of one Adam step.
        """
        config, critics = self._config, self.critics
        with torch.no_grad():
            target = critics.targets(torch.cat([batch.observations, batch.actions], dim=1))
        value = critics.value(batch.observations)
        advantage = target - value.detach()
        self._step("value", value_loss(value, target, config))
        decay = 0.5 * (1.0 + np.cos(np.pi * step / config.steps))
        self.optimizers["policy"].param_groups[0]["lr"] = config.learning_rate * float(decay)
        self._step("policy", policy_loss(self.policy, batch, advantage, config))
        self._step("q", q_loss(critics, batch, config))
        with torch.no_grad():
            pairs = zip(critics.target.parameters(), critics.q.parameters(), strict=True)
            for slow, fast in pairs:
                slow.lerp_(fast, config.polyak)

    def _step(self, name: str, loss: Tensor) -> None:
        optimizer = self.optimizers[name]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch ships no type for it
        optimizer.step()


def train(
    transitions: Transitions,
    rewards: Rewards,
    config: PolicyConfig,
    device: torch.device,
    generator: torch.Generator,
    folder: Path,
    reporter: Reporter,
) -> Policy:
    """Learns a head for each column of the reward matrix; saves the policy into `folder` and returns it.

    `folder` keeps a checkpoint that the caller removes once the policy is noted as done.

    generator: a CPU generator; initial weights and every draw come from it.
    """
    shape = Shape(
        transitions.observations.shape[1], transitions.actions.shape[1], skills=rewards.count, hidden=config.hidden
    )
    mean, std = (torch.from_numpy(array) for array in transitions.scaling)
    policy = Policy(shape, mean, std, generator).to(device)
    learner = Learner(policy, Critics(shape, generator).to(device), config)
    tensors = {f"policy.{name}": tensor for name, tensor in policy.state_dict().items()}
    tensors |= {f"critics.{name}": tensor for name, tensor in learner.critics.state_dict().items()}
    saved = Checkpoint(folder / CHECKPOINT, tensors, learner.optimizers, generator)
    progress: Progress = reporter(f"training {rewards.count} skills", "steps")
    first = saved.restore()
    batches = _batches(policy, transitions, rewards, config, device, generator)
    for step in range(first, config.steps):
        learner.update(next(batches), step)
        saved.save_if_due(step + 1)
        if (step + 1) % _REPORT_EVERY == 0 or step + 1 == config.steps:
            progress(step + 1, config.steps)
    policy.save(folder)
    return policy


def _batches(
    policy: Policy,
    transitions: Transitions,
    rewards: Rewards,
    config: PolicyConfig,
    device: torch.device,
    generator: torch.Generator,
) -> Iterator[Batch]:
    """Uniform batches without end. The reward rows are gathered from disk; the rest lies on the device."""
    observations = policy.standardise(torch.from_numpy(transitions.observations).to(device))
    next_observations = policy.standardise(torch.from_numpy(transitions.next_observations).to(device))
    actions = torch.from_numpy(transitions.actions).to(device)
    continues = torch.from_numpy(~transitions.terminated).to(device, torch.float32)[:, None]
    scale = torch.from_numpy(rewards.scale).to(device)
    while True:
        drawn = torch.randint(len(transitions), (config.batch,), generator=generator)
        labels = torch.from_numpy(rewards.labels[drawn.numpy()]).to(device, torch.float32)
        rows = drawn.to(device)
        yield Batch(observations[rows], actions[rows], next_observations[rows], labels * scale, continues[rows])
