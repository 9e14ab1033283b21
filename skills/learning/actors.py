"""A network for each skill that imitates rows drawn for it: K small perceptrons, each with a batch of its own.

A trunk that all skills share is cheaper where one batch serves them all. Where each skill has a batch of its own it
costs the same as a network of its own, and that is what fast gaits need.

The mean action is fitted by squared error, the Gaussian around it then takes the spread that is left: the likeliest one
of equal width for all actions.

Letters: N transitions, K skills, B rows of a skill's batch, O observation columns, A action size, H hidden units.
"""

import math
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from skills.learning.draws import Draws
from skills.learning.engine.stacked import Adam, StackedMlp, Workspace, initial, tanh_gradient
from skills.learning.engine.workers import Workers
from skills.learning.policy import LOG_STD_RANGE, Policy, Shape

_BLOCK_FLOATS = 2**18  # of the hidden layers of the perceptrons that a core steps at a time: they stay in its cache
_SPREAD_BATCHES = 16  # that the spread of the actions is taken from


@dataclass(frozen=True)
class ActorSettings:
    """How the policies are learned."""

    steps: Annotated[int, "updates of the policies"] = 100_000
    hidden: Annotated[int, "units of each of a policy's two hidden layers"] = 256
    batch: Annotated[int, "rows per update and skill"] = 128
    learning_rate: Annotated[float, "of the policies' Adam; falls to 0 along a cosine"] = 3e-4


class Actors:
    """The perceptrons in training, in blocks of a few that a worker steps together."""

    def __init__(
        self,
        states: Tensor,
        actions: Tensor,
        skills: int,
        config: ActorSettings,
        generator: torch.Generator,
        workers: Workers,
    ) -> None:
        """states: (s, 1) of the dataset, standardised, [N, O + 1].   actions: [N, A].   Both on the device."""
        self._config, self._workers = config, workers
        device, action = states.device, actions.shape[1]
        self.shape = Shape(states.shape[1] - 1, action, skills, config.hidden, trunks=skills)
        sizes = self.shape.layers(self.shape.observation_size, action)
        self.mlp = StackedMlp(initial(skills, sizes, generator).to(device), sizes)
        self._moments = [torch.zeros_like(self.mlp.flat) for _ in range(2)]
        size = max(1, _BLOCK_FLOATS // (2 * config.batch * config.hidden)) if device.type == "cpu" else skills
        spans = [slice(first, min(first + size, skills)) for first in range(0, skills, size)]
        self._blocks = [_Block(self.mlp, self._moments, span, states, actions, config) for span in spans]
        self._drawn = torch.zeros(skills, config.batch, dtype=torch.int64, device=device)
        self._errors = torch.zeros(skills, action, device=device)

    def draw(self, draws: Draws, generator: torch.Generator) -> None:
        """The rows of the next update."""
        self._drawn.copy_(draws.draw(self._config.batch, generator))

    def update(self) -> None:
        """One step of all perceptrons on the drawn rows."""
        if len(self._blocks) == 1:
            self._step(0, 0)
        else:
            self._workers.run(self._step, range(len(self._blocks)))

    def _step(self, index: int, worker: int) -> None:
        block = self._blocks[index]
        self._errors[block.span] = block.step(self._drawn[block.span])

    def set_step(self, step: int) -> None:
        """Goes on after that many updates, at the rate of the next."""
        rate = self._config.learning_rate * 0.5 * (1.0 + math.cos(math.pi * step / self._config.steps))
        for block in self._blocks:
            block.adam.set_rate(rate)

    def resume(self, step: int) -> None:
        """Goes on as after that many updates."""
        for block in self._blocks:
            block.adam.set_steps(step)

    def losses(self) -> dict[str, Tensor]:
        """The mean squared error of the last update by skill, [K]."""
        return {"policy": self._errors.mean(dim=1)}

    def tensors(self) -> dict[str, Tensor]:
        """Everything that an update changes and the next one reads, but for the count of steps."""
        first, second = self._moments
        return {"policy": self.mlp.flat, "first": first, "second": second}

    def state(self) -> list[Tensor]:
        """Every tensor that an update changes and the next one reads."""
        return [*self.tensors().values(), *(count for block in self._blocks for count in block.adam.steps)]

    def to_policy(self, scaling: tuple[Tensor, Tensor], draws: Draws, generator: torch.Generator) -> Policy:
        """The perceptrons as a policy that standardises with these, [O] each; on the CPU."""
        total = torch.zeros_like(self._errors)
        for _ in range(_SPREAD_BATCHES):
            self.draw(draws, generator)
            for block in self._blocks:
                total[block.span] += block.errors(self._drawn[block.span])
        policy = Policy(self.shape, *scaling, torch.Generator())
        policy.network.load_flat(self.mlp.flat.cpu())
        with torch.no_grad():
            policy.log_std.copy_((total / _SPREAD_BATCHES).sqrt().log().clamp(*LOG_STD_RANGE))
        return policy


class _Block:
    """Some of the perceptrons with their buffers."""

    def __init__(
        self,
        whole: StackedMlp,
        moments: list[Tensor],
        span: slice,
        states: Tensor,
        actions: Tensor,
        config: ActorSettings,
    ) -> None:
        self.span, self._all_states, self._actions, self._batch = span, states, actions, config.batch
        device = states.device
        self._mlp = whole.range(span)
        self._gradient = StackedMlp(torch.zeros_like(self._mlp.flat), whole.sizes)
        count, rate = len(self._mlp.flat), config.learning_rate
        self._pass = Workspace(count, config.batch, whole.sizes, device)
        self._by_output = torch.zeros_like(self._pass.output)
        self._states = torch.empty(count, config.batch, states.shape[1], device=device)
        first, second = ([moment[span]] for moment in moments)
        rate_now = torch.tensor(rate, device=device) if device.type == "cuda" else rate
        self.adam = Adam([self._mlp.flat], first, second, rate_now)

    def step(self, rows: Tensor) -> Tensor:
        """One update on rows [k, B]; the mean squared error of each action before it, [k, A]."""
        found = self.errors(rows)
        self._by_output.mul_(2.0 / self._batch)
        tanh_gradient(self._by_output, self._pass.output, grad_input=self._by_output)
        self._pass.backward(self._mlp, self._gradient, self._states, self._by_output)
        self.adam.step([self._gradient.flat])
        return found

    def errors(self, rows: Tensor) -> Tensor:
        """Mean squared error of each action at rows [k, B], [k, A]; leaves the error of each in `_by_output`."""
        torch.index_select(self._all_states, 0, rows.flatten(), out=self._states.flatten(0, 1))
        means = self._pass.forward(self._mlp, self._states).tanh_()
        torch.sub(means, self._actions[rows], out=self._by_output)
        return self._by_output.square().mean(dim=1)
