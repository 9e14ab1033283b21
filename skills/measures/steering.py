"""Which skill goes as it is told: the one whose measured speed and turn are nearest to a command.

Letters: K skills, R rollouts of each.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skills.arrays import Bools, Floats
from skills.bodies import motion
from skills.bodies.body import body_of
from skills.measures.manoeuvres import Recorded
from skills.playing.rollout import Rollouts

Velocity = tuple[float, float, float]

_SURE = 1.0  # share of the rollouts that a skill has to survive to be chosen, where there is one that does


@dataclass(frozen=True)
class Steering:
    """What skills do, as measured.

    velocities: [K, 3] forward and to the left in the world, m/s, and turning to the left, rad/s; a rad/s counts as much
        as a m/s.   safe: [K] those that are chosen from.
    """

    velocities: Floats
    safe: Bools

    def nearest(self, command: Sequence[float]) -> int:
        """The skill nearest to (m/s, m/s, rad/s)."""
        off = np.linalg.norm(self.velocities - np.asarray(command), axis=1)
        return int(np.argmin(np.where(self.safe, off, np.inf)))

    @property
    def fastest(self) -> Velocity:
        """The most of each, either way, that a skill does: what a command is limited to."""
        most = np.abs(self.velocities[self.safe]).max(axis=0)
        return float(most[0]), float(most[1]), float(most[2])


def steering_of(rollouts: Rollouts, env_id: str) -> Steering | None:
    """From a run's rollouts, each without its first second; None of a body that goes nowhere."""
    root = body_of(env_id).root
    if root is None or root.kind == "fixed":
        return None
    fates = rollouts.fates(env_id)
    measured = [
        np.mean(
            [
                _velocity(Recorded(rollouts.poses[skill, index, : rollouts.lengths[skill, index] + 1], env_id, fate))
                for index, fate in enumerate(of_skill)
            ],
            axis=0,
        )
        for skill, of_skill in enumerate(fates)
    ]
    safe = np.array([np.mean([one.survives for one in of_skill]) >= _SURE for of_skill in fates])
    return Steering(np.array(measured), safe if safe.any() else np.ones(len(fates), bool))


def _velocity(one: Recorded) -> Velocity:
    forward, left = motion.velocity(one.settled, one.step).tolist()
    return forward, left, float(np.radians(motion.turn_rate(one.settled, one.step)))
