"""Rows as the reward makers' networks take them, and which of them are each expert's.

Letters: N transitions, K experts, O observation columns, A action size.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skills.data.transitions import Transitions
from skills.learning.engine.tables import table_of_ones


def standardised_rows(
    transitions: Transitions, scaling: tuple[NDArray[np.float32], NDArray[np.float32]] | None
) -> Tensor:
    """(s, a, 1) of every transition, [N, O + A + 1]; observations standardised where a (mean, std) is given."""
    size = transitions.observations.shape[1]
    rows = table_of_ones(len(transitions), size + transitions.actions.shape[1] + 1)
    rows[:, :size] = torch.from_numpy(transitions.observations)
    rows[:, size:-1] = torch.from_numpy(transitions.actions)
    if scaling is not None:
        mean, std = (torch.from_numpy(array) for array in scaling)
        rows[:, :size].sub_(mean).div_(std)
    return rows


@dataclass(frozen=True)
class Members:
    """The rows of each class: class k is rows[starts[k]:starts[k + 1]], rows of the dataset. starts: [K + 1]."""

    rows: Tensor
    starts: Tensor

    @property
    def count(self) -> int:
        """K."""
        return len(self.starts) - 1

    def draw(self, batch: int, generator: torch.Generator) -> Tensor:
        """Uniform draws with replacement from each class, [K, batch]."""
        sizes = self.starts.diff()[:, None]
        uniform = torch.rand(self.count, batch, generator=generator, dtype=torch.float64, device=generator.device)
        return self.rows[self.starts[:-1, None] + (uniform * sizes).long()]

    def draw_evenly(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """(classes, rows), [count] each: every class as often as any other, but for one, and a member of each."""
        start, uniform = torch.rand(2, count, generator=generator, dtype=torch.float64, device=generator.device)
        places = torch.arange(count, device=generator.device) + start[0]
        classes = (places * (self.count / count)).long().clamp_(max=self.count - 1)
        return classes, self.rows[self.starts[classes] + (uniform * self.starts.diff()[classes]).long()]

    def to(self, device: torch.device) -> "Members":
        """A copy there."""
        return Members(self.rows.to(device), self.starts.to(device))
