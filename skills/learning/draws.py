"""Which rows each skill's actor learns from: drawn by what they are worth to the skill, not weighted after the draw.

IQL weights every row by exp(beta advantage) (eq. 7), which is relative to V of the same state: where a skill never
comes, every action is as good as any other, the weight is 1, and the skill clones whoever was there. The gate adds what
is missing, where the skill will ever be: (V / its 98th percentile)^p. Rows drawn with these weights have IQL's expected
loss, and none is computed for a skill that it says nothing to.

Letters: N transitions, K skills, B rows a skill.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skills.learning.values import Values

_TOP = 0.98  # the quantile of V that counts as being there
_SAMPLE = 20_000  # rows that it is taken from
_MOST = 20.0  # of beta advantage, before exp


@dataclass(frozen=True)
class DrawSettings:
    """What a row is worth to a skill."""

    inverse_temperature: Annotated[float, "beta in exp(beta advantage)"] = 3.0
    weight_limit: Annotated[float, "of exp(beta advantage)"] = 100.0
    gate: Annotated[float, "p in (V / its 98th percentile)^p, which multiplies it; 0: IQL's weights"] = 2.0


@dataclass(frozen=True)
class Draws:
    """Rows with their weights.   sums: [K, N] float64, each row's weight and those before it, of each skill."""

    sums: Tensor

    def draw(self, batch: int, generator: torch.Generator) -> Tensor:
        """[K, batch] rows for each skill, with replacement."""
        shape = len(self.sums), batch
        uniform = torch.rand(shape, generator=generator, dtype=torch.float64, device=self.sums.device)
        rows = torch.searchsorted(self.sums, uniform.mul_(self.sums[:, -1:]), right=True)
        return rows.clamp_(max=self.sums.shape[1] - 1)

    @property
    def effective(self) -> NDArray[np.float64]:
        """[K] rows that the weights amount to (Kish): N where all are alike, 1 where one has it all."""
        weights = self.sums.diff(dim=1, prepend=torch.zeros_like(self.sums[:, :1]))
        return np.asarray((self.sums[:, -1].square() / weights.square().sum(dim=1)).cpu())


def draws_by(values: Values, config: DrawSettings) -> Draws:
    """Weighs every row for every skill by learned values."""
    top = values.quantile(_TOP, _SAMPLE)
    sums = torch.empty(values.skills, values.rows, dtype=torch.float64, device=top.device)
    for rows, value, advantage in values.advantages():
        sums[:, rows] = weights(value, advantage, top, config).T.double()
    return Draws(sums.cumsum_(dim=1))


def weights(value: Tensor, advantage: Tensor, top: Tensor, config: DrawSettings) -> Tensor:
    """[n, K] of V and the advantage at rows, [n, K] each.

    top: [K] what V is where a skill is at home. Where that is not above 0, as with rewards that are all costs, V says
    nothing of where the skill will be, and the gate stays open.
    """
    found = advantage.mul(config.inverse_temperature).clamp_(max=_MOST).exp_().clamp_(max=config.weight_limit)
    if config.gate == 0:
        return found
    share = (value / top).clamp_(0.0, 1.0).pow_(config.gate)
    return torch.where(top > 0, found * share, found)
