"""Mazes and the ant in them against gymnasium-robotics itself, every number of every step."""

import warnings

import gymnasium
import numpy as np
import pytest

from skills.bodies.environments import ENVIRONMENTS, GOAL_COLUMNS, load_model
from skills.bodies.fast import Simulation
from skills.bodies.mazes import GOAL_RADIUS, MAZES
from skills.data.physics import notify_if_strange
from skills.data.transitions import Transitions
from skills.errors import SkillsError

warnings.filterwarnings("ignore", module="gymnasium_robotics")
robotics = pytest.importorskip("gymnasium_robotics", reason="compares with gymnasium-robotics (the extra `test`)")
ENV_IDS = [env_id for env_id, spec in ENVIRONMENTS.items() if spec.maze]
STEPS = 300
COUNT = 2


def make(env_id: str, **options) -> gymnasium.Env:
    gymnasium.register_envs(robotics)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that there is a v5
        return gymnasium.make(env_id, continuing_task=False, **options)


def flat(observation: dict[str, np.ndarray]) -> np.ndarray:
    return np.concatenate([observation[name] for name in ("achieved_goal", "desired_goal", "observation")])


@pytest.mark.parametrize("env_id", ENV_IDS)
def test_reset_gives_the_start_and_goal_of_a_seeded_gymnasium_reset(env_id):
    simulation = Simulation(env_id, 8)
    observations = simulation.reset([np.random.default_rng(seed) for seed in range(8)])
    with make(env_id) as env:
        assert env.spec.max_episode_steps == simulation.environment.episode_steps
        assert gymnasium.spaces.flatdim(env.observation_space) == simulation.observation_size
        for row in range(8):
            expected, _ = env.reset(seed=row)
            np.testing.assert_array_equal(observations[row], flat(expected))
            np.testing.assert_array_equal(observations[row], gymnasium.spaces.flatten(env.observation_space, expected))
            np.testing.assert_array_equal(observations[row, list(GOAL_COLUMNS)], simulation.goals[row])


@pytest.mark.parametrize("task", ["play", "evaluation"])
@pytest.mark.parametrize("name", MAZES)
def test_a_task_draws_as_gymnasium_does_in_a_maze_with_those_cells(name, task):
    env_id = next(env_id for env_id in ENV_IDS if ENVIRONMENTS[env_id].maze is MAZES[name])
    simulation = Simulation(env_id, 4, task=task)
    observations = simulation.reset([np.random.default_rng(seed) for seed in range(4)])
    with make(env_id, maze_map=MAZES[name].map(task)) as env:
        for row in range(4):
            np.testing.assert_array_equal(observations[row], flat(env.reset(seed=row)[0]))


@pytest.mark.parametrize("env_id", ENV_IDS[:2])
def test_steps_are_those_of_gymnasium_robotics(env_id):
    """The second ant starts against a wall and keeps running into it."""
    simulation = Simulation(env_id, COUNT, threads=2)
    twins = [make(env_id) for _ in range(COUNT)]
    simulation.reset([np.random.default_rng(seed) for seed in range(COUNT)])
    for seed, twin in enumerate(twins):
        twin.reset(seed=seed)
    qpos, qvel = simulation.qpos.copy(), simulation.qvel.copy()
    qpos[1, :2] = simulation.environment.maze.centre((1, 1)) + np.array([-1.4, 1.4])
    simulation.set_state(qpos, qvel)
    twins[1].unwrapped.ant_env.set_state(qpos[1], qvel[1])
    generator = np.random.default_rng(0)
    touched = False
    for number in range(STEPS):
        actions = generator.uniform(-1, 1, (COUNT, 8)).astype(np.float32)
        step = simulation.step(actions)
        for row, twin in enumerate(twins):
            expected, reward, terminated, truncated, info = twin.step(actions[row])
            np.testing.assert_array_equal(step.observations[row], flat(expected), err_msg=f"step {number}")
            assert (step.rewards[row], step.terminated[row]) == (reward, terminated)
            assert step.truncated[row] == truncated
            assert step.terminated[row] == info["success"]
            np.testing.assert_array_equal(simulation.qpos[row], twin.unwrapped.data.qpos)
            np.testing.assert_array_equal(simulation.qvel[row], twin.unwrapped.data.qvel)
        contacts = twins[1].unwrapped.data.contact
        touched |= bool((load_model(env_id).geom_type[contacts.geom.ravel()] == 6).any())
    assert touched


