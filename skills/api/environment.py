"""A Gymnasium environment whose actions are skills: for planning, and for learning from a task's reward.

Letters: O observation columns, A action size, K skills.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Dict, Discrete
from numpy.typing import NDArray

from skills.api.performer import flat
from skills.api.run import Run, load
from skills.bodies import making
from skills.bodies.actions import ActionRange
from skills.bodies.keys import is_model, read_key
from skills.data.trust import check_id
from skills.errors import USAGE, SkillsError
from skills.measures.descriptor import Steps, read_steps


@dataclass(frozen=True)
class EnvStep:
    """One step of the environment below, as a reward function sees it.

    observation, next_observation: [O], before and after.   action: [A], in the environment's bounds.
    reward: the environment's own.   terminated, truncated, info: as it gave them.
    env_id: of the run, whose body says what the observation's columns mean.
    """

    observation: Any
    action: NDArray[np.float32]
    next_observation: Any
    reward: float
    terminated: bool
    truncated: bool
    info: dict[str, Any]
    env_id: str

    @property
    def velocity(self) -> NDArray[np.float64]:
        """[3] m/s of the torso after the step, in the world: x forward, y left, z up."""
        return np.asarray(self._motion.velocity[0])

    @property
    def yaw_rate(self) -> float:
        """rad/s, about the world's up."""
        return float(self._motion.yaw_rate[0])

    @property
    def height(self) -> float:
        """m, of the torso."""
        return float(self._motion.height[0])

    @property
    def upright(self) -> float:
        """The cosine between the torso's up and the world's: 1 upright, -1 on its back."""
        return float(self._motion.upright[0])

    @cached_property
    def _motion(self) -> Steps:
        return read_steps(flat(self.next_observation)[None], self.env_id)


class SkillEnv(gymnasium.Env[Any, Any]):
    """Discrete(K) actions: each is a skill, performed for some steps of the environment below.

    Observations are those of the environment below; rewards are summed over the steps; an action ends early where the
    episode does, with `terminated` and `truncated` as they were. `info` is that of the last step, and has
        steps    how many steps the action took
        elapsed  how many the episode has taken in all
        frames   where the environment renders "rgb_array": a picture [H, W, 3] uint8 after each step

    env: the environment below, which stays usable.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        run: Run,
        steps: int = 20,
        reward: Callable[[EnvStep], float] | None = None,
    ) -> None:
        """steps: of the environment below, that an action lasts.   reward: of a task of one's own, for each of them.

        Raises: SkillsError (usage) for an environment that the run's skills cannot act in, or fewer steps than one.
        """
        if steps < 1:
            raise SkillsError(f"A skill cannot last {steps} steps.", "It lasts 1 or more.", USAGE)
        self.env, self._run, self._steps, self._reward = env, run, steps, reward
        self._performer = run.policy.within(ActionRange.of_space(env.action_space, "this environment"))
        self._check_fits()
        self.observation_space = env.observation_space
        self.action_space = Discrete(len(run))
        self.render_mode = env.render_mode
        shown = env.metadata.get("render_fps")
        self.metadata = {**env.metadata, **({"render_fps": max(1, round(shown / steps))} if shown else {})}
        self._observation: Any = None
        self._elapsed = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Starts an episode."""
        super().reset(seed=seed)
        self._observation, info = self.env.reset(seed=seed, options=options)
        self._elapsed = 0
        return self._observation, info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Performs a skill, 0..K-1."""
        self._performer.check_skill(action)
        total, frames, taken = 0.0, [], 0
        terminated = truncated = False
        info: dict[str, Any] = {}
        while taken < self._steps and not (terminated or truncated):
            before, acted = self._observation, self._performer.act(self._observation, int(action))
            self._observation, reward, terminated, truncated, info = self.env.step(acted)
            own = float(reward)
            if self._reward is not None:
                step = EnvStep(before, acted, self._observation, own, terminated, truncated, info, self._run.env_id)
                own = float(self._reward(step))
            total += own
            taken += 1
            if self.render_mode == "rgb_array":
                frames.append(self.env.render())
        self._elapsed += taken
        info = {**info, "steps": taken, "elapsed": self._elapsed}
        return self._observation, total, terminated, truncated, {**info, "frames": frames} if frames else info

    def render(self) -> Any:
        """What the environment below renders."""
        return self.env.render()

    def close(self) -> None:
        """Closes the environment below."""
        self.env.close()

    def _check_fits(self) -> None:
        space, performer = self.env.observation_space, self._performer
        parts = space.spaces.values() if isinstance(space, Dict) else [space]
        size = sum(int(np.prod(part.shape or (0,))) for part in parts)
        acts = self.env.action_space.shape
        if size not in performer.sizes or acts != (performer.action_size,):
            raise SkillsError(
                f"The skills of {self._run.path} are of {self._run.env_id}: {' or '.join(map(str, performer.sizes))} "
                f"columns observed, {performer.action_size} of action; this environment has {size} and {acts}.",
                f"Give it gymnasium.make({self._run.env_id!r}).",
                USAGE,
            )


def make(
    run: Run | str | PathLike[str],
    steps: int = 20,
    reward: Callable[[EnvStep], float] | None = None,
    render_mode: str | None = None,
    **options: Any,
) -> SkillEnv:
    """`gymnasium.make("skills.api:skills/SkillEnv-v0", run="runs/ant-medium")`, and so with `make_vec`.

    run: or its folder or name.   options: for `gymnasium.make` of the run's own environment, which is the one below.
    """
    opened = run if isinstance(run, Run) else load(run)
    check_id(opened.env_id, str(opened.path))
    if read_key(opened.env_id).made_with or is_model(opened.env_id):  # it is made as the data were
        return SkillEnv(making.make(opened.env_id), opened, steps, reward)
    making.register()
    return SkillEnv(gymnasium.make(opened.env_id, render_mode=render_mode, **options), opened, steps, reward)
