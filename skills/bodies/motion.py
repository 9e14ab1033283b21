"""What a body did, read from its recorded positions.

Letters: ... any leading axes (skills, rollouts), T states, P size of qpos. All world axes: x forward, y left, z up.
"""

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.float32]

_RESTING = 0.02  # rad; joints that swing less do not step
_SLOWEST_STEP = 0.5  # 1/s; slower is posture, not a step


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


def joints(qpos: Positions) -> NDArray[np.float64]:
    """[..., T, P] -> the joint angles, rad, [..., T, J]: all that follows the torso's own place and turn."""
    return np.asarray(qpos[..., 3 if is_planar(qpos) else 7 :], np.float64)


def step_rate(qpos: Positions, seconds_per_step: float) -> float:
    """How often the joints repeat their swing, 1/s: the frequency where their spectrum is strongest; 0 at rest.

    qpos: [T + 1, P] of one rollout. The resolution is one over its length.
    """
    angles = joints(qpos)
    if len(angles) < 8 or float(angles.std(axis=0).max()) < _RESTING:
        return 0.0
    swing = (angles - angles.mean(axis=0)) * np.hanning(len(angles))[:, None]
    power = np.square(np.abs(np.fft.rfft(swing, axis=0))).sum(axis=1)
    frequencies = np.fft.rfftfreq(len(angles), seconds_per_step)
    power[frequencies < _SLOWEST_STEP] = 0.0
    return float(frequencies[int(np.argmax(power))])


def seconds(qpos: Positions, seconds_per_step: float) -> float:
    """How long a rollout [T + 1, P] took, s; at least a step."""
    return max((len(qpos) - 1) * seconds_per_step, seconds_per_step)


def velocity(qpos: Positions, seconds_per_step: float) -> NDArray[np.float64]:
    """[2] m/s, of a rollout [T + 1, P]: its net displacement over the time."""
    place = ground(qpos)
    return np.asarray((place[-1] - place[0]) / seconds(qpos, seconds_per_step))


def way_speed(qpos: Positions, seconds_per_step: float) -> float:
    """m/s along the way of a rollout [T + 1, P], however it bends: the mean of the speeds over a second each."""
    moves, window = _moves(qpos, seconds_per_step)
    return float(np.linalg.norm(moves, axis=1).mean() / window)


def course_turn(qpos: Positions, seconds_per_step: float) -> float:
    """deg by which the course over ground turns to the left in all of a rollout [T + 1, P]; 0 for a planar body."""
    if is_planar(qpos):
        return 0.0
    moves, _ = _moves(qpos, seconds_per_step)
    course = np.unwrap(np.arctan2(moves[:, 1], moves[:, 0]))
    return float(np.degrees(course[-1] - course[0]))


def turn_rate(qpos: Positions, seconds_per_step: float) -> float:
    """deg/s by which the torso turns to the left during a rollout [T + 1, P]; 0 for a planar body."""
    facing = heading(qpos)
    return float(np.degrees(facing[-1] - facing[0])) / seconds(qpos, seconds_per_step)


def _moves(qpos: Positions, seconds_per_step: float) -> tuple[NDArray[np.float64], float]:
    """[M, 2] m moved from each state until a second later, or as long as there is; and how long that is, s."""
    place = ground(qpos)
    steps = max(1, min(round(1.0 / seconds_per_step), len(place) - 1))
    moves = place[steps:] - place[:-steps] if len(place) > 1 else np.zeros((1, 2))
    return np.asarray(moves), steps * seconds_per_step
