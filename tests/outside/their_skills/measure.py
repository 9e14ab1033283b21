"""How fast skills are."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from skills.measures.judged import ONLY, Measure, Number


@dataclass(frozen=True)
class Speed(Measure[None]):
    """Mean speed along x, in some unit."""

    name = "mine"

    unit: Annotated[float, "m/s"] = 1.0

    def numbers(self):
        """Its only number."""
        return (Number(ONLY, "their speed", 2, lowest=-np.inf),)

    def prepare(self, judge):
        """Nothing."""

    def of(self, played, known):
        """For a method's trials."""
        speeds = np.nanmean(played.spread(played.steps.velocity)[..., 0], axis=-1) / self.unit
        return lambda choice: {ONLY: float(np.take_along_axis(speeds, choice, axis=1).mean())}
