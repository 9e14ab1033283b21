"""Pictures that a dataset has beside what is learned from: a camera's, shown in the films of its stretches.

Letters: F frames, H x W pixels.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skills.arrays import Ids
from skills.bodies.observing import part_of, picture_parts
from skills.data.minari import open_dataset
from skills.data.minari_root import is_local
from skills.data.opening import whole_episodes
from skills.runs.exemplars import stored_in
from skills.runs.folder import RunFolder

_COLOURS = (1, 3)  # numbers of a pixel


@dataclass(frozen=True)
class RecordedPictures:
    """minari_id: where they are.   part: of its observations.   numbers: {episode of the run: its number there}."""

    minari_id: str
    part: str
    numbers: Mapping[int, int] = field(default_factory=dict)

    def of(self, episode: int, steps: Ids) -> NDArray[np.uint8]:
        """[F, H, W, 3] of some steps of an episode. Raises: SkillsError where they cannot be read."""
        number = self.numbers.get(episode, episode)
        stored = next(whole_episodes(open_dataset(self.minari_id), self.minari_id, [number]))
        return upright(np.asarray(part_of(stored.observations, self.part))[steps])


def pictures_of(run: RunFolder) -> RecordedPictures | None:
    """The first of a run's data, by name; None where there are none."""
    minari_id, numbers = stored_in(run)
    if minari_id is None or not is_local(minari_id):
        return None
    space = open_dataset(minari_id).observation_space
    part = next((name for name, one in picture_parts(space) if is_shown(one)), None)
    return None if part is None else RecordedPictures(minari_id, part, numbers)


def is_shown(space: Any) -> bool:
    """Whether its pictures are of bytes, in grey or in colours."""
    shape = space.shape
    in_colours = len(shape) == 3 and (shape[0] in _COLOURS or shape[2] in _COLOURS)
    return bool(space.dtype == np.uint8 and (len(shape) == 2 or in_colours))


def upright(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[F, H, W, 3] of [F, H, W], [F, H, W, C] or, as networks take them, [F, C, H, W]."""
    if pictures.ndim == 3:
        pictures = pictures[..., None]
    if pictures.shape[3] not in _COLOURS:
        pictures = np.moveaxis(pictures, 1, 3)
    return np.broadcast_to(pictures, (*pictures.shape[:3], 3)) if pictures.shape[3] == 1 else pictures
