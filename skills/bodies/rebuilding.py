"""Positions of a body from what was observed of it: observations leave out where it is.

Letters: T steps, O observation columns, P numbers of a state, J of a pose.
"""

import numpy as np
from numpy.typing import NDArray

from skills.arrays import Floats
from skills.bodies.body import Body, body_of
from skills.bodies.poses import standing


def rebuilt(observations: NDArray[np.floating], env_id: str) -> NDArray[np.float32]:
    """[T, P] states from observations [T, O] of consecutive steps: where it is, is the integral of its velocity.

    The first is at the origin. Numbers that are not observed otherwise are NaN. Without a simulator a state is what is
    observed.
    """
    body = body_of(env_id)
    seen = np.asarray(observations, np.float64)
    if body.model is None:
        whole = np.full((len(seen), body.state_size), np.nan)
        whole[:, : seen.shape[1]] = seen
        return whole.astype(np.float32)
    inside = np.where(body.pose < seen.shape[1], body.pose, -1)
    states = np.where(inside >= 0, seen[:, inside], np.nan)
    for column, rate in _unseen(body):
        place = np.cumsum(seen[:, rate]) * body.seconds_per_step
        states[:, column] = place - place[0]
    return states.astype(np.float32)


def poses_rebuilt(observations: NDArray[np.floating], env_id: str) -> NDArray[np.floating]:
    """As `rebuilt`, as `skills.bodies.motion` reads them; of what does not travel what is observed, where it stands."""
    body = body_of(env_id)
    return rebuilt(observations, env_id) if body.travels and body.leads else standing(_as_floats(observations))


def _as_floats(observations: NDArray[np.floating]) -> Floats:
    return np.asarray(observations, np.float64)


def _unseen(body: Body) -> list[tuple[int, int]]:
    """(number of qpos, observation column of its velocity) of where on the ground a body is that does not observe it.

    The first numbers of qpos and qvel are alike there: a root's places come before its turn.
    """
    ground = () if body.root is None or body.root.first else body.root.ground
    return [(column, int(body.rates[column])) for column in ground if body.pose[column] < 0 <= body.rates[column]]
