"""Rewards for the rows of one's own class."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from skills.learning.matrix import LABELS, SCALES, write
from skills.learning.rewards import RewardMaker


@dataclass(frozen=True)
class OwnRows(RewardMaker):
    """A fixed reward for a row of the class, none for any other."""

    name = "mine"
    files = (LABELS, SCALES)

    height: Annotated[float, "the reward of a row of the class"] = 0.5

    def make(self, transitions, experts, device, generator, folder, reporter):
        """Writes the matrix."""
        labels = (experts.labels[:, None] == np.arange(experts.count)) * np.float32(self.height)
        write(folder, [labels], transitions, reporter("labelling", "rows"), scaled=self.scaled)
