"""Constructed motions with known answers: positions [T + 1, P] of 5 s, without a simulation."""

import numpy as np

SECONDS = 0.05
STEPS = 100
ANT, CHEETAH, WALKER, HOPPER = "Ant-v5", "HalfCheetah-v5", "Walker2d-v5", "Hopper-v5"


def ant(x=0.0, y=0.0, turn=0.0, roll=0.0, facing=0.0, steps=STEPS):
    """An ant that travels (x, y) m and turns by `turn` rad over the rollout, rolled over by `roll`."""
    share = np.linspace(0, 1, steps + 1)
    qpos = np.zeros((steps + 1, 15), np.float32)
    qpos[:, 0], qpos[:, 1], qpos[:, 2] = x * share, y * share, 0.5
    yaw = facing + turn * share
    qpos[:, 3], qpos[:, 4] = np.cos(yaw / 2) * np.cos(roll / 2), np.cos(yaw / 2) * np.sin(roll / 2)
    qpos[:, 5], qpos[:, 6] = np.sin(yaw / 2) * np.sin(roll / 2), np.sin(yaw / 2) * np.cos(roll / 2)
    return qpos


def cheetah(x=0.0, pitch=0.0, tilt=0.0, steps=STEPS):
    """A half-cheetah that travels x m and pitches by `pitch` rad from `tilt`."""
    share = np.linspace(0, 1, steps + 1)
    qpos = np.zeros((steps + 1, 9), np.float32)
    qpos[:, 0], qpos[:, 2] = x * share, tilt + pitch * share
    return qpos


def circle(turns):
    """An ant that walks circles of 10 m in all, and faces where it goes."""
    qpos = ant(turn=turns * 2 * np.pi)
    angle = np.linspace(0, turns * 2 * np.pi, STEPS + 1)
    radius = 10 / (2 * np.pi * turns)
    qpos[:, 0], qpos[:, 1] = radius * np.sin(angle), radius * (1 - np.cos(angle))
    return qpos


def there_and_back(qpos):
    """The same body, 10 m on its way and home again."""
    qpos[:, 0] = 5 - np.abs(np.linspace(-5, 5, STEPS + 1))
    return qpos


def swinging(qpos, rate, size=0.4):
    """The same body with a joint that swings `rate` times a second."""
    qpos[:, -1] = size * np.sin(2 * np.pi * rate * SECONDS * np.arange(len(qpos)))
    return qpos


def kicking(qpos):
    """The same body with every joint swinging."""
    first = 3 if qpos.shape[1] <= 9 else 7
    wave = 0.4 * np.sin(2 * np.pi * 2 * SECONDS * np.arange(len(qpos)))
    qpos[:, first:] = wave[:, None]
    return qpos


def then(*parts):
    """One motion after the other; each goes on from where the last one ended."""
    whole = [parts[0]]
    for part in parts[1:]:
        moved = part.copy()
        moved[:, 0] += whole[-1][-1, 0] - part[0, 0]
        whole.append(moved[1:])
    return np.concatenate(whole)
