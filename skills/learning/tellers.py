"""Classifiers that tell the expert's states from the data's: the log of how much more often the expert is there.

    BCE(expert -> 1) + BCE(data -> 0) + 10 mean (|slope| - 1)^2 at states between both
as the code of SMODICE (Ma et al. 2022) trains them: states alone, tanh, logits. K of them, stacked.

Letters: M rows, C columns of a state, K experts, B rows of a batch, H hidden units.
"""

import torch
from torch import Tensor
from torch.nn.functional import softplus

from skills.learning.engine.optimiser import adam, descend, state_of
from skills.learning.engine.stacked import StackedMlp, initial
from skills.learning.slopes import Sloped, between, penalty
from skills.learning.steps import StepTables, draw_rows

_PENALTY = 10.0
_CHUNK = 8192  # rows told at once


def telling_loss(expert: Tensor, data: Tensor) -> Tensor:
    """[K] binary cross-entropy of logits of the expert's rows and the data's, [K, B] each."""
    return softplus(-expert).mean(dim=1) + softplus(data).mean(dim=1)


class StateTellers:
    """The classifiers in training: one update of them all."""

    def __init__(self, steps: StepTables, hidden: int, batch: int, rate: float, generator: torch.Generator) -> None:
        """generator: a CPU generator."""
        sizes = [steps.states.shape[1] - 1, hidden, hidden, 1]
        count, device = steps.experts.count, steps.device
        mlp = StackedMlp.of(initial(count, sizes, generator), sizes).to(device).to_learn()
        self._steps, self.teller = steps, Sloped(mlp, smooth=True)
        self._optimizer = adam(mlp.layers, rate)
        self._expert, self._data = (torch.zeros(count, batch, dtype=torch.int64, device=device) for _ in range(2))
        self._shares = torch.zeros(count, batch, 1, device=device)
        self._losses = torch.zeros(count, device=device)

    def begin(self) -> None:
        """It is ready."""

    def draw(self, generator: torch.Generator) -> None:
        """The rows of the next update, and where between them slopes are looked at."""
        self._expert.copy_(self._steps.experts.draw(self._expert.shape[1], generator))
        draw_rows(self._steps.data, self._data, generator)
        self._shares.uniform_(generator=generator)

    def update(self) -> None:
        """One step on them."""
        expert, data = (self._steps.states[rows] for rows in (self._expert, self._data))
        found = telling_loss(self.teller(expert), self.teller(data))
        _, slopes = self.teller.slopes(between(expert, data, self._shares))
        self._losses.copy_(found.detach())
        descend(self._optimizer, (found + _PENALTY * penalty(slopes, 1.0)).sum())

    def losses(self) -> dict[str, Tensor]:
        """The cross-entropies of the last update, [K]."""
        return {"classifier": self._losses}

    def tensors(self) -> dict[str, Tensor]:
        """Everything that an update changes and the next one reads."""
        return self.teller.mlp.named_layers("teller") | state_of(self._optimizer, "adam")

    @torch.no_grad()
    def ratios(self) -> Tensor:
        """[K, M] the logits of all states."""
        rows = self._steps.states
        return torch.cat([self.teller(rows[None, first : first + _CHUNK]) for first in range(0, len(rows), _CHUNK)], 1)
