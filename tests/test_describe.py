"""Labels of constructed motions with known answers."""

import numpy as np
import pytest

from skills.describe import describe

SECONDS = 0.05
STEPS = 100  # 5 s


def ant(x=0.0, y=0.0, turn=0.0, roll=0.0):
    """An ant that travels (x, y) m and turns by `turn` rad over the rollout, rolled over by `roll`."""
    share = np.linspace(0, 1, STEPS + 1)
    qpos = np.zeros((STEPS + 1, 15), np.float32)
    qpos[:, 0], qpos[:, 1], qpos[:, 2] = x * share, y * share, 0.5
    yaw = turn * share
    qpos[:, 3], qpos[:, 4] = np.cos(yaw / 2) * np.cos(roll / 2), np.cos(yaw / 2) * np.sin(roll / 2)
    qpos[:, 5], qpos[:, 6] = np.sin(yaw / 2) * np.sin(roll / 2), np.sin(yaw / 2) * np.cos(roll / 2)
    return qpos


def cheetah(x=0.0, pitch=0.0, tilt=0.0):
    """A half-cheetah that travels x m and pitches by `pitch` rad from `tilt`."""
    share = np.linspace(0, 1, STEPS + 1)
    qpos = np.zeros((STEPS + 1, 9), np.float32)
    qpos[:, 0], qpos[:, 2] = x * share, tilt + pitch * share
    return qpos


@pytest.mark.parametrize(
    ("qpos", "label"),
    [
        (ant(x=10), "forward 2.0 m/s"),
        (ant(y=5), "left 1.0 m/s"),
        (ant(x=-5, y=-5), "back right 1.4 m/s"),
        (ant(), "stays in place"),
        (ant(x=0.2), "stays in place"),
        (ant(turn=5 * np.pi / 2), "stays in place, turns left 90 deg/s"),
        (ant(x=10, turn=-np.pi), "forward 2.0 m/s, turns right 36 deg/s"),
        (ant(roll=np.pi), "stays in place, on its back"),
        (cheetah(x=-25), "backward 5.0 m/s"),
        (cheetah(x=10, tilt=np.pi), "forward 2.0 m/s, on its back"),
        (cheetah(x=10, pitch=4 * np.pi), "forward 2.0 m/s, somersaults forward"),
        (cheetah(pitch=-4 * np.pi), "stays in place, somersaults backward"),
    ],
)
def test_labels(qpos, label):
    assert describe(qpos, SECONDS, None) == label


def test_a_fall_is_said():
    assert describe(ant(x=10), SECONDS, 2.34) == "forward 2.0 m/s, falls at 2.3 s"


def test_a_single_step_is_no_error():
    assert describe(ant(x=10)[:1], SECONDS, 0.05) == "stays in place, falls at 0.1 s"
