"""SMODICE (Ma et al., ICML 2022): imitates where the expert was; what it did there is never read.

Among all that the data allow it seeks the behaviour whose states are most like the expert's and which keeps near the
data. With r(s) the log ratio of a classifier and e = r(s) + gamma V(s') - V(s) that is convex in V, and the minimum
weighs the data's rows by w; the policy clones them so:
    kl    L_V = (1 - gamma) mean V(s0) + log mean exp e,     w = exp e
    chi   L_V = (1 - gamma) mean V(s0) + mean (e^2 / 2 + e), w = max(e + 1, 0)
    L_pi = -mean w log pi(a|s) + beta mean log pi(a~|s), a~ drawn from pi; beta holds its entropy at -A nats
First the classifiers, then all else. Where the official code is otherwise: docs/rivals.md.

Letters: M rows, C columns of a state, A action size, K skills, B rows of a batch.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor
from torch.nn.functional import relu

from skills.choices import Divergence, Domain, Endings, Mode, Preset
from skills.learning.engine.optimiser import adam, descend_together, state_of
from skills.learning.engine.stacked import StackedMlp
from skills.learning.engine.starts import xavier_uniform
from skills.learning.learners.demodice import Matching
from skills.learning.parts import TrainingPart
from skills.learning.slopes import Sloped
from skills.learning.steps import StepTables, draw_rows
from skills.learning.tanh_normal import TanhActors
from skills.learning.tellers import StateTellers
from skills.learning.weights import effective
from skills.plugins import Layer

_DECAY = 1e-4  # of V
_MEAN_LIMIT = 7.24  # of the policy, before the tanh
_LARGEST = 60.0  # exponent of a weight; beyond 88 it is no float32
_PRESETS: dict[Preset, dict[str, Any]] = {
    "smoke": {"classifier_steps": 200},
    "quick": {"batch": 256, "classifier_steps": 2_000},
    "paper": {},
}


def value_loss(first: Tensor, excess: Tensor, discount: float, divergence: Divergence) -> Tensor:
    """[K] L_V, of V in first states and of e, [K, B] each."""
    if divergence == "kl":
        spread = torch.logsumexp(excess, dim=1) - math.log(excess.shape[1])
    else:
        spread = (0.5 * excess.square() + excess).mean(dim=1)
    return (1.0 - discount) * first.mean(dim=1) + spread


def weights_of(excess: Tensor, divergence: Divergence) -> Tensor:
    """[K, B] w of e."""
    return excess.clamp(max=_LARGEST).exp() if divergence == "kl" else relu(excess + 1.0)


@dataclass(frozen=True)
class Smodice(Matching):
    """A classifier, a V and a policy of its own for each skill."""

    name = "smodice"
    checkpoint = "smodice.checkpoint.safetensors"

    steps: Annotated[int, "updates of V and the policy"] = 1_000_000
    batch: Annotated[int, "rows of the data per update, and as many first states"] = 512
    learning_rate: Annotated[float, "of every Adam"] = 3e-4
    discount: Annotated[float, "gamma"] = 0.99
    classifier_steps: Annotated[int, "updates of the classifiers, before all else"] = 4_000
    classifier_batch: Annotated[int, "rows of the expert per update of its classifier, and as many of the data"] = 256
    divergence: Annotated[Divergence, "from the data, that the policy's occupancy pays for"] = "kl"
    normalise: Annotated[bool, "the weights, to a mean of 1 in every batch"] = False
    ends: Annotated[Endings, "what a failure is worth: nothing, or what is learned for a state behind it"] = "mask"

    @classmethod
    def needs(cls, preset: Preset, mode: Mode, domain: Domain) -> Layer:
        """Fewer, smaller steps than the official code's where presets make minutes of hours."""
        return {"policy": _PRESETS[preset]}

    def parts(self, steps: StepTables, generator: torch.Generator) -> tuple[list[TrainingPart], TanhActors]:
        """The classifiers, then all else."""
        count = steps.experts.count
        tellers = StateTellers(steps, self.hidden, self.classifier_batch, self.learning_rate, generator)
        networks = SmodiceNetworks(steps, tellers, self, generator)
        parts = [
            TrainingPart("classifier", f"training {count} classifiers", tellers, self.classifier_steps),
            TrainingPart("policy", f"training {count} skills", networks, self.steps),
        ]
        return parts, networks.actors


