"""One body that is played by hand: its skill may change at every step, and its episodes have no end but a fall.

Letters: P size of qpos, O observation columns.
"""

import numpy as np
from numpy.typing import NDArray

from skills.arrays import Float32s
from skills.bodies.worlds import open_world
from skills.playing.rollout import Actor

_EACH = np.arange(1)


class LiveBody:
    """A simulation and who acts in it.

    skill: who acts at the next step.   steps: taken since the reset.   fell: whether the environment has ended the
    episode as a failure; then it has to be reset.
    """

    def __init__(self, actor: Actor, env_id: str, skill: int, seed: int) -> None:
        """seed: of the starts, a new one at every reset.   Raises: SkillsError where nothing can be played."""
        self._actor = actor
        self._world = open_world(env_id, 1)
        self._seed, self._resets = seed, 0
        self._observations: NDArray[np.float32] = np.zeros((1, 0), np.float32)
        self.skill = skill
        self.steps = 0
        self.fell = False
        self.reset()

    @property
    def qpos(self) -> Float32s:
        """[P] where it is now; what is observed, without a simulator of MuJoCo's."""
        return np.asarray(self._world.qpos[0], np.float32).copy()

    def reset(self) -> None:
        """Puts it down anew; whoever acts goes on."""
        generators = [np.random.default_rng([self._seed, self._resets])]
        self._observations = self._world.reset(generators, _EACH).astype(np.float32)
        self._resets += 1
        self.steps, self.fell = 0, False

    def step(self) -> None:
        """Lets its skill act once."""
        actions = self._actor.act(self._observations, np.array([self.skill]))
        result = self._world.step(actions, _EACH)
        self._observations = result.observations.astype(np.float32)
        self.steps += 1
        self.fell = bool(result.failed[0])

    def close(self) -> None:
        """Gives the simulation back."""
        self._world.close()