def test_the_first_goal_ends_the_episode_with_a_reward_of_one():
    simulation = Simulation("AntMaze_UMaze-v4", 2)
    simulation.reset([np.random.default_rng(seed) for seed in range(2)])
    simulation.goals[0] = simulation.qpos[0, :2] + [GOAL_RADIUS - 0.1, 0]
    simulation.goals[1] = simulation.qpos[1, :2] + [GOAL_RADIUS + 0.1, 0]
    step = simulation.step(np.zeros((2, 8), np.float32))
    assert (step.rewards.tolist(), step.terminated.tolist()) == ([1.0, 0.0], [True, False])
    assert not step.truncated.any()


def test_time_runs_out_after_700_steps_of_the_smallest_maze():
    simulation = Simulation("AntMaze_UMaze-v4", 1)
    simulation.reset([np.random.default_rng(0)])
    still = np.zeros((1, 8), np.float32)
    ends = [simulation.step(still).truncated[0] for _ in range(700)]
    assert ends.index(True) == 699


@pytest.mark.parametrize("name", MAZES)
def test_walls_are_those_of_gymnasium_robotics(name):
    theirs = {"umaze": "U_MAZE", "medium": "MEDIUM_MAZE", "large": "LARGE_MAZE"}[name]
    layout = getattr(robotics.envs.maze.maps, theirs)
    assert [[kind == 1 for kind in row] for row in MAZES[name].map("diverse")] == [[k == 1 for k in r] for r in layout]


@pytest.mark.parametrize("name", MAZES)
def test_there_is_a_shortest_way_between_all_cells(name):
    maze = MAZES[name]
    for goal in maze.free:
        after = maze.steps_to(goal)
        assert set(after) == set(maze.free)
        assert after[goal] == goal
        for cell, following in after.items():
            assert cell == goal or abs(cell[0] - following[0]) + abs(cell[1] - following[1]) == 1
        assert maze.cell(maze.centre(goal) + np.array([1.9, -1.9])) == goal
    assert len(_way(maze, (1, 1), maze.goals("evaluation")[0])) == {"umaze": 6, "medium": 10, "large": 14}[name]


def _way(maze, cell, goal):
    after = maze.steps_to(goal)
    steps = []
    while cell != goal:
        cell = after[cell]
        steps.append(cell)
    return steps


@pytest.mark.parametrize("spoil", [None, "the legs the other way round", "of another ant"])
def test_a_set_of_a_maze_moves_as_an_ant_does_there_or_that_is_told(spoil):
    """The place is observed, so that walls are where they are; the goal is no part of a body."""
    generators = [np.random.default_rng(seed) for seed in range(20)]
    simulation = Simulation("AntMaze_UMaze-v4", 20)
    states, actions = [simulation.reset(generators)], []
    for _ in range(10):
        actions.append(generators[0].uniform(-1, 1, (20, 8)))
        states.append(simulation.step(actions[-1]).observations)
    rows = {"observations": np.concatenate(states[:-1]), "next_observations": np.concatenate(states[1:])}
    if spoil == "the legs the other way round":
        rows = {name: np.concatenate([part[:, :9], part[:, 16:8:-1], part[:, 17:]], 1) for name, part in rows.items()}
    acted = np.concatenate(actions)
    said = []
    transitions = Transitions(
        "ants", "", "AntMaze_UMaze-v4", False, actions=acted[::-1] if spoil == "of another ant" else acted,
        rewards=np.zeros(200), terminated=np.zeros(200, bool), episode_starts=np.arange(200), **rows,
    )  # fmt: skip
    notify_if_strange(transitions, said.append)
    assert [line.startswith("ants does not move as AntMaze_UMaze-v4 does") for line in said] == [True] * bool(spoil)


def test_an_unknown_task_is_refused():
    with pytest.raises(SkillsError, match="'fun'"):
        Simulation("AntMaze_UMaze-v4", 1, task="fun")
