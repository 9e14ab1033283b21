"""TD3+BC (Fujimoto and Gu, NeurIPS 2021): TD3 whose actor also stays near the data's actions.

    actor loss: -lambda Q1(s, pi(s)) + (pi(s) - a)^2,   lambda = alpha / mean |Q1(s, pi(s))|
Every skill has an actor and two Qs of its own, stacked: a Q reads its own actor's actions, so no trunk can be shared.
alpha, the target's noise and the delay are the official code's. Losses are sums over skills of means over rows.

Letters: B rows of a batch, O observation columns, A action size, K skills.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
from torch import Tensor

from skills.data.transitions import Transitions
from skills.learning.batches import Batch, Batches, BatchSettings, scaling
from skills.learning.classes import Classes
from skills.learning.engine.checkpoint import Checkpoint
from skills.learning.engine.device import generator_on
from skills.learning.engine.optimiser import adam, descend, state_of
from skills.learning.engine.stacked import StackedMlp, initial, with_ones
from skills.learning.learners import Learner
from skills.learning.matrix import Rewards
from skills.learning.policy import LOG_STD_RANGE, Policy, Shape
from skills.plugins import ONE_EXPERT
from skills.progress import Reporter, sparsely

_ALPHA = 2.5
_NOISE, _NOISE_LIMIT = 0.2, 0.5  # of the target's actions
_DELAY = 2  # updates of the Qs for each one of the actor and the targets


@dataclass(frozen=True)
class Td3Bc(BatchSettings, Learner):
    """An actor and two Qs of its own for each skill."""

    name = "td3bc"
    modes = ONE_EXPERT
    checkpoint = "td3bc.checkpoint.safetensors"

    hidden: Annotated[int, "units of each hidden layer"] = 256
    steps: Annotated[int, "updates"] = 1_000_000
    learning_rate: Annotated[float, "of Adam"] = 3e-4
    polyak: Annotated[float, "share that the slow copies take when they move"] = 0.005
    depth: Annotated[int, "hidden layers"] = 2
    standardise: Annotated[bool, "the observations"] = True

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
        """Learns an actor for each column of the reward matrix."""
        assert rewards is not None, "TD3+BC learns from rewards"
        shape = Shape(
            transitions.observations.shape[1], transitions.actions.shape[1], rewards.count, self.hidden, self.depth,
            trunks=rewards.count,
        )  # fmt: skip
        learner = Td3BcNetworks(shape, self, generator, device)
        # The batches are drawn ahead in a thread, so the noise has a generator of its own, seeded anew for each step.
        seed, noise_generator = int(torch.randint(2**62, (), generator=generator)), torch.Generator(device)
        own = generator_on(device, generator)
        saved = Checkpoint(folder / self.checkpoint, learner.tensors(), own)
        progress = sparsely(reporter(f"training {rewards.count} skills", "steps"))
        noise = torch.empty(rewards.count, self.batch, shape.action_size, device=device)
        mean, std = scaling(transitions, self.standardise)
        first = saved.restore()
        with Batches(transitions, rewards, self, mean, std, own, device, experts) as batches:
            for step in range(first, self.steps):
                index, drawn_from = batches.take()
                noise.normal_(generator=noise_generator.manual_seed(seed ^ step))
                learner.update(batches.buffers[index], noise, step)
                saved.save_if_due(step + 1, drawn_from)
                progress(step + 1, self.steps)
        policy = learner.to_policy(mean, std)
        policy.save(folder)
        return policy


class Td3BcNetworks:
    """K actors, 2 K Qs (the first K, then the second), their slow copies, their optimisers, and one update of all."""

    def __init__(self, shape: Shape, config: Td3Bc, generator: torch.Generator, device: torch.device) -> None:
        self.shape, self._config = shape, config
        state, action = shape.observation_size, shape.action_size
        self.networks = {
            name: StackedMlp.of(initial(count, sizes, generator), sizes).to(device).to_learn()
            for name, count, sizes in (
                ("actor", shape.skills, shape.layers(state, action)),
                ("q", 2 * shape.skills, shape.layers(state + action, 1)),
            )
        }
        self.targets = {name: network.to_learn().detached() for name, network in self.networks.items()}
        self._optimizers = {name: adam(network.layers, config.learning_rate) for name, network in self.networks.items()}

    def update(self, batch: Batch, noise: Tensor, step: int) -> None:
        """One step. noise: standard normal, [K, B, A].   step: how many there were before."""
        self._update_q(batch, noise)
        if (step + 1) % _DELAY == 0:
            self._update_actor(batch)
            for name, network in self.networks.items():
                self.targets[name].approach(network, self._config.polyak)

    def _update_q(self, batch: Batch, noise: Tensor) -> None:
        with torch.no_grad():
            actions = _act(self.targets["actor"], batch.next_states)
            actions = (actions + (noise * _NOISE).clamp(-_NOISE_LIMIT, _NOISE_LIMIT)).clamp(-1.0, 1.0)
            future = _value(self.targets["q"], batch.next_states, actions.repeat(2, 1, 1))
            lower = torch.minimum(*future.chunk(2))  # [K, B]
            goal = batch.rewards.T + self._config.discount * batch.continues.T * lower
        error = self.networks["q"](batch.pairs[None])[..., 0] - goal.repeat(2, 1)
        descend(self._optimizers["q"], error.square().mean(dim=1).sum())

    def _update_actor(self, batch: Batch) -> None:
        actions = _act(self.networks["actor"], batch.states)
        q = _value(self.networks["q"].detached().range(slice(self.shape.skills)), batch.states, actions)
        weight = _ALPHA / q.detach().abs().mean(dim=1)
        near = (actions - batch.actions).square().mean(dim=(1, 2))
        descend(self._optimizers["actor"], (near - weight * q.mean(dim=1)).sum())

    def tensors(self) -> dict[str, Tensor]:
        """Everything that an update changes and the next one reads."""
        tensors: dict[str, Tensor] = {}
        for name, network in self.networks.items():
            tensors |= network.named_layers(name) | self.targets[name].named_layers(f"target.{name}")
            tensors |= state_of(self._optimizers[name], f"adam.{name}")
        return tensors

    def to_policy(self, mean: Tensor, std: Tensor) -> Policy:
        """The actors, which standardise with these, [O] each; on the CPU. They have no noise but the least there is."""
        policy = Policy(self.shape, mean, std, torch.Generator())
        policy.network.load_flat(self.networks["actor"].flat.cpu())
        with torch.no_grad():
            policy.log_std.fill_(LOG_STD_RANGE[0])
        return policy


def _act(actor: StackedMlp, states: Tensor) -> Tensor:
    """(s, 1), [B, O + 1] -> [K, B, A]."""
    return torch.tanh(actor(states[None]))


def _value(q: StackedMlp, states: Tensor, actions: Tensor) -> Tensor:
    """(s, 1), [B, O + 1], and each Q's own actions [K, B, A] -> [K, B]."""
    pairs = torch.cat([states[:, :-1].expand(len(actions), -1, -1), actions], dim=-1)
    return q(with_ones(pairs))[..., 0]
