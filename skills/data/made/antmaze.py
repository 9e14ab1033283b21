"""AntMaze data made here: what differs from the locomotion sets that `embedded` collects.

An episode begins and must end where its task says (`Maze.starts`): `play` pairs D4RL's hand-picked cells, `diverse` any
two. It ends where the goal is first reached (reward 1, a success), else by D4RL's time limit: 700 steps in the smallest
maze, 1000 in the others. Failures stay in the data: ants that have fallen on their backs.

What share of D4RL's episodes succeeds we found published nowhere. Its scripts (Farama-Foundation/D4RL,
scripts/generation) collect with a planner and a goal-reaching policy under the same noise, as here
(generate_ant_maze_datasets.py), and then pay every episode for the one goal of the evaluation, whatever goal it was
sent to (relabel_antmaze_rewards.py): in the larger mazes most are sent elsewhere. Here each is paid for its own goal.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.spaces import Box, Dict, Space
from numpy.typing import NDArray

from skills.bodies.environments import environment, observation_size
from skills.bodies.fast import Simulation
from skills.bodies.mazes import GOAL_REWARD, Maze
from skills.data.made import shipped
from skills.data.made.guide import Guide
from skills.data.made.rounds import ROUND, Player
from skills.data.made.scene import Scene

# Slow, 1.6 m/s, and so the surest: `medium` and `expert` fall on their backs more often.
RUNNER = ("ant", "simple")
SUCCESS_RETURN = GOAL_REWARD  # an episode that returns as much has reached its goal

_PARTS = {"achieved_goal": slice(0, 2), "desired_goal": slice(2, 4), "observation": slice(4, None)}


@dataclass(frozen=True)
class MazeScene(Scene):
    """Of one set in a maze: a guide plays all of it."""

    @property
    def task(self) -> str:
        """Which starts and goals its episodes have: "medium-play" -> "play"."""
        return str(self.entry.level).rpartition("-")[2]

    @property
    def files(self) -> tuple[Path | None, ...]:
        return (shipped.path(*RUNNER),)

    def policy(self, part: int, number: int) -> Player:
        return Guide(self._maze, shipped.load(*RUNNER), ROUND)

    @property
    def how(self) -> str:
        return "waypoints and ant-simple (PPO) running to them in any direction, with noise of 0.2 on its actions"

    def simulation(self, count: int) -> Simulation:
        return Simulation(self.env_id, count, task=self.task)

    def env_spec(self) -> EnvSpec:
        return self._env_spec(self.task)

    def observation_space(self) -> Space[Any]:
        columns = range(observation_size(self.env_id))
        return Dict({name: Box(-np.inf, np.inf, (len(columns[part]),), np.float64) for name, part in _PARTS.items()})

    def observations(self, rows: NDArray[np.float32]) -> Any:
        return {name: rows[:, part] for name, part in _PARTS.items()}

    def infos(self, part: int, number: int, episode: int, terminated: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
        """success: [T + 1] whether the goal is reached in each state."""
        return {"success": np.concatenate([[False], terminated])}

    def metadata(self) -> dict[str, Any]:
        """What Minari records beside the rows: where to evaluate (D4RL's start and goal), what replaying needs."""
        return {
            "eval_env_spec": self._env_spec("evaluation").to_json(),
            "requirements": ["gymnasium-robotics>=1.4,<1.6"],
            "ref_min_score": 0.0,
            "ref_max_score": SUCCESS_RETURN,
        }

    @property
    def _maze(self) -> Maze:
        maze = environment(self.env_id).maze
        assert maze is not None, self.env_id
        return maze

    def _env_spec(self, task: str) -> EnvSpec:
        """The environment for gymnasium-robotics, with the starts and goals of a task; it ends at the first goal.

        Made without that package, which only they need who recover the environment from the dataset.
        """
        return EnvSpec(
            id=self.env_id,
            entry_point="gymnasium_robotics.envs.maze.ant_maze_v4:AntMazeEnv",
            max_episode_steps=environment(self.env_id).episode_steps,
            kwargs={"maze_map": self._maze.map(task), "reward_type": "sparse", "continuing_task": False},
        )
