"""Goal-style observations: the dictionary of Gymnasium's goal environments, and the same as one row of columns.

The columns stand in the order of gymnasium.spaces.flatten, by name: achieved_goal, desired_goal, observation.
"""

from typing import Any

import numpy as np
from gymnasium import Space, spaces
from gymnasium.spaces import Box
from numpy.typing import NDArray


def row_space(space: Space[Any]) -> Any:
    """The space of the rows that `rows` makes of a dictionary of flat boxes; any other space as it is."""
    if not isinstance(space, spaces.Dict) or not all(
        isinstance(part, Box) and len(part.shape) == 1 for part in space.values()
    ):
        return space
    return spaces.flatten_space(space)


def rows(observations: Any) -> NDArray[Any]:
    """A dictionary of [T, .] as [T, O], by name; an array as it is."""
    if not isinstance(observations, dict):
        return np.asarray(observations)
    return np.concatenate([np.asarray(observations[name]) for name in sorted(observations)], axis=1)
