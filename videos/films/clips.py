"""Which states of a skill's rollouts its video shows, and when.

Letters: T steps of the horizon, F frames of the video, nq generalised positions.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from skills.arrays import Floats
from skills.bodies.body import body_of

FASTEST = 25.0  # frames/s; a stride of whole steps keeps true speed, and 20 to 25 frames/s where the steps allow it
_FALL_HOLD = 1.0  # s that the last state of a fall stays in sight


@dataclass(frozen=True)
class Clip:
    """What one video shows.

    qpos: [F, nq] the states.   fps: frames/s at true speed.
    moving: frames before the held last state of a fall.
    """

    qpos: Floats
    fps: float
    moving: int

    @property
    def poster(self) -> int:
        """The frame for the still picture: the middle of the motion."""
        return self.moving // 2


def stride_of(env_id: str) -> int:
    """Environment steps from one frame to the next."""
    return max(1, ceil(1 / (FASTEST * body_of(env_id).seconds_per_step) - 1e-9))


def clip(qpos: NDArray[np.floating], length: int, env_id: str, seconds: float) -> Clip:
    """The clip of one rollout, at most `seconds` long before a fall's last state is held.

    qpos: [T + 1, nq].   length: steps really played; the states behind them are padding.
    """
    step = body_of(env_id).seconds_per_step
    stride = stride_of(env_id)
    fps = 1 / (step * stride)
    horizon = len(qpos) - 1
    last = min(length, round(seconds / step))
    shown = np.arange(0, last + 1, stride)
    moving = len(shown)
    if length < horizon and length <= round(seconds / step):
        shown = np.concatenate([shown, np.full(round(_FALL_HOLD * fps), length)])
    return Clip(np.asarray(qpos[shown], dtype=np.float64), fps, moving)
