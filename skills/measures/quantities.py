"""Steps of a log, and the named quantities of each: of a body that goes about how it goes, of others what is observed.

Letters: M rows (steps), O observation columns, A action size.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from skills.arrays import Float32s, Floats
from skills.bodies.body import body_of
from skills.bodies.quantities import QUANTITIES, Quantity
from skills.bodies.roots import names_in_qpos, names_in_qvel
from skills.data.transitions import Transitions
from skills.measures.descriptor import Steps, read_steps


def words_of(env_id: str) -> Mapping[str, Quantity]:
    """What can be said of a step of a body, by name, in a fixed order: see the top."""
    body = body_of(env_id)
    if body.travels:
        return QUANTITIES
    meanings = [f"observed in column {column}" for column in range(body.motion_size)]
    if body.model is not None:
        for seen, names in ((body.pose, names_in_qpos(body.model)), (body.rates, names_in_qvel(body.model))):
            for column, name in zip(seen.tolist(), names, strict=True):
                if 0 <= column < body.motion_size:
                    meanings[column] = name
    named = {name: Quantity("", meaning) for name, meaning in zip(_columns(len(meanings)), meanings, strict=True)}
    return {**named, "energy": QUANTITIES["energy"]}


def _columns(count: int) -> list[str]:
    return [f"o{column}" for column in range(count)]


def quantities_of(motion: Steps) -> dict[str, Floats]:
    """[M] of each of the `QUANTITIES` that the motion tells: all but the energy."""
    x, y, z = motion.velocity.T
    return {
        "vx": x, "vy": y, "vz": z, "speed": np.hypot(x, y),
        "yaw_rate": motion.yaw_rate, "height": motion.height, "upright": motion.upright,
    }  # fmt: skip


@dataclass(frozen=True)
class LoggedSteps:
    """Steps of a log as a reward of one's own sees them: as `EnvStep`, with a row for each step.

    observations, next_observations: [M, O] before and after.   actions: [M, A] in +-1.   env_id: of the body.
    """

    observations: Float32s
    actions: Float32s
    next_observations: Float32s
    env_id: str

    @staticmethod
    def of(transitions: Transitions) -> "LoggedSteps":
        """All steps of a dataset."""
        states = transitions.observations, transitions.actions, transitions.next_observations
        return LoggedSteps(*states, transitions.env_id)

    def __len__(self) -> int:
        return len(self.actions)

    @property
    def velocity(self) -> Floats:
        """[M, 3] m/s of the torso after the step, in the world: x forward, y left, z up."""
        return self._motion.velocity

    @property
    def speed(self) -> Floats:
        """[M] m/s over the ground."""
        return self.quantities["speed"]

    @property
    def yaw_rate(self) -> Floats:
        """[M] rad/s, about the world's up."""
        return self._motion.yaw_rate

    @property
    def height(self) -> Floats:
        """[M] m, of the torso."""
        return self._motion.height

    @property
    def upright(self) -> Floats:
        """[M] the cosine between the torso's up and the world's: 1 upright, -1 on its back."""
        return self._motion.upright

    @property
    def energy(self) -> Floats:
        """[M] mean square of the action, 0 to 1."""
        return self.quantities["energy"]

    @cached_property
    def quantities(self) -> Mapping[str, Floats]:
        """[M] of each of the words of the body, see `words_of`."""
        columns = self._motion.features.T
        told = (
            quantities_of(self._motion)
            if body_of(self.env_id).travels
            else dict(zip(_columns(len(columns)), columns, strict=True))
        )
        return {**told, "energy": np.square(self.actions, dtype=np.float64).mean(axis=1)}

    @cached_property
    def _motion(self) -> Steps:
        return read_steps(self.next_observations, self.env_id)
