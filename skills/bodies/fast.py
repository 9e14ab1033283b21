"""Many MuJoCo simulations in lock-step, with the numbers of Gymnasium's v5 environments and of AntMaze.

Letters: N simulations, O observation size, A action size.

Two engines step them. `mujoco.batch.Batch` steps the planar bodies and AntMaze on its own thread pool. Ant also
observes (and pays for) contact forces, which Gymnasium computes with `mj_rnePostConstraint` after the step; a batch has
no such call, so Ant runs on one MjData per simulation, shared out over threads (`mj_step` releases the GIL): about 10 %
slower.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import mujoco
import numpy as np
from mujoco.batch import Batch
from numpy.typing import NDArray

from skills.arrays import Bools, Floats, Places
from skills.bodies.environments import GOAL_COLUMNS, environment, load_model, observation_size, seconds_per_step
from skills.bodies.mazes import GOAL_RADIUS, GOAL_REWARD, Maze, checked
from skills.bodies.world import Step

_CONTACT_COST = 5e-4
_CONTACT_RANGE = 1.0
_HOPPER_STATE_LIMIT = 100.0


class Simulation:
    """N independent simulations of one environment; a `World`.

    Every method that takes `ids` acts on those simulations only (indices into 0..N-1), all of them where it is None,
    and its arrays have a row for each.

    task: which starts and goals episodes in a maze draw (`Maze.starts`); None: those that the environment itself does.
    """

    def __init__(self, env_id: str, count: int, threads: int | None = None, *, task: str | None = None) -> None:
        self.environment = environment(env_id)
        self._task = checked(task or self.environment.task)
        self._goals = np.full((count, len(GOAL_COLUMNS)), np.nan)
        self.model = load_model(env_id)
        self.count = count
        workers = min(threads or os.cpu_count() or 1, count)
        self._engine: _BatchEngine | _PoolEngine = (
            _PoolEngine(self.model, count, workers)
            if self.environment.contact_forces
            else _BatchEngine(self.model, count, workers)
        )
        self._elapsed = np.zeros(count, dtype=np.int64)
        self._everyone = np.arange(count)

    @property
    def seconds_per_step(self) -> float:
        """Simulated time of one environment step, s."""
        return seconds_per_step(self.environment.env_id)

    @property
    def observation_size(self) -> int:
        """O, the size of Gymnasium's default observation."""
        return observation_size(self.environment.env_id)

    @property
    def action_size(self) -> int:
        """A; every action lies in [-1, 1]."""
        return int(self.model.nu)

    @property
    def qpos(self) -> Floats:
        """[N, nq] generalised positions, a live view: copy before the next step."""
        return self._engine.qpos

    @property
    def qvel(self) -> Floats:
        """[N, nv] generalised velocities, a live view: copy before the next step."""
        return self._engine.qvel

    @property
    def poses(self) -> None:
        """None: qpos is laid out as `skills.bodies.motion` reads it."""
        return None

    @property
    def goals(self) -> Floats:
        """[N, 2] m, where each ant in a maze must go; NaN elsewhere. May be set between a reset and a step."""
        return self._goals

    def reset(self, generators: Sequence[np.random.Generator], ids: Places | None = None) -> Floats:
        """Starts new episodes; returns observations [N, O].

        generators: one a simulation. Each draws its own start as Gymnasium does, so `default_rng(seed)` gives the state
        of `env.reset(seed=seed)`, whatever the other simulations do.
        """
        rows = self._everyone if ids is None else ids
        spec, model = self.environment, self.model
        if spec.maze is not None:
            return self._reset_in(spec.maze, generators, rows)
        qpos = np.empty((len(rows), model.nq))
        qvel = np.empty((len(rows), model.nv))
        for row, generator in enumerate(generators):
            qpos[row] = model.qpos0 + generator.uniform(-spec.reset_noise, spec.reset_noise, model.nq)
            if spec.reset_velocity == "normal":
                qvel[row] = spec.reset_noise * generator.standard_normal(model.nv)
            else:
                qvel[row] = generator.uniform(-spec.reset_noise, spec.reset_noise, model.nv)
        return self.set_state(qpos, qvel, ids)

    def _reset_in(self, maze: Maze, generators: Sequence[np.random.Generator], rows: Places) -> Floats:
        qpos = np.tile(self.model.qpos0, (len(rows), 1))
        for row, generator in enumerate(generators):
            qpos[row, :2], self._goals[rows[row]] = maze.draw(self._task, generator)
        return self.set_state(qpos, np.zeros((len(rows), self.model.nv)), rows)

    def set_state(self, qpos: Floats, qvel: Floats, ids: Places | None = None) -> Floats:
        """Starts episodes from given states, [N, nq] and [N, nv]; returns observations [N, O]. Goals stay."""
        rows = self._everyone if ids is None else ids
        self._engine.set_state(qpos, qvel, rows)
        self._elapsed[rows] = 0
        return self._observe(rows)

    def step(self, actions: NDArray[Any], ids: Places | None = None) -> Step:
        """Advances by one environment step under actions [N, A]."""
        rows = self._everyone if ids is None else ids
        before = self._engine.travelled(rows)
        self._engine.step(actions, rows, self.environment.frame_skip)
        self._elapsed[rows] += 1
        truncated = self._elapsed[rows] >= self.environment.episode_steps
        if self.environment.maze is not None:
            there = np.linalg.norm(self.qpos[rows, :2] - self._goals[rows], axis=1) <= GOAL_RADIUS
            return Step(self._observe(rows), there * GOAL_REWARD, there, truncated, np.zeros_like(there))
        speed = (self._engine.travelled(rows) - before) / self.seconds_per_step
        healthy = self._healthy(rows)
        terminated = ~healthy if self.environment.terminates else np.zeros(len(rows), dtype=bool)
        return Step(self._observe(rows), self._reward(speed, healthy, actions, rows), terminated, truncated, terminated)

    def close(self) -> None:
        """Nothing: engines end with their last reference."""

    def _observe(self, rows: Places) -> Floats:
        spec = self.environment
        velocity = np.clip(self.qvel[rows], -spec.velocity_clip, spec.velocity_clip)
        columns = [self.qpos[rows, spec.position_columns :], velocity]
        if spec.contact_forces:
            columns.append(self._contact_forces(rows)[:, 1:].reshape(len(rows), -1))
        if spec.maze is not None:
            columns = [self.qpos[rows, :2], self._goals[rows], self.qpos[rows, 2:], velocity]
        return np.concatenate(columns, axis=1)

    def _contact_forces(self, rows: Places) -> Floats:
        return np.clip(self._engine.contact_forces(rows), -_CONTACT_RANGE, _CONTACT_RANGE)

    def _healthy(self, rows: Places) -> Bools:
        spec = self.environment
        qpos, qvel = self.qpos[rows], self.qvel[rows]
        if spec.contact_forces:
            low, high = spec.healthy_height
            state_is_finite = np.isfinite(qpos).all(axis=1) & np.isfinite(qvel).all(axis=1)
            return state_is_finite & (low <= qpos[:, 2]) & (qpos[:, 2] <= high)
        height, pitch = qpos[:, 1], qpos[:, 2]
        healthy = (spec.healthy_height[0] < height) & (height < spec.healthy_height[1])
        healthy &= (spec.healthy_pitch[0] < pitch) & (pitch < spec.healthy_pitch[1])
        if spec.env_id == "Hopper-v5":
            state = np.concatenate([qpos[:, 2:], qvel], axis=1)
            healthy &= (np.abs(state) < _HOPPER_STATE_LIMIT).all(axis=1)
        return healthy

    def _reward(self, speed: Floats, healthy: Bools, actions: NDArray[Any], rows: Places) -> Floats:
        spec = self.environment
        control = spec.control_cost * np.square(actions).sum(axis=1)
        reward = speed + spec.healthy_reward * healthy - control
        if spec.contact_forces:
            reward = reward - _CONTACT_COST * np.square(self._contact_forces(rows)).sum(axis=(1, 2))
        return np.asarray(reward)


