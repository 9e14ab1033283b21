"""Training under commands: the simulation as a policy meets it that is asked for something and paid for doing it.

Letters: N simulations, O observation columns, C command columns, S columns that the policy sees, A action size.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from skills.arrays import Bools, Floats, Places
from skills.bodies.environments import motion_size
from skills.bodies.fast import Simulation
from skills.bodies.world import Step
from skills.data.made.joystick import JOYSTICKS, ON_ITS_BACK, UPRIGHT, CommandCell, around, cheetah_cell
from skills.data.made.shipped import ShippedPolicy
from tools.behaviours.following import asked, done
from tools.behaviours.ppo import PPOConfig

# Rewards [N] and whether the body has fallen [N], of observations [N, O], commands [N, C] and actions [N, A].
Payment = Callable[[Floats, Floats, Floats], tuple[Floats, Bools]]

_COMMANDS = 4096  # drawn to learn how commands spread


@dataclass(frozen=True)
class Lesson:
    """What one network learns.   cells: that its commands are drawn from, each as often as the others.

    pays: what it is paid for.   starts: pitches to begin with, one of them each time, beside the environment's own.
    """

    body: str
    pays: Payment
    cells: tuple[CommandCell, ...]
    starts: tuple[float, ...] = ()


def runs(observations: Floats, commands: Floats, actions: Floats) -> tuple[Floats, Bools]:
    """Half-cheetahs that are on their feet, or on their backs, already; those that roll over have fallen."""
    speed, posture = commands.T
    astray = np.abs(observations[:, 1] - np.where(posture > 0, UPRIGHT, ON_ITS_BACK))
    missed = np.abs(observations[:, 8] - speed)
    follows = (np.abs(speed) - missed) / 2 + np.exp(-missed) - np.maximum(astray - 0.4, 0.0)
    return 0.5 + follows - _cost(actions), astray > 1.5


def turns_over(observations: Floats, commands: Floats, actions: Floats) -> tuple[Floats, Bools]:
    """Half-cheetahs that shall get from any posture into any other, either way round, and go on there."""
    speed, posture = commands.T
    pitch = np.abs(observations[:, 1])
    astray = np.where(posture > 0, pitch, np.abs(pitch - np.pi))
    missed = np.abs(observations[:, 8] - speed)
    follows = 1 - missed / 3 + 0.5 * np.exp(-missed) - 2 * np.maximum(astray - 0.4, 0.0) / np.pi
    return follows - _cost(actions), np.zeros(len(pitch), dtype=bool)


def ant(observations: Floats, commands: Floats, actions: Floats) -> tuple[Floats, Bools]:
    wanted = asked("Ant-v5", commands)
    did = done("Ant-v5", observations)
    x, y = observations[:, 2], observations[:, 3]
    upright = 1 - 2 * (np.square(x) + np.square(y))
    missed, turned = np.linalg.norm((did - wanted)[:, :2], axis=1), np.abs(did[:, 2] - wanted[:, 2])
    follows = np.linalg.norm(wanted[:, :2], axis=1) - missed + 0.5 * np.exp(-2 * missed)
    follows += (np.abs(wanted[:, 2]) - turned) / 2 + 0.5 * np.exp(-2 * turned)
    return 0.5 + follows - _cost(actions), upright < 0


def walker(observations: Floats, commands: Floats, actions: Floats) -> tuple[Floats, Bools]:
    speed = commands[:, 0]
    missed = np.abs(observations[:, 8] - speed)
    return 1 + np.abs(speed) - missed + np.exp(-2 * missed) - _cost(actions), np.zeros(len(missed), dtype=bool)


def hopper(observations: Floats, commands: Floats, actions: Floats) -> tuple[Floats, Bools]:
    speed, height = commands.T
    missed, off = np.abs(observations[:, 5] - speed), np.abs(observations[:, 0] - height)
    follows = np.abs(speed) - missed + np.exp(-2 * missed) - 2 * off + np.exp(-10 * off)
    return 1 + follows - _cost(actions), np.zeros(len(missed), dtype=bool)


def _cost(actions: Floats) -> Floats:
    return np.asarray(0.02 * np.square(actions).sum(axis=1))


_SPEEDS = (-3.0, -1.5, 0.0, 1.5, 3.0, 4.5, 6.0, 7.5)
_UPRIGHT, _LYING = (tuple(cheetah_cell(speed, posture) for speed in _SPEEDS) for posture in (1, -1))

_WALKS = tuple(around(f"{speed} m/s", (speed,), (0.25,)) for speed in (-1.0, 0.0, 1.0, 2.0, 3.0, 4.0))
_HOPS = (
    around("stands", (0.0, 1.25), (0.0, 0.02)),
    around("crouches", (0.0, 0.95), (0.0, 0.02)),
    around("hops at 1 m/s", (1.0, 1.2), (0.25, 0.0)),
    around("hops at 2 m/s", (2.0, 1.2), (0.25, 0.0)),
)
_HALF_LEFT = tuple(
    around(f"half left {speed:g} m/s", (speed, np.pi / 4, 0.0), (0.1, np.pi / 32, 0.0)) for speed in (0.5, 1.0, 1.6)
)

# Of each body, by the level that the network is filed under. There is more than a body can do: that shows only then.
LESSONS: dict[str, dict[str, Lesson]] = {
    "ant": {"diverse": Lesson("ant", ant, _HALF_LEFT)},
    "halfcheetah": {
        "diverse": Lesson("halfcheetah", runs, _UPRIGHT),
        "diverse-2": Lesson("halfcheetah", runs, _LYING, starts=(np.pi,)),
        "diverse-3": Lesson("halfcheetah", turns_over, _UPRIGHT + _LYING, starts=(-np.pi, 0.0, 0.0, np.pi)),
    },
    "walker2d": dict.fromkeys(("diverse", "diverse-2"), Lesson("walker2d", walker, _WALKS)),
    "hopper": dict.fromkeys(("diverse", "diverse-2"), Lesson("hopper", hopper, _HOPS)),
}


class Commanded:
    """N simulations of a body under commands; a `Practice` to train in.

    To the learner an episode is one command: it is cut where the next one comes, and the value of going on is that of
    going on under the old one. Otherwise what comes next by chance, which nobody could have foreseen, would be a
    hundred times what an action is worth. The body goes on: `reset` gives those whose episode is not over the next
    command only.
    """

    def __init__(self, lesson: Lesson, config: PPOConfig) -> None:
        self._lesson = lesson
        self._joystick = replace(JOYSTICKS[lesson.body], cells=lesson.cells)
        self._simulation = Simulation(self._joystick.env_id, config.simulations, config.threads)
        self._motion = motion_size(self._joystick.env_id)
        self.action_size = self._simulation.action_size
        self.columns = self._motion + len(self._joystick.command)
        self.terminates = True
        self._observations = np.empty((config.simulations, self._motion))
        self._commands = np.empty((config.simulations, len(self._joystick.command)))
        self._left = np.zeros(config.simulations, dtype=np.int64)
        self._over = np.ones(config.simulations, dtype=bool)

    def reset(self, generators: Sequence[np.random.Generator], ids: Places | None = None) -> Floats:
        rows = np.arange(self._simulation.count) if ids is None else ids
        fresh = np.flatnonzero(self._over[rows])
        if len(fresh):
            self._begin([generators[index] for index in fresh.tolist()], rows[fresh])
        for row, generator in zip(rows.tolist(), generators, strict=True):
            cell = int(generator.integers(len(self._lesson.cells)))
            self._commands[row], self._left[row] = self._joystick.tell(cell, generator)
        return self._see()[rows]

    def step(self, actions: NDArray[np.float32]) -> Step:
        step = self._simulation.step(self._view.undo(actions))
        self._observations[:] = step.observations[:, : self._motion]
        rewards, fallen = self._lesson.pays(self._observations, self._commands, actions.astype(np.float64))
        terminated = step.terminated | fallen
        self._over = terminated | step.truncated
        self._left -= 1
        return Step(self._see(), rewards, terminated, step.truncated | (self._left <= 0), terminated)

    def _begin(self, generators: Sequence[np.random.Generator], rows: Places) -> None:
        observations = self._simulation.reset(generators, rows)
        if self._lesson.starts:
            qpos, qvel = self._simulation.qpos[rows].copy(), self._simulation.qvel[rows].copy()
            qpos[:, 2] += [generator.choice(self._lesson.starts) for generator in generators]
            observations = self._simulation.set_state(qpos, qvel, rows)
        self._observations[rows] = observations[:, : self._motion]

    def _see(self) -> Floats:
        self._view = self._joystick.seen(self._observations, self._commands)
        return self._view.columns


def told(runner: ShippedPolicy, lesson: Lesson) -> ShippedPolicy:
    """A policy that does as `runner`, whatever it is told: a gait to begin with."""
    joystick = replace(JOYSTICKS[lesson.body], cells=lesson.cells)
    generator = np.random.default_rng(0)
    cells = generator.integers(len(lesson.cells), size=_COMMANDS)
    commands = np.array([joystick.tell(cell, generator)[0] for cell in cells])
    standing = np.tile(np.eye(1, runner.columns, 1), (_COMMANDS, 1))  # with no orientation an ant has no direction
    columns = joystick.seen(standing, commands).columns[:, runner.columns :]
    (first, bias), *others = runner.layers
    return replace(
        runner,
        mean=np.concatenate([runner.mean, columns.mean(axis=0)]).astype(np.float32),
        std=np.concatenate([runner.std, columns.std(axis=0) + 1e-3]).astype(np.float32),
        layers=((np.pad(first, ((0, columns.shape[1]), (0, 0))), bias), *others),
    )
