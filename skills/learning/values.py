"""V of every skill at once, without Q: what its discounted rewards can still be, seen from a state.

IQL (Kostrikov et al. 2022) learns Q(s, a) so that an expectile over actions is not one over the luck of the dynamics.
Our simulations have no luck: r + gamma V(s') is Q of what was done. Without Qs a step costs a fifth, and returns of n
steps carry values as far as a behaviour lasts. The rest is IQL's: an expectile, a slow copy to aim at.

Letters: N transitions, B rows of a batch, O observation columns, K skills.
"""

import copy
import math
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import torch
from torch import Tensor

from skills.choices import Trunk
from skills.learning.engine.stacked import Adam
from skills.learning.experience import Experience
from skills.learning.heads import Heads
from skills.learning.policy import Shape

_CHUNK = 8192  # rows valued at once


@dataclass(frozen=True)
class ValueSettings:
    """How V is learned."""

    value_steps: Annotated[int, "updates of V"] = 100_000
    value_hidden: Annotated[int, "units of each of V's two hidden layers"] = 256
    value_batch: Annotated[int, "rows per update of V"] = 256
    value_rate: Annotated[float, "of V's Adam; falls to 0 along a cosine"] = 3e-4
    trunk: Annotated[Trunk, "of V; or a network of its own for each skill"] = "shared"
    expectile: Annotated[float, "tau"] = 0.7
    discount: Annotated[float, "gamma"] = 0.99
    td_steps: Annotated[int, "n of n-step returns; 0: the window that classes are cut by", 0] = 0
    reward_shift: Annotated[float, "added to every scaled reward", float("-inf")] = 0.0
    polyak: Annotated[float, "share of V that its slow copy takes in each step"] = 0.005


class Values:
    """V in training: the network [K heads], its slow copy, one update."""

    def __init__(
        self, seen: Experience, config: ValueSettings, generator: torch.Generator, device: torch.device
    ) -> None:
        self._seen, self._config = seen, config
        skills, columns, rows = seen.skills, seen.states.shape[1] - 1, config.value_batch
        trunks = skills if config.trunk == "independent" else 1
        shape = Shape(columns, 1, skills, config.value_hidden, trunks=trunks)
        self.network = Heads(columns, 1, shape, rows, generator, device)
        self.target = copy.deepcopy(self.network)
        # On a GPU the rate, which changes, is a tensor that the captured graph reads.
        rate = torch.tensor(config.value_rate, device=device) if device.type == "cuda" else config.value_rate
        self.adam = Adam.create([self.network.mlp.flat], rate)
        self._states, self._ends = (torch.empty(rows, columns + 1, device=device) for _ in range(2))
        self._drawn = torch.zeros(rows, dtype=torch.int64, device=device)
        self._difference = torch.zeros(rows, skills, device=device)

    @property
    def rows(self) -> int:
        """N."""
        return len(self._seen)

    @property
    def skills(self) -> int:
        """K."""
        return self._seen.skills

    def draw(self, generator: torch.Generator) -> None:
        """The rows of the next update."""
        self._drawn.random_(0, len(self._seen), generator=generator)

    def update(self, helper: Executor | None = None) -> None:
        """One step on the drawn rows. helper: a thread that shares the work; the same bytes with it and without."""
        seen, config, rows = self._seen, self._config, self._drawn
        torch.index_select(seen.ends, 0, rows, out=self._ends)
        ahead = helper.submit(partial(self.target.forward, self._ends)) if helper else None
        torch.index_select(seen.states, 0, rows, out=self._states)
        values = self.network.forward(self._states)[..., 0]
        goal = seen.returns_of(rows)
        beyond = ahead.result() if ahead else self.target.forward(self._ends)
        goal.addcmul_(beyond[..., 0], seen.continues[rows])
        torch.sub(goal, values, out=self._difference)
        weight = torch.where(self._difference > 0, config.expectile, 1.0 - config.expectile)
        self.network.by_output[..., 0] = weight.mul_(self._difference).mul_(-2.0 / config.value_batch)
        self.network.backward(self._states)
        self.adam.step([self.network.gradient.flat])
        self.target.mlp.flat.lerp_(self.network.mlp.flat, config.polyak)

    def set_step(self, step: int) -> None:
        """Sets the learning rate of the step to come."""
        self.adam.set_rate(self._config.value_rate * 0.5 * (1.0 + math.cos(math.pi * step / self._config.value_steps)))

    def resume(self, step: int) -> None:
        """Goes on as after that many updates."""
        self.adam.set_steps(step)

    def state(self) -> list[Tensor]:
        """Every tensor that an update changes and the next one reads."""
        return [*self.tensors().values(), *self.adam.steps]

    def losses(self) -> dict[str, Tensor]:
        """The loss of the last update by skill, [K]."""
        return {"value": expectile_loss(self._difference, self._config.expectile).mean(dim=0)}

    def tensors(self) -> dict[str, Tensor]:
        """Everything that an update changes and the next one reads, but for the count of steps."""
        return {
            "value": self.network.mlp.flat,
            "target": self.target.mlp.flat,
            "first": self.adam.first[0],
            "second": self.adam.second[0],
        }

    @torch.no_grad()
    def of(self, rows: Tensor) -> Tensor:
        """[B, K] V at states (s, 1), [B, O + 1]."""
        found: Tensor = self.network.mlp(rows[None])  # [trunks, B, heads of a trunk]
        return found.permute(1, 0, 2).flatten(1)

    def sample(self, count: int) -> tuple[Tensor, Tensor]:
        """V and the advantage at about so many rows, evenly spread over the dataset, [M, K] each."""
        return self._valued(slice(None, None, max(1, self.rows // count)))

    def advantages(self) -> Iterator[tuple[slice, Tensor, Tensor]]:
        """(rows, V [n, K], the advantage [n, K]) of the whole dataset, some rows at a time."""
        for start in range(0, self.rows, _CHUNK):
            rows = slice(start, min(start + _CHUNK, self.rows))
            yield rows, *self._valued(rows)

    def _valued(self, rows: slice) -> tuple[Tensor, Tensor]:
        """V at rows, and what was earned beyond it: the rewards of n steps and V of where they led."""
        seen = self._seen
        value = self.of(seen.states[rows])
        earned = seen.returns_of(rows).addcmul_(self.of(seen.ends[rows]), seen.continues[rows])
        return value, earned.sub_(value)


def expectile_loss(difference: Tensor, expectile: float) -> Tensor:
    """L2 with weight tau above 0 and 1 - tau below (IQL, eq. 5), elementwise."""
    return torch.where(difference > 0, expectile, 1.0 - expectile) * difference.square()
