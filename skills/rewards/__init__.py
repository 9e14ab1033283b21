"""Reward makers, one a file. Each writes the same two files, which is all that a learner reads.

labels.f16: [N, K] float16, row-major, no header: the reward of transition n for skill k, before scaling.
scales.npz: `scale` [K] float32; the learner's reward is label times scale.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skills.errors import SkillsError
from skills.files import read_arrays

LABELS = "labels.f16"
SCALES = "scales.npz"


@dataclass(frozen=True)
class Rewards:
    """The reward matrix, on disk.

    labels: [N, K] float16 memory map.   scale: [K] float32.
    """

    labels: NDArray[np.float16]
    scale: NDArray[np.float32]

    @property
    def count(self) -> int:
        """K."""
        return len(self.scale)

    @staticmethod
    def open(folder: Path, transitions: int) -> "Rewards":
        """Maps the matrix of `transitions` rows. Raises: SkillsError where the file has another size."""
        scale = read_arrays(folder / SCALES)["scale"]
        path = folder / LABELS
        expected = transitions * len(scale) * np.dtype(np.float16).itemsize
        if path.stat().st_size != expected:
            raise SkillsError(
                f"{path} is damaged: {path.stat().st_size} bytes, not {expected}.", "Delete it to have it made again."
            )
        return Rewards(np.memmap(path, np.float16, mode="r", shape=(transitions, len(scale))), scale)
