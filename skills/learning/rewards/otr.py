"""OTR's reward maker: how cheaply each step of an episode is transported onto a demonstration (Luo et al., ICLR 2023).

The transport is entropic (Sinkhorn) between the states of an episode and those of a demonstration, each state weighing
the same. As in the official code, states are compared as they are (cosine distance, not standardised), the iteration
ends with the episode's marginal, and of several demonstrations the one counts that gives the episode the largest sum.
The solver is POT's plain Sinkhorn in float64: a cosine distance is at most 2, so exp(-2 / 0.01) is far from underflow,
and it gives what the log-domain solver gives at a thirtieth of the time.

Letters: K experts, O observation columns, n and m steps of an episode and of a demonstration.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from numpy.typing import NDArray

from skills.bodies.references import domain_of
from skills.choices import Domain, Mode, Preset
from skills.data.transitions import Transitions
from skills.errors import ENVIRONMENT, SkillsError
from skills.learning.classes import Classes
from skills.learning.matrix import LABELS, SCALES, write
from skills.learning.rewards import RewardMaker
from skills.plugins import ONE_EXPERT, Layer
from skills.progress import Reporter

_REGULARISATION = 0.01  # epsilon, of the official code, as are all below
_ITERATIONS = 100
_THRESHOLD = 1e-9
_ALPHA = 5.0
_BETA = 5.0
_NORM_FLOOR = 1e-8


@dataclass(frozen=True)
class Otr(RewardMaker):
    """The cost of transport, squashed; made again from the start in about a second for four episodes of 1000 steps."""

    name = "otr"
    modes = ONE_EXPERT
    files = (LABELS, SCALES)

    @classmethod
    def needs(cls, preset: Preset, mode: Mode, domain: Domain) -> Layer:
        """Its official settings shift rewards twice as far, where a domain does."""
        return {"policy": {"reward_shift": -2.0}} if domain == "antmaze" else {}

    def make(
        self,
        transitions: Transitions,
        experts: Classes,
        device: torch.device,
        generator: torch.Generator,
        folder: Path,
        reporter: Reporter,
    ) -> None:
        """Writes the matrix; draws nothing, so copies of an expert get the same column.

        Raises: SkillsError (environment) without POT.
        """
        solver = import_pot()
        rows, starts = experts.members()
        blocks = _labels(transitions, np.split(rows, starts[1:-1]), solver)
        progress = reporter("transporting episodes", "rows")
        write(folder, blocks, transitions, progress, scaled=self.scaled)


def _labels(
    transitions: Transitions, experts: list[NDArray[np.int64]], solver: ModuleType
) -> Iterator[NDArray[np.float32]]:
    """The rewards of each episode in turn, [n, K]."""
    beta = _beta(transitions)
    first = [next(i for i, other in enumerate(experts) if np.array_equal(rows, other)) for rows in experts]
    shown = {k: _demonstrations(transitions, experts[k]) for k in sorted(set(first))}
    for states in np.split(transitions.observations, transitions.episode_starts[1:]):
        columns = {k: episode_rewards(states, demonstrations, beta, solver) for k, demonstrations in shown.items()}
        yield np.stack([columns[k] for k in first], axis=1).astype(np.float32)


def _beta(transitions: Transitions) -> float:
    """How fast a reward falls with the cost: as the official settings have it for each domain."""
    if domain_of(transitions.env_id) == "antmaze":
        return 1.0
    return _BETA / int(transitions.observations.shape[1])


def episode_rewards(
    states: NDArray[np.float32], demonstrations: list[NDArray[np.float32]], beta: float, solver: ModuleType
) -> NDArray[np.float64]:
    """[n] 5 exp(-beta c), of the demonstration that gives the largest sum; c: see `transport_costs`.

    states: [n, O].   demonstrations: [m, O] each.   beta: 5 / O, or 1 in AntMaze.
    """
    squashed = [_ALPHA * np.exp(-beta * transport_costs(states, shown, solver)) for shown in demonstrations]
    return max(squashed, key=np.sum)


def transport_costs(states: NDArray[np.float32], shown: NDArray[np.float32], solver: ModuleType) -> NDArray[np.float64]:
    """[n] what the optimal plan pays for each state of an episode, times the episode's length n.

    A state weighs 1/n in the plan, so that this is what moving it costs, however long the episode is. The paper weighs
    a state 1/T with T = 1000 and multiplies by T: the same scale.
    """
    costs = cosine_distances(states, shown)
    weights = [np.full(size, 1.0 / size) for size in costs.shape]
    plan = solver.sinkhorn(
        *weights, costs, _REGULARISATION, method="sinkhorn", numItermax=_ITERATIONS, stopThr=_THRESHOLD, warn=False
    )
    paid: NDArray[np.float64] = np.einsum("ij,ij->i", plan, costs) * len(states)
    return paid


def cosine_distances(states: NDArray[np.float32], shown: NDArray[np.float32]) -> NDArray[np.float64]:
    """[n, m] 1 - cos, between 0 and 2."""
    first, second = (
        rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), _NORM_FLOOR)
        for rows in (states.astype(np.float64), shown.astype(np.float64))
    )
    return np.asarray(np.clip(1.0 - first @ second.T, 0.0, 2.0))


def _demonstrations(transitions: Transitions, rows: NDArray[np.int64]) -> list[NDArray[np.float32]]:
    """The states of an expert's rows, cut where one episode ends and the next begins."""
    episodes = np.searchsorted(transitions.episode_starts, rows, side="right")
    return np.split(transitions.observations[rows], np.flatnonzero(np.diff(episodes)) + 1)


def import_pot() -> ModuleType:
    """POT's package. Raises: SkillsError (environment) where it is not installed."""
    try:
        return import_module("ot")
    except ImportError:
        raise SkillsError(
            "OTR's rewards need POT (Python Optimal Transport), which is not installed.",
            "Install it with: pip install POT",
            ENVIRONMENT,
        ) from None
