"""The simulator inside an environment, where there is one."""

from typing import Any, NamedTuple

import gymnasium
import mujoco


class Physics(NamedTuple):
    """model, data: MuJoCo's, as the environment steps them."""

    model: mujoco.MjModel
    data: mujoco.MjData


def physics_of(env: gymnasium.Env[Any, Any]) -> Physics | None:
    """MuJoCo's model and state of an environment, or of one that it keeps inside; None where there is none."""
    inner = env.unwrapped
    for one in (inner, *(value for value in vars(inner).values() if isinstance(value, gymnasium.Env))):
        model, data = getattr(one, "model", None), getattr(one, "data", None)
        if isinstance(model, mujoco.MjModel) and isinstance(data, mujoco.MjData):
            return Physics(model, data)
    return None
