"""The course that AntMaze's runner trains on: open ground, a direction to run in that changes every few seconds.

Letters: N simulations.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skills.behaviours.directions import Numbering, seen_along_x, upright
from skills.simulate import Bools, Floats, Ids, Simulation, Step

_TOP_SPEED = 3.0  # m/s; faster is not paid for: 4 m wide corridors have corners
_CONTROL_COST = 0.25
_TURNS = 0.02  # chance of another direction, per step of a twentieth of a second


class Course(Simulation):
    """`Ant-v5`'s body as a policy sees it that runs along +x (`directions`), in episodes that end on its back.

    The reward is the speed in the direction, at most 3 m/s, plus 1 for being upright, less a quarter of the squared
    action.
    """

    def __init__(self, env_id: str, count: int, threads: int | None = None) -> None:
        super().__init__(env_id, count, threads)
        self._directions = np.zeros(count)
        self._generators: dict[int, np.random.Generator] = {}
        self._numbering = Numbering(np.zeros((count, 4), np.intp), np.ones((count, 4)))

    def reset(self, generators: Sequence[np.random.Generator], ids: Ids | None = None) -> Floats:
        """Starts new episodes facing anywhere; observations [N, 27]."""
        rows = np.arange(self.count) if ids is None else ids
        observations = super().reset(generators, ids)
        for row, generator in zip(rows, generators, strict=True):
            self._generators[int(row)] = generator
            self._directions[row] = generator.uniform(-np.pi, np.pi)
        return self._seen(observations, rows)

    def step(self, actions: NDArray[Any], ids: Ids | None = None) -> Step:
        """One step under the policy's actions [N, 8]."""
        rows = np.arange(self.count) if ids is None else ids
        numbering = Numbering(self._numbering.legs[rows], self._numbering.signs[rows])
        before = self.qpos[rows, :2].copy()
        step = super().step(numbering.done(actions), ids)
        velocity = (self.qpos[rows, :2] - before) / self.seconds_per_step
        directions = self._directions[rows]
        speed = velocity[:, 0] * np.cos(directions) + velocity[:, 1] * np.sin(directions)
        fallen: Bools = upright(step.observations) < 0
        rewards = np.minimum(speed, _TOP_SPEED) + ~fallen - _CONTROL_COST * np.square(actions).sum(axis=1)
        for row in rows:
            if self._generators[int(row)].random() < _TURNS:
                self._directions[row] = self._generators[int(row)].uniform(-np.pi, np.pi)
        return Step(self._seen(step.observations, rows), rewards, fallen | step.terminated, step.truncated)

    def _seen(self, observations: Floats, rows: Ids) -> Floats:
        seen, numbering = seen_along_x(observations, self._directions[rows])
        self._numbering.legs[rows] = numbering.legs
        self._numbering.signs[rows] = numbering.signs
        return seen
