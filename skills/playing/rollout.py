"""Plays every skill in the simulation and records what it does.

Letters: K skills, R rollouts of each, N simulations, T steps at most, P size of qpos, J of a pose, O observation
columns, A action size.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from skills.bodies import motion
from skills.bodies.body import body_of
from skills.bodies.world import World
from skills.bodies.worlds import most_at_once, open_world
from skills.errors import SkillsError
from skills.files import read_arrays, write_arrays
from skills.progress import Reporter
from skills.settings.config import RolloutConfig

if TYPE_CHECKING:  # who only reads rollouts needs neither scikit-learn nor torch
    from skills.learning.classes import Classes
    from skills.learning.policy import Policy


_NOISE = 1_000_003  # tells the stream of the noise from those of the starts, which count from 0


@dataclass(frozen=True)
class Rollouts:
    """Recorded episodes of every skill; padding repeats the last state and counts for nothing.

    qpos: [K, R, T + 1, P] float32, the state before each step and after the last.
    lengths: [K, R] int32, steps played.   terminated: [K, R] bool, the body fell before the horizon.
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
        try:
            rollouts = Rollouts(**arrays)
        except TypeError as error:
            raise SkillsError(f"{path} is damaged: {error}.", "Delete it to have it made again.") from error
        if rollouts.qpos.ndim != 4 or rollouts.lengths.shape != rollouts.qpos.shape[:2]:
            shapes = f"qpos {rollouts.qpos.shape}, lengths {rollouts.lengths.shape}"
            raise SkillsError(f"{path} has shapes that disagree: {shapes}.", "Delete it to have it made again.")
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
    rewards: [B].   failed: [B] bool, it ended by itself, and not in success.
    qpos: [B, P] after the step.   poses: [B, J], see `World`; None where qpos is one.
    """

    step: int
    playing: NDArray[np.intp]
    observations: NDArray[np.float32]
    actions: NDArray[np.float32]
    next_observations: NDArray[np.float32]
    rewards: NDArray[np.float64]
    failed: NDArray[np.bool_]
    qpos: NDArray[np.float64]
    poses: NDArray[np.float64] | None


@dataclass(frozen=True)
class Started:
    """Where episodes begin: [B] which simulations, [B, P] their qpos, [B, J] their poses as in `Moment`."""

    playing: NDArray[np.intp]
    qpos: NDArray[np.float64]
    poses: NDArray[np.float64] | None


def lockstep(
    actor: Actor,
    env_id: str,
    skills: NDArray[np.int64],
    rollouts: int,
    seed: int,
    horizon: int,
    task: str | None = None,
) -> Iterator[Started | Moment]:
    """Plays skill skills[n] in simulation n, all at once as far as memory allows, one step at a time until all ended.

    rollouts: of each skill, side by side in `skills`; rollout r of every skill starts from the same state, drawn with
        `default_rng([seed, r])`.   task: in a maze, see `Maze.starts`.
    """
    total = len(skills)
    world = open_world(env_id, most_at_once(env_id, total), task=task)
    try:
        for first in range(0, total, world.count):
            chosen = np.arange(first, min(first + world.count, total))
            yield from _together(actor, world, skills, chosen, rollouts, seed, horizon)
    finally:
        world.close()


def _together(
    actor: Actor,
    world: World,
    skills: NDArray[np.int64],
    chosen: NDArray[np.intp],
    rollouts: int,
    seed: int,
    horizon: int,
) -> Iterator[Started | Moment]:
    """Plays some of the simulations, as many as the world has at most."""
    rows = np.arange(len(chosen))
    generators = [np.random.default_rng([seed, index % rollouts]) for index in chosen.tolist()]
    observations = world.reset(generators, rows).astype(np.float32)
    yield Started(chosen, world.qpos[rows], None if world.poses is None else world.poses[rows])
    for step in range(horizon):
        before = observations[rows]
        actions = actor.act(before, skills[chosen[rows]])
        result = world.step(actions, rows)
        after = result.observations.astype(np.float32)
        observations[rows] = after
        poses = None if world.poses is None else world.poses[rows]
        own = chosen[rows]
        yield Moment(step, own, before, actions, after, result.rewards, result.failed, world.qpos[rows], poses)
        rows = rows[~(result.terminated | result.truncated)]
        if len(rows) == 0:
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

    def add(self, moment: Moment) -> None:
        """Writes down a step that is among the first T."""
        step, playing, columns = moment.step, moment.playing, self.states.shape[2]
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
    total, body = len(skills), body_of(env_id)
    qpos = np.empty((total, horizon + 1, body.state_size), np.float32)
    poses = None if body.leads else np.empty((total, horizon + 1, body.pose_size), np.float32)
    rewards = np.zeros((total, horizon), np.float32)
    seen = Transcript(total, horizon, policy.shape.observation_size, len(body.actions.low))
    failed = np.zeros(total, bool)
    progress = reporter(f"playing {count} skills, {config.rollouts} times each", "steps")
    actor = actor_of(policy, config.noise, seed)
    for moment in lockstep(actor, env_id, skills, config.rollouts, seed, horizon, config.task):
        playing = moment.playing
        state = 0
        if isinstance(moment, Moment):
            state = moment.step + 1
            seen.add(moment)
            rewards[playing, moment.step] = moment.rewards
            failed[playing] = moment.failed
            progress(state, horizon)
        qpos[playing, state] = moment.qpos
        if poses is not None:
            poses[playing, state] = moment.poses
    by_skill = (count, config.rollouts)

    def laid(states: NDArray[np.float32]) -> NDArray[np.float32]:
        padded = states[np.arange(total)[:, None], np.minimum(np.arange(horizon + 1), seen.lengths[:, None])]
        return padded.reshape(*by_skill, *states.shape[1:])

    return Rollouts(
        qpos=laid(qpos),
        lengths=seen.lengths.astype(np.int32).reshape(by_skill),
        terminated=failed.reshape(by_skill),
        rewards=rewards.reshape(*by_skill, horizon),
        classes=seen.classify(classes).reshape(*by_skill, horizon),
        seconds_per_step=np.array(body.seconds_per_step),
        laid_out=None if poses is None else laid(poses),
    )
