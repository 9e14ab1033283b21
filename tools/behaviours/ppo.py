"""Proximal policy optimisation (Schulman et al. 2017) on the batched simulation: how the policies were trained.

Letters: T steps of a rollout, N simulations, M = T * N, B minibatch, O observation columns, A action size.

A rollout is an array [T, N]; a simulation that ends an episode at row t starts the next one at row t + 1:

    observations  o_0    o_1    o_2  | o_0'   o_1'        values [T + 1, N]: one more row, for the bootstrap
    rewards       r_0    r_1    r_2  | r_0'   ...         ends[2] = True: nothing is carried back over the bar

A terminated episode has no future. One cut by the time limit has: V(its final observation) is added to its reward.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skills.arrays import Floats, Places
from skills.bodies.environments import EPISODE_STEPS, environment, motion_size
from skills.bodies.fast import Simulation
from skills.bodies.world import Step
from skills.data.made.shipped import ShippedPolicy

_OBSERVATION_CLIP = 10.0
_REWARD_CLIP = 10.0
_STD_FLOOR = 1e-4
_RETURN_WINDOW = 100  # episodes whose mean is "the return now"


@dataclass(frozen=True)
class PPOConfig:
    """Hyperparameters; the defaults suit all four bodies.

    steps: environment steps in all.   simulations, rollout: N and T.   hidden: units of each of the two layers.
    log_std: the policy's initial one.   final_lr: fraction of `lr` that a linear schedule ends at.
    """

    steps: int
    simulations: int = 128
    rollout: int = 64
    epochs: int = 8
    minibatch: int = 512
    hidden: int = 128
    lr: float = 3e-4
    final_lr: float = 0.1
    discount: float = 0.99
    gae_lambda: float = 0.95
    clip: float = 0.2
    log_std: float = -1.0
    gradient_norm: float = 0.5
    threads: int = 1

    @property
    def iterations(self) -> int:
        """Rollouts in all."""
        return max(1, self.steps // (self.simulations * self.rollout))


@dataclass(frozen=True)
class Snapshot:
    """The policy after a number of environment steps.

    mean_return: of the last hundred episodes that ended in training; NaN before the first has.
    """

    steps: int
    mean_return: float
    policy: ShippedPolicy


class RunningScale:
    """Mean and variance of everything seen so far (Chan et al.'s parallel update), float64.

    mean, variance: [size] of what was seen before; it counts as a hundred thousand rows.
    """

    def __init__(self, size: int, mean: Floats | None = None, variance: Floats | None = None) -> None:
        self.mean = np.zeros(size) if mean is None else mean
        self.variance = np.ones(size) if variance is None else variance
        self._count = 1e-4 if mean is None else 1e5

    def update(self, rows: Floats) -> None:
        """Takes in rows [M, size]."""
        mean, variance, count = rows.mean(axis=0), rows.var(axis=0), len(rows)
        total = self._count + count
        delta = mean - self.mean
        moment = self.variance * self._count + variance * count + np.square(delta) * self._count * count / total
        self.mean = self.mean + delta * count / total
        self.variance = moment / total
        self._count = total

    @property
    def std(self) -> Floats:
        return np.sqrt(self.variance) + _STD_FLOOR


class ActorCritic(nn.Module):
    """Two tanh networks that share nothing: the mean action and the value; and a free log_std."""

    def __init__(self, observation_size: int, action_size: int, config: PPOConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.actor = _network(observation_size, action_size, config.hidden, 0.01, generator)
        self.critic = _network(observation_size, 1, config.hidden, 1.0, generator)
        self.log_std = nn.Parameter(torch.full((action_size,), config.log_std))

    def log_density(self, observations: Tensor, actions: Tensor) -> Tensor:
        """log pi(a|s) up to a constant, [B]."""
        scaled = (actions - self.actor(observations)) * torch.exp(-self.log_std)
        return torch.as_tensor(-0.5 * scaled.square().sum(dim=1) - self.log_std.sum())

    def value(self, observations: Tensor) -> Tensor:
        """V(s) in units of the normalised reward, [B]."""
        return torch.as_tensor(self.critic(observations))[:, 0]


@dataclass(frozen=True)
class Rollout:
    """What one rollout left, flattened to M rows: observations [M, O], actions [M, A], the others [M]."""

    observations: Tensor
    actions: Tensor
    log_densities: Tensor
    advantages: Tensor
    targets: Tensor


class Practice(Protocol):
    """What a policy is trained in: `Simulation`, or what is asked of a body beside.

    columns: O, the leading columns of what it returns that the policy sees.
    terminates: whether episodes may end before their time.
    """

    columns: int
    action_size: int
    terminates: bool

    def reset(self, generators: Sequence[np.random.Generator], ids: Places | None = None) -> Floats: ...

    def step(self, actions: NDArray[np.float32]) -> Step: ...


class Plain:
    """An environment as it is. The policy sees pose and motion only.

    Ant's 78 contact forces come after them: heavy-tailed, and no help to a runner.
    """

    def __init__(self, env_id: str, config: PPOConfig) -> None:
        self._simulation = Simulation(env_id, config.simulations, config.threads)
        self.columns, self.action_size = motion_size(env_id), self._simulation.action_size
        self.terminates = environment(env_id).terminates

    def reset(self, generators: Sequence[np.random.Generator], ids: Places | None = None) -> Floats:
        return self._simulation.reset(generators, ids)

    def step(self, actions: NDArray[np.float32]) -> Step:
        return self._simulation.step(actions)


def train(
    world: Practice,
    seed: int,
    config: PPOConfig,
    callback: Callable[[Snapshot], bool],
    begin: ShippedPolicy | None = None,
) -> ShippedPolicy:
    """Trains a policy; the same seed and config give the same weights.

    begin: the policy to begin with, of the world's columns; None: from nothing.
    callback: called after every iteration (simulations * rollout steps); training stops early where it returns False.
    """
    trainer = _Trainer(world, seed, config, begin)
    threads = torch.get_num_threads()
    torch.set_num_threads(config.threads)
    try:
        for iteration in range(config.iterations):
            trainer.iterate(1 - (1 - config.final_lr) * iteration / config.iterations)
            if not callback(trainer.snapshot()):
                break
    finally:
        torch.set_num_threads(threads)
    return trainer.snapshot().policy


def advantages(rewards: Floats, values: Floats, ends: NDArray[np.bool_], discount: float, gae_lambda: float) -> Floats:
    """Generalised advantage estimates [T, N] (Schulman et al. 2016) of rewards [T, N], values [T + 1, N], ends [T, N].

    rewards hold the bootstrap of a cut episode already.
    """
    result = np.zeros_like(rewards)
    carried = np.zeros(rewards.shape[1])
    for row in reversed(range(len(rewards))):
        alive = ~ends[row]
        delta = rewards[row] + discount * values[row + 1] * alive - values[row]
        carried = delta + discount * gae_lambda * alive * carried
        result[row] = carried
    return result


class _Trainer:
    def __init__(self, world: Practice, seed: int, config: PPOConfig, begin: ShippedPolicy | None) -> None:
        self.config = config
        starts, learning, cuts = np.random.SeedSequence(seed).spawn(3)
        self._generators = [np.random.default_rng(child) for child in starts.spawn(config.simulations)]
        self._generator = torch.Generator().manual_seed(int(learning.generate_state(1)[0]))
        self._world, self._columns = world, world.columns
        self._model = ActorCritic(self._columns, self._world.action_size, config, self._generator)
        self._optimiser = torch.optim.Adam(self._model.parameters(), lr=config.lr, eps=1e-5, fused=True)
        self._scale = RunningScale(self._columns)
        if begin is not None:
            self._take_over(begin)
        self._return_scale = RunningScale(1)
        self._discounted = np.zeros(config.simulations)
        self._returns: deque[float] = deque(maxlen=_RETURN_WINDOW)
        self._return_so_far = np.zeros(config.simulations)
        self._steps = 0
        # The first episodes are cut at different times; otherwise bodies that cannot fall stay in phase for ever and
        # each rollout sees one part of the episode only.
        self._first_limit = np.random.default_rng(cuts).integers(1, EPISODE_STEPS, config.simulations)
        if world.terminates:
            self._first_limit[:] = EPISODE_STEPS + 1
        self._first = np.ones(config.simulations, dtype=bool)
        self._age = np.zeros(config.simulations, dtype=np.int64)
        self._observations = self._world.reset(self._generators)[:, : self._columns]

    def _take_over(self, begin: ShippedPolicy) -> None:
        linear = [layer for layer in self._model.actor if isinstance(layer, nn.Linear)]
        with torch.no_grad():
            for layer, (weight, bias) in zip(linear, begin.layers, strict=True):
                layer.weight.copy_(torch.as_tensor(weight.T))
                layer.bias.copy_(torch.as_tensor(bias))
            self._model.log_std.copy_(torch.as_tensor(begin.log_std))
        self._scale = RunningScale(
            self._columns, begin.mean.astype(np.float64), np.square(begin.std.astype(np.float64))
        )

    def iterate(self, lr_fraction: float) -> None:
        for group in self._optimiser.param_groups:
            group["lr"] = self.config.lr * lr_fraction
        self._learn(self._roll())
        self._steps += self.config.simulations * self.config.rollout

    def snapshot(self) -> Snapshot:
        linear = [layer for layer in self._model.actor if isinstance(layer, nn.Linear)]
        layers = tuple((_copied(layer.weight.T), _copied(layer.bias)) for layer in linear)
        policy = ShippedPolicy(
            self._scale.mean.astype(np.float32),
            self._scale.std.astype(np.float32),
            _OBSERVATION_CLIP,
            layers,
            _copied(self._model.log_std),
        )
        mean_return = float(np.mean(self._returns)) if self._returns else float("nan")
        return Snapshot(self._steps, mean_return, policy)

    @torch.no_grad()
    def _roll(self) -> Rollout:
        config, model = self.config, self._model
        raw = np.empty((config.rollout, config.simulations, self._columns))
        rewards, ends = np.empty(raw.shape[:2]), np.zeros(raw.shape[:2], dtype=bool)
        values = np.empty((config.rollout + 1, config.simulations))
        seen, taken, densities = [], [], []
        std = torch.exp(model.log_std)
        for row in range(config.rollout):
            raw[row] = self._observations
            observations = self._normalised(self._observations)
            noise = torch.randn(config.simulations, len(std), generator=self._generator)
            actions = model.actor(observations) + std * noise
            seen.append(observations)
            taken.append(actions)
            densities.append(model.log_density(observations, actions))
            values[row] = model.value(observations).numpy()
            rewards[row], ends[row] = self._step(np.clip(actions.numpy(), -1.0, 1.0))
        values[-1] = model.value(self._normalised(self._observations)).numpy()
        self._scale.update(raw.reshape(-1, self._columns))  # after the rollout, so that it was normalised in one way
        advantage = advantages(rewards, values, ends, config.discount, config.gae_lambda)
        return Rollout(
            torch.cat(seen),
            torch.cat(taken),
            torch.cat(densities),
            torch.as_tensor(advantage, dtype=torch.float32).flatten(),
            torch.as_tensor(advantage + values[:-1], dtype=torch.float32).flatten(),
        )

    def _step(self, actions: NDArray[np.float32]) -> tuple[Floats, NDArray[np.bool_]]:
        """Steps all simulations and restarts those that ended; normalised rewards [N] and ends [N]."""
        step = self._world.step(actions)
        self._age += 1
        truncated = step.truncated | (self._first & (self._age >= self._first_limit))
        ends = step.terminated | truncated
        self._discounted = self._discounted * self.config.discount + step.rewards
        self._return_scale.update(self._discounted[:, None])
        rewards = np.clip(step.rewards / self._return_scale.std[0], -_REWARD_CLIP, _REWARD_CLIP)
        self._return_so_far += step.rewards
        observations = step.observations[:, : self._columns]
        cut = np.flatnonzero(truncated & ~step.terminated)
        if len(cut):
            final = self._model.value(self._normalised(observations[cut])).numpy()
            rewards[cut] += self.config.discount * final
        ended = np.flatnonzero(ends)
        if len(ended):
            whole = ended[~(self._first[ended] & (self._age[ended] >= self._first_limit[ended]))]
            self._returns.extend(self._return_so_far[whole].tolist())
            self._return_so_far[ended] = self._discounted[ended] = self._age[ended] = 0
            self._first[ended] = False
            fresh = self._world.reset([self._generators[index] for index in ended], ended)
            observations[ended] = fresh[:, : self._columns]
        self._observations = observations
        return rewards, ends

    def _learn(self, rollout: Rollout) -> None:
        count = len(rollout.advantages)
        for _ in range(self.config.epochs):
            order = torch.randperm(count, generator=self._generator)
            for rows in torch.split(order, self.config.minibatch):
                self._optimiser.zero_grad(set_to_none=True)
                self._loss(rollout, rows).backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_(self._model.parameters(), self.config.gradient_norm)
                self._optimiser.step()

    def _loss(self, rollout: Rollout, rows: Tensor) -> Tensor:
        """The clipped surrogate and half the squared error of the value, on one minibatch."""
        observations = rollout.observations[rows]
        advantage = rollout.advantages[rows]
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        density = self._model.log_density(observations, rollout.actions[rows])
        ratio = torch.exp(density - rollout.log_densities[rows])
        clipped = ratio.clamp(1 - self.config.clip, 1 + self.config.clip)
        policy = -torch.minimum(ratio * advantage, clipped * advantage).mean()
        value = 0.5 * (self._model.value(observations) - rollout.targets[rows]).square().mean()
        return policy + value

    def _normalised(self, observations: Floats) -> Tensor:
        scaled = (observations - self._scale.mean) / self._scale.std
        return torch.as_tensor(np.clip(scaled, -_OBSERVATION_CLIP, _OBSERVATION_CLIP), dtype=torch.float32)


def _network(inputs: int, outputs: int, hidden: int, gain: float, generator: torch.Generator) -> nn.Sequential:
    """Two tanh layers with orthogonal weights; the output layer's are scaled by `gain`."""
    sizes = [(inputs, hidden, 2**0.5), (hidden, hidden, 2**0.5), (hidden, outputs, gain)]
    layers: list[nn.Module] = []
    for fan_in, fan_out, scale in sizes:
        # Made without its default weights, which would be drawn from the global generator.
        linear = nn.Linear(fan_in, fan_out, device="meta").to_empty(device="cpu")
        nn.init.orthogonal_(linear.weight, scale, generator=generator)
        nn.init.zeros_(linear.bias)
        layers += [linear, nn.Tanh()]
    return nn.Sequential(*layers[:-1])


def _copied(tensor: Tensor) -> NDArray[np.float32]:
    return np.ascontiguousarray(tensor.detach().numpy()).astype(np.float32).copy()
