"""DemoDICE (Kim et al., ICLR 2022): imitates the expert's steps by what the data show, and keeps near the data.

U are the data's rows and the expert's. With r(s, a) the log ratio of a classifier of the expert from U and
A = r + gamma nu(s') - nu(s), what is convex in nu has its minimum where the weights w are an occupancy over U's, the
nearest to the expert's and, by alpha, to U's; the policy clones U so weighed:
    L_nu = (1 - gamma) mean nu(s0) + (1 + alpha) log mean exp(A / (1 + alpha)) + 1e-4 mean |slope of nu|^2
    w    = exp(A / (1 + alpha)) over its mean,   L_pi = -mean w log pi(a|s)
All at once; the classifier learns along. Where the official code is otherwise: docs/rivals.md.

Letters: C columns of a state, A action size, K skills, B rows of a batch.
"""

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
from torch import Tensor

from skills.choices import Domain, Endings, Mode, Preset
from skills.data.transitions import Transitions
from skills.learning.batches import scaling
from skills.learning.classes import Classes
from skills.learning.engine.curves import FILE as CURVES
from skills.learning.engine.device import generator_on
from skills.learning.engine.optimiser import adam, descend_together, state_of
from skills.learning.engine.stacked import StackedMlp
from skills.learning.engine.starts import he_normal
from skills.learning.learners import Learner
from skills.learning.matrix import Rewards
from skills.learning.parts import TrainingPart, learn
from skills.learning.policy import Policy
from skills.learning.slopes import Sloped, between, penalty
from skills.learning.steps import StepTables, draw_rows, steps_of
from skills.learning.tanh_normal import TanhActors
from skills.learning.tellers import telling_loss
from skills.learning.weights import effective, evened
from skills.plugins import ONE_EXPERT, Layer
from skills.progress import Reporter

_MEAN_LIMIT = 7.0  # of the policy, before the tanh
_TELLER_PENALTY, _VALUE_PENALTY = 0.1, 1e-4
_SOFT = 1e-3  # bounds r to [-6.9, 13.8]
_PRESETS: dict[Preset, dict[str, Any]] = {"smoke": {}, "quick": {"batch": 256}, "paper": {}}


def ratio(logits: Tensor) -> Tensor:
    """r, the log ratio of what a classifier says, bounded."""
    return -torch.log(1.0 / (torch.sigmoid(logits) + _SOFT) - 1.0 + _SOFT)


def ratio_slope(logits: Tensor) -> Tensor:
    """The derivative of r by the logit."""
    share = torch.sigmoid(logits)
    soft = share + _SOFT
    return share * (1.0 - share) / (soft.square() * (1.0 / soft - 1.0 + _SOFT))


def value_loss(first: Tensor, advantage: Tensor, discount: float, alpha: float) -> Tensor:
    """[K] L_nu but for the penalty, of nu in first states and of A, [K, B] each."""
    spread = torch.logsumexp(advantage / (1.0 + alpha), dim=1) - math.log(advantage.shape[1])
    return (1.0 - discount) * first.mean(dim=1) + (1.0 + alpha) * spread


@dataclass(frozen=True)
class Matching(Learner):
    """A learner of K policies from the steps of the data and of each expert, with networks of its own for each."""

    modes = ONE_EXPERT
    files = (*Policy.FILES, CURVES)
    reads_rewards = False

    hidden: Annotated[int, "units of each of the two hidden layers"] = 256
    ends: Annotated[Endings, "what a failure is worth: nothing, or what is learned for a state behind it"] = "absorbing"

    @abstractmethod
    def parts(self, steps: StepTables, generator: torch.Generator) -> tuple[Sequence[TrainingPart], TanhActors]:
        """(what is trained, one part after the other; the policies among it).   generator: a CPU generator."""

    def scaled(self, transitions: Transitions, experts: Classes) -> tuple[Tensor, Tensor]:
        """(mean, std) that observations are standardised with, [O] each."""
        return scaling(transitions, True)

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
        """Learns a head for each expert; saves the policy and its losses' curves into `folder`."""
        steps = steps_of(transitions, experts, self.scaled(transitions, experts), self.ends, device, generator)
        parts, actors = self.parts(steps, generator)
        learn(parts, steps.experts.count, generator_on(device, generator), folder / self.checkpoint, reporter)
        policy = actors.to_policy()
        policy.save(folder)
        return policy


@dataclass(frozen=True)
class Demodice(Matching):
    """A classifier, a nu and a policy of its own for each skill."""

    name = "demodice"
    checkpoint = "demodice.checkpoint.safetensors"

    steps: Annotated[int, "updates"] = 2_000_000
    batch: Annotated[int, "rows of everything per update, as many of the expert, and as many first states"] = 512
    learning_rate: Annotated[float, "of every Adam"] = 3e-4
    discount: Annotated[float, "gamma"] = 0.99
    alpha: Annotated[float, "how much keeping near to the data counts beside the expert"] = 0.0

    @classmethod
    def needs(cls, preset: Preset, mode: Mode, domain: Domain) -> Layer:
        """Smaller steps than the official code's where presets make minutes of hours."""
        return {"policy": _PRESETS[preset]}

    def parts(self, steps: StepTables, generator: torch.Generator) -> tuple[list[TrainingPart], TanhActors]:
        """All at once."""
        networks = DemodiceNetworks(steps, self, generator)
        return [TrainingPart("policy", f"training {steps.experts.count} skills", networks, self.steps)], networks.actors


