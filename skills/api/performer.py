"""Skills performed in an environment's own terms: what it observes in, what it can do out.

Letters: B rows, O observation columns, A action size, K skills.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skills.arrays import Float32s
from skills.bodies.actions import ActionRange
from skills.errors import USAGE, SkillsError
from skills.learning.policy import Policy
from skills.playing.rollout import Noisy


class Performer:
    """Acts as any of K skills. It keeps no state: every action follows from the observation alone.

    count: K.   sizes: the numbers of observation columns that it takes: those that the policy reads, which are the
    first, and all that the environment gives.   action_size: A.
    """

    def __init__(self, policy: Policy, actions: ActionRange, env_id: str, observed: int) -> None:
        """observed: the columns of the environment's whole observation."""
        self._policy, self._actions, self._env_id = policy, actions, env_id
        self.count = policy.shape.skills
        self.sizes = tuple(sorted({policy.shape.observation_size, observed}))
        self.action_size = policy.shape.action_size

    def within(self, actions: ActionRange) -> "Performer":
        """The same skills, in other bounds."""
        return Performer(self._policy, actions, self._env_id, self.sizes[-1])

    def act(
        self,
        observation: ArrayLike | Mapping[str, ArrayLike],
        skill: int | NDArray[np.integer[Any]],
        *,
        noise: np.random.Generator | None = None,
    ) -> Float32s:
        """The action of a skill in an observation: [O] -> [A], or [B, O] -> [B, A], float32, in the bounds.

        observation: as the environment gives it; columns that the policy does not read are ignored (of an Ant's 105 it
            reads 27); the parts of a dict are put side by side by name.
        skill: a number for all rows, or [B] numbers.
        noise: draws from the skill's Gaussian; without it the action is the Gaussian's mean, always the same.

        Raises: SkillsError (usage) for a skill that there is not, or an observation of another size.
        """
        given = flat(observation)
        rows = self.columns(given)
        chosen = self._chosen(skill, given.ndim == 1, len(rows))
        actor = self._policy if noise is None else Noisy(self._policy, noise)
        actions = self._actions.outward(actor.act(rows, chosen))
        return actions[0] if given.ndim == 1 else actions

    def columns(self, observations: Float32s) -> Float32s:
        """The columns that the policy reads: [O] or [B, O] -> [B, o]. Raises: SkillsError (usage) for another size."""
        if observations.ndim not in (1, 2) or observations.shape[-1] not in self.sizes:
            expected = " or ".join(map(str, self.sizes))
            raise SkillsError(
                f"Observations of {self._env_id} have {expected} columns, not the shape {list(observations.shape)}.",
                "Give what the environment observed, [columns] or [rows, columns].",
                USAGE,
            )
        return np.atleast_2d(observations)[:, : self._policy.shape.observation_size]

    def inward(self, actions: ArrayLike) -> Float32s:
        """[A] or [B, A] in the environment's bounds -> [B, A] in +-1. Raises: SkillsError (usage) for another size."""
        given = np.atleast_2d(np.asarray(actions, np.float32))
        if given.ndim != 2 or given.shape[1] != self.action_size:
            raise SkillsError(
                f"Actions of {self._env_id} have {self.action_size} columns, not the shape {list(given.shape)}.",
                "Give [columns] or [rows, columns].",
                USAGE,
            )
        return self._actions.inward(given)

    def check_skill(self, skill: Any) -> None:
        """Raises: SkillsError (usage) for what is no number of a skill, or no array of such."""
        numbers = np.asarray(skill)
        if numbers.dtype.kind not in "iu":
            raise SkillsError(f"{skill!r} is no skill.", f"Skills are the whole numbers 0 to {self.count - 1}.", USAGE)
        wrong = numbers[(numbers < 0) | (numbers >= self.count)]
        if wrong.size:
            raise SkillsError(f"There is no skill {wrong.flat[0]}.", f"There are 0 to {self.count - 1}.", USAGE)

    def _chosen(self, skill: Any, single: bool, rows: int) -> NDArray[np.int64]:
        """[B] the skill of each row."""
        self.check_skill(skill)
        numbers = np.asarray(skill, np.int64)
        if numbers.ndim and (single or numbers.shape != (rows,)):
            shape = "a single observation" if single else f"{rows} observations"
            raise SkillsError(
                f"Skills of the shape {list(numbers.shape)} do not fit {shape}.", "Give one, or one a row.", USAGE
            )
        return np.full(rows, numbers)


def flat(observation: ArrayLike | Mapping[str, ArrayLike]) -> Float32s:
    """An observation as one float32 array; the parts of a dict side by side, by name, as Gymnasium flattens them."""
    if isinstance(observation, Mapping):
        parts = [flat(observation[name]) for name in sorted(observation)]  # which may be dicts themselves
        return np.concatenate(parts, axis=-1)
    return np.asarray(observation, np.float32)
