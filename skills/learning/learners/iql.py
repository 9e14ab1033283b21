"""Implicit Q-learning for all skills at once (Kostrikov et al. 2022; CLUE trains it on its rewards).

A relabelled transition has a reward for each skill, so every head learns from every row: Q(s, a) and V(s) have K
outputs on a shared trunk, the policy K x A. With
K = 1 it is plain IQL; with `trunk="independent"` every skill has networks of its own, stacked, and nothing else
differs. Losses are sums over skills of means over rows. Each update below is a loss, its derivative by the networks'
outputs, and a step of Adam; `tests/test_iql.py` holds it against textbook IQL with automatic gradients.

Letters: B rows of a batch, O observation columns, A action size, K skills.
"""

import copy
import math
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import torch
from torch import Tensor

from skills.choices import Trunk
from skills.data.transitions import Transitions
from skills.learning.batches import Batch, Batches, BatchSettings, Dropout, scaling
from skills.learning.classes import Classes
from skills.learning.engine.checkpoint import Checkpoint
from skills.learning.engine.curves import FILE as CURVES
from skills.learning.engine.curves import Curves
from skills.learning.engine.device import captured, generator_on
from skills.learning.engine.stacked import Adam, tanh_gradient
from skills.learning.engine.workers import beside, nothing_to_wait_for
from skills.learning.heads import Heads
from skills.learning.learners import Learner
from skills.learning.matrix import Rewards
from skills.learning.policy import LOG_STD_RANGE, Policy, Shape
from skills.learning.values import expectile_loss
from skills.progress import Reporter, sparsely

_leaky_relu = torch.ops.aten.leaky_relu.out


@dataclass(frozen=True)
class Iql(BatchSettings, Learner):
    """IQL with a head per skill (official locomotion settings; Kostrikov et al. 2022)."""

    name = "iql"
    files = (*Policy.FILES, CURVES)
    checkpoint = "iql.checkpoint.safetensors"

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
            learner = IqlNetworks(shape, self, generator, device, helper)
            own = generator_on(device, generator)
            curves = Curves(("value", "policy", "q"), self.steps, rewards.count)
            kept = learner.tensors() | {f"curves.{name}": part for name, part in curves.parts.items()}
            saved = Checkpoint(folder / self.checkpoint, kept, {}, own)
            progress = sparsely(reporter(f"training {rewards.count} skills", "steps"))
            first = saved.restore()
            learner.resume(first)
            mean, std = scaling(transitions, self.standardise)
            with Batches(transitions, rewards, self, mean, std, own, device, experts, dropout) as batches:
                updates = [
                    captured(partial(learner.update, batch), learner.state(), device) for batch in batches.buffers
                ]
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


