"""What of an observation is learned from: its vectors, side by side. Pictures beside them are left out.

Letters: T steps, O columns.
"""

from typing import Any

import numpy as np
from gymnasium.spaces import Box, Dict
from numpy.typing import NDArray

from skills.errors import SkillsError

_HINT = "Only flat continuous ones (a Box of one axis, or for observations a dict with some) can be used."


def observation_parts(space: Any, what: str) -> tuple[tuple[str, int], ...]:
    """(name, columns) of the vectors that an observation is made of, in the order in which Gymnasium flattens it.

    what: whose, for the message.   Raises: SkillsError where there is none.
    """
    if isinstance(space, Dict):
        vectors = tuple((str(name), _size(part)) for name, part in space.spaces.items() if _is_vector(part))
        others = [name for name, part in space.spaces.items() if not _is_vector(part) and not is_picture(part)]
        if vectors and not others:
            return vectors
    elif _is_vector(space):
        return (("observation", _size(space)),)
    seen = list(space.spaces.values()) if isinstance(space, Dict) else [space]
    if any(map(is_picture, seen)) and not any(map(_is_vector, seen)):
        raise SkillsError(
            f"{what} has nothing but pictures for observations: {space}.",
            "Skills are learned from vectors. Write what an encoder of yours makes of each picture (an array of one "
            "axis) into the dataset, beside the pictures or in their place.",
        )
    raise SkillsError(f"{what} has observations of the space {space}.", _HINT)


def is_picture(space: Any) -> bool:
    """Whether it is of pixels: two or more axes."""
    return isinstance(space, Box) and len(space.shape) >= 2


def flat_observation(parts: tuple[tuple[str, int], ...], observation: Any) -> NDArray[Any]:
    """[O] or [T, O] the parts of an observation side by side."""
    if not isinstance(observation, dict):
        return np.asarray(observation)
    return np.concatenate([np.asarray(observation[name]) for name, _ in parts], axis=-1)


def _size(space: Any) -> int:
    return int(space.shape[0])


def _is_vector(space: Any) -> bool:
    return isinstance(space, Box) and len(space.shape) == 1
