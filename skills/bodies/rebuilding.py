"""Positions of a body from what was observed of it: observations leave out where it is."""

import numpy as np
from numpy.typing import NDArray

from skills.bodies.environments import GOAL_COLUMNS, environment, load_model, seconds_per_step


def rebuilt(observations: NDArray[np.floating], env_id: str) -> NDArray[np.float32]:
    """[T, P] positions from observations [T, O] of consecutive steps: where it is, is the integral of its velocity.

    The first is at the origin.
    """
    hidden, size = environment(env_id).position_columns, load_model(env_id).nq
    seen = np.asarray(observations, np.float64)
    if environment(env_id).maze is not None:
        seen = np.delete(seen, GOAL_COLUMNS, axis=1)
    velocity = seen[:, size - hidden : size]
    place = np.cumsum(velocity, axis=0) * seconds_per_step(env_id)
    return np.concatenate([place - place[:1], seen[:, : size - hidden]], axis=1).astype(np.float32)