class IqlNetworks:
    """The networks, their optimisers and one update of them all.

    A Q is the lower of two; `target` is their slow copy. The actor is a Gaussian around a tanh mean with a free
    log std [K, A].
    """

    def __init__(
        self,
        shape: Shape,
        config: Iql,
        generator: torch.Generator,
        device: torch.device,
        helper: Executor | None = None,
    ) -> None:
        """helper: a thread that shares the work; the same bytes with it and without."""
        self.shape, self._config, self._helper = shape, config, helper
        state, action, rows = shape.observation_size, shape.action_size, config.batch
        self.policy = Heads(state, action, shape, rows, generator, device)
        self.q = [Heads(state + action, 1, shape, rows, generator, device) for _ in range(2)]
        self.value = Heads(state, 1, shape, rows, generator, device)
        self.target = copy.deepcopy(self.q)
        self.log_std = torch.zeros(shape.skills, action, device=device)
        self._by_log_std = torch.zeros_like(self.log_std)
        rate = config.learning_rate
        # On a GPU the actor's rate, which changes, is a tensor that the captured graph reads.
        actor_rate = torch.tensor(rate, device=device) if device.type == "cuda" else rate
        self._adams = {
            "value": Adam.create([self.value.mlp.flat], rate),
            "policy": Adam.create([self.policy.mlp.flat, self.log_std], actor_rate),
            **{f"q{index}": Adam.create([q.mlp.flat], rate) for index, q in enumerate(self.q)},
        }
        self._advantage = torch.zeros(rows, shape.skills, device=device)
        self._goal = torch.zeros_like(self._advantage)
        # Of the last actor's update, for its loss: sums of w, of w (a - mu)^2 / sigma^2, and log sigma, [K, A].
        self._density = (self._by_log_std,) * 3
        # [B, K] of each network with one output, as views made once: two threads wait for each other at every call.
        self._values, self._by_values = self.value.output[..., 0], self.value.by_output[..., 0]
        self._q_values, self._target_values = ([one.output[..., 0] for one in pair] for pair in (self.q, self.target))
        self._by_q_values = [q.by_output[..., 0] for q in self.q]

    def update(self, batch: Batch) -> None:
        """One step: V, actor, Q, targets.

        The actor's advantage is of V before its own step, as in most PyTorch versions (the official JAX code takes V
        after it): a forward pass less, and a difference of one Adam step. So the actor need not wait for V's step, nor
        the Qs' outputs for anything, and two threads that compute on a core each share the step about evenly. Whichever
        is free first makes the second Q's backward pass: for one skill the helper, for many this one.
        """
        target = self._start(partial(self.target[1].forward, batch.pairs))
        q = self._start(partial(self.q[1].forward, batch.pairs))
        self.value.forward(batch.states)
        self.target[0].forward(batch.pairs)
        target()
        torch.minimum(*self._target_values, out=self._advantage).sub_(self._values)
        acted = self._start(partial(self._update_policy, batch))
        self._update_value(batch)
        q()
        second = self._start(partial(self._update_q, 1, batch))
        self.q[0].forward(batch.pairs)
        self._update_q(0, batch)
        second()
        acted()

    def _start(self, task: Callable[[], object]) -> Callable[[], object]:
        """Hands a task to the helper; call the result to have it done, here if the helper has not come to it."""
        if self._helper is None:
            task()
            return nothing_to_wait_for
        future = self._helper.submit(task)
        return lambda: task() if future.cancel() else future.result()

    def _update_value(self, batch: Batch) -> None:
        """V: the expectile of Q_target - V (IQL, eq. 5); then r + gamma V(s'), what the Qs aim at (eq. 6)."""
        # d loss / d V = -2 |tau - 1(Q < V)| (Q - V) / B; the factors of Q - V are those of a leaky ReLU, times tau.
        tau = self._config.expectile
        _leaky_relu(self._advantage, (1.0 - tau) / tau, out=self._by_values).mul_(-2.0 * tau / self._config.batch)
        self.value.backward(batch.states)
        self._adams["value"].step([self.value.gradient.flat])
        self.value.forward(batch.next_states)
        torch.addcmul(batch.rewards, self._values, batch.continues, value=self._config.discount, out=self._goal)

    def _update_policy(self, batch: Batch) -> None:
        """Actor: advantage-weighted regression, -w log pi(a|s) with w = exp(beta (Q - V)) (IQL, eq. 7)."""
        config = self._config
        weight = torch.mul(self._advantage, config.inverse_temperature).exp_()
        weight.clamp_(max=config.weight_limit).div_(config.batch)
        mean = self.policy.forward(batch.states, batch.dropout).tanh_()
        log_std = self.log_std.clamp(*LOG_STD_RANGE)
        precision = torch.exp(-2.0 * log_std)
        by_mean = self.policy.by_output  # [B, K, A], as `mean`
        deviation = batch.actions[:, None] - mean
        torch.mul(deviation, weight[..., None], out=by_mean)
        squares = deviation.mul_(by_mean).sum(dim=0).mul_(precision)  # [K, A]: sum of w (a - mu)^2 / sigma^2
        total = weight.sum(dim=0)[:, None]
        self._density = total, squares, log_std
        torch.sub(total, squares, out=self._by_log_std).mul_(log_std == self.log_std)
        by_mean.mul_(precision.neg_())
        tanh_gradient(by_mean, mean, grad_input=by_mean)
        self.policy.backward(batch.states)
        self._adams["policy"].step([self.policy.gradient.flat, self._by_log_std])

    def _update_q(self, index: int, batch: Batch) -> None:
        """One of the Qs, after its `forward`: squared error to r + gamma V(s') (IQL, eq. 6); and its target."""
        q = self.q[index]
        torch.sub(self._q_values[index], self._goal, out=self._by_q_values[index]).mul_(2.0 / self._config.batch)
        q.backward(batch.pairs)
        self._adams[f"q{index}"].step([q.gradient.flat])
        self.target[index].mlp.flat.lerp_(q.mlp.flat, self._config.polyak)

    def losses(self) -> dict[str, Tensor]:
        """The losses of the last update, by skill, [K] each: `value`, `policy` (without its constant), `q`."""
        first, second = (by_values * (self._config.batch / 2.0) for by_values in self._by_q_values)
        total, squares, log_std = self._density
        return {
            "value": expectile_loss(self._advantage, self._config.expectile).mean(dim=0),
            # -log pi = (a - mu)^2 / (2 sigma^2) + log sigma, but for a constant
            "policy": (0.5 * squares + total * log_std).sum(dim=1),
            "q": first.square().mean(dim=0) + second.square().mean(dim=0),
        }

    def set_step(self, step: int) -> None:
        """Sets the actor's learning rate for the step to come: a cosine from the full rate to 0."""
        rate = self._config.learning_rate * 0.5 * (1.0 + math.cos(math.pi * step / self._config.steps))
        self._adams["policy"].set_rate(rate)

    def resume(self, step: int) -> None:
        """Goes on as after that many updates."""
        for adam in self._adams.values():
            adam.set_steps(step)

    def tensors(self) -> dict[str, Tensor]:
        """Everything that an update changes and the next one reads, but for the optimisers' counts of steps."""
        tensors = {"policy": self.policy.mlp.flat, "log_std": self.log_std, "value": self.value.mlp.flat}
        for name, pair in (("q", self.q), ("target", self.target)):
            tensors |= {f"{name}{index}": one.mlp.flat for index, one in enumerate(pair)}
        for name, adam in self._adams.items():
            for moment, parts in (("first", adam.first), ("second", adam.second)):
                tensors |= {f"{name}.{moment}.{index}": part for index, part in enumerate(parts)}
        return tensors

    def state(self) -> list[Tensor]:
        """Every tensor that an update changes and the next one reads."""
        return [*self.tensors().values(), *(count for adam in self._adams.values() for count in adam.steps)]

    def to_policy(self, mean: Tensor, std: Tensor) -> Policy:
        """The actor, which standardises with these, [O] each; on the CPU."""
        policy = Policy(self.shape, mean, std, torch.Generator())
        policy.network.load_flat(self.policy.mlp.flat.cpu())
        with torch.no_grad():
            policy.log_std.copy_(self.log_std)
        return policy
