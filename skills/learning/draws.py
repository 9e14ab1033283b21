"""Which rows each skill's actor learns from: drawn by what they are worth to the skill, not weighted after the draw.

IQL weights every row by exp(beta advantage) (eq. 7), which is relative to V of the same state: where a skill never
comes, every action is as good as any other, the weight is 1, and the skill clones whoever was there. The gate adds what
is missing, where the skill will ever be: V^p, with the p of each skill that leaves so many rows as its class has, times
`focus`. A class of steps so has a steep gate, and a gait's a gentle one. Rows drawn with these weights have IQL's
expected loss, and none is computed for a skill that it says nothing to.

Letters: N transitions, K skills, B rows a skill, M sampled rows.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skills.learning.values import Values

_SAMPLE = 20_000  # rows that what is said of all rows is taken from
_STEEPEST = 1024.0  # p
_HALVINGS = 30  # of the range of p


@dataclass(frozen=True)
class DrawSettings:
    """What a row is worth to a skill."""

    inverse_temperature: Annotated[float, "beta in exp(beta advantage), the advantage in standard deviations"] = 2.0
    weight_limit: Annotated[float, "of exp(beta advantage)"] = 100.0
    focus: Annotated[float, "rows that a skill learns from, over those of its class; 0: no gate, IQL's weights"] = 5.0


@dataclass(frozen=True)
class Weighing:
    """How rows are weighed.   config: the settings.

    top: [K] the highest V that was seen.   spread: [K] standard deviation of its advantages.   steepness: [K] p.
    """

    config: DrawSettings
    top: Tensor
    spread: Tensor
    steepness: Tensor

    def weights(self, value: Tensor, advantage: Tensor) -> Tensor:
        """[n, K] of V and the advantage at rows, [n, K] each."""
        return self._trusted(advantage) * self._share(value).pow(self.steepness)

    def _trusted(self, advantage: Tensor) -> Tensor:
        limit = self.config.weight_limit
        return (advantage * (self.config.inverse_temperature / self.spread)).clamp(max=np.log(limit)).exp()

    def _share(self, value: Tensor) -> Tensor:
        """V over the highest, 0 to 1. Where that is not above 0, all rewards being costs, V says nothing."""
        return torch.where(self.top > 0, (value / self.top).clamp(0.0, 1.0), 1.0)

    @staticmethod
    def fit(value: Tensor, advantage: Tensor, config: DrawSettings, support: Tensor) -> "Weighing":
        """For some rows' V and advantages, [M, K] each.   support: [K] share of the rows in each class."""
        top, spread = value.amax(dim=0), advantage.std(dim=0).clamp(min=1e-6)
        low = torch.zeros_like(top)
        found = Weighing(config, top, spread, low)
        wanted = config.focus * support
        if config.focus > 0:
            trusted, share = found._trusted(advantage), found._share(value)
            high = torch.full_like(top, _STEEPEST)
            for _ in range(_HALVINGS):
                middle = 0.5 * (low + high)
                gentle = effective(trusted * share.pow(middle)) > wanted * len(value)
                low, high = torch.where(gentle, middle, low), torch.where(gentle, high, middle)
        return Weighing(config, top, spread, low)


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


def draws_by(values: Values, config: DrawSettings, support: NDArray[np.float64]) -> Draws:
    """Weighs every row for every skill by learned values.   support: [K] share of the rows in each class."""
    sample = values.sample(_SAMPLE)
    weighing = Weighing.fit(*sample, config, torch.from_numpy(support).to(sample[0]))
    sums = torch.empty(values.skills, values.rows, dtype=torch.float64, device=sample[0].device)
    for rows, value, advantage in values.advantages():
        sums[:, rows] = weighing.weights(value, advantage).T.double()
    return Draws(sums.cumsum_(dim=1))


def effective(weights: Tensor) -> Tensor:
    """[n, K] -> [K] how many rows the weights amount to (Kish): n where all are alike, 1 where one has it all."""
    return weights.sum(dim=0).square() / weights.square().sum(dim=0).clamp(min=1e-30)
