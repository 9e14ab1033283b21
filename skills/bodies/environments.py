"""The environments simulated here: what tells one from another, their models, the sizes of what they observe."""

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import gymnasium
import mujoco
import numpy as np

from skills.bodies.mazes import MAZES, Maze
from skills.errors import NOT_FOUND, SkillsError, nearest

EPISODE_STEPS = 1000  # the time limit that Gymnasium registers for all of them but the smallest maze


@dataclass(frozen=True)
class Environment:
    """What distinguishes one locomotion environment from another (Gymnasium 1.4, `-v5`, default arguments).

    In a maze (gymnasium-robotics 1.4, `-v4`, `continuing_task=False`) an episode ends where the goal is first reached,
    and that is all its reward; the ant may fall. The goal is observed.
    """

    env_id: str
    xml: str
    frame_skip: int
    position_columns: int  # leading qpos entries that the observation leaves out: x, or x and y
    velocity_clip: float  # m/s and rad/s; the observation clips qvel to +-this
    control_cost: float
    healthy_reward: float
    healthy_height: tuple[float, float]  # m, of the torso
    healthy_pitch: tuple[float, float]  # rad, planar bodies only
    reset_noise: float
    reset_velocity: Literal["normal", "uniform"]
    contact_forces: bool = False  # observes cfrc_ext and pays for it
    maze: Maze | None = None
    task: str = "diverse"  # the starts and goals that the environment draws itself
    episode_steps: int = EPISODE_STEPS

    @property
    def terminates(self) -> bool:
        """Whether an unhealthy state ends the episode."""
        return self.healthy_reward > 0

    @property
    def model_path(self) -> Path:
        """The MuJoCo model that ships with Gymnasium."""
        return Path(gymnasium.__file__).parent / "envs" / "mujoco" / "assets" / self.xml


_ANYWHERE = (-np.inf, np.inf)


def _in_maze(env_id: str, maze: str, task: str = "diverse", episode_steps: int = EPISODE_STEPS) -> Environment:
    return Environment(
        env_id, "ant.xml", 5, 0, np.inf, 0.0, 0.0, _ANYWHERE, _ANYWHERE, 0.0, "normal",
        maze=MAZES[maze], task=task, episode_steps=episode_steps,
    )  # fmt: skip


ENVIRONMENTS = {
    "Ant-v5": Environment(
        "Ant-v5", "ant.xml", 5, 2, np.inf, 0.5, 1.0, (0.2, 1.0), _ANYWHERE, 0.1, "normal", contact_forces=True
    ),
    "HalfCheetah-v5": Environment(
        "HalfCheetah-v5", "half_cheetah.xml", 5, 1, np.inf, 0.1, 0.0, _ANYWHERE, _ANYWHERE, 0.1, "normal"
    ),
    "Walker2d-v5": Environment(
        "Walker2d-v5", "walker2d_v5.xml", 4, 1, 10.0, 1e-3, 1.0, (0.8, 2.0), (-1.0, 1.0), 5e-3, "uniform"
    ),
    "Hopper-v5": Environment(
        "Hopper-v5", "hopper.xml", 4, 1, 10.0, 1e-3, 1.0, (0.7, np.inf), (-0.2, 0.2), 5e-3, "uniform"
    ),
    "AntMaze_UMaze-v4": _in_maze("AntMaze_UMaze-v4", "umaze", episode_steps=700),
    "AntMaze_Medium-v4": _in_maze("AntMaze_Medium-v4", "medium"),
    "AntMaze_Medium_Diverse_GR-v4": _in_maze("AntMaze_Medium_Diverse_GR-v4", "medium", "play"),
    "AntMaze_Large-v4": _in_maze("AntMaze_Large-v4", "large"),
    "AntMaze_Large_Diverse_GR-v4": _in_maze("AntMaze_Large_Diverse_GR-v4", "large", "play"),
}

# In a maze: where it is (x, y), the goal, and Ant's 27 columns. This is the order of gymnasium.spaces.flatten, by name:
# achieved_goal, desired_goal, observation. D4RL's observation is these without the goal.
GOAL_COLUMNS = (2, 3)


def environment(env_id: str) -> Environment:
    """The environment of that Gymnasium id.

    Raises: SkillsError (not found) for an id that is not simulated here.
    """
    if env_id not in ENVIRONMENTS:
        raise SkillsError(f"Environment {env_id!r} is not simulated here.", nearest(env_id, ENVIRONMENTS), NOT_FOUND)
    return ENVIRONMENTS[env_id]


@contextlib.contextmanager
def muted() -> Iterator[None]:
    """Keeps what MuJoCo warns of from stderr and from a MUJOCO_LOG.TXT in the user's folder."""
    spoken = mujoco.get_mju_user_warning()
    mujoco.set_mju_user_warning(lambda message: None)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        mujoco.set_mju_user_warning(spoken)


@cache
def load_model(env_id: str) -> mujoco.MjModel:
    """The compiled model of an environment; compiled once a process, to be read only."""
    path, maze = str(environment(env_id).model_path), environment(env_id).maze
    with muted():  # Gymnasium's files use attributes that MuJoCo 4 warns about
        if maze is None:
            return mujoco.MjModel.from_xml_path(path)
        spec = mujoco.MjSpec.from_file(path)
        maze.build(spec)
        return spec.compile()


def motion_size(env_id: str) -> int:
    """Observation columns that are pose and motion: the leading ones, Ant's contact forces come behind them.

    In a maze they are all but the two of the goal (`GOAL_COLUMNS`).
    """
    model = load_model(env_id)
    return int(model.nq - environment(env_id).position_columns + model.nv)


def observation_size(env_id: str) -> int:
    """O, the size of Gymnasium's default observation; in a maze, of its three parts end to end."""
    contact = 6 * (load_model(env_id).nbody - 1) if environment(env_id).contact_forces else 0
    goal = len(GOAL_COLUMNS) if environment(env_id).maze else 0
    return motion_size(env_id) + int(contact) + goal


def seconds_per_step(env_id: str) -> float:
    """Simulated time of one environment step, s."""
    return float(load_model(env_id).opt.timestep) * environment(env_id).frame_skip
