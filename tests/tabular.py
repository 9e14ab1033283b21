"""A small deterministic MDP whose duals can be minimised exactly, and the occupancies that they must come to."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

GAMMA = 0.9
STATES, ACTIONS = 5, 3
PAIRS = STATES * ACTIONS


@dataclass(frozen=True)
class Tabular:
    """Pairs (s, a) in order, s first.   states, ahead: [15] of each pair its state and where it leads.   first: [4]
    first states, each as likely as another."""

    states: torch.Tensor
    ahead: torch.Tensor
    first: torch.Tensor

    def occupancy(self, policy: np.ndarray) -> torch.Tensor:
        """[15] the discounted occupancy of a policy [5, 3]."""
        moves = np.zeros((PAIRS, PAIRS))
        for pair, state in enumerate(self.ahead.tolist()):
            moves[pair, state * ACTIONS : (state + 1) * ACTIONS] = policy[state]
        begin = (self.starts[:, None].numpy() * policy).reshape(-1)
        return torch.from_numpy((1 - GAMMA) * np.linalg.solve(np.eye(PAIRS) - GAMMA * moves.T, begin))

    @property
    def starts(self) -> torch.Tensor:
        """[5] how likely each first state is."""
        return torch.bincount(self.first, minlength=STATES).double() / len(self.first)

    def of_states(self, occupancy: torch.Tensor) -> torch.Tensor:
        """[5] of an occupancy [15]."""
        return occupancy.view(STATES, ACTIONS).sum(dim=1)

    def unbalance(self, occupancy: torch.Tensor) -> float:
        """How far an occupancy [15] is from what can be: what leaves a state is what comes in."""
        comes = torch.zeros(STATES, dtype=torch.float64).index_add_(0, self.ahead, occupancy)
        return float((self.of_states(occupancy) - (1 - GAMMA) * self.starts - GAMMA * comes).abs().max())


def tabular(seed: int = 0) -> Tabular:
    """Every state leads somewhere else by each action."""
    generator = np.random.default_rng(seed)
    ahead = np.stack([generator.permutation(STATES)[:ACTIONS] for _ in range(STATES)]).reshape(-1)
    states = torch.arange(STATES).repeat_interleave(ACTIONS)
    return Tabular(states, torch.from_numpy(ahead), torch.tensor([0, 0, 1, 3]))


def random_policy(seed: int) -> np.ndarray:
    """[5, 3]."""
    return np.random.default_rng(seed).dirichlet(np.ones(ACTIONS), STATES)


def minimum(size: int, loss: Callable[[torch.Tensor], torch.Tensor]) -> tuple[torch.Tensor, float]:
    """(where a convex function of `size` numbers has its minimum, the minimum)."""
    at = torch.zeros(size, dtype=torch.float64)
    for _ in range(30):  # Newton's steps; what the loss does not depend on stays as it is
        slope = torch.autograd.functional.jacobian(loss, at)
        bend = torch.autograd.functional.hessian(loss, at)
        step, now = torch.linalg.pinv(bend, hermitian=True, rtol=1e-9) @ slope, loss(at)
        while loss(at - step) > now + 1e-12:
            step = step / 2
        at = at - step
    return at, float(loss(at))


def divergence(some: torch.Tensor, other: torch.Tensor) -> float:
    """KL(some || other)."""
    return float((some * (some / other).log()).sum())
