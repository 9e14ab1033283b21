"""Reward makers, one a file. Each writes the same two files, which is all that a learner reads.

A maker is a module with
    FILES        what it writes        CHECKPOINTS        a pattern of files that are left while it works, or ""
    make_rewards(transitions, experts, config, device, generator, folder, reporter) -> None

labels.f16: [N, K] float16, row-major, no header: the reward of transition n for skill k, before scaling.
scales.npz: `scale` [K] float32; the learner's reward is label times scale.
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from skills.errors import SkillsError
from skills.files import read_arrays
from skills.progress import Reporter

if TYPE_CHECKING:
    import torch

    from skills.data.transitions import Transitions
    from skills.learning.classes import Classes
    from skills.settings.config import RewardConfig

LABELS = "labels.f16"
SCALES = "scales.npz"

# Name -> module, imported when it is asked for.
MAKERS = {name: f"skills.learning.rewards.{name}" for name in ("clue", "true", "otr", "oril", "sqil")}


class Maker(Protocol):
    """What the module of a reward maker holds."""

    FILES: tuple[str, ...]
    CHECKPOINTS: str

    def make_rewards(
        self,
        transitions: "Transitions",
        experts: "Classes",
        config: "RewardConfig",
        device: "torch.device",
        generator: "torch.Generator",
        folder: Path,
        reporter: Reporter,
    ) -> None:
        """Writes `FILES` into `folder`: a column for each of the experts.

        generator: a CPU generator; every draw comes from it.
        """


def maker(name: str) -> Maker:
    """The reward maker of that name, one of `MAKERS`."""
    return cast(Maker, import_module(MAKERS[name]))


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
