"""Many environments of Gymnasium's in lock-step, whatever they are: rewards and ends are their own.

Letters: N environments, O observation columns, A action size, P size of qpos, J numbers of a pose.

`mj_step` releases the GIL, so environments over MuJoCo step at once on as many threads as there are cores.
"""

import copy
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skills.arrays import Floats, Places
from skills.bodies.body import Body
from skills.bodies.environments import muted
from skills.bodies.making import make
from skills.bodies.observing import flat_observation, observation_parts
from skills.bodies.physics import physics_of
from skills.bodies.poses import pose_of
from skills.bodies.world import Step

_SEEDS = 2**31


class GymWorld:
    """N environments of one body; see `World`.

    An episode that ends by itself has failed, unless the environment calls it a success.
    """

    def __init__(self, body: Body, count: int, threads: int | None = None) -> None:
        self.body = body
        self.count = count
        self._envs = [make(body.env_id) for _ in range(count)]
        self._parts = observation_parts(self._envs[0].observation_space, body.env_id)
        self._pool = ThreadPoolExecutor(min(threads or os.cpu_count() or 1, count))
        self._everyone = np.arange(count)
        self._observations = np.zeros((count, body.observation_size))
        self.qpos: Floats = np.zeros((count, body.state_size))
        self.poses: Floats | None = None if body.leads else np.zeros((count, body.pose_size))

    def reset(self, generators: Sequence[np.random.Generator], ids: Places | None = None) -> Floats:
        """Starts new episodes; returns observations [N, O].

        An environment draws its start from its generator, as `env.reset(seed=seed)` does from `default_rng(seed)`.
        What draws from elsewhere inside it is seeded from a copy of that.
        """
        rows = self._everyone if ids is None else ids

        def begin(index: int) -> None:
            env, generator = self._envs[rows[index]], generators[index]
            env.reset(seed=int(copy.deepcopy(generator).integers(_SEEDS)))
            env.unwrapped.np_random = generator
            self._note(int(rows[index]), env.reset()[0])

        self._for_all(begin, len(rows))
        return self._observations[rows]

    def step(self, actions: NDArray[Any], ids: Places | None = None) -> Step:
        """Advances by one environment step under actions [N, A] in +-1."""
        rows = self._everyone if ids is None else ids
        outward = self.body.actions.outward(np.asarray(actions, np.float32))
        rewards = np.zeros(len(rows))
        terminated, truncated, failed = (np.zeros(len(rows), bool) for _ in range(3))

        def advance(index: int) -> None:
            row = int(rows[index])
            observation, reward, ended, cut, info = self._envs[row].step(outward[index])
            rewards[index], terminated[index], truncated[index] = float(reward), ended, cut
            failed[index] = ended and not (info.get("success") or info.get("is_success"))
            self._note(row, observation)

        self._for_all(advance, len(rows))
        return Step(self._observations[rows], rewards, terminated, truncated, failed)

    def close(self) -> None:
        """Gives the environments and the threads back."""
        self._pool.shutdown()
        for env in self._envs:
            env.close()

    def _for_all(self, work: Callable[[int], None], count: int) -> None:
        with muted():  # MuJoCo's warnings are the whole process's
            for _ in self._pool.map(work, range(count)):
                pass

    def _note(self, row: int, observation: Any) -> None:
        physics = physics_of(self._envs[row])
        self._observations[row] = flat_observation(self._parts, observation)
        self.qpos[row] = self._observations[row] if physics is None else physics.data.qpos
        if self.poses is not None:
            self.poses[row] = pose_of(self.body.root, self.body.tracked, physics, self._observations[row])