class _BatchEngine:
    """Steps on MuJoCo's own batch; the planar bodies and the mazes."""

    def __init__(self, model: mujoco.MjModel, count: int, threads: int) -> None:
        self._batch = Batch(model, count, nthread=threads)
        self.qpos: Floats = self._batch.bind("qpos")
        self.qvel: Floats = self._batch.bind("qvel")
        self._ctrl: Floats = self._batch.bind("ctrl")
        self._batch.reset()

    def set_state(self, qpos: Floats, qvel: Floats, rows: Places) -> None:
        self._batch.reset(ids=rows, stage=int(mujoco.mjtStage.mjSTAGE_NONE))
        self.qpos[rows] = qpos
        self.qvel[rows] = qvel
        self._batch.forward(ids=rows)

    def step(self, actions: NDArray[Any], rows: Places, frame_skip: int) -> None:
        self._ctrl[rows] = actions
        self._batch.step(ids=rows, nstep=frame_skip)

    def travelled(self, rows: Places) -> Floats:
        """[N] m along x, as Gymnasium's planar bodies measure it."""
        return np.asarray(self.qpos[rows, 0])

    def contact_forces(self, rows: Places) -> Floats:
        raise NotImplementedError("a batch has no contact forces after the step")


class _PoolEngine:
    """Steps one MjData per simulation on a thread pool; exact contact forces after each step."""

    def __init__(self, model: mujoco.MjModel, count: int, threads: int) -> None:
        self._model = model
        self._datas = [mujoco.MjData(model) for _ in range(count)]
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads)
        self.qpos = np.empty((count, model.nq))
        self.qvel = np.empty((count, model.nv))
        self._cfrc = np.empty((count, model.nbody, 6))
        self._torso_x = np.empty(count)

    def set_state(self, qpos: Floats, qvel: Floats, rows: Places) -> None:
        for row, position, velocity in zip(rows, qpos, qvel, strict=True):
            data = self._datas[row]
            mujoco.mj_resetData(self._model, data)
            data.qpos[:] = position
            data.qvel[:] = velocity
            mujoco.mj_forward(self._model, data)
            self._read(row)

    def step(self, actions: NDArray[Any], rows: Places, frame_skip: int) -> None:
        def advance(part: Places) -> None:
            for index in part:
                data = self._datas[rows[index]]
                data.ctrl[:] = actions[index]
                mujoco.mj_step(self._model, data, nstep=frame_skip)
                mujoco.mj_rnePostConstraint(self._model, data)
                self._read(rows[index])

        parts = np.array_split(np.arange(len(rows)), min(self._threads, len(rows)))
        for _ in self._pool.map(advance, parts):
            pass

    def travelled(self, rows: Places) -> Floats:
        """[N] m along x. Gymnasium's Ant takes the torso's xpos, which lags qpos by a substep: so does this."""
        return np.asarray(self._torso_x[rows])

    def contact_forces(self, rows: Places) -> Floats:
        """[N, bodies, 6] external forces on each body, N and N m."""
        return np.asarray(self._cfrc[rows])

    def _read(self, row: int) -> None:
        data = self._datas[row]
        self.qpos[row] = data.qpos
        self.qvel[row] = data.qvel
        self._cfrc[row] = data.cfrc_ext
        self._torso_x[row] = data.xpos[1, 0]
