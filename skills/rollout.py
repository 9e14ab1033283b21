"""Plays every skill in the simulation and records what it does.

Letters: K skills, R rollouts of each, T steps at most, P size of qpos.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skills import motion
from skills.config import RolloutConfig
from skills.errors import SkillsError
from skills.files import read_arrays, write_arrays
from skills.progress import Reporter
from skills.simulate import Simulation

if TYPE_CHECKING:  # who only reads rollouts needs neither scikit-learn nor torch
    from skills.experts import Classes
    from skills.policy import Policy


@dataclass(frozen=True)
class Rollouts:
    """Recorded episodes of every skill; padding repeats the last state and counts for nothing.

    qpos: [K, R, T + 1, P] float32, the state before each step and after the last.
    lengths: [K, R] int32, steps played.   terminated: [K, R] bool, the body fell before the horizon.
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
        try:
            rollouts = Rollouts(**arrays)
        except TypeError as error:
            raise SkillsError(f"{path} is damaged: {error}.", "Delete it to have it made again.") from error
        if rollouts.qpos.ndim != 4 or rollouts.lengths.shape != rollouts.qpos.shape[:2]:
            shapes = f"qpos {rollouts.qpos.shape}, lengths {rollouts.lengths.shape}"
            raise SkillsError(f"{path} has shapes that disagree: {shapes}.", "Delete it to have it made again.")
        return rollouts


def play(
    policy: "Policy", env_id: str, classes: "Classes", config: RolloutConfig, seed: int, reporter: Reporter
) -> Rollouts:
    """Plays all skills at once, in lock-step, acting with the policy's mean.

    Rollout r of every skill starts from the same state, drawn with `default_rng([seed, r])`.
    """
    count, horizon = policy.shape.skills, config.horizon
    simulation = Simulation(env_id, count * config.rollouts)
    skills = np.repeat(np.arange(count), config.rollouts)
    starts = [np.random.default_rng([seed, index]) for _ in range(count) for index in range(config.rollouts)]
    seen = policy.shape.observation_size
    observations = simulation.reset(starts)[:, :seen].astype(np.float32)
    total = len(skills)
    qpos = np.empty((total, horizon + 1, simulation.qpos.shape[1]), np.float32)
    qpos[:, 0] = simulation.qpos
    rewards = np.zeros((total, horizon), np.float32)
    nearest = np.full((total, horizon), -1, np.int16)
    lengths = np.zeros(total, np.int32)
    terminated = np.zeros(total, bool)
    playing = np.arange(total)
    progress = reporter(f"playing {count} skills, {config.rollouts} times each", "steps")
    for step in range(horizon):
        actions = policy.act(observations[playing], skills[playing])
        result = simulation.step(actions, playing)
        after = result.observations[:, :seen].astype(np.float32)
        nearest[playing, step] = classes.classify(observations[playing], actions, after)
        rewards[playing, step] = result.rewards
        observations[playing] = after
        lengths[playing] += 1
        terminated[playing] = result.terminated & simulation.environment.terminates  # a maze ends with a success
        qpos[:, step + 1] = qpos[:, step]
        qpos[playing, step + 1] = simulation.qpos[playing]
        playing = playing[~(result.terminated | result.truncated)]
        progress(step + 1, horizon)
        if len(playing) == 0:
            qpos[:, step + 2 :] = qpos[:, step + 1 : step + 2]
            break
    by_skill = (count, config.rollouts)
    return Rollouts(
        qpos=qpos.reshape(*by_skill, *qpos.shape[1:]),
        lengths=lengths.reshape(by_skill),
        terminated=terminated.reshape(by_skill),
        rewards=rewards.reshape(*by_skill, horizon),
        classes=nearest.reshape(*by_skill, horizon),
        seconds_per_step=np.array(simulation.seconds_per_step),
    )
