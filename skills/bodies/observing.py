"""What of an observation is learned from: its vectors, side by side. Pictures beside them are left out.

Letters: T steps, O columns.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Dict
from numpy.typing import NDArray

from skills.errors import SkillsError

_HINT = "Only flat continuous ones (a Box of one axis, or for observations a dict with some) can be used."


def observation_parts(space: Any, what: str) -> tuple[tuple[str, int], ...]:
    """(name, columns) of the vectors that an observation is made of, in the order in which Gymnasium flattens it.

    A vector in a dict of a dict is called "achieved_goal/kettle".
    what: whose, for the message.   Raises: SkillsError where there is none.
    """
    leaves = list(_leaves(space, ""))
    vectors = tuple((name or "observation", _size(part)) for name, part in leaves if _is_vector(part))
    if vectors and all(_is_vector(part) or is_picture(part) for _, part in leaves):
        return vectors
    if leaves and not vectors and all(_is_stack(part) for _, part in leaves):
        raise SkillsError(
            f"{what} has stacked frames for observations, several vectors in one: {space}.",
            "Skills are learned from one vector a step: put the frames side by side (FlattenObservation around the "
            "environment does), or store the newest alone.",
        )
    if any(is_picture(part) for _, part in leaves) and not vectors:
        raise SkillsError(
            f"{what} has nothing but pictures for observations: {space}.",
            "Skills are learned from vectors. Write what an encoder of yours makes of each picture (an array of one "
            "axis) into the dataset, beside the pictures or in their place.",
        )
    raise SkillsError(f"{what} has observations of the space {space}.", _HINT)


def column_names(parts: tuple[tuple[str, int], ...]) -> list[str]:
    """[O] what the columns are called: by their part, and by a number in one of several; nothing of a single vector."""
    if len(parts) == 1:
        return []
    return [name if size == 1 else f"{name} {place}" for name, size in parts for place in range(size)]


def is_picture(space: Any) -> bool:
    """Whether it is of pixels: two or more axes."""
    return isinstance(space, Box) and len(space.shape) >= 2


def _is_stack(space: Any) -> bool:
    """Whether it is of vectors on top of each other, as frame stacking has them: numbers, where pictures are bytes."""
    return isinstance(space, Box) and len(space.shape) == 2 and np.dtype(space.dtype) != np.uint8


def flat_observation(parts: tuple[tuple[str, int], ...], observation: Any) -> NDArray[Any]:
    """[O] or [T, O] the parts of an observation side by side."""
    if not isinstance(observation, dict):
        return np.asarray(observation)
    return np.concatenate([np.asarray(part_of(observation, name)) for name, _ in parts], axis=-1)


def part_of(observation: dict[str, Any], name: str) -> Any:
    """A part of an observation by its name, see `observation_parts`."""
    if name in observation:
        return observation[name]
    first, _, rest = name.partition("/")
    return part_of(observation[first], rest)


def picture_parts(space: Any) -> tuple[tuple[str, Any], ...]:
    """(name, space) of the pictures in an observation."""
    return tuple((name, part) for name, part in _leaves(space, "") if is_picture(part))


def _leaves(space: Any, name: str) -> Iterator[tuple[str, Any]]:
    """What is no dict in a space, with the names that lead there."""
    if not isinstance(space, Dict):
        yield name, space
        return
    for key, part in space.spaces.items():
        yield from _leaves(part, f"{name}/{key}" if name else str(key))


def _size(space: Any) -> int:
    return int(space.shape[0])


def _is_vector(space: Any) -> bool:
    return isinstance(space, Box) and len(space.shape) == 1
