"""What was observed and done in the first seconds of each rollout: what a skill is worth for a task is read from it.

Rollouts hold where the body was, which the films show. A task is about how it moves and what its motors do, and may be
any function of a step: so the steps themselves are kept, of as long as the measures look.

Letters: K skills, R rollouts of each, S steps at most, O observation columns, A action size, M played steps.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skills.arrays import Bools, Float32s
from skills.files import MAKE_AGAIN, read_arrays, write_arrays
from skills.playing.rollout import Transcript
from skills.troubles import DamagedError, reading


@dataclass(frozen=True)
class Beginnings:
    """states: [K, R, S + 1, O] before each step and after the last one played; 0 behind it.

    actions: [K, R, S, A] in +-1.   lengths: [K, R] int64, steps played of these S.
    """

    states: Float32s
    actions: Float32s
    lengths: NDArray[np.int64]

    @staticmethod
    def of(seen: Transcript, rollouts: int, steps: int) -> "Beginnings":
        """Of skills that were played `rollouts` times each, skill by skill."""
        by_skill = (len(seen.lengths) // rollouts, rollouts)
        states, actions = seen.states[:, : steps + 1], seen.actions[:, :steps]
        lengths = np.minimum(seen.lengths, steps)
        return Beginnings(
            states.reshape(*by_skill, *states.shape[1:]),
            actions.reshape(*by_skill, *actions.shape[1:]),
            lengths.reshape(by_skill),
        )

    @property
    def played(self) -> Bools:
        """[K, R, S] which steps were."""
        return np.asarray(np.arange(self.actions.shape[2]) < self.lengths[..., None])

    def rows(self) -> tuple[Float32s, Float32s, Float32s]:
        """(before, actions, after) [M, ...] of the played steps, rollout after rollout."""
        played = self.played
        return self.states[:, :, :-1][played], self.actions[played], self.states[:, :, 1:][played]

    def save(self, path: Path) -> None:
        """Writes `beginnings.npz`."""
        write_arrays(path, vars(self))

    @staticmethod
    def load(path: Path) -> "Beginnings":
        """Reads `beginnings.npz`. Raises: SkillsError where it is damaged or its arrays do not fit together."""
        arrays = read_arrays(path)
        with reading(path, MAKE_AGAIN):
            found = Beginnings(**arrays)
            if found.states.shape[:2] != found.lengths.shape or found.actions.shape[:2] != found.lengths.shape:
                raise DamagedError(f"its shapes disagree: states {found.states.shape}, lengths {found.lengths.shape}")
            return found
