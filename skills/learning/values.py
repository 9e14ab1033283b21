"""V of every skill at once, without Q: what its discounted rewards can still be, seen from a state.

IQL (Kostrikov et al. 2022) learns Q(s, a) so that an expectile over actions is not one over the luck of the dynamics.
Our simulations have no luck: r + gamma V(s') is Q of what was done. Without Qs a step costs a fifth, and returns of n
steps carry values as far as a behaviour lasts. The rest is IQL's: an expectile, a slow copy to aim at.

Letters: N transitions, B rows of a batch, O observation columns, K skills.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from skills.choices import Trunk
from skills.learning.engine.optimiser import adam, anneal, descend, state_of
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
        skills, columns = seen.skills, seen.states.shape[1] - 1
        trunks = skills if config.trunk == "independent" else 1
        shape = Shape(columns, 1, skills, config.value_hidden, trunks=trunks)
        self.network = Heads(columns, 1, shape, generator, device)
        self.target = self.network.slow_copy()
        self._optimizer = adam(self.network.mlp.layers, config.value_rate)
        self._drawn = torch.zeros(config.value_batch, dtype=torch.int64, device=device)
        self._losses = torch.zeros(skills, device=device)

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

    def update(self) -> None:
        """One step on the drawn rows."""
        seen, config, rows = self._seen, self._config, self._drawn
        goal = seen.returns_of(rows).addcmul_(_of(self.target, seen.ends[rows]), seen.continues[rows])
        losses = expectile_loss(goal - self.network(seen.states[rows])[0, ..., 0], config.expectile).mean(dim=0)
        self._losses.copy_(losses.detach())
        descend(self._optimizer, losses.sum())
        self.target.mlp.approach(self.network.mlp, config.polyak)

    def set_step(self, step: int) -> None:
        """Sets the learning rate of the step to come."""
        anneal(self._optimizer, self._config.value_rate, step, self._config.value_steps)

    def losses(self) -> dict[str, Tensor]:
        """The loss of the last update by skill, [K]."""
        return {"value": self._losses}

    def tensors(self) -> dict[str, Tensor]:
        """Everything that an update changes and the next one reads."""
        networks = self.network.mlp.named_layers("value") | self.target.mlp.named_layers("target")
        return networks | state_of(self._optimizer, "adam")

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
        value = _of(self.network, seen.states[rows])
        earned = seen.returns_of(rows).addcmul_(_of(self.network, seen.ends[rows]), seen.continues[rows])
        return value, earned.sub_(value)


@torch.no_grad()
def _of(network: Heads, rows: Tensor) -> Tensor:
    """[B, K] V at states (s, 1), [B, O + 1]."""
    return network(rows)[0, ..., 0]


def expectile_loss(difference: Tensor, expectile: float) -> Tensor:
    """L2 with weight tau above 0 and 1 - tau below (IQL, eq. 5), elementwise."""
    return torch.where(difference > 0, expectile, 1.0 - expectile) * difference.square()
