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
_FALL_HOLD = 1.0  # s that the last state of an episode that was ended stays in sight
_BEFORE = 0.6  # of a clip comes before the event that it is of


@dataclass(frozen=True)
class Clip:
    """What one video shows.

    qpos: [F, nq] the states.   fps: frames/s at true speed.
    moving: frames before the held last state of an episode that was ended.   begin: s, of the rollout, of the first.
    """

    qpos: Floats
    fps: float
    moving: int
    begin: float = 0.0

    @property
    def poster(self) -> int:
        """The frame for the still picture: the middle of the motion."""
        return self.moving // 2


def stride_of(env_id: str) -> int:
    """Environment steps from one frame to the next."""
    return max(1, ceil(1 / (FASTEST * body_of(env_id).seconds_per_step) - 1e-9))


def clip(qpos: NDArray[np.floating], length: int, env_id: str, seconds: float, event: int = 0) -> Clip:
    """The clip of one rollout, at most `seconds` long before the last state of one that was ended is held.

    It shows the beginning, or, where that is over before the event, what leads to the event and what follows.

    qpos: [T + 1, nq].   length: steps really played; the states behind them are padding.
    event: the step of what its label tells.
    """
    step = body_of(env_id).seconds_per_step
    stride = stride_of(env_id)
    fps = 1 / (step * stride)
    horizon = len(qpos) - 1
    whole = round(seconds / step)
    first = 0 if event <= whole else max(0, min(event - round(_BEFORE * whole), length - whole)) // stride * stride
    last = min(length, first + whole)
    shown = np.arange(first, last + 1, stride)
    moving = len(shown)
    if length < horizon and length - stride < last:
        shown = np.concatenate([shown, np.full(round(_FALL_HOLD * fps), length)])
    return Clip(np.asarray(qpos[shown], dtype=np.float64), fps, moving, first * step)
