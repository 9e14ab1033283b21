"""A few words for what a skill does, by fixed rules on its measured motion."""

import numpy as np
from numpy.typing import NDArray

from skills import motion

_STILL = 0.1  # m/s; slower is standing
_TURNING = 10.0  # deg/s
_UPSIDE_DOWN = 0.5  # share of the time with the torso's up pointing down
_SOMERSAULT = 1.0  # full turns of a planar body's pitch
_DIRECTIONS = ("forward", "forward left", "left", "back left", "backward", "back right", "right", "forward right")


def describe(qpos: NDArray[np.float32], seconds_per_step: float, fall_seconds: float | None) -> str:
    """The label of one rollout, qpos [T + 1, P]: "forward 4.2 m/s, turns left".

    Directions are the world's: forward is +x, left is +y.   fall_seconds: s until the skill falls, None if it does not.
    """
    words = [_travel(qpos, seconds_per_step), _posture(qpos, seconds_per_step)]
    if fall_seconds is not None:
        words.append(f"falls at {fall_seconds:.1f} s")
    return ", ".join(word for word in words if word)


def _travel(qpos: NDArray[np.float32], seconds_per_step: float) -> str:
    seconds = max((len(qpos) - 1) * seconds_per_step, seconds_per_step)
    x, y = (motion.ground(qpos)[-1] - motion.ground(qpos)[0]) / seconds
    speed = float(np.hypot(x, y))
    if speed < _STILL:
        return "stays in place"
    eighth = round(float(np.arctan2(y, x)) / (np.pi / 4)) % 8
    return f"{_DIRECTIONS[eighth]} {speed:.1f} m/s"


def _posture(qpos: NDArray[np.float32], seconds_per_step: float) -> str:
    if motion.is_planar(qpos):
        turns = float(motion.pitch(qpos)[-1] - motion.pitch(qpos)[0]) / (2.0 * np.pi)
        if abs(turns) >= _SOMERSAULT:
            return f"somersaults {'forward' if turns > 0 else 'backward'}"
    if float((motion.uprightness(qpos) < 0).mean()) > _UPSIDE_DOWN:
        return "on its back"
    seconds = max((len(qpos) - 1) * seconds_per_step, seconds_per_step)
    rate = float(np.degrees(motion.heading(qpos)[-1] - motion.heading(qpos)[0])) / seconds
    if abs(rate) >= _TURNING:
        return f"turns {'left' if rate > 0 else 'right'} {abs(rate):.0f} deg/s"
    return ""
