"""Implicit Q-learning for all skills at once (Kostrikov et al. 2022; CLUE trains it on its rewards).

A relabelled transition has a reward for each skill, so every head learns from every row: Q(s, a) and V(s) have K
outputs on a shared trunk, the policy K x A. With K = 1 it is plain IQL; with `trunk="independent"` every skill has
networks of its own, stacked, and nothing else differs. Losses are sums over skills of means over rows.

Letters: B rows of a batch, O observation columns, A action size, K skills.
"""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from skills.choices import Trunk
from skills.data.transitions import Transitions
from skills.learning.batches import Batch, Batches, BatchSettings, Dropout, RowSettings, RowTable, scaling
from skills.learning.classes import Classes
from skills.learning.engine.checkpoint import Checkpoint
from skills.learning.engine.curves import FILE as CURVES
from skills.learning.engine.curves import Curves
from skills.learning.engine.device import captured, generator_on
from skills.learning.engine.optimiser import adam, anneal, descend, state_of
from skills.learning.engine.workers import beside
from skills.learning.heads import Heads
from skills.learning.learners import Learner
from skills.learning.matrix import Rewards
from skills.learning.policy import LOG_STD_RANGE, Policy, Shape
from skills.learning.values import expectile_loss
from skills.progress import Reporter, sparsely

Done = TypeVar("Done")


@dataclass(frozen=True)
class Implicit(RowSettings, Learner):
    """IQL's networks and their training (official locomotion settings), whatever Q is told beside its batches."""

    files = (*Policy.FILES, CURVES)

    hidden: Annotated[int, "units of each hidden layer"] = 256
    steps: Annotated[int, "updates"] = 1_000_000
    learning_rate: Annotated[float, "of Adam; the actor's falls to 0 along a cosine"] = 3e-4
    expectile: Annotated[float, "tau"] = 0.7
    inverse_temperature: Annotated[float, "beta in exp(beta advantage)"] = 3.0
    polyak: Annotated[float, "share of Q that its slow copy takes in each step"] = 0.005
    weight_limit: Annotated[float, "of exp(beta advantage)"] = 100.0
    trunk: Annotated[Trunk, "or a network of its own for each skill, the paper's way: K times the cost"] = "shared"
    depth: Annotated[int, "hidden layers"] = 2
    dropout: Annotated[float, "of the actor's hidden units"] = 0.0
    standardise: Annotated[bool, "the observations"] = True

    def dropout_of(self, shape: Shape) -> Dropout | None:
        """What the actor's hidden units are multiplied by, None for nothing."""
        return Dropout(self.dropout, ((shape.trunks, self.batch, self.hidden),) * self.depth) if self.dropout else None

    @property
    def batches(self) -> BatchSettings:
        """What batches hold."""
        return BatchSettings(self.batch, self.discount)

    def networks(
        self,
        shape: Shape,
        experts: Classes,
        generator: torch.Generator,
        device: torch.device,
        helper: Executor | None,
    ) -> "IqlNetworks":
        """The networks in training."""
        return IqlNetworks(shape, self, generator, device, helper)

    def started(self, learner: "IqlNetworks", rewards: Rewards, rows: int) -> None:
        """Changes fresh networks before the first step.   rows: of the dataset, before an expert's."""

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
        """Learns a head for each column of the reward matrix; saves the policy and its losses' curves into `folder`."""
        assert rewards is not None, "IQL learns from rewards"
        shape = Shape(
            transitions.observations.shape[1], transitions.actions.shape[1], rewards.count, self.hidden, self.depth,
            trunks=rewards.count if self.trunk == "independent" else 1,
        )  # fmt: skip
        dropout = self.dropout_of(shape)
        with beside(device) as helper:
            learner = self.networks(shape, experts, generator, device, helper)
            self.started(learner, rewards, len(transitions) - transitions.demonstrations)
            own = generator_on(device, generator)
            curves = Curves(("value", "policy", "q"), self.steps, rewards.count)
            kept = learner.tensors() | {f"curves.{name}": part for name, part in curves.parts.items()}
            saved = Checkpoint(folder / self.checkpoint, kept, own)
            progress = sparsely(reporter(f"training {rewards.count} skills", "steps"))
            first = saved.restore()
            mean, std = scaling(transitions, self.standardise)
            with Batches(transitions, rewards, self.batches, mean, std, own, device, experts, dropout) as batches:
                learner.begin(batches.table)
                state = list(learner.tensors().values())
                updates = [captured(partial(learner.update, batch), state, device) for batch in batches.buffers]
                for step in range(first, self.steps):
                    index, drawn_from = batches.take()
                    learner.set_step(step)
                    updates[index]()
                    if curves.due(step):
                        curves.note(step, 0, learner.losses())
                    saved.save_if_due(step + 1, drawn_from)
                    progress(step + 1, self.steps)
        curves.save(folder)
        policy = learner.to_policy(mean, std)
        policy.save(folder)
        return policy


