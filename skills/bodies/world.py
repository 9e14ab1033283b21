"""Simulated worlds behind one interface: N of them in lock-step, whether batched here or Gymnasium's own.

Letters: N simulations, O observation columns, A action size, P size of qpos, J numbers of a pose.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from skills.arrays import Bools, Floats, Places


@dataclass(frozen=True)
class Step:
    """What one step of N simulations returns.

    observations: [N, O] float64, after the step (of the ended episode where one ended: nothing resets by itself).
    rewards: [N] float64.   terminated, truncated: [N] bool.   failed: [N] bool, it ended by itself, and not in success.
    """

    observations: Floats
    rewards: Floats
    terminated: Bools
    truncated: Bools
    failed: Bools


class World(Protocol):
    """N independent simulations of one environment.

    Methods that take `ids` act on those simulations only (indices into 0..N-1), all of them where it is None, and
    their arrays have a row for each.

    qpos: [N, P] the simulator's positions, a live view: copy before the next step. Without a
        simulator of MuJoCo's, what is observed.
    poses: [N, J] the same as `skills.bodies.poses` lays them out; None where qpos is laid out like that itself.
    """

    count: int

    @property
    def qpos(self) -> Floats: ...

    @property
    def poses(self) -> Floats | None: ...

    def reset(self, generators: Sequence[np.random.Generator], ids: Places | None = None) -> Floats:
        """Starts new episodes; returns observations [N, O].   generators: one a simulation, which draws its start."""

    def step(self, actions: NDArray[Any], ids: Places | None = None) -> Step:
        """Advances by one environment step under actions [N, A] in +-1."""

    def close(self) -> None:
        """Gives back what the simulations hold."""
