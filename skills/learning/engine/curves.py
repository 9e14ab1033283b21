"""How each class's or skill's loss went: noted a hundred times in a training, kept with the run as `curves.npz`.

Letters: K experts or skills, P points of a curve.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from skills.files import MAKE_AGAIN, read_arrays, write_arrays
from skills.troubles import reading

FILE = "curves.npz"
POINTS = 100
_END = 0.1  # of the points: what counts as the begin of a curve, and as its end


class Curves:
    """The parts of each loss along a training.

    parts: name -> [P, K]; NaN where not measured.   steps: [P] the step that each point was taken at.
    """

    def __init__(self, parts: Sequence[str], iterations: int, count: int) -> None:
        self._every = max(1, iterations // POINTS)
        self.steps = torch.arange(0, iterations, self._every)
        self.parts = {name: torch.full((len(self.steps), count), torch.nan) for name in parts}

    def due(self, step: int) -> bool:
        """Whether the losses of this step are to be noted."""
        return step % self._every == 0

    def note(self, step: int, start: int, losses: dict[str, Tensor]) -> None:
        """Notes the losses, [k] each, of those that begin with `start`."""
        for name, values in losses.items():
            self.parts[name][step // self._every, start : start + len(values)] = values.to("cpu")

    def save(self, folder: Path) -> None:
        """Writes `curves.npz`: `step` [P], and each part [P, K]."""
        write_arrays(
            folder / FILE, {"step": np.asarray(self.steps), **{name: np.asarray(v) for name, v in self.parts.items()}}
        )


def ends(folder: Path) -> dict[str, tuple[float, float]]:
    """{part: (median over K at the begin, at the end)} of a folder's `curves.npz`, each over a tenth of the points.

    Parts that were never measured are left out; nothing where the folder has no curves.
    """
    if not (folder / FILE).is_file():
        return {}
    found = {}
    with reading(folder / FILE, MAKE_AGAIN):
        for name, values in read_arrays(folder / FILE).items():
            measured = values[np.isfinite(values).all(axis=-1)] if values.ndim == 2 else values[:0]
            if len(measured):
                some = max(1, round(_END * len(measured)))
                first, last = (float(np.median(part.mean(axis=0))) for part in (measured[:some], measured[-some:]))
                found[name] = (first, last)
    return found
