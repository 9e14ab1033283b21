"""AntMaze data made here: what differs from the locomotion sets that `embedded` collects.

An episode begins and must end where its task says (`Maze.starts`): `play` pairs D4RL's hand-picked cells, `diverse` any
two. It ends where the goal is first reached (reward 1, a success), else by D4RL's time limit: 700 steps in the smallest
maze, 1000 in the others. Failures stay in the data: ants that have fallen on their backs.

What share of D4RL's episodes succeeds we found published nowhere. Its scripts (Farama-Foundation/D4RL,
scripts/generation) collect with a planner and a goal-reaching policy under the same noise, as here
(generate_ant_maze_datasets.py), and then pay every episode for the one goal of the evaluation, whatever goal it was
sent to (relabel_antmaze_rewards.py): in the larger mazes most are sent elsewhere. Here each is paid for its own goal.
"""

from typing import Any

import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.spaces import Box, Dict
from numpy.typing import NDArray

from skills.behaviours import behaviour
from skills.behaviours.guide import Guide
from skills.mazes import GOAL_REWARD, Maze
from skills.simulate import environment

BODY = "antmaze"
# Slow, 1.6 m/s, and so the surest: `medium` and `expert` fall on their backs more often.
RUNNER = ("ant", "simple")
SUCCESS_RETURN = GOAL_REWARD  # an episode that returns as much has reached its goal

_PARTS = {"achieved_goal": slice(0, 2), "desired_goal": slice(2, 4), "observation": slice(4, None)}

HOW = "waypoints and ant-simple (PPO) running to them in any direction, with noise of 0.2 on its actions"


def task(level: str) -> str:
    """The task of a level: "medium-play" -> "play"."""
    return level.rpartition("-")[2]


def guide(env_id: str, episodes: int) -> Guide:
    """What the data come from; it leads `episodes` ants at a time."""
    return Guide(_maze(env_id), behaviour.load(*RUNNER), episodes)


def metadata(env_id: str) -> dict[str, Any]:
    """What Minari records beside the rows: where to evaluate (D4RL's start and goal), what replaying needs."""
    return {
        "eval_env_spec": env_spec(env_id, "evaluation").to_json(),
        "requirements": ["gymnasium-robotics>=1.4,<1.6"],
        "ref_min_score": 0.0,
        "ref_max_score": SUCCESS_RETURN,
    }


def env_spec(env_id: str, task: str) -> EnvSpec:
    """The environment for gymnasium-robotics, with the starts and goals of a task; it ends at the first goal.

    Made without that package, which only they need who recover the environment from the dataset.
    """
    return EnvSpec(
        id=env_id,
        entry_point="gymnasium_robotics.envs.maze.ant_maze_v4:AntMazeEnv",
        max_episode_steps=environment(env_id).episode_steps,
        kwargs={"maze_map": _maze(env_id).map(task), "reward_type": "sparse", "continuing_task": False},
    )


def observation_space(size: int) -> Dict:
    """That of the environment, for rows of `size` columns."""
    sizes = {name: len(range(*columns.indices(size))) for name, columns in _PARTS.items()}
    return Dict({name: Box(-np.inf, np.inf, (length,), np.float64) for name, length in sizes.items()})


def observations(rows: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Rows [T, O] of the simulation as the environment observes them."""
    return {name: rows[:, columns] for name, columns in _PARTS.items()}


def successes(terminated: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """[T + 1] whether the goal is reached in each state of an episode, of `terminated` [T]."""
    return np.concatenate([[False], terminated])


def _maze(env_id: str) -> Maze:
    maze = environment(env_id).maze
    assert maze is not None, env_id
    return maze
