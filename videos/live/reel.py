"""What is shown of a body that moves in steps: pictures come oftener than the steps of some, and seldom than others'.

    states     o-----------o-----------o
                     ^ shown here        ahead: steps until the newest

A step is taken when what is shown gets there. So what acts is seen from its first moment on, and a picture between two
steps is neither.
"""

import mujoco
import numpy as np

from skills.arrays import Float32s, Floats


class Reel:
    """The states, [P] each, from the last one that was passed to the newest."""

    def __init__(self, state: Float32s) -> None:
        self._states = [state]
        self._place = 0.0

    @property
    def ahead(self) -> float:
        """Steps from what is shown to the newest state."""
        return len(self._states) - 1 - self._place

    def add(self, state: Float32s) -> None:
        """Takes the next state."""
        self._states.append(state)

    def forward(self, steps: float) -> None:
        """Shows what is so many steps later, or the newest where there are fewer."""
        place = min(self._place + steps, len(self._states) - 1)
        del self._states[: int(place)]
        self._place = place - int(place)

    def shown(self, model: mujoco.MjModel) -> Floats:
        """[P] the state between its neighbours; what turns is turned the short way."""
        before = self._states[0].astype(np.float64)
        if self._place > 0:
            change = np.zeros(model.nv)
            mujoco.mj_differentiatePos(model, change, 1.0, before, self._states[1].astype(np.float64))
            mujoco.mj_integratePos(model, before, change, self._place)
        return before