class SmodiceNetworks:
    """K values, K policies, their optimisers, and one update of them all."""

    def __init__(self, steps: StepTables, tellers: StateTellers, config: Smodice, generator: torch.Generator) -> None:
        self._steps, self._tellers, self._config = steps, tellers, config
        count, device, hidden = steps.experts.count, steps.device, config.hidden
        sizes = [steps.states.shape[1] - 1, hidden, hidden, 1]
        self.value = Sloped(StackedMlp.of(xavier_uniform(count, sizes, generator), sizes).to(device).to_learn())
        self.actors = TanhActors(steps, hidden, config.learning_rate, xavier_uniform, generator, _MEAN_LIMIT)
        self.log_beta = torch.zeros(count, device=device, requires_grad=True)
        self._optimizers = {
            "value": adam(self.value.mlp.layers, config.learning_rate, _DECAY),
            "beta": adam([self.log_beta], config.learning_rate),
        }
        self._ratios = torch.zeros(count, len(steps.states), device=device)
        self._first, self._rows = (torch.zeros(1, config.batch, dtype=torch.int64, device=device) for _ in range(2))
        self._noise = torch.zeros(count, config.batch, steps.actions.shape[1], device=device)
        self._losses = {name: torch.zeros(count, device=device) for name in ("value", "policy", "rows", "entropy")}

    def begin(self) -> None:
        """Asks the classifiers about every row."""
        self._ratios.copy_(self._tellers.ratios())

    def draw(self, generator: torch.Generator) -> None:
        """The rows of the next update, the same for all skills, and the noise of each one's actions."""
        draw_rows(self._steps.starts, self._first, generator)
        draw_rows(self._steps.data, self._rows, generator)
        self._noise.normal_(generator=generator)

    def update(self) -> None:
        """One step on them, of all networks at what they are before it."""
        steps, config, rows = self._steps, self._config, self._rows
        states = steps.states[rows]
        first, value, ahead = self.value(
            torch.cat([steps.states[self._first], states, steps.next_states[rows]], 1)
        ).chunk(3, 1)
        excess = self._ratios[:, rows[0]] + config.discount * steps.continues[rows] * ahead - value
        weights = weights_of(excess.detach(), config.divergence)
        if config.normalise:
            weights = weights / weights.mean(dim=1, keepdim=True)
        does = self.actors.at(states)
        likelihood = (weights * does.log_likelihood(steps.actions[rows])).mean(dim=1)
        surprise = does.act(self._noise)[1].mean(dim=1)
        losses = {
            "value": value_loss(first, excess, config.discount, config.divergence),
            "policy": self.log_beta.detach().exp() * surprise - likelihood,
            "beta": -self.log_beta * (surprise.detach() - steps.actions.shape[1]),
        }
        for name in ("value", "policy"):
            self._losses[name].copy_(losses[name].detach())
        self._losses["rows"].copy_(effective(weights))
        self._losses["entropy"].copy_(-surprise.detach())
        descend_together([*self._optimizers.values(), self.actors.optimizer], torch.stack(list(losses.values())).sum())

    def losses(self) -> dict[str, Tensor]:
        """Of the last update, [K] each; rows: how many carry it, as a share; entropy: of the policy, in nats."""
        return self._losses

    def tensors(self) -> dict[str, Tensor]:
        """Everything that an update changes and the next one reads."""
        tensors = self.value.mlp.named_layers("value") | {"log_beta": self.log_beta.detach()} | self.actors.tensors()
        for name, optimizer in self._optimizers.items():
            tensors |= state_of(optimizer, f"adam.{name}")
        return tensors
