"""The data's steps and the experts', as learners take them that compare both and read no rewards.

A step that ended in a failure leads nowhere, and what nowhere is worth has to be said. `mask`: nothing. `absorbing`: it
leads to a state of its own, which leads to itself (Kostrikov et al. 2019) and whose worth is learned like any other's:
where worth is free but for a constant, nothing would be a reward or a punishment. A flag among the columns names that
state; a row in it stands for each such end of an expert, and up to ten with random actions for each of the data.

Letters: N transitions, M rows with the absorbing ones, O observation columns, C columns of a state, A action size,
K experts, B rows of a batch.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skills.choices import Endings
from skills.data.transitions import Transitions
from skills.learning.classes import Classes
from skills.learning.engine.stacked import with_ones
from skills.learning.rows import Members

_AFTER_AN_END = 10  # rows in the absorbing state


@dataclass(frozen=True)
class StepTables:
    """Rows on the device, observations standardised by `scaling`, (mean, std) [O] each.

    states, next_states: (s, 1) and (s', 1), [M, C + 1].   actions: [M, A].   continues: [M], 0 where s' counts nothing.
    data: the rows of the dataset.   union: these and the experts'.   starts: of the dataset's episodes; all_starts: of
    all.   experts: the rows of each.
    """

    scaling: tuple[Tensor, Tensor]
    states: Tensor
    next_states: Tensor
    actions: Tensor
    continues: Tensor
    data: Tensor
    union: Tensor
    starts: Tensor
    all_starts: Tensor
    experts: Members

    @property
    def observation_size(self) -> int:
        """O."""
        return len(self.scaling[0])

    @property
    def device(self) -> torch.device:
        """Where they lie."""
        return self.states.device

    def pairs(self, rows: Tensor) -> Tensor:
        """(s, a, 1) of rows [K or 1, B]."""
        return paired(self.states[rows], self.actions[rows])


def steps_of(
    transitions: Transitions,
    experts: Classes,
    scaling: tuple[Tensor, Tensor],
    ends: Endings,
    device: torch.device,
    generator: torch.Generator,
) -> StepTables:
    """The steps of a dataset and of its experts.   generator: a CPU generator, of actions in the absorbing state."""
    mean, std = scaling
    states, next_states = (
        with_ones((torch.from_numpy(array) - mean) / std)
        for array in (transitions.observations, transitions.next_observations)
    )
    actions, terminated = (torch.from_numpy(array) for array in (transitions.actions, transitions.terminated))
    total, own = len(transitions), len(transitions) - transitions.demonstrations
    members, bounds = experts.members()
    data, union, continues = torch.arange(own), torch.arange(total), (~terminated).float()
    if ends == "absorbing":
        absorbing, extra = total, _AFTER_AN_END * int(terminated[:own].sum())
        states = _flagged(states, torch.zeros_like(terminated), 1 + extra)
        next_states = _flagged(next_states, terminated, 1 + extra)
        random = torch.rand(extra, actions.shape[1], generator=generator) * 2.0 - 1.0
        actions = torch.cat([actions, torch.zeros(1, actions.shape[1]), random])
        continues = torch.ones(len(states))
        behind = torch.arange(total + 1, len(states))
        shown = torch.full((int(terminated[own:].sum()),), absorbing)
        data, union = torch.cat([data, behind]), torch.cat([union, behind, shown])
        members, bounds = _with_ends(members, bounds, transitions.terminated, absorbing)
    episodes = torch.from_numpy(transitions.episode_starts)
    return StepTables(
        (mean, std), states.to(device), next_states.to(device), actions.to(device), continues.to(device),
        data.to(device), union.to(device), episodes[episodes < own].to(device), episodes.to(device),
        Members(torch.from_numpy(members), torch.from_numpy(bounds)).to(device),
    )  # fmt: skip


def paired(states: Tensor, actions: Tensor) -> Tensor:
    """(s, a, 1) of states (s, 1), [K or 1, B, C + 1], and actions [K or 1, B, A]."""
    count = max(len(states), len(actions))
    parts = states[..., :-1], actions, states[..., -1:]
    return torch.cat([part.expand(count, *part.shape[1:]) for part in parts], dim=-1)


def draw_rows(pool: Tensor, into: Tensor, generator: torch.Generator) -> None:
    """Fills a buffer of any shape with rows of a pool [n], each as likely as any other, with replacement."""
    into.copy_(pool[torch.randint(len(pool), into.shape, generator=generator, device=pool.device)])


def _flagged(rows: Tensor, absorbed: Tensor, count: int) -> Tensor:
    """States (s, 1) with a flag, (s, 0, 1); those absorbed and `count` behind them are (0, 1, 1)."""
    flagged = torch.cat([rows[:, :-1], torch.zeros(len(rows), 1), rows[:, -1:]], dim=1)
    absorbing = torch.zeros(1, flagged.shape[1])
    absorbing[:, -2:] = 1.0
    return torch.cat([torch.where(absorbed[:, None], absorbing, flagged), absorbing.expand(count, -1)])


def _with_ends(
    members: NDArray[np.int64], bounds: NDArray[np.int64], terminated: NDArray[np.bool_], absorbing: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Members with a row in the absorbing state for each of theirs that ended so."""
    parts = [
        np.append(rows, np.full(int(terminated[rows].sum()), absorbing)) for rows in np.split(members, bounds[1:-1])
    ]
    return np.concatenate(parts), np.cumsum([0, *(len(part) for part in parts)])
