"""What stops clones in a maze? The same rows, network and updates, told the way by the planner or not.

    python bench/maze_ways.py [DATASET] [--rows 200000] [--steps 12000] [--episodes 40]

`as it is` sees what the data hold: the ant, its place, its goal. `told the way` sees the ant and a unit vector to where
the planner that made the data would send it. Both clone all rows, of failures as well. Prints what became of episodes
from D4RL's start to D4RL's goal, and of those that the data have (`play`).
"""

import argparse
from collections.abc import Callable

import numpy as np
import torch
from timing import record

from skills.bodies import motion
from skills.bodies.environments import GOAL_COLUMNS, environment
from skills.bodies.fast import Simulation
from skills.data import sources
from skills.data.made import shipped
from skills.data.made.antmaze import RUNNER
from skills.data.made.guide import Guide
from skills.data.transitions import Transitions
from skills.learning.actors import Actors, ActorSettings
from skills.learning.draws import draws_of
from skills.learning.engine.stacked import with_ones
from skills.learning.engine.workers import Workers
from skills.learning.policy import Policy

TASKS = ("evaluation", "play")
Seen = Callable[[np.ndarray, np.ndarray], np.ndarray]  # observations [N, O], their episodes [N] -> what a clone sees


def told(env_id: str, episodes: int) -> Seen:
    """The direction that the planner gives, and all columns but places; episodes must go on step by step."""
    maze = environment(env_id).maze
    assert maze is not None
    guide = Guide(maze, shipped.load(*RUNNER), episodes)

    def seen(observations: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        places, goals = observations[:, :2], observations[:, GOAL_COLUMNS]
        way = guide.aims(places, goals, numbers) - places
        ant = np.delete(observations, [0, 1, *GOAL_COLUMNS], axis=1)
        return np.column_stack([way / np.linalg.norm(way, axis=1, keepdims=True), ant])

    return seen


def in_data(data: Transitions, seen: Seen) -> np.ndarray:
    """[N, .] what a clone sees of all rows, the steps of all episodes one after the other."""
    found: np.ndarray | None = None
    for step in range(int(data.lengths.max())):
        numbers = np.flatnonzero(data.lengths > step)
        rows = data.episode_starts[numbers] + step
        part = seen(data.observations[rows].astype(np.float64), numbers)
        found = np.empty((len(data), part.shape[1]), np.float32) if found is None else found
        found[rows] = part
    assert found is not None
    return found


def cloned(states: np.ndarray, actions: np.ndarray, steps: int) -> Policy:
    """A clone of all rows."""
    mean, std = (torch.from_numpy(one) for one in (states.mean(axis=0), states.std(axis=0) + 1e-3))
    config = ActorSettings(steps=steps, batch=256, learning_rate=1e-3)
    generator, cpu = torch.Generator().manual_seed(0), torch.device("cpu")
    draws = draws_of(np.arange(len(states)), np.array([0, len(states)]), len(states), cpu)
    table = with_ones((torch.from_numpy(states) - mean) / std)
    with Workers(count=1) as workers:
        actors = Actors(table, torch.from_numpy(actions), 1, config, generator, workers)
        for step in range(steps):
            actors.draw(draws, generator)
            actors.set_step(step)
            actors.update()
        return actors.to_policy((mean, std), actors.learned(draws, generator))


def played(policy: Policy, seen: Seen, env_id: str, task: str, episodes: int) -> str:
    """What became of episodes."""
    world = Simulation(env_id, episodes, task=task)
    observations = world.reset([np.random.default_rng([0, number]) for number in range(episodes)])
    going = np.arange(episodes)
    for _ in range(environment(env_id).episode_steps):
        actions = policy.act(seen(observations[going], going), np.zeros(len(going), int))
        step = world.step(actions, going)
        observations[going] = step.observations
        going = going[~step.terminated]
    lying = (motion.uprightness(world.qpos[going].astype(np.float32)) < 0.0).sum()
    return f"{task}: {1 - len(going) / episodes:.0%} succeed, {lying / episodes:.0%} end on their backs"


def main() -> None:
    """Clones, plays, prints and records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", nargs="?", default="antmaze-medium-play")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--steps", type=int, default=12_000)
    parser.add_argument("--episodes", type=int, default=40)
    given = parser.parse_args()
    data = sources.load(given.dataset, steps=given.rows)
    lines = [f"{given.dataset}, {len(data):,} rows, {given.steps:,} updates, {given.episodes} episodes"]
    sights: dict[str, Callable[[int], Seen]] = {
        "as it is": lambda _: lambda observations, _: observations,
        "told the way": lambda episodes: told(data.env_id, episodes),
    }
    for name, sight in sights.items():
        policy = cloned(in_data(data, sight(len(data.lengths))), data.actions, given.steps)
        for task in TASKS:
            lines.append(f"{name:<14}{played(policy, sight(given.episodes), data.env_id, task, given.episodes)}")
            record("maze_ways", "\n".join(lines))


if __name__ == "__main__":
    main()
