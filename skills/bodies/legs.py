"""The legs of a body, read from its model, and how high above the ground each is in recorded positions.

Letters: T states, P size of qpos, L legs.
"""

from dataclasses import dataclass
from functools import cache

import mujoco
import numpy as np

from skills.arrays import Floats
from skills.bodies.body import body_of
from skills.bodies.motion import Positions


@dataclass(frozen=True)
class Leg:
    """A chain of parts that ends in a foot.

    geoms: of its own parts.   x, y: m, its foot from the torso, as the model is built: x to the front, y to the left.
    """

    geoms: tuple[int, ...]
    x: float
    y: float


@cache
def legs_of(env_id: str) -> tuple[Leg, ...]:
    """The legs of a body, in the order of its model; none of a single part, nor of what stands fast."""
    body = body_of(env_id)
    model = body.model
    if model is None or not body.leads:
        return ()
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    torso = int(model.jnt_bodyid[0])
    paths = {part: _path(model, part, torso) for part in range(model.nbody)}
    feet = [part for part, path in paths.items() if path and part not in model.body_parentid]
    found = []
    for foot in feet:
        own = set(paths[foot]).difference(*(paths[other] for other in feet if other != foot))
        geoms = tuple(geom for geom in range(model.ngeom) if int(model.geom_bodyid[geom]) in own)
        if geoms:
            at = data.geom_xpos[geoms[-1]] - data.xpos[torso]
            found.append(Leg(geoms, float(at[0]), float(at[1])))
    return tuple(found)


def _path(model: mujoco.MjModel, body: int, torso: int) -> list[int]:
    """The parts from one up to the torso, without that; [] of one that does not hang on it."""
    path = []
    while body not in (0, torso):
        path.append(body)
        body = int(model.body_parentid[body])
    return path if body == torso else []


def clearances(qpos: Positions, env_id: str) -> Floats:
    """[T, P] -> [T, L] m, the height of the lowest point of each leg above the plane z = 0."""
    model, legs = body_of(env_id).model, legs_of(env_id)
    assert model is not None, env_id  # what has legs has a model
    data = mujoco.MjData(model)
    capsule = model.geom_type == mujoco.mjtGeom.mjGEOM_CAPSULE
    half = np.where(capsule, model.geom_size[:, 1], 0.0)
    radius = np.where(capsule, model.geom_size[:, 0], model.geom_rbound)
    found = np.empty((len(qpos), len(legs)))
    for row, state in enumerate(qpos):
        data.qpos[:] = state
        mujoco.mj_kinematics(model, data)
        lowest = data.geom_xpos[:, 2] - half * np.abs(data.geom_xmat[:, 8]) - radius
        found[row] = [lowest[list(leg.geoms)].min() for leg in legs]
    return found
