"""Constructed motion of a hopper that needs no simulation, so that numbers of it are the same everywhere."""

import numpy as np

from skills.bodies.fates import OUTCOMES, Outcome
from skills.data.transitions import Transitions
from skills.learning.classes import Classes
from skills.playing.trials import Trials

K, R, T = 4, 6, 120
FALLS = OUTCOMES.index(Outcome.FALLS)
SPEED = 5  # the column of the velocity along x


def motion(skills: np.ndarray, steps: int, seed: int) -> np.ndarray:
    """[M] skills -> [M, steps, 11]: skill k hops at k m/s, the faster the quicker, give or take a little."""
    generator = np.random.default_rng(seed)
    phase = generator.uniform(0, 2 * np.pi, (len(skills), 1)) + 0.2 * (1 + skills[:, None]) * np.arange(steps)
    speed = skills[:, None] + 0.4 * generator.standard_normal((len(skills), 1))
    waves = [np.sin(phase * (1 + joint % 3) + joint) for joint in range(11)]
    found = 0.1 * np.stack(waves, axis=-1) + 0.02 * generator.standard_normal((len(skills), steps, 11))
    found[..., 0] += 1.2
    found[..., SPEED] += speed
    return found.astype(np.float32)


def hops(episodes: int, seed: int) -> Transitions:
    """Episodes of 150 steps that change from skill to skill."""
    skills = np.arange(episodes) % K
    observations = motion(skills, 151, seed)
    flat = observations[:, :-1].reshape(-1, 11)
    actions = np.zeros((len(flat), 3), np.float32)
    ended = np.zeros(len(flat), bool)
    ended[149::600] = True
    starts = np.arange(episodes) * 150
    return Transitions(
        "hops", "test/hops-v0", "Hopper-v5", True, flat, actions, observations[:, 1:].reshape(-1, 11),
        flat[:, SPEED] + np.float32(1), ended, starts,
    )  # fmt: skip


def classes_of(transitions: Transitions) -> Classes:
    """The nearest whole speed."""
    found = Classes(
        np.zeros(len(transitions), np.int32), np.arange(K, dtype=np.float32)[:, None], np.array([SPEED]),
        np.zeros(1, np.float32), np.ones(1, np.float32),
    )  # fmt: skip
    every = (transitions.observations, transitions.actions, transitions.next_observations, transitions.lengths)
    return Classes(found.classify(*every), *list(vars(found).values())[1:5])


def trials(seed: int) -> Trials:
    """Of K skills that do what their class does, but the last, which does as the first; some fall early."""
    skills = np.repeat([0, 1, 2, 0], R)
    observations = motion(skills, T, seed)
    lengths = np.full((K, R), T)
    lengths[2, :3] = [30, 50, 70]
    played = np.arange(T) < lengths[..., None]
    classes = observations[..., SPEED].round().clip(0, K - 1).reshape(K, R, T)
    return Trials(
        observations=(observations.reshape(K, R, T, 11) * played[..., None]).astype(np.float32),
        lengths=lengths,
        classes=np.where(played, classes, -1).astype(np.int16),
        returns=observations[..., SPEED].sum(axis=1, dtype=np.float64).reshape(K, R),
        survived=np.where(lengths < T, lengths, 1000),
        fates=np.where(lengths < T, FALLS, 0).astype(np.int8),
    )
