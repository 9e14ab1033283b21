"""What a body did, read from its recorded positions.

Letters: ... any leading axes (skills, rollouts), T states, P size of qpos. All world axes: x forward, y left, z up.
"""

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.float32]


def is_planar(qpos: Positions) -> bool:
    """Whether the body moves in the x-z plane (qpos: x, z, pitch, ...), not freely (x, y, z, quaternion, ...)."""
    return bool(qpos.shape[-1] <= 9)


def ground(qpos: Positions) -> NDArray[np.float64]:
    """[..., T, P] -> the torso's (x, y), m, [..., T, 2]; y is 0 for a planar body."""
    place = np.zeros((*qpos.shape[:-1], 2))
    place[..., 0] = qpos[..., 0]
    if not is_planar(qpos):
        place[..., 1] = qpos[..., 1]
    return place


def height(qpos: Positions) -> NDArray[np.float64]:
    """[..., T, P] -> the torso's z coordinate in qpos, m, [..., T]. HalfCheetah counts from its resting height."""
    return np.asarray(qpos[..., 1 if is_planar(qpos) else 2], np.float64)


def uprightness(qpos: Positions) -> NDArray[np.float64]:
    """[..., T, P] -> cosine between the torso's own up and the world's, [..., T]: 1 upright, -1 on its back."""
    if is_planar(qpos):
        return np.cos(qpos[..., 2], dtype=np.float64)
    w, x, y, z = np.moveaxis(np.asarray(qpos[..., 3:7], np.float64), -1, 0)
    return np.asarray(1.0 - 2.0 * (x * x + y * y) / (w * w + x * x + y * y + z * z))


def heading(qpos: Positions) -> NDArray[np.float64]:
    """[..., T, P] -> which way the torso faces, rad, unwrapped along T, [..., T]; 0 for a planar body."""
    if is_planar(qpos):
        return np.zeros(qpos.shape[:-1])
    w, x, y, z = np.moveaxis(np.asarray(qpos[..., 3:7], np.float64), -1, 0)
    return np.unwrap(np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z)), axis=-1)


def pitch(qpos: Positions) -> NDArray[np.float64]:
    """[..., T, P] -> a planar torso's pitch, rad, positive nose down, not wrapped, [..., T]."""
    return np.asarray(qpos[..., 2], np.float64)
