"""IQL alone, on the environment's own rewards: does its return reach the data's mean?

    python bench/true_rewards.py [--steps 30000] [--rows 200000] [DATASET ...]

One head (K = 1) on each embedded medium set with `quick`'s settings of IQL (the official ones for locomotion, but
30,000 steps at a learning rate of 1e-3, on the first 200,000 transitions), rewards scaled as IQL does; ten episodes of
the mean action. Prints the data's mean return, the policy's with a 95 % bootstrap interval, and which is the higher.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from scipy.stats import bootstrap
from timing import record

from skills.bodies.environments import EPISODE_STEPS
from skills.bodies.fast import Simulation
from skills.data import sources
from skills.data.transitions import Transitions
from skills.learning.classes import one_expert
from skills.learning.learners.iql import Iql
from skills.learning.matrix import Rewards
from skills.learning.policy import Policy
from skills.progress import silent, silent_reporter

DATASETS = ("hopper-medium", "halfcheetah-medium", "walker2d-medium")
EPISODES, SEED = 10, 1
QUICK = Iql(steps=30_000, learning_rate=1e-3)  # as the preset has it of skills that IQL learns


def scaled_rewards(transitions: Transitions) -> Rewards:
    """The true rewards as a matrix of one column: times 1000 / (max - min of the episodes' returns)."""
    scale = 1000.0 / (transitions.returns.max() - transitions.returns.min())
    return Rewards(transitions.rewards[:, None].astype(np.float16), np.array([scale], np.float32))


def returns(policy: Policy, env_id: str) -> np.ndarray:
    """[EPISODES] undiscounted returns of the mean action."""
    simulation = Simulation(env_id, EPISODES)
    observations = simulation.reset([np.random.default_rng([SEED, episode]) for episode in range(EPISODES)])
    total, playing = np.zeros(EPISODES), np.ones(EPISODES, bool)
    for _ in range(EPISODE_STEPS):
        step = simulation.step(policy.act(observations, np.zeros(EPISODES, int)))
        total += step.rewards * playing
        playing &= ~step.terminated
        observations = step.observations
    return total


def main() -> None:
    """Trains, plays, prints and records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=QUICK.steps)
    parser.add_argument("--rows", type=int, default=200_000, help="transitions of each set")
    parser.add_argument("names", nargs="*", default=DATASETS, metavar="DATASET")
    given = parser.parse_args()
    steps, names = given.steps, " ".join(given.names)
    lines = [f"IQL on true rewards, {steps} steps (python bench/true_rewards.py --steps {steps} {names})"]
    for name in given.names:
        data = sources.load(name, source="auto", steps=given.rows, columns="motion", progress=silent, notify=print)
        with tempfile.TemporaryDirectory() as folder:
            policy = replace(QUICK, steps=steps).train(
                data, one_expert(len(data), np.arange(len(data))), scaled_rewards(data),
                torch.device("cpu"), torch.Generator().manual_seed(SEED), Path(folder), silent_reporter,
            )  # fmt: skip
        played = returns(policy, data.env_id)
        low, high = bootstrap((played,), np.mean, rng=np.random.default_rng(SEED)).confidence_interval
        mean = data.returns.mean()
        verdict = "reaches" if played.mean() >= mean else "stays below"
        lines.append(f"{name:<20} {played.mean():7.0f} [{low:.0f}, {high:.0f}] {verdict} the data's mean, {mean:.0f}")
    record("true_rewards", "\n".join(lines))


if __name__ == "__main__":
    main()
