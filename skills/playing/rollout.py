"""Plays every skill in the simulation and records what it does.

Letters: K skills, R rollouts of each, N simulations, T steps at most, P size of qpos, O observation columns, A action
size.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from skills.bodies import motion
from skills.bodies.fast import Simulation
from skills.bodies.fates import Fate, fate
from skills.files import MAKE_AGAIN, read_arrays, write_arrays
from skills.progress import Reporter
from skills.settings.config import RolloutConfig
from skills.troubles import DamagedError, reading

if TYPE_CHECKING:  # who only reads rollouts needs neither scikit-learn nor torch
    from skills.learning.classes import Classes
    from skills.learning.policy import Policy


_NOISE = 1_000_003  # tells the stream of the noise from those of the starts, which count from 0


@dataclass(frozen=True)
class Rollouts:
    """Recorded episodes of every skill; padding repeats the last state and counts for nothing.

    qpos: [K, R, T + 1, P] float32, the state before each step and after the last.
    lengths: [K, R] int32, steps played.   terminated: [K, R] bool, the environment called its last state a failure.
    rewards: [K, R, T] float32, the environment's own; 0 in the padding.
    classes: [K, R, T] int16, the class of the data that each transition is nearest to; -1 in the padding.
    seconds_per_step: [] float64, simulated time of a step, s.
    """

    qpos: NDArray[np.float32]
    lengths: NDArray[np.int32]
    terminated: NDArray[np.bool_]
    rewards: NDArray[np.float32]
    classes: NDArray[np.int16]
    seconds_per_step: NDArray[np.float64]

    @property
    def net(self) -> NDArray[np.float64]:
        """[K, R, 2] m on the ground from start to end."""
        start_and_end = motion.ground(self.qpos[..., [0, -1], :])
        return np.asarray(start_and_end[..., 1, :] - start_and_end[..., 0, :])

    @property
    def seconds(self) -> NDArray[np.float64]:
        """[K, R] s played."""
        return np.asarray(self.lengths * float(self.seconds_per_step))

    @property
    def speed(self) -> NDArray[np.float64]:
        """[K, R] m/s, net displacement over the time played; signed along x for a planar body."""
        net = self.net
        return (net[..., 0] if motion.is_planar(self.qpos) else np.linalg.norm(net, axis=-1)) / self.seconds

    def fates(self, env_id: str) -> tuple[tuple[Fate, ...], ...]:
        """[K][R] what became of each."""
        return tuple(
            tuple(
                fate(qpos[: length + 1], env_id, ended=bool(ended))
                for qpos, length, ended in zip(*of_skill, strict=True)
            )
            for of_skill in zip(self.qpos, self.lengths.tolist(), self.terminated, strict=True)
        )

    @property
    def shown(self) -> NDArray[np.int64]:
        """[K] the rollout that stands for its skill, in videos and labels: the one of the median speed."""
        order = np.argsort(self.speed, axis=-1)
        return np.asarray(order[:, order.shape[1] // 2])

    def save(self, path: Path) -> None:
        """Writes `rollouts.npz`."""
        write_arrays(path, vars(self))

    @staticmethod
    def load(path: Path) -> "Rollouts":
        """Reads `rollouts.npz`. Raises: SkillsError where it is damaged or its arrays do not fit together."""
        arrays = read_arrays(path)
        with reading(path, MAKE_AGAIN):
            rollouts = Rollouts(**arrays)
            if rollouts.qpos.ndim != 4 or rollouts.lengths.shape != rollouts.qpos.shape[:2]:
                raise DamagedError(f"its shapes disagree: qpos {rollouts.qpos.shape}, lengths {rollouts.lengths.shape}")
            return rollouts


class Actor(Protocol):
    """Whoever can perform numbered skills."""

    def act(self, observations: NDArray[np.floating], skills: NDArray[np.integer]) -> NDArray[np.float32]:
        """The action [B, A] of skill skills[b] in observations[b], [B, O]."""


class Noisy:
    """A policy that acts with its Gaussian; the draws come from one generator, in the order of the rows."""

    def __init__(self, policy: "Policy", generator: np.random.Generator) -> None:
        self._policy = policy
        self._generator = generator
        self._std = policy.std_of_actions()

    def act(self, observations: NDArray[np.floating], skills: NDArray[np.integer]) -> NDArray[np.float32]:
        """The mean action plus noise, within the bounds."""
        means = self._policy.act(observations, skills)
        noise = self._generator.standard_normal(means.shape, dtype=np.float32)
        return np.asarray(np.clip(means + self._std[skills] * noise, -1.0, 1.0))


def actor_of(policy: "Policy", noise: bool, seed: int) -> Actor:
    """Who plays a policy's skills: the policy itself, by its means, or with its noise."""
    return Noisy(policy, np.random.default_rng([seed, _NOISE])) if noise else policy


