"""Plays every skill in the simulation and records what it does.

Letters: K skills, R rollouts of each, N simulations, T steps at most, P size of qpos, J of a pose, O observation
columns, A action size.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from skills.bodies import motion
from skills.bodies.body import body_of
from skills.bodies.fates import Fate, fates_of
from skills.bodies.world import World
from skills.bodies.worlds import most_at_once, open_world
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
    laid_out: [K, R, T + 1, J] float32, the states as `skills.bodies.poses` lays them out; None where qpos is so itself.
    """

    qpos: NDArray[np.float32]
    lengths: NDArray[np.int32]
    terminated: NDArray[np.bool_]
    rewards: NDArray[np.float32]
    classes: NDArray[np.int16]
    seconds_per_step: NDArray[np.float64]
    laid_out: NDArray[np.float32] | None = None

    @property
    def poses(self) -> NDArray[np.float32]:
        """[K, R, T + 1, J] the states, as `skills.bodies.motion` reads them."""
        return self.qpos if self.laid_out is None else self.laid_out

    @property
    def net(self) -> NDArray[np.float64]:
        """[K, R, 2] m on the ground from start to end."""
        start_and_end = motion.ground(self.poses[..., [0, -1], :])
        return np.asarray(start_and_end[..., 1, :] - start_and_end[..., 0, :])

    @property
    def seconds(self) -> NDArray[np.float64]:
        """[K, R] s played."""
        return np.asarray(self.lengths * float(self.seconds_per_step))

    @property
    def speed(self) -> NDArray[np.float64]:
        """[K, R] m/s, net displacement over the time played; signed along x for a planar body."""
        net = self.net
        return (net[..., 0] if motion.is_planar(self.poses) else np.linalg.norm(net, axis=-1)) / self.seconds

    def fates(self, env_id: str) -> tuple[tuple[Fate, ...], ...]:
        """[K][R] what became of each."""
        return tuple(
            fates_of(*of_skill, env_id) for of_skill in zip(self.poses, self.lengths, self.terminated, strict=True)
        )

    @property
    def shown(self) -> NDArray[np.int64]:
        """[K] the rollout that stands for its skill, in videos and labels: the one of the median speed."""
        order = np.argsort(self.speed, axis=-1)
        return np.asarray(order[:, order.shape[1] // 2])

    def save(self, path: Path) -> None:
        """Writes `rollouts.npz`."""
        write_arrays(path, {name: array for name, array in vars(self).items() if array is not None})

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
    """One step of all simulations that are open and still play, B of them.

    step: of their episodes, from 0.   playing: [B] which simulations.
    observations, next_observations: [B, O] float32.   actions: [B, A] float32.
    rewards: [B].   terminated: [B] bool, it ended in a failure.
    qpos: [B, P] after the step.   poses: [B, J], see `World`; None where qpos is one.
    """

    step: int
    playing: NDArray[np.intp]
    observations: NDArray[np.float32]
    actions: NDArray[np.float32]
    next_observations: NDArray[np.float32]
    rewards: NDArray[np.float64]
    terminated: NDArray[np.bool_]
    qpos: NDArray[np.float64]
    poses: NDArray[np.float64] | None


@dataclass(frozen=True)
class Started:
    """Where episodes begin: [B] which simulations, [B, P] their qpos, [B, J] their poses as in `Moment`."""

    playing: NDArray[np.intp]
    qpos: NDArray[np.float64]
    poses: NDArray[np.float64] | None


def start(world: World, rollouts: int, seed: int, numbers: NDArray[np.intp] | None = None) -> NDArray[np.float64]:
    """Starts the rollouts of K skills, skill by skill; returns observations [K * rollouts, O].

    Rollout r of every skill starts from the same state, drawn with `default_rng([seed, r])`.
    numbers: which of the K * rollouts are started, in the first simulations; None: all, one in each.
    """
    every = np.arange(world.count) if numbers is None else numbers
    generators = [np.random.default_rng([seed, index % rollouts]) for index in every.tolist()]
    return world.reset(generators, np.arange(len(every)))


def lockstep(
    actor: Actor,
    world: World,
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
        result = world.step(actions, playing)
        after = result.observations.astype(np.float32)
        observations[playing] = after
        poses = None if world.poses is None else world.poses[playing]
        yield Moment(step, playing, before, actions, after, result.rewards, result.failed, world.qpos[playing], poses)
        playing = playing[~(result.terminated | (result.truncated & (not endless)))]
        if len(playing) == 0:
            return


def episodes(
    actor: Actor,
    env_id: str,
    skills: NDArray[np.int64],
    rollouts: int,
    seed: int,
    horizon: int,
    *,
    task: str | None = None,
    endless: bool = False,
) -> Iterator[Started | Moment]:
    """As `lockstep` from `start`, in a world of their own: all at once as far as there is room, else some after others.

    task: in a maze, see `Maze.starts`.
    """
    total = len(skills)
    world = open_world(env_id, most_at_once(env_id, total), task=task)
    try:
        for first in range(0, total, world.count):
            chosen = np.arange(first, min(first + world.count, total))
            started, rows = start(world, rollouts, seed, chosen), np.arange(len(chosen))
            yield Started(chosen, world.qpos[rows].copy(), None if world.poses is None else world.poses[rows].copy())
            for moment in lockstep(actor, world, started, skills[chosen], horizon, endless=endless):
                yield replace(moment, playing=chosen[moment.playing])
    finally:
        world.close()


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

    def behind(self, first: int) -> "Transcript":
        """What was seen from a step on."""
        count, _, columns = self.states.shape
        found = Transcript(count, 0, columns, self.actions.shape[2])
        found.states, found.actions = self.states[:, first:], self.actions[:, first:]
        found.lengths = np.maximum(self.lengths - first, 0)
        return found

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
) -> tuple[Rollouts, Transcript]:
    """Plays all skills at once, in lock-step; the transcript has the rollouts skill by skill."""
    count, horizon = policy.shape.skills, config.horizon
    skills = np.repeat(np.arange(count), config.rollouts)
    total, body = len(skills), body_of(env_id)
    qpos = np.empty((total, horizon + 1, body.state_size), np.float32)
    poses = None if body.leads else np.empty((total, horizon + 1, body.pose_size), np.float32)
    rewards = np.zeros((total, horizon), np.float32)
    seen = Transcript(total, horizon, policy.shape.observation_size, len(body.actions.low))
    failed = np.zeros(total, bool)
    progress = reporter(f"playing {count} skills, {config.rollouts} times each", "steps")
    actor = actor_of(policy, config.noise, seed)
    for moment in episodes(actor, env_id, skills, config.rollouts, seed, horizon, task=config.task):
        playing = moment.playing
        state = 0
        if isinstance(moment, Moment):
            state = moment.step + 1
            seen.add(moment.step, moment)
            rewards[playing, moment.step] = moment.rewards
            failed[playing] = moment.terminated
            progress(state, horizon)
        qpos[playing, state] = moment.qpos
        if poses is not None:
            poses[playing, state] = moment.poses
    by_skill = (count, config.rollouts)
    found = Rollouts(
        qpos=padded(qpos, seen.lengths).reshape(*by_skill, *qpos.shape[1:]),
        lengths=seen.lengths.astype(np.int32).reshape(by_skill),
        terminated=failed.reshape(by_skill),
        rewards=rewards.reshape(*by_skill, horizon),
        classes=seen.classify(classes).reshape(*by_skill, horizon),
        seconds_per_step=np.array(body.seconds_per_step),
        laid_out=None if poses is None else padded(poses, seen.lengths).reshape(*by_skill, *poses.shape[1:]),
    )
    return found, seen


def padded(states: NDArray[np.float32], lengths: NDArray[np.int64]) -> NDArray[np.float32]:
    """[N, T + 1, P] with what is behind the last state played, lengths [N], made that state again."""
    times = np.minimum(np.arange(states.shape[1]), lengths[:, None])
    return np.asarray(states[np.arange(len(states))[:, None], times])
