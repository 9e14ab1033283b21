"""Which rows each skill's actor learns from: drawn by what they are worth to the skill, not weighted after the draw.

IQL weights every row by exp(beta advantage) (eq. 7), which is relative to V of the same state: where a skill never
comes, every action is as good as any other, the weight is 1, and the skill clones whoever was there. The gate adds what
is missing, where the skill will ever be: (what the row earned / the highest)^p, what n steps earned and V of where they
led. Rows drawn with these weights have IQL's expected loss, and none is computed for a skill that it says nothing to.
The advantage counts in its standard deviations, so that beta means the same for returns of a step and of a hundred.
What can fall must know what to do where its skill never is: there some rows are drawn with IQL's weights alone.

Letters: N transitions, K skills, k of them, B rows a skill, M sampled rows.
"""

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skills.learning.values import Values

_SAMPLE = 20_000  # rows that what is said of all rows is taken from


@dataclass(frozen=True)
class DrawSettings:
    """What a row is worth to a skill."""

    inverse_temperature: Annotated[float, "beta in exp(beta advantage), the advantage in standard deviations"] = 5.0
    weight_limit: Annotated[float, "of exp(beta advantage)"] = 100.0
    gate: Annotated[float, "p in (earned / the highest)^p, which multiplies that; 0: IQL's weights"] = 24.0
    ungated: Annotated[float, "share of rows drawn without the gate, in data that fail every 5 s"] = 0.5


@dataclass(frozen=True)
class Weighing:
    """How rows are weighed.   config: the settings.

    top: [K] the most that a row earned.   spread: [K] standard deviation of the advantages.
    """

    config: DrawSettings
    top: Tensor
    spread: Tensor

    @staticmethod
    def fit(value: Tensor, advantage: Tensor, config: DrawSettings) -> "Weighing":
        """For some rows' V and advantages, [M, K] each."""
        return Weighing(config, (value + advantage).amax(dim=0), advantage.std(dim=0).clamp(min=1e-6))

    def weights(self, value: Tensor, advantage: Tensor) -> Tensor:
        """[n, K] of V and the advantage at rows, [n, K] each."""
        return self.ungated(advantage).mul_(self.share(value, advantage))

    def ungated(self, advantage: Tensor) -> Tensor:
        """[n, K] IQL's weights."""
        scaled = advantage * (self.config.inverse_temperature / self.spread)
        return scaled.clamp_(max=math.log(self.config.weight_limit)).exp_()

    def share(self, value: Tensor, advantage: Tensor) -> Tensor:
        """[n, K] what the gate lets through.

        Where nobody earns more than 0, all rewards being costs, it says nothing of where a skill will be.
        """
        earned = torch.where(self.top > 0, ((value + advantage) / self.top).clamp(0.0, 1.0), 1.0)
        return earned.pow(self.config.gate)


@dataclass(frozen=True)
class Own:
    """Some of the skills.   skills: which.   of: how many there are, K."""

    skills: slice
    of: int

    @property
    def count(self) -> int:
        """k."""
        return int(self.skills.stop - self.skills.start)


@dataclass(frozen=True)
class Draws:
    """Rows with their weights, of k skills; all K, or a few of them that see what they see beside the others.

    sums: [k, N] float64, each row's weight and those before it.   own: which of K; None: all there are.
    """

    sums: Tensor
    own: Own | None = None

    def draw(self, batch: int, generator: torch.Generator) -> Tensor:
        """[k, batch] rows for each skill, with replacement; numbers are drawn for all K."""
        own = self.own or Own(slice(0, len(self.sums)), len(self.sums))
        shape = own.of, batch
        uniform = torch.rand(shape, generator=generator, dtype=torch.float64, device=self.sums.device)[own.skills]
        rows = torch.searchsorted(self.sums, uniform.mul_(self.sums[:, -1:]), right=True)
        return rows.clamp_(max=self.sums.shape[1] - 1)


def draws_of(rows: NDArray[np.integer], starts: NDArray[np.integer], total: int, device: torch.device) -> Draws:
    """Every row of a class as likely as any other, and none else.

    Class k is rows[starts[k]:starts[k + 1]] of `total`.
    """
    weights = torch.zeros(len(starts) - 1, total, dtype=torch.float64)
    skills = np.repeat(np.arange(len(weights)), np.diff(starts))
    weights[torch.from_numpy(skills), torch.from_numpy(rows)] = 1.0
    return Draws(weights.cumsum_(dim=1).to(device))


def draws_by(values: Values, config: DrawSettings, failing: float = 0.0, own: Own | None = None) -> Draws:
    """Weighs every row for every skill by learned values.

    failing: how many failures the data have in 5 s, at most 1.
    own: whose weights are kept; None: all skills'. All are computed, for last bits may depend on what lies beside.
    """
    own = own or Own(slice(0, values.skills), values.skills)
    weighing = Weighing.fit(*values.sample(_SAMPLE), config)
    weights = torch.empty(own.count, values.rows, dtype=torch.float64, device=weighing.top.device)
    totals = torch.zeros_like(weighing.top, dtype=torch.float64)
    for rows, value, advantage in values.advantages():
        free = weighing.ungated(advantage)
        totals += free.double().sum(dim=0)
        weights[:, rows] = free.mul_(weighing.share(value, advantage))[:, own.skills].T.double()
    if share := config.ungated * failing:
        weights.mul_((1.0 - share) / weights.sum(dim=1, keepdim=True).clamp(min=1e-300))
        for rows, _, advantage in values.advantages():
            weights[:, rows] += (weighing.ungated(advantage).double() * (share / totals))[:, own.skills].T
    return Draws(weights.cumsum_(dim=1), own)
