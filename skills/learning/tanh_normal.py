"""Stochastic policies for learners that need the likelihood of actions: a normal, squashed by tanh.

    x = mean + std * noise,   a = tanh x,   log pi(a|s) = sum over actions of log N(x; mean, std) - log(1 - a^2)

A network puts out the mean and what log std is made of. A method's authors either leave the mean free and squash the
log std into its range, or cut both. A policy of this project acts with tanh(mean), so it is the mean's half of them.

Letters: K perceptrons, B rows, C columns of a state, O observation columns, A action size.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from skills.learning.engine.optimiser import adam, state_of
from skills.learning.engine.stacked import StackedMlp
from skills.learning.engine.starts import Start
from skills.learning.policy import LOG_STD_RANGE, Policy, Shape
from skills.learning.steps import StepTables

_LOG_ROOT_TAU = 0.5 * math.log(math.tau)
_LOOKED_AT = 20_000  # rows that the spread of a policy is taken from


@dataclass(frozen=True)
class TanhNormal:
    """Distributions of actions.   mean, log_std: [..., A], before the tanh."""

    mean: Tensor
    log_std: Tensor

    @staticmethod
    def of(output: Tensor, limit: float | None) -> "TanhNormal":
        """Of what a network puts out, [..., 2 A].

        limit: that the mean is cut at, and log std at its range; None: the mean is free, log std squashed into that.
        """
        mean, free = output.chunk(2, dim=-1)
        low, high = LOG_STD_RANGE
        if limit is None:
            return TanhNormal(mean, low + 0.5 * (high - low) * (torch.tanh(free) + 1.0))
        return TanhNormal(mean.clamp(-limit, limit), free.clamp(low, high))

    def act(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """(actions [..., A], log pi of them [...]) by standard normal noise; differentiable by the distribution."""
        raw = self.mean + self.log_std.exp() * noise
        log_slope = 2.0 * (math.log(2.0) - raw - softplus(-2.0 * raw))  # log(1 - tanh^2), exact where that is 0
        likelihood = -0.5 * noise.square() - self.log_std - _LOG_ROOT_TAU - log_slope
        return torch.tanh(raw), likelihood.sum(dim=-1)

    def log_likelihood(self, actions: Tensor) -> Tensor:
        """[...] log pi of actions [..., A] inside of (-1, 1)."""
        noise = (torch.atanh(actions) - self.mean) * torch.exp(-self.log_std)
        likelihood = -0.5 * noise.square() - self.log_std - _LOG_ROOT_TAU - torch.log1p(-actions.square())
        return likelihood.sum(dim=-1)


class TanhActors:
    """K policies in training, of two hidden layers each, and their optimiser."""

    def __init__(
        self, steps: StepTables, hidden: int, rate: float, start: Start, generator: torch.Generator, limit: float | None
    ) -> None:
        """limit: see `TanhNormal.of`.   generator: a CPU generator."""
        skills, action = steps.experts.count, steps.actions.shape[1]
        self._shape = Shape(steps.observation_size, action, skills, hidden, trunks=skills)
        sizes = [steps.states.shape[1] - 1, hidden, hidden, 2 * action]
        self.mlp = StackedMlp.of(start(skills, sizes, generator), sizes).to(steps.device).to_learn()
        self.optimizer = adam(self.mlp.layers, rate)
        self._steps, self._limit = steps, limit

    def at(self, states: Tensor) -> TanhNormal:
        """What they do in states (s, 1), [K or 1, B, C + 1]."""
        return TanhNormal.of(self.mlp(states), self._limit)

    def tensors(self) -> dict[str, Tensor]:
        """Everything that a step changes and the next one reads."""
        return self.mlp.named_layers("actor") | state_of(self.optimizer, "adam.actor")

    @torch.no_grad()
    def to_policy(self) -> Policy:
        """Their means as a policy, on the CPU; its spread is what theirs is before the tanh, in the mean over the data.

        What flags an absorbing state is 0 in every real one: no policy needs it.
        """
        first, *others, last = self.mlp.layers
        real = torch.cat([first[:, : self._steps.observation_size], first[:, -1:]], dim=1)
        means = StackedMlp([real, *others, last[..., : self._shape.action_size]])
        policy = Policy(self._shape, *self._steps.scaling, torch.Generator())
        policy.network.load_flat(means.flat.cpu())
        rows = self._steps.data[:: max(1, len(self._steps.data) // _LOOKED_AT)]
        policy.log_std.copy_(self.at(self._steps.states[rows][None]).log_std.mean(dim=1))
        return policy