@dataclass(frozen=True)
class Iql(Implicit, BatchSettings):
    """IQL with a head per skill (Kostrikov et al. 2022)."""

    name = "iql"
    checkpoint = "iql.checkpoint.safetensors"

    settled: Annotated[
        bool,
        "values begin at the mean reward / (1 - gamma), and not at 0; a climb to it takes 1 / (polyak (1 - gamma))",
    ] = False

    @property
    def batches(self) -> BatchSettings:
        """What batches hold."""
        return self

    def started(self, learner: "IqlNetworks", rewards: Rewards, rows: int) -> None:
        """Values begin where they come to, if asked."""
        if self.settled:
            learner.settle(self.mean_values(rewards, rows))

    def mean_values(self, rewards: Rewards, rows: int) -> Tensor:
        """[K] what values come to where every reward is the mean of the first `rows`, and nothing ends."""
        means = rewards.labels[:rows].mean(axis=0, dtype=np.float64) * rewards.scale + self.reward_shift
        return torch.from_numpy(means / (1.0 - self.discount))


class IqlNetworks:
    """The networks, their optimisers and one update of them all.

    A Q is the lower of two; `target` is their slow copy. The actor is a Gaussian around a tanh mean with a free
    log std [K, A].
    """

    def __init__(
        self,
        shape: Shape,
        config: Implicit,
        generator: torch.Generator,
        device: torch.device,
        helper: Executor | None = None,
    ) -> None:
        """helper: a thread that shares the work; the same bytes with it and without."""
        self.shape, self._config, self._helper = shape, config, helper
        state, action = shape.observation_size, shape.action_size
        self.policy = Heads(state, action, shape, generator, device)
        self.q = Heads(state + action, 1, shape, generator, device, copies=2)
        self.value = Heads(state, 1, shape, generator, device)
        self.target = self.q.slow_copy()
        self.log_std = torch.zeros(shape.skills, action, device=device, requires_grad=True)
        self._optimizers = {
            "value": adam(self.value.mlp.layers, config.learning_rate),
            "policy": adam([*self.policy.mlp.layers, self.log_std], config.learning_rate),
            "q": adam(self.q.mlp.layers, config.learning_rate),
        }
        self._losses: dict[str, Tensor] = {}

    def begin(self, table: RowTable) -> None:
        """Says where the rows lie, before the first step; IQL needs none beside its batches."""

    def settle(self, values: Tensor) -> None:
        """Lifts all values, which begin at about 0, by what they come to where rewards are the same everywhere, [K].

        Rewards that are never far from their mean say little in advantages and much in values: as long as these climb,
        by 1 - gamma of what is left in 1 / polyak updates, the climb's errors are what the actor's weights see.
        """
        for network in (self.q, self.value, self.target):
            network.lift(values)

    def update(self, batch: Batch) -> None:
        """One step: V, actor, Q, targets.

        The actor's advantage is of V before its own step, as in most PyTorch versions (the official JAX code takes V
        after it): a forward pass less, and a difference of one Adam step. So the actor need not wait for V's step, and
        two threads that compute on a core each share the work about evenly: the other has the slow copy and the actor,
        this one V and Q, whose forward passes wait for nothing.
        """
        lower = self._beside(partial(self._lower, batch))
        value = self.value(batch.states).squeeze(-1).squeeze(0)
        q = self.q(batch.pairs).squeeze(-1)
        advantage = lower() - value
        acted = self._beside(partial(self._update_policy, batch, advantage.detach()))
        self._descend("value", expectile_loss(advantage, self._config.expectile).mean(dim=0))  # IQL, eq. 5
        self._descend("q", self._q_losses(q, batch))
        acted()
        self.target.mlp.approach(self.q.mlp, self._config.polyak)

    def _beside(self, task: Callable[[], Done]) -> Callable[[], Done]:
        """Begins a task in the other thread, where there is one, else does it; call the result for what it returned."""
        if self._helper is not None:
            return self._helper.submit(task).result
        done = task()
        return lambda: done

    @torch.no_grad()
    def _lower(self, batch: Batch) -> Tensor:
        """[B, K] the lower of the two slow copies' Q."""
        return self.target(batch.pairs).squeeze(-1).amin(dim=0)

    def _update_policy(self, batch: Batch, advantage: Tensor) -> None:
        """Advantage-weighted regression, -w log pi(a|s) with w = exp(beta (Q - V)) (IQL, eq. 7), but for a constant."""
        weight = torch.exp(self._config.inverse_temperature * advantage).clamp_(max=self._config.weight_limit)
        mean = torch.tanh(self.policy(batch.states, batch.dropout).squeeze(0))  # [B, K, A]
        squares = mse_loss(mean, batch.actions[:, None].expand_as(mean), reduction="none")
        variance = (weight[..., None] * squares).mean(dim=0)  # [K, A], times the mean weight
        log_std = self.log_std.clamp(*LOG_STD_RANGE)
        surprise = 0.5 * variance * torch.exp(-2.0 * log_std) + weight.mean(dim=0)[:, None] * log_std
        self._descend("policy", surprise.sum(dim=1))

    def _q_losses(self, q: Tensor, batch: Batch) -> Tensor:
        """[K] of both Qs [2, B, K]: squared error to r + gamma V(s') (IQL, eq. 6)."""
        with torch.no_grad():
            future = self.value(batch.next_states).squeeze(-1).squeeze(0)
            goal = torch.addcmul(batch.rewards, future, batch.continues, value=self._config.discount)
        return mse_loss(q, goal.expand_as(q), reduction="none").mean(dim=1).sum(dim=0)

    def _descend(self, name: str, losses: Tensor) -> None:
        """A step down the sum of losses [K]."""
        self._losses[name] = losses.detach()
        descend(self._optimizers[name], losses.sum())

    def losses(self) -> dict[str, Tensor]:
        """The losses of the last update, by skill, [K] each: `value`, `policy` (without its constant), `q`."""
        return dict(self._losses)

    def set_step(self, step: int) -> None:
        """Sets the actor's learning rate for the step to come."""
        anneal(self._optimizers["policy"], self._config.learning_rate, step, self._config.steps)

    def tensors(self) -> dict[str, Tensor]:
        """Everything that an update changes and the next one reads."""
        tensors = {"log_std": self.log_std.detach()}
        for name in ("policy", "value", "q", "target"):
            tensors |= getattr(self, name).mlp.named_layers(name)
        for name, optimizer in self._optimizers.items():
            tensors |= state_of(optimizer, f"adam.{name}")
        return tensors

    def to_policy(self, mean: Tensor, std: Tensor) -> Policy:
        """The actor, which standardises with these, [O] each; on the CPU."""
        policy = Policy(self.shape, mean, std, torch.Generator())
        policy.network.load_flat(self.policy.mlp.flat.cpu())
        with torch.no_grad():
            policy.log_std.copy_(self.log_std)
        return policy
