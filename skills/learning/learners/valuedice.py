"""ValueDICE (Kostrikov, Nachum and Tompson, ICLR 2020): matches the expert's occupancy without a classifier.

With y = nu(s, a) - gamma nu(s', a'), a' drawn from pi in s', and the data's rows as the share rho of the mixture m:
    J = log mean_m exp y - (1 - rho) (1 - gamma) mean_expert nu(s, a~) - rho mean_data y
nu minimises J, with the penalty 10 (|slope| - 1)^2; pi maximises it, its layers kept near orthogonal. The minimum is
minus the divergence of pi's occupancy from the expert's, both mixed with the data's. Each state of the expert counts as
a first one. Where the official code is otherwise: docs/rivals.md.

Letters: C columns of a state, O observation columns, A action size, K skills, B rows of a batch.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skills.choices import Domain, Mode, Preset
from skills.data.transitions import Transitions
from skills.learning.classes import Classes
from skills.learning.engine.optimiser import adam, state_of
from skills.learning.engine.stacked import StackedMlp
from skills.learning.engine.starts import orthogonal
from skills.learning.learners.demodice import Matching
from skills.learning.parts import TrainingPart
from skills.learning.slopes import Sloped, between, penalty
from skills.learning.steps import StepTables, draw_rows, paired
from skills.learning.tanh_normal import TanhActors
from skills.plugins import Layer
from skills.settings.config import check_between

_PENALTY, _ORTHOGONAL = 10.0, 1e-4
_MOST_REPLAY = 0.99
_LEAST_SPREAD = 0.1  # of the data's, that the expert's is taken for
_PRESETS: dict[Preset, dict[str, Any]] = {
    "smoke": {"actor_rate": 1e-3},
    "quick": {"batch": 128, "learning_rate": 1e-3, "actor_rate": 1e-4},
    "paper": {},
}


def objective(first: Tensor, expert: Tensor, data: Tensor, discount: float, share: float) -> Tensor:
    """[K] J of nu(s, a~) in the expert's states and of y at its rows and the data's, [K, B] each.   share: rho."""
    parts = [expert + math.log((1.0 - share) / expert.shape[1])]
    parts += [data + math.log(share / data.shape[1])] if share else []
    mixed = torch.logsumexp(torch.cat(parts, dim=1), dim=1)
    return mixed - (1.0 - share) * (1.0 - discount) * first.mean(dim=1) - share * data.mean(dim=1)


def unevenness(layers: list[Tensor]) -> Tensor:
    """[K] the squares off the diagonals of W^T W, of layers [K, in + 1, out] without their biases."""
    return torch.stack([_off_diagonal(layer[:, :-1]) for layer in layers]).sum(dim=0)


def scaling_of(transitions: Transitions, rows: NDArray[np.integer]) -> tuple[Tensor, Tensor]:
    """What observations are standardised with, [O] each: the expert's, at these rows.

    Where the expert hardly moves, a tenth of what the data do: what is 1e-3 to it is no scale for them.
    """
    shown = transitions.observations[rows].astype(np.float64)
    spread = np.maximum(shown.std(axis=0) + 1e-3, _LEAST_SPREAD * transitions.scaling[1])
    return torch.from_numpy(shown.mean(axis=0)).float(), torch.from_numpy(spread).float()


@dataclass(frozen=True)
class Valuedice(Matching):
    """A nu and a policy of its own for each skill."""

    name = "valuedice"
    checkpoint = "valuedice.checkpoint.safetensors"

    steps: Annotated[int, "updates"] = 500_000
    batch: Annotated[int, "rows of the expert per update, and as many of the data"] = 256
    learning_rate: Annotated[float, "of nu's Adam"] = 1e-3
    actor_rate: Annotated[float, "of the policy's Adam: nu must stay ahead"] = 1e-5
    discount: Annotated[float, "gamma"] = 0.99
    replay: Annotated[float, "rho, the data's share of what is matched, less than 1; 0: the data are not read"] = 0.1

    def __post_init__(self) -> None:
        check_between("policy.replay", self.replay, 0, _MOST_REPLAY)

    @classmethod
    def needs(cls, preset: Preset, mode: Mode, domain: Domain) -> Layer:
        """A faster policy than the official code's, where presets make minutes of hours."""
        return {"policy": _PRESETS[preset]}

    def scaled(self, transitions: Transitions, experts: Classes) -> tuple[Tensor, Tensor]:
        """By the expert, see `scaling_of`."""
        return scaling_of(transitions, np.unique(experts.members()[0]))

    def parts(self, steps: StepTables, generator: torch.Generator) -> tuple[list[TrainingPart], TanhActors]:
        """All at once."""
        networks = ValuediceNetworks(steps, self, generator)
        return [TrainingPart("policy", f"training {steps.experts.count} skills", networks, self.steps)], networks.actors


