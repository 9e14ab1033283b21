"""A network for each skill that imitates rows drawn for it: K small perceptrons, each with a batch of its own.

A trunk that all skills share is cheaper where one batch serves them all. Where each skill has a batch of its own it
costs the same as a network of its own, and that is what fast gaits need.

The mean action is fitted by squared error, the Gaussian around it then takes the spread that is left: the likeliest one
of equal width for all actions.

Letters: N transitions, K skills, k of them, B rows of a skill's batch, O observation columns, A action size,
P numbers of a perceptron.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from skills.learning.draws import Draws, Own
from skills.learning.engine.optimiser import adam, anneal, descend, state_of
from skills.learning.engine.shares import WHOLE, Share
from skills.learning.engine.stacked import StackedMlp, initial, parameter_count
from skills.learning.engine.workers import Workers
from skills.learning.policy import LOG_STD_RANGE, Policy, Shape

# Of the hidden layers of the perceptrons that a core steps at a time. Measured: with fewer, Python takes a fifth of the
# time and its lock lets only one thread at it; more gain nothing.
_BLOCK_FLOATS = 25 * 2**15
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
        share: Share = WHOLE,
    ) -> None:
        """states: (s, 1) of the dataset, standardised, [N, O + 1].   actions: [N, A].   Both on the device.

        share: of the blocks, for k of the skills; they begin as they do among all, and learn by `Draws` of their own.
        """
        self._config, self._workers = config, workers
        device, action = states.device, actions.shape[1]
        self.shape = Shape(states.shape[1] - 1, action, skills, config.hidden, trunks=skills)
        self.sizes = self.shape.layers(self.shape.observation_size, action)
        mlp = StackedMlp.of(initial(skills, self.sizes, generator), self.sizes).to(device)
        spans = _spans(skills, config, workers.count) if device.type == "cpu" else [slice(0, skills)]
        spans = spans[share.slice(len(spans))]
        first, stop = (spans[0].start, spans[-1].stop) if spans else (0, 0)
        self.own, count = Own(slice(first, stop), skills), stop - first
        self._blocks = [_Block(mlp, span, first, states, actions, config) for span in spans]
        self._drawn = torch.zeros(count, config.batch, dtype=torch.int64, device=device)
        self._errors = torch.zeros(count, action, device=device)

    @torch.no_grad()
    def begin_as(self, other: "Actors") -> None:
        """Every perceptron becomes the only one of another's."""
        for block in self._blocks:
            for layer, common in zip(block.mlp.layers, other._blocks[0].mlp.layers, strict=True):
                layer.copy_(common.expand_as(layer))

    def draw(self, draws: Draws, generator: torch.Generator) -> None:
        """The rows of the next update."""
        self._drawn.copy_(draws.draw(self._config.batch, generator))

    def update(self) -> None:
        """One step of all perceptrons on the drawn rows."""
        if len(self._blocks) == 1:
            self._step(self._blocks[0])
        else:
            self._workers.run(self._step, self._blocks)

    def _step(self, block: "_Block") -> None:
        self._errors[block.span] = block.step(self._drawn[block.span])

    def set_step(self, step: int) -> None:
        """Sets the learning rate of the step to come."""
        for block in self._blocks:
            anneal(block.optimizer, self._config.learning_rate, step, self._config.steps)

    def losses(self) -> dict[str, Tensor]:
        """The mean squared error of the last update by skill, [k]."""
        return {"policy": self._errors.mean(dim=1)}

    def tensors(self) -> dict[str, Tensor]:
        """Everything that an update changes and the next one reads."""
        tensors: dict[str, Tensor] = {}
        for index, block in enumerate(self._blocks):
            tensors |= block.mlp.named_layers(f"{index}.policy") | state_of(block.optimizer, f"{index}.adam")
        return tensors

    def learned(self, draws: Draws, generator: torch.Generator) -> dict[str, Tensor]:
        """What `to_policy` takes of k skills, on the CPU: their parameters [k, P], and what their errors add up to."""
        total = torch.zeros_like(self._errors)
        for _ in range(_SPREAD_BATCHES):
            self.draw(draws, generator)
            for block in self._blocks:
                total[block.span] += block.errors(self._drawn[block.span]).detach()
        none = torch.zeros(0, parameter_count(self.sizes))
        flat = torch.cat([none, *(block.mlp.flat.cpu() for block in self._blocks)])
        return {"flat": flat, "errors": total.cpu()}

    def to_policy(self, scaling: tuple[Tensor, Tensor], learned: dict[str, Tensor]) -> Policy:
        """What all skills have `learned`, as a policy that standardises with these, [O] each; on the CPU."""
        policy = Policy(self.shape, *scaling, torch.Generator())
        policy.network.load_flat(learned["flat"])
        with torch.no_grad():
            policy.log_std.copy_(log_std_of(learned))
        return policy


def log_std_of(learned: dict[str, Tensor]) -> Tensor:
    """[k, A] of the Gaussians around what `Actors` have `learned`: the spread that is left."""
    return (learned["errors"] / _SPREAD_BATCHES).sqrt().log().clamp(*LOG_STD_RANGE)


def _spans(skills: int, config: ActorSettings, workers: int) -> list[slice]:
    """Which perceptrons are stepped together: as many as are worth it, but something for every worker.

    Never one alone of several, whose products have other last bits: by a kernel for vectors.
    """
    most = max(2, _BLOCK_FLOATS // (2 * config.batch * config.hidden))
    count = max(1, min(max(ceil(skills / most), workers), skills // 2))
    bounds = [skills * block // count for block in range(count + 1)]
    return [slice(first, stop) for first, stop in pairwise(bounds)]


class _Block:
    """Some of the perceptrons, and their optimiser."""

    def __init__(
        self, whole: StackedMlp, span: slice, first: int, states: Tensor, actions: Tensor, config: ActorSettings
    ) -> None:
        """span: which of all.   first: from which on they are counted, in `self.span`."""
        self.span = slice(span.start - first, span.stop - first)
        self._states, self._actions = states, actions
        self.mlp = whole.range(span).to_learn()
        self.optimizer = adam(self.mlp.layers, config.learning_rate)

    def step(self, rows: Tensor) -> Tensor:
        """One update on rows [k, B]; the mean squared error of each action before it, [k, A]."""
        found = self.errors(rows)
        descend(self.optimizer, found.sum())
        return found.detach()

    def errors(self, rows: Tensor) -> Tensor:
        """Mean squared error of each action at rows [k, B], [k, A]."""
        means = torch.tanh(self.mlp(self._states[rows]))
        return mse_loss(means, self._actions[rows], reduction="none").mean(dim=1)
