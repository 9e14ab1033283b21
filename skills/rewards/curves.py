"""How each class's loss went: noted a hundred times in a training, kept with the run.

Letters: K experts, P points of a curve.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from skills.files import write_arrays

POINTS = 100
PARTS = ("total", "reconstruction", "divergence", "calibration", "sigma", "held_out_sigma")


class Curves:
    """The parts of each model's loss along its training.

    parts: name -> [P, K]; NaN where not measured. `sigma` is the mean posterior std of the class's training rows,
    `held_out_sigma` that of the rows kept out: where the second stays high, a model knows its rows by heart.
    steps: [P] the step that each point was taken at.
    """

    def __init__(self, iterations: int, count: int) -> None:
        self._every = max(1, iterations // POINTS)
        self.steps = torch.arange(0, iterations, self._every)
        self.parts = {name: torch.full((len(self.steps), count), torch.nan) for name in PARTS}

    def due(self, step: int) -> bool:
        """Whether the losses of this step are to be noted."""
        return step % self._every == 0

    def note(self, step: int, start: int, losses: dict[str, Tensor]) -> None:
        """Notes the losses, [k] each, of the classes that begin with `start`."""
        for name, values in losses.items():
            self.parts[name][step // self._every, start : start + len(values)] = values.to("cpu")

    def save(self, path: Path) -> None:
        """Writes `curves.npz`: `step` [P], and each part [P, K]."""
        write_arrays(path, {"step": np.asarray(self.steps), **{name: np.asarray(v) for name, v in self.parts.items()}})