@dataclass(frozen=True)
class Moment:
    """One step of all simulations that still play, B of them.

    playing: [B] which simulations.   observations, next_observations: [B, O] float32.   actions: [B, A] float32.
    rewards: [B].   terminated: [B] bool, it ended in a failure.   qpos: [B, P] after the step.
    """

    playing: NDArray[np.intp]
    observations: NDArray[np.float32]
    actions: NDArray[np.float32]
    next_observations: NDArray[np.float32]
    rewards: NDArray[np.float64]
    terminated: NDArray[np.bool_]
    qpos: NDArray[np.float64]


def start(simulation: Simulation, rollouts: int, seed: int) -> NDArray[np.float64]:
    """Starts the rollouts of K skills, skill by skill; returns observations [K * rollouts, O].

    Rollout r of every skill starts from the same state, drawn with `default_rng([seed, r])`.
    """
    return simulation.reset([np.random.default_rng([seed, index % rollouts]) for index in range(simulation.count)])


def lockstep(
    actor: Actor,
    simulation: Simulation,
    started: NDArray[np.float64],
    skills: NDArray[np.int64],
    horizon: int,
    *,
    endless: bool = False,
) -> Iterator[Moment]:
    """Plays in simulation n from where `start` left it until all have ended, one step at a time.

    skills: [N] the skill of each, or [N, T] its skill at each step.   endless: the time limit ends nothing.
    """
    observations = started.astype(np.float32)
    playing = np.arange(len(skills))
    for step in range(horizon):
        before = observations[playing]
        actions = actor.act(before, skills[playing] if skills.ndim == 1 else skills[playing, step])
        result = simulation.step(actions, playing)
        after = result.observations.astype(np.float32)
        observations[playing] = after
        qpos = simulation.qpos[playing]
        fell = result.terminated & simulation.environment.terminates  # an end may also be a success
        yield Moment(playing, before, actions, after, result.rewards, fell, qpos)
        playing = playing[~(result.terminated | (result.truncated & (not endless)))]
        if len(playing) == 0:
            return


class Transcript:
    """The transitions of the first T steps of N simulations.

    states: [N, T + 1, O] float32, before each step and after the last one played; 0 behind it.
    actions: [N, T, A] float32.   lengths: [N] int64, steps played.
    """

    def __init__(self, count: int, steps: int, columns: int, action_size: int) -> None:
        """columns: O, the first of an observation that are kept."""
        self.states = np.zeros((count, steps + 1, columns), np.float32)
        self.actions = np.zeros((count, steps, action_size), np.float32)
        self.lengths = np.zeros(count, np.int64)

    def add(self, step: int, moment: Moment) -> None:
        """Writes down a step that is among the first T."""
        playing, columns = moment.playing, self.states.shape[2]
        self.states[playing, step] = moment.observations[:, :columns]
        self.states[playing, step + 1] = moment.next_observations[:, :columns]
        self.actions[playing, step] = moment.actions
        self.lengths[playing] += 1

    @property
    def played(self) -> NDArray[np.bool_]:
        """[N, T] which steps were played."""
        return np.arange(self.actions.shape[1]) < self.lengths[:, None]

    def classify(self, classes: "Classes") -> NDArray[np.int16]:
        """[N, T] the class of the data that each transition is nearest to; -1 in the padding."""
        played = self.played
        nearest = np.full(played.shape, -1, np.int16)
        before, after = self.states[:, :-1][played], self.states[:, 1:][played]
        nearest[played] = classes.classify(before, self.actions[played], after, self.lengths)
        return nearest


def play(
    policy: "Policy", env_id: str, classes: "Classes", config: RolloutConfig, seed: int, reporter: Reporter
) -> Rollouts:
    """Plays all skills at once, in lock-step."""
    count, horizon = policy.shape.skills, config.horizon
    skills = np.repeat(np.arange(count), config.rollouts)
    total = len(skills)
    simulation = Simulation(env_id, total, task=config.task)
    started = start(simulation, config.rollouts, seed)
    qpos = np.empty((total, horizon + 1, simulation.qpos.shape[1]), np.float32)
    qpos[:, 0] = simulation.qpos
    rewards = np.zeros((total, horizon), np.float32)
    seen = Transcript(total, horizon, policy.shape.observation_size, simulation.action_size)
    terminated = np.zeros(total, bool)
    progress = reporter(f"playing {count} skills, {config.rollouts} times each", "steps")
    actor = actor_of(policy, config.noise, seed)
    for step, moment in enumerate(lockstep(actor, simulation, started, skills, horizon)):
        playing = moment.playing
        seen.add(step, moment)
        rewards[playing, step] = moment.rewards
        terminated[playing] = moment.terminated
        qpos[:, step + 1] = qpos[:, step]
        qpos[playing, step + 1] = moment.qpos
        progress(step + 1, horizon)
    played = int(seen.lengths.max())
    qpos[:, played + 1 :] = qpos[:, played : played + 1]
    by_skill = (count, config.rollouts)
    return Rollouts(
        qpos=qpos.reshape(*by_skill, *qpos.shape[1:]),
        lengths=seen.lengths.astype(np.int32).reshape(by_skill),
        terminated=terminated.reshape(by_skill),
        rewards=rewards.reshape(*by_skill, horizon),
        classes=seen.classify(classes).reshape(*by_skill, horizon),
        seconds_per_step=np.array(simulation.seconds_per_step),
    )
