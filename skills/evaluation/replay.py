"""Nearest-class replay, the baseline that learns nothing: in every state, what the data did in the nearest one.

Letters: B rows, O observation columns, A action size, K skills.
"""

import numpy as np
from numpy.typing import NDArray

from skills.data.transitions import Transitions
from skills.learning.classes import Classes


class Replay:
    """Skill k acts as the transition of class k whose standardised observation is nearest."""

    def __init__(self, transitions: Transitions, classes: Classes) -> None:
        self._mean, self._std = transitions.scaling
        rows, self._bounds = classes.members()
        self._observations = (transitions.observations[rows] - self._mean) / self._std
        self._norms = np.square(self._observations).sum(axis=1)
        self._actions = transitions.actions[rows]

    def act(self, observations: NDArray[np.floating], skills: NDArray[np.integer]) -> NDArray[np.float32]:
        """The nearest row's action [B, A]. Further columns of the observations are ignored."""
        seen = ((observations[:, : len(self._mean)] - self._mean) / self._std).astype(np.float32)
        actions = np.empty((len(seen), self._actions.shape[1]), np.float32)
        for skill in np.unique(skills):
            asked = skills == skill
            part = slice(self._bounds[skill], self._bounds[skill + 1])
            distance = self._norms[part] - 2.0 * seen[asked] @ self._observations[part].T
            actions[asked] = self._actions[part][distance.argmin(axis=1)]
        return actions
