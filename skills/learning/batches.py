"""Uniform batches of transitions with the rewards of all skills, in buffers that are filled again and again.

With n-step returns a row's reward is the discounted sum of n rewards, and its next state is n steps on, or where its
episode ends before that.

Letters: N transitions, B rows of a batch, O observation columns, A action size, K skills, H hidden units, n steps.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skills.data.transitions import Transitions
from skills.learning.classes import Classes
from skills.learning.engine.tables import table_of_ones
from skills.learning.matrix import Rewards

_SHARE_OF_GPU = 0.5  # of its free memory, that the reward matrix may take


@dataclass(frozen=True)
class RowSettings:
    """How many rows a batch holds, and what the future counts."""

    batch: Annotated[int, "rows per step"] = 256
    discount: Annotated[float, "gamma"] = 0.99


@dataclass(frozen=True)
class BatchSettings(RowSettings):
    """What a batch holds."""

    td_steps: Annotated[int, "n of n-step returns: Q aims at n discounted rewards and V n steps on"] = 1
    reward_shift: Annotated[float, "added to every scaled reward", float("-inf")] = 0.0
    expert_share: Annotated[float, "of each batch, drawn from the experts' rows alone; SQIL's half"] = 0.0


@dataclass(frozen=True)
class Dropout:
    """What the actor's hidden units are multiplied by.   rate: of zeros.   shapes: of each hidden layer's units."""

    rate: float
    shapes: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Batch:
    """Rows drawn from the dataset; observations are standardised.

    pairs: (s, a, 1), [B, O + A + 1].   states, next_states: (s, 1) and (s', 1), [B, O + 1].   rewards: [B, K].
    continues: [B, 1], 0 where the episode terminated, else 1; of n steps gamma^(n - 1), as the learner discounts once.
    dropout: for the actor, see `StackedMlp`.
    """

    pairs: Tensor
    states: Tensor
    next_states: Tensor
    rewards: Tensor
    continues: Tensor
    dropout: tuple[Tensor, ...] = ()

    @property
    def actions(self) -> Tensor:
        """[B, A]."""
        return self.pairs[:, self.states.shape[1] - 1 : -1]

    @staticmethod
    def create(
        observation_size: int,
        action_size: int,
        skills: int,
        rows: int,
        device: torch.device,
        dropout: Dropout | None = None,
    ) -> "Batch":
        """Buffers."""
        return Batch(
            torch.ones(rows, observation_size + action_size + 1, device=device),
            torch.ones(rows, observation_size + 1, device=device),
            torch.ones(rows, observation_size + 1, device=device),
            torch.zeros(rows, skills, device=device),
            torch.ones(rows, 1, device=device),
            tuple(torch.ones(shape, device=device) for shape in dropout.shapes) if dropout else (),
        )


@dataclass(frozen=True)
class RowTable:
    """Every row of the dataset, as a `Batch` has them, on the device: [N, O + A + 1], [N, O + 1], [N, 1]."""

    pairs: Tensor
    next_states: Tensor
    continues: Tensor


class Batches:
    """Draws batches; on the CPU the next one in a thread while the last is learned from. A context manager.

    The reward rows are gathered from disk, or from a GPU's memory where they fit; the rest, `table`, lies on the
    device.
    """

    def __init__(
        self,
        transitions: Transitions,
        rewards: Rewards,
        config: BatchSettings,
        mean: Tensor,
        std: Tensor,
        generator: torch.Generator,
        device: torch.device,
        experts: Classes | None = None,
        dropout: Dropout | None = None,
    ) -> None:
        """mean, std: what observations are standardised with, [O] each.   generator: on the device.

        experts: whose rows `config.expert_share` of each batch is drawn from; not looked at where that is nothing.
        """
        size, action_size = transitions.observations.shape[1], transitions.actions.shape[1]
        pairs = table_of_ones(len(transitions), size + action_size + 1)
        pairs[:, :size] = torch.from_numpy(transitions.observations)
        pairs[:, size:-1] = torch.from_numpy(transitions.actions)
        last, ahead = _steps_ahead(transitions, config.td_steps)
        self._ahead = torch.from_numpy(ahead).to(device)
        next_states = table_of_ones(len(transitions), size + 1)
        next_states[:, :-1] = torch.from_numpy(transitions.next_observations[last])
        for states in (pairs, next_states):
            states[:, :size].sub_(mean).div_(std)
        continues = torch.from_numpy(config.discount**ahead * ~transitions.terminated[last]).float()[:, None]
        self.table = RowTable(pairs.to(device), next_states.to(device), continues.to(device))
        self._labels, self._labels_on_gpu = rewards.labels, _on_gpu(rewards, device)
        self._scale = torch.from_numpy(rewards.scale).to(device)
        self._config, self._generator = config, generator
        self._count = len(transitions) - transitions.demonstrations
        self._rows = torch.empty(config.batch, dtype=torch.int64, device=device)
        self._shown = self._rows[: round(config.expert_share * config.batch)]  # the experts' part of a batch
        if len(self._shown):
            assert experts is not None, "a share of the experts needs them"
            self._expert_rows = torch.from_numpy(experts.members()[0]).to(device)
        count = 2 if device.type == "cpu" else 1  # a GPU works through its queue in order
        self.buffers = [
            Batch.create(size, action_size, rewards.count, config.batch, device, dropout) for _ in range(count)
        ]
        self._keep = 1.0 - dropout.rate if dropout else 1.0
        self._turn = 0
        self._pool = ThreadPoolExecutor(1)
        self._coming: Future[None] | None = None

    def __enter__(self) -> "Batches":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def take(self) -> tuple[int, Tensor]:
        """(index of the filled one of `buffers`, the generator's state before the draws of the batch after it)."""
        taken = self.buffers[self._turn % len(self.buffers)]
        if len(self.buffers) == 1:
            self._fill(taken)
            return 0, self._generator.get_state()
        if self._coming is None:
            self._fill(taken)
        else:
            self._coming.result()
        state = self._generator.get_state()
        self._turn += 1
        self._coming = self._pool.submit(self._fill, self.buffers[self._turn % 2])
        return (self._turn - 1) % 2, state

    def _fill(self, batch: Batch) -> None:
        rows = self._rows.random_(0, self._count, generator=self._generator)
        if len(self._shown):
            drawn = self._shown.random_(0, len(self._expert_rows), generator=self._generator)
            drawn.copy_(self._expert_rows[drawn])
        torch.index_select(self.table.pairs, 0, rows, out=batch.pairs)
        torch.index_select(self.table.next_states, 0, rows, out=batch.next_states)
        torch.index_select(self.table.continues, 0, rows, out=batch.continues)
        batch.states[:, :-1] = batch.pairs[:, : batch.states.shape[1] - 1]
        self._fill_rewards(batch.rewards, rows)
        for mask in batch.dropout:
            mask.bernoulli_(self._keep, generator=self._generator).div_(self._keep)

    def _fill_rewards(self, rewards: Tensor, rows: Tensor) -> None:
        shift, steps = self._config.reward_shift, self._config.td_steps
        if steps == 1:
            rewards.copy_(self._rewards(rows)).mul_(self._scale).add_(shift)
            return
        offsets = torch.arange(steps, device=rows.device)
        ahead = self._ahead[rows, None]
        weights = self._config.discount**offsets * (offsets <= ahead)  # [B, n]
        following = self._rewards(rows[:, None] + torch.minimum(offsets, ahead)).float()
        torch.sum(following.mul_(weights[..., None]), dim=1, out=rewards)
        rewards.mul_(self._scale).add_(shift * weights.sum(dim=1, keepdim=True))

    def _rewards(self, rows: Tensor) -> Tensor:
        """The labels of rows of any shape."""
        if self._labels_on_gpu is not None:
            return self._labels_on_gpu[rows]
        return torch.from_numpy(np.take(self._labels, rows.cpu().numpy(), axis=0))


def _steps_ahead(transitions: Transitions, steps: int) -> tuple[slice | NDArray[np.int64], NDArray[np.int64]]:
    """([N] the row whose next state an n-step return ends in, [N] how many rows that is on: n - 1 or what is left).

    Of one step: (all rows as they are, [1] 0).
    """
    if steps == 1:
        return slice(None), np.zeros(1, np.int64)
    ahead = np.minimum(transitions.left, steps) - 1
    return np.arange(len(transitions)) + ahead, ahead


def _on_gpu(rewards: Rewards, device: torch.device) -> Tensor | None:
    """The reward matrix in a GPU's memory; None where there is none or it does not fit."""
    if device.type == "cpu" or rewards.labels.nbytes > _SHARE_OF_GPU * torch.cuda.mem_get_info(device)[0]:
        return None
    return torch.from_numpy(np.array(rewards.labels)).to(device)


def scaling(transitions: Transitions, standardise: bool) -> tuple[Tensor, Tensor]:
    """What the policy standardises observations with, [O] each: the data's, or nothing."""
    mean, std = (torch.from_numpy(array) for array in transitions.scaling)
    return (mean, std) if standardise else (torch.zeros_like(mean), torch.ones_like(std))