class DemodiceNetworks:
    """K classifiers, K values, K policies, their optimisers, and one update of them all."""

    def __init__(self, steps: StepTables, config: Demodice, generator: torch.Generator) -> None:
        self._steps, self._config = steps, config
        count, device, hidden = steps.experts.count, steps.device, config.hidden
        inputs = {"value": steps.states.shape[1] - 1, "teller": steps.pairs(steps.data[None, :1]).shape[2] - 1}
        self.networks = {
            name: StackedMlp.of(he_normal(count, sizes, generator), sizes).to(device).to_learn()
            for name, sizes in ((name, [size, hidden, hidden, 1]) for name, size in inputs.items())
        }
        self._optimizers = {name: adam(mlp.layers, config.learning_rate) for name, mlp in self.networks.items()}
        self.actors = TanhActors(steps, hidden, config.learning_rate, he_normal, generator, _MEAN_LIMIT)
        self._first, self._rows = (torch.zeros(1, config.batch, dtype=torch.int64, device=device) for _ in range(2))
        self._expert = torch.zeros(count, config.batch, dtype=torch.int64, device=device)
        self._shares = torch.zeros(2, count, config.batch, 1, device=device)
        names = ("classifier", "value", "policy", "rows")
        self._losses = {name: torch.zeros(count, device=device) for name in names}

    def begin(self) -> None:
        """It is ready."""

    def draw(self, generator: torch.Generator) -> None:
        """The rows of the next update, the same of U for all skills, and where between rows slopes are looked at."""
        draw_rows(self._steps.all_starts, self._first, generator)
        draw_rows(self._steps.union, self._rows, generator)
        self._expert.copy_(self._steps.experts.draw(self._config.batch, generator))
        self._shares.uniform_(generator=generator)

    def update(self) -> None:
        """One step on them, of all networks at what they are before it."""
        steps, config, rows = self._steps, self._config, self._rows
        teller, value = (Sloped(self.networks[name].unbiased()) for name in ("teller", "value"))
        pairs = steps.pairs(rows)
        logits = teller(pairs)
        states, ahead = steps.states[rows], steps.next_states[rows]
        first, here, there = value(torch.cat([steps.states[self._first], states, ahead], 1)).chunk(3, 1)
        advantage = ratio(logits.detach()) + config.discount * steps.continues[rows] * there - here
        weights = evened(advantage.detach() / (1.0 + config.alpha))
        does = self.actors.at(states)
        losses = {
            "classifier": telling_loss(teller(steps.pairs(self._expert)), logits),
            "value": value_loss(first, advantage, config.discount, config.alpha),
            "policy": -(weights * does.log_likelihood(steps.actions[rows])).mean(dim=1),
        }
        for name, found in {**losses, "rows": effective(weights)}.items():
            self._losses[name].copy_(found.detach())
        penalties = _TELLER_PENALTY * self._of_teller(teller, pairs) + _VALUE_PENALTY * self._of_value(
            value, states, ahead
        )
        optimizers = [*self._optimizers.values(), self.actors.optimizer]
        descend_together(optimizers, torch.stack([*losses.values(), penalties]).sum())

    def _of_teller(self, teller: Sloped, pairs: Tensor) -> Tensor:
        """[K] of r, between the expert's rows and U's, and among U's; drawn rows moved on by one are others."""
        expert, share = self._steps.pairs(self._expert), self._shares[0]
        pairs = pairs.expand_as(expert)
        some = torch.cat([expert, pairs.roll(1, dims=1)], dim=1)
        points = between(some, torch.cat([pairs, pairs], dim=1), torch.cat([share, share], dim=1))
        logits, slopes = teller.slopes(points)
        return penalty(slopes * ratio_slope(logits)[..., None], 1.0)

    def _of_value(self, value: Sloped, states: Tensor, ahead: Tensor) -> Tensor:
        """[K] of nu, at U's states and between these and the expert's, before a step and after it."""
        steps, share = self._steps, self._shares[1]
        here, there = steps.states[self._expert], steps.next_states[self._expert]
        points = [states.expand_as(here), between(here, states.expand_as(here), share),
                  between(there, ahead.expand_as(there), share)]  # fmt: skip
        return penalty(value.slopes(torch.cat(points, dim=1))[1], 0.0)

    def losses(self) -> dict[str, Tensor]:
        """Of the last update, [K] each; rows: how many carry it, as a share."""
        return self._losses

    def tensors(self) -> dict[str, Tensor]:
        """Everything that an update changes and the next one reads."""
        tensors = self.actors.tensors()
        for name, mlp in self.networks.items():
            tensors |= mlp.named_layers(name) | state_of(self._optimizers[name], f"adam.{name}")
        return tensors
