"""Small real things that many tests share."""

import dataclasses
import os
from pathlib import Path
from typing import Any

# One thread a process, before anything starts its threads: the tests themselves run on as many processes as there are
# cores, and bytes are compared between these and their children. What two threads do, tests that set them say.
for pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[pool] = "1"

import numpy as np
import pytest

from skills.bodies.fast import Simulation
from skills.data.transitions import ACTION_LIMIT, Transitions
from skills.learning.learners.iql import Iql
from skills.learning.matrix import Rewards
from skills.learning.rewards.clue import Clue
from skills.settings.config import ExpertsConfig, RolloutConfig

pytest.register_assert_rewrite("browsing")  # a plug-in of the tests that take it in, which import from it too

# The longest files, first: begun last, one of them would have a worker to itself at the end.
LONGEST = ("test_bench", "test_cli", "test_shipped", "test_gallery_detail", "test_pipeline", "test_examples")

# The stages of a run that is over in a second or two, to `replace` those of a preset.
TINY_STAGES = {
    "experts": ExpertsConfig(max_iterations=5),
    "reward": Clue(hidden=16, batch=16, iterations=20, learning_rate=1e-3),
    "policy": Iql(hidden=16, batch=16, steps=20),
    "rollout": RolloutConfig(rollouts=2, horizon=50),
}

# The same for what takes settings by their names.
TINY_SETTINGS = {
    "data.steps": 3000,
    "experts.max_iterations": 5,
    "reward.hidden": 16,
    "reward.iterations": 40,
    "policy.steps": 60,
    "rollout.horizon": 60,
}


def shrunk(stage: Any, **settings: Any) -> Any:
    """A stage with those of the settings that it has: not every maker and learner has sizes."""
    known = {one.name for one in dataclasses.fields(stage)}
    return dataclasses.replace(stage, **{name: value for name, value in settings.items() if name in known})


def play_randomly(env_id: str, episodes: int, steps: int, seed: int = 0) -> Transitions:
    """Random actions in the real simulation: `episodes` episodes of at most `steps` steps."""
    generator = np.random.default_rng(seed)
    simulation = Simulation(env_id, 1)
    rows: list[tuple[np.ndarray, ...]] = []
    starts = []
    for episode in range(episodes):
        starts.append(len(rows))
        observations = simulation.reset([np.random.default_rng([seed, episode])])
        for _ in range(steps):
            actions = generator.uniform(-1, 1, (1, simulation.action_size)).astype(np.float32)
            step = simulation.step(actions)
            rows.append((observations[0], actions[0], step.observations[0], step.rewards[0], step.terminated[0]))
            observations = step.observations
            if step.terminated[0]:
                break
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return Transitions(
        name="random",
        minari_id="test/random-v0",
        env_id=env_id,
        made_here=True,
        observations=columns[0].astype(np.float32),
        actions=columns[1].clip(-ACTION_LIMIT, ACTION_LIMIT),
        next_observations=columns[2].astype(np.float32),
        rewards=columns[3].astype(np.float32),
        terminated=columns[4],
        episode_starts=np.array(starts, np.int64),
    )


def bandit(rows: int = 4000) -> tuple[Transitions, Rewards]:
    """One step each; skill 0 is paid for actions near +0.5, skill 1 for actions near -0.5."""
    generator = np.random.default_rng(0)
    actions = generator.uniform(-0.99, 0.99, (rows, 1)).astype(np.float32)
    observations = generator.standard_normal((rows, 2)).astype(np.float32)
    labels = np.exp(-10.0 * np.square(actions - np.array([[0.5, -0.5]]))).astype(np.float16)
    transitions = Transitions(
        "bandit", "test/bandit-v0", "Hopper-v5", True, observations, actions, observations,
        np.zeros(rows, np.float32), np.ones(rows, bool), np.arange(rows),
    )  # fmt: skip
    return transitions, Rewards(labels, np.ones(2, np.float32))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the longest files first, and the rest as they were."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


@pytest.fixture(scope="session")
def cheetah() -> Transitions:
    """2,000 transitions of a half-cheetah acting at random, in 10 episodes."""
    return play_randomly("HalfCheetah-v5", episodes=10, steps=200)


@pytest.fixture(scope="session")
def hopper() -> Transitions:
    """Some hundred transitions of a hopper acting at random until it falls."""
    return play_randomly("Hopper-v5", episodes=30, steps=200)


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the data or the runs of the person who runs it."""
    monkeypatch.setenv("SKILLS_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
