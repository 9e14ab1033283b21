"""Actions inside, where every policy acts in +-1, and outside, in an environment's own bounds.

Letters: A action size; ... any leading axes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray

from skills.arrays import Float32s
from skills.errors import USAGE, SkillsError


@dataclass(frozen=True)
class ActionRange:
    """low, high: [A] the bounds of an environment's actions, which +-1 is mapped onto."""

    low: Float32s
    high: Float32s

    @staticmethod
    def of_space(space: Any, what: str) -> "ActionRange":
        """That of an action space.

        what: whose, for the message.   Raises: SkillsError (usage) where it is not a bounded Box of one axis.
        """
        if not isinstance(space, Box) or len(space.shape) != 1 or not space.is_bounded():
            raise SkillsError(
                f"Skills cannot act in {what}: its actions are {space}.",
                "They must be a Box of one axis, with bounds. To be played in another environment: --env ID",
                USAGE,
            )
        return ActionRange(space.low.astype(np.float32), space.high.astype(np.float32))

    def outward(self, actions: Float32s) -> Float32s:
        """[..., A] in +-1 -> in the environment's bounds."""
        return np.asarray(self._middle + self._half * actions, np.float32)

    def inward(self, actions: NDArray[np.floating]) -> Float32s:
        """[..., A] in the environment's bounds -> in +-1."""
        return np.asarray((actions - self._middle) / self._half, np.float32)

    @property
    def _middle(self) -> Float32s:
        return (self.high + self.low) / np.float32(2.0)

    @property
    def _half(self) -> Float32s:
        return (self.high - self.low) / np.float32(2.0)