class ValuediceNetworks:
    """K nus, K policies, their optimisers, and one update of them all."""

    def __init__(self, steps: StepTables, config: Valuedice, generator: torch.Generator) -> None:
        self._steps, self._config = steps, config
        count, device, hidden = steps.experts.count, steps.device, config.hidden
        action = steps.actions.shape[1]
        sizes = [steps.states.shape[1] - 1 + action, hidden, hidden, 1]
        self.nu = StackedMlp.of(orthogonal(count, sizes, generator), sizes).to(device).to_learn()
        self._optimizer = adam(self.nu.layers, config.learning_rate)
        self.actors = TanhActors(steps, hidden, config.actor_rate, orthogonal, generator, None)
        self._expert = torch.zeros(count, config.batch, dtype=torch.int64, device=device)
        self._rows = torch.zeros(1, config.batch, dtype=torch.int64, device=device)
        self._noise = torch.zeros(count, 3 * config.batch, action, device=device)
        self._shares = torch.zeros(count, 2 * config.batch, 1, device=device)
        self._losses = {name: torch.zeros(count, device=device) for name in ("objective", "penalty", "entropy")}

    def begin(self) -> None:
        """It is ready."""

    def draw(self, generator: torch.Generator) -> None:
        """Rows for the next update, the data's the same for all skills; noise; where slopes are looked at."""
        self._expert.copy_(self._steps.experts.draw(self._config.batch, generator))
        draw_rows(self._steps.data, self._rows, generator)
        self._noise.normal_(generator=generator)
        self._shares.uniform_(generator=generator)

    def update(self) -> None:
        """One step on them, of both networks at what they are before it."""
        steps, config, nu = self._steps, self._config, Sloped(self.nu.unbiased())
        expert, rows = self._expert, self._rows
        begins, ahead, ahead_data = steps.states[expert], steps.next_states[expert], steps.next_states[rows]
        ahead_data = ahead_data.expand_as(ahead)
        actions, likelihood = self.actors.at(torch.cat([begins, ahead, ahead_data], 1)).act(self._noise)
        begun, then, then_data = actions.chunk(3, 1)
        shown, seen = steps.pairs(expert), steps.pairs(rows).expand(len(expert), -1, -1)
        next_shown, next_seen = paired(ahead, then), paired(ahead_data, then_data)
        found = nu(torch.cat([paired(begins, begun), shown, next_shown, seen, next_seen], 1))
        first, of_expert, after_expert, of_data, after_data = found.chunk(5, 1)
        worth = objective(
            first,
            of_expert - config.discount * steps.continues[expert] * after_expert,
            of_data - config.discount * steps.continues[rows] * after_data,
            config.discount,
            config.replay,
        )
        points = between(torch.cat([shown, next_shown], 1), torch.cat([seen, next_seen], 1), self._shares)
        bent = penalty(nu.slopes(points.detach())[1], 1.0)
        for name, value in (("objective", worth), ("penalty", bent), ("entropy", -likelihood.mean(dim=1))):
            self._losses[name].copy_(value.detach())
        self._descend(worth, _PENALTY * bent + _ORTHOGONAL * unevenness(self.actors.mlp.layers))

    def _descend(self, worth: Tensor, penalties: Tensor) -> None:
        """Nu down J's gradient, the policy up; both down their penalties'."""
        layers = [*self.nu.layers, *self.actors.mlp.layers]
        slopes = torch.autograd.grad(worth.sum(), layers, retain_graph=True)
        others = torch.autograd.grad(penalties.sum(), layers)
        signs = [1.0] * len(self.nu.layers) + [-1.0] * len(self.actors.mlp.layers)
        for layer, slope, other, sign in zip(layers, slopes, others, signs, strict=True):
            layer.grad = other.add(slope, alpha=sign)
        self._optimizer.step()
        self.actors.optimizer.step()

    def losses(self) -> dict[str, Tensor]:
        """Of the last update, [K] each; entropy: of the policy, in nats."""
        return self._losses

    def tensors(self) -> dict[str, Tensor]:
        """Everything that an update changes and the next one reads."""
        return self.nu.named_layers("nu") | state_of(self._optimizer, "adam.nu") | self.actors.tensors()


def _off_diagonal(matrices: Tensor) -> Tensor:
    products = matrices.transpose(1, 2) @ matrices
    return (products - torch.diag_embed(torch.diagonal(products, dim1=1, dim2=2))).square().sum(dim=(1, 2))
