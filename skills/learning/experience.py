"""A dataset with its reward matrix as tensors, for learners that look n steps ahead.

Letters: N transitions, K skills, O observation columns, A action size, n steps.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import lfilter
from torch import Tensor

from skills.data.transitions import Transitions
from skills.learning.engine.stacked import with_ones
from skills.learning.matrix import Rewards

_SKILLS_AT_ONCE = 16  # whose returns are summed at once; bounds memory


@dataclass(frozen=True)
class Experience:
    """Rows as networks take them: observations standardised, with a one at the end.

    states: (s, 1), [N, O + 1].   ends: (the state n steps on, 1), likewise, or the episode's last where that is nearer.
    actions: [N, A].   returns: [N, K] float16, the discounted rewards up to there over `scale`.   scale: [K].
    continues: [N, 1] what V of that state counts: gamma^n, less where the episode ends before, 0 where it ends in a
    failure.
    """

    states: Tensor
    ends: Tensor
    actions: Tensor
    returns: Tensor
    scale: Tensor
    continues: Tensor

    def __len__(self) -> int:
        return len(self.states)

    @cached_property
    def skills(self) -> int:
        """K."""
        return len(self.scale)

    def returns_of(self, rows: Tensor | slice) -> Tensor:
        """[B, K] the scaled returns of some rows."""
        return self.returns[rows].float().mul_(self.scale)


def experience(
    transitions: Transitions,
    rewards: Rewards,
    scaling: tuple[Tensor, Tensor],
    steps: int,
    discount: float,
    shift: float,
    device: torch.device,
) -> Experience:
    """Looks `steps` ahead of every row of a dataset; an expert's rows behind it are left out.

    scaling: (mean, std) of observations, [O] each.   shift: added to every scaled reward.
    """
    count = len(transitions) - transitions.demonstrations
    mean, std = scaling
    ahead = np.minimum(transitions.left, steps)[:count]
    last = np.arange(count) + ahead - 1
    states = with_ones((torch.from_numpy(transitions.observations[:count]) - mean) / std)
    ends = with_ones((torch.from_numpy(transitions.next_observations[last]) - mean) / std)
    continues = torch.from_numpy(discount**ahead * ~transitions.terminated[last]).float()[:, None]
    sums = n_step_sums(rewards.labels[:count], transitions.bounds, steps, discount, shift / rewards.scale)
    return Experience(
        states.to(device), ends.to(device), torch.from_numpy(transitions.actions[:count]).to(device),
        torch.from_numpy(sums).to(device), torch.from_numpy(rewards.scale).to(device), continues.to(device),
    )  # fmt: skip


def n_step_sums(
    labels: NDArray[np.float16], bounds: NDArray[np.int64], steps: int, discount: float, shift: NDArray[np.float32]
) -> NDArray[np.float16]:
    """[N, K] the discounted sum of each row's label and the n - 1 after it in its episode, plus `shift` [K] to each.

    bounds: [E + 1] of the episodes.   A sum is that of all rows ahead, less gamma^n times the one n rows on.
    """
    found = np.empty(labels.shape, np.float16)
    starts = np.minimum(bounds[:-1], len(labels))
    stops = np.minimum(bounds[1:], len(labels))
    for first in range(0, labels.shape[1], _SKILLS_AT_ONCE):
        part = slice(first, first + _SKILLS_AT_ONCE)
        for start, stop in zip(starts, stops, strict=True):
            if stop == start:
                continue
            rewards = labels[start:stop, part].astype(np.float64) + shift[part]
            whole = lfilter([1.0], [1.0, -discount], rewards[::-1], axis=0)[::-1].copy()
            whole[:-steps] -= discount**steps * whole[steps:].copy()
            found[start:stop, part] = whole
    return found
