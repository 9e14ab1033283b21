"""A model of MuJoCo's without an environment, as one: what it observes is its pose and its velocity.

Letters: A actuators.
"""

from pathlib import Path
from typing import Any

import gymnasium
import mujoco
import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray

from skills.arrays import Floats
from skills.bodies.environments import muted
from skills.bodies.roots import root_of
from skills.errors import NOT_FOUND, SkillsError

_SECONDS = 0.05  # of a step, about; it is a whole number of the simulation's


class ModelEnv(gymnasium.Env[Floats, NDArray[Any]]):
    """Observations: qpos without where the root is on the ground, then qvel. No rewards; nothing ends an episode.

    An episode begins in the first keyframe where there is one, else in the model's own pose, with a little noise.
    """

    STEPS = 1000  # of an episode

    def __init__(self, path: str, frame_skip: int | None = None, reset_noise: float = 0.01) -> None:
        self.model = read_model(path)
        self.data = mujoco.MjData(self.model)
        if not self.model.nu:
            raise SkillsError(
                f"{path} has no actuators, so nothing in it can act.",
                "Give it an <actuator> section; a URDF has none, write it as MJCF first (mujoco.mj_saveLastXML). Or "
                f"film recorded states in it: --env none --xml {path}",
            )
        self.frame_skip = frame_skip or max(1, round(_SECONDS / self.model.opt.timestep))
        self.dt = float(self.model.opt.timestep * self.frame_skip)
        self._noise, self._hidden = reset_noise, list(root_of(self.model).ground)
        low, high = self._range()
        self.action_space = Box(low, high, dtype=np.float32)
        size = self.model.nq - len(self._hidden) + self.model.nv
        self.observation_space = Box(-np.inf, np.inf, (size,), np.float64)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Floats, dict[str, Any]]:
        """Begins an episode."""
        super().reset(seed=seed)
        if self.model.nkey:
            mujoco.mj_resetDataKeyframe(self.model, self.data, 0)
        else:
            mujoco.mj_resetData(self.model, self.data)
        moved = self._noise * self.np_random.standard_normal(self.model.nv)
        mujoco.mj_integratePos(self.model, self.data.qpos, moved, 1.0)
        self.data.qvel[:] += self._noise * self.np_random.standard_normal(self.model.nv)
        mujoco.mj_forward(self.model, self.data)
        return self._observation(), {}

    def step(self, action: NDArray[Any]) -> tuple[Floats, float, bool, bool, dict[str, Any]]:
        """Advances by one step; never ends."""
        self.data.ctrl[:] = action
        mujoco.mj_step(self.model, self.data, nstep=self.frame_skip)
        return self._observation(), 0.0, False, False, {}

    def _observation(self) -> Floats:
        return np.concatenate([np.delete(self.data.qpos, self._hidden), self.data.qvel])

    def _range(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Of the controls; +-1 of an actuator without one."""
        limited = self.model.actuator_ctrllimited.astype(bool)
        low, high = self.model.actuator_ctrlrange.T
        return np.where(limited, low, -1.0).astype(np.float32), np.where(limited, high, 1.0).astype(np.float32)


def read_model(path: str) -> mujoco.MjModel:
    """The model of an MJCF or URDF file. Raises: SkillsError where there is none, or MuJoCo cannot read it."""
    if not Path(path).is_file():
        raise SkillsError(f"There is no file {path}.", exit_code=NOT_FOUND)
    try:
        with muted():
            return mujoco.MjModel.from_xml_path(path)
    except ValueError as error:
        raise SkillsError(f"MuJoCo cannot read {path}: {error}.") from error
