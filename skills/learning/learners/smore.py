"""SMORe on classes (Sikchi et al., ICLR 2024): skills as goal sets, learned without a reward.

SMORe matches where a policy comes to where a goal is entered, by a score S(s, a) that is raised on transitions which
enter it. Here a goal is a class E_k and a head; D is the data, M the expectile of S, d = S - gamma M(s'):
    dwell   mean_D d^2 + mean_E (d^2 - 4 S)             four times the paper's dual, with a mixture of a half
    reach   mean_D (d + 2)^2 + 2 mean_E (S - 200)^2     twice that of the official code's stable variant
Both are IQL's loss of Q with a term on rows of each class, of which every class gets as many. Completing the square,
dwell is IQL on rewards of 2 / (1 + p) on the class, p its share of the data, and 0 off it: it learns to stay. Reach
pins S and lets it fall by 2 a step, so that S is 400 gamma^n - 200 n steps away: it learns to get there.

Not the paper's: heads in the place of goals that are inputs; in reach S in thirds, so that one temperature fits both
(the paper's 3 there would be 1), and without its 1e-6 mean_D S^2; V, actor, Q in the order and sizes of `iql`.

Letters: N transitions, K classes, T trunks, B rows.
"""

from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from skills.choices import Domain, Mode, Preset, Pursuit
from skills.data.transitions import Transitions
from skills.learning.batches import Batch, BatchSettings, RowTable
from skills.learning.classes import Classes
from skills.learning.learners.iql import Implicit, IqlNetworks
from skills.learning.matrix import Rewards
from skills.learning.policy import Policy, Shape
from skills.learning.rows import Members
from skills.plugins import Layer
from skills.progress import Reporter

_UNIT = 3.0  # of S in reach
_PIN, _COST = 200.0 / _UNIT, 2.0 / _UNIT
# What domains and bodies set for IQL on rewards, of which there are none.
_OWN = ("discount", "expectile", "inverse_temperature", "dropout", "standardise")


@dataclass(frozen=True)
class Smore(Implicit):
    """A score for each class instead of its rewards."""

    name = "smore"
    checkpoint = "smore.checkpoint.safetensors"
    reads_rewards = False

    goal: Annotated[Pursuit, "stay in the class, or get to it"] = "dwell"

    @classmethod
    def needs(cls, preset: Preset, mode: Mode, domain: Domain) -> Layer:
        """The same on every body."""
        return {"policy": {name: getattr(cls, name) for name in _OWN}}

    @property
    def batches(self) -> BatchSettings:
        """Of reach every step costs the same."""
        return BatchSettings(self.batch, self.discount, reward_shift=-_COST if self.goal == "reach" else 0.0)

    def networks(
        self,
        shape: Shape,
        experts: Classes,
        generator: torch.Generator,
        device: torch.device,
        helper: Executor | None,
    ) -> "SmoreNetworks":
        """IQL's, and rows of the classes."""
        members = Members(*(torch.from_numpy(array) for array in experts.members())).to(device)
        return SmoreNetworks(shape, self, members, generator, device, helper)

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
        """Learns a head for each class; saves the policy and its losses' curves into `folder`."""
        nothing = np.broadcast_to(np.float16(0.0), (len(transitions), experts.count))
        unpaid = Rewards(nothing, np.ones(experts.count, np.float32))
        return super().train(transitions, experts, unpaid, device, generator, folder, reporter)


class SmoreNetworks(IqlNetworks):
    """IQL's networks with S in the place of Q and M in that of V; each step sees rows of the classes too."""

    def __init__(
        self,
        shape: Shape,
        config: Smore,
        members: Members,
        generator: torch.Generator,
        device: torch.device,
        helper: Executor | None = None,
    ) -> None:
        super().__init__(shape, config, generator, device, helper)
        self._goal, self._members = config.goal, members
        # Batches are drawn ahead in a thread, so these rows have a generator of their own, seeded anew for each step.
        self._seed = int(torch.randint(2**62, (), generator=generator))
        self._generator = torch.Generator(device)
        self._rows = torch.zeros(shape.trunks, config.batch, dtype=torch.int64, device=device)
        self._heads = torch.arange(shape.skills, device=device).repeat_interleave(config.batch)[: self._rows.numel()]

    def begin(self, table: RowTable) -> None:
        """Says where the rows lie."""
        self._table = table

    def set_step(self, step: int) -> None:
        """As IQL's; and draws the rows of the classes: a shared trunk takes some of each, others a batch of each."""
        super().set_step(step)
        generator = self._generator.manual_seed(self._seed ^ step)
        if self.shape.trunks > 1:
            self._rows.copy_(self._members.draw(self._rows.shape[1], generator))
        else:
            heads, rows = self._members.draw_evenly(self._rows.shape[1], generator)
            self._heads.copy_(heads)
            self._rows.copy_(rows[None])

    def _q_losses(self, q: Tensor, batch: Batch) -> Tensor:
        return super()._q_losses(q, batch) + self._member_losses()

    def _member_losses(self) -> Tensor:
        """[K] of both S: the mean over the drawn members of each class, where each class has its share of the rows."""
        rows, heads = self._rows, self._heads
        score = self.q.own(self._table.pairs[rows], heads)[..., 0]  # [2, T B]
        if self._goal == "reach":
            found = reach_loss(score)
        else:
            with torch.no_grad():
                future = self.value.own(self._table.next_states[rows], heads)[0, :, 0]
                future = self._config.discount * self._table.continues[rows].flatten() * future
            found = dwell_loss(score, future)
        return torch.zeros_like(self.log_std[:, 0]).index_add(0, heads, found.sum(0)) * (self.shape.skills / len(heads))


def dwell_loss(score: Tensor, future: Tensor) -> Tensor:
    """d^2 - 4 S of members of a class; of other rows d^2 alone.   future: gamma M(s'), 0 where the episode ended."""
    return (score - future).square() - 4.0 * score


def reach_loss(score: Tensor) -> Tensor:
    """2 (S - 200)^2 of members of a class, in units of S; of other rows (d + 2)^2."""
    return 2.0 * (score - _PIN).square()
