"""Constructed skills with known answers: descriptors of K skills' trials, [K, R, D], in whitened units."""

import numpy as np
from numpy.typing import NDArray

TRIALS = 10


def skills(groups: int, copies: int, *, scatter: float = 0.1, apart: float = 10.0) -> NDArray[np.float64]:
    """`groups` distinct skills, each there `copies` times.

    Distinct skills are corners of a regular simplex: all pairs are equally far apart.
    """
    centres = np.repeat(np.eye(groups) * apart, copies, axis=0)
    noise = np.random.default_rng(0).normal(0.0, scatter, (groups * copies, TRIALS, groups))
    return centres[:, None] + noise


def identical(count: int) -> NDArray[np.float64]:
    """`count` skills that all do the same, give or take."""
    return np.random.default_rng(0).normal(0.0, 1.0, (count, TRIALS, 5))


def shuffled(behaviour: NDArray[np.float64]) -> NDArray[np.float64]:
    """The trials dealt out to skills at random."""
    rows = behaviour.reshape(-1, behaviour.shape[-1])
    return np.random.default_rng(0).permutation(rows).reshape(behaviour.shape)
