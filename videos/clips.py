"""Which states of a skill's rollouts its video shows, and when.

Letters: R rollouts of a skill, T steps of the longest, F frames of the video, nq generalised positions.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from skills.simulate import environment, load_model
from videos.scene import Floats, torso_track, view_of

FASTEST = 25.0  # frames/s; a stride of whole steps keeps true speed, and 20 to 25 frames/s where the steps allow it
_FALL_HOLD = 1.0  # s that the last state of a fall stays in sight


@dataclass(frozen=True)
class Clip:
    """What one video shows.

    qpos: [F, nq] the states.   fps: frames/s at true speed.   rollout: which of the skill's rollouts.
    moving: frames before the held last state of a fall.
    """

    qpos: Floats
    fps: float
    rollout: int
    moving: int

    @property
    def poster(self) -> int:
        """The frame for the still picture: the middle of the motion."""
        return self.moving // 2


def step_seconds(env_id: str) -> float:
    """Simulated time of one environment step, s."""
    return float(load_model(env_id).opt.timestep) * environment(env_id).frame_skip


def pick(qpos: NDArray[np.floating], lengths: NDArray[np.integer], env_id: str) -> int:
    """The rollout of median mean speed (the slower of two middle ones): neither the luckiest nor the unluckiest.

    qpos: [R, T + 1, nq].   lengths: [R] steps really played.
    """
    view = view_of(env_id)
    speeds = np.zeros(len(qpos))
    for rollout, (states, length) in enumerate(zip(qpos, lengths, strict=True)):
        travelled = np.diff(torso_track(view, states[: length + 1]), axis=0)
        speeds[rollout] = np.linalg.norm(travelled, axis=1).sum() / max(int(length), 1)
    return int(np.argsort(speeds, kind="stable")[(len(speeds) - 1) // 2])


def clip(qpos: NDArray[np.floating], lengths: NDArray[np.integer], env_id: str, seconds: float) -> Clip:
    """The clip of one skill, at most `seconds` long before a fall's last state is held.

    qpos: [R, T + 1, nq].   lengths: [R].
    """
    rollout = pick(qpos, lengths, env_id)
    step = step_seconds(env_id)
    stride = max(1, ceil(1 / (FASTEST * step) - 1e-9))
    fps = 1 / (step * stride)
    length, longest = int(lengths[rollout]), qpos.shape[1] - 1
    last = min(length, round(seconds / step))
    shown = np.arange(0, last + 1, stride)
    moving = len(shown)
    if length < longest and length <= round(seconds / step):
        shown = np.concatenate([shown, np.full(round(_FALL_HOLD * fps), length)])
    return Clip(np.asarray(qpos[rollout][shown], dtype=np.float64), fps, rollout, moving)
