"""How each body's policies were made: one training run with a seed, stopped a few times on its way.

Letters: N simulations, A action size.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skills.bodies.fast import Simulation
from skills.data.made import shipped
from skills.data.made.shipped import ShippedPolicy
from skills.errors import NOT_FOUND, SkillsError, nearest
from skills.files import write_json
from skills.progress import Progress, silent
from tools.behaviours import ppo
from tools.behaviours.ppo import Plain, PPOConfig, Snapshot

EPISODES = 32  # played for the returns in a record
_CURVE_EVERY = 10  # iterations between two points of the curve in a record
_EVALUATION_SEED = 7
VERSIONS = ("mujoco", "gymnasium", "torch", "numpy")


# One gait gives a hundred classes that are phases of it, and skills that all run at its pace (on Ant, speeds then
# spread by 0.27 m/s between skills and 0.25 within one). So the episodes of `medium` are one policy at several vigours
# or, where the body falls when it holds back, at several noise levels; where that is still one gait, four policies from
# along its training (`shipped.Turns`), slower as they come earlier.


@dataclass(frozen=True)
class Recipe:
    """A training run.   seed: the default one.   levels: {level: environment steps at which the policy is taken};
    medium-2, medium-3 and so on play the episodes of medium with it.

    gains, noise_scales: {level: how its episodes vary}, see `ShippedPolicy`; not at all where there is none.

    The step counts were chosen on the learning curve: medium so that its data, variations included, return a third to
    three quarters of the expert's (as D4RL's do), expert at the top. Training ends with the last of them; the config's
    `steps` is what its schedule aims at.
    """

    env_id: str
    seed: int
    config: PPOConfig
    levels: Mapping[str, int]
    gains: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    noise_scales: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


RECIPES = {
    "ant": Recipe(
        "Ant-v5",
        1,
        PPOConfig(4_000_000),
        {"simple": 737_280, "medium": 1_884_160, "expert": 2_785_280},
        gains={"medium": (1.0, 0.8, 0.6, 0.4)},
    ),
    "halfcheetah": Recipe(
        "HalfCheetah-v5",
        1,
        PPOConfig(8_000_000),
        {"simple": 491_520, "medium": 1_802_240, "expert": 3_031_040},
        gains={"medium": (0.9, 0.8, 0.7, 0.6)},  # at 1 it now and then lands on its back, and stays there
    ),
    "walker2d": Recipe(
        "Walker2d-v5",
        1,
        PPOConfig(5_000_000),
        {
            "simple": 655_360,
            "medium": 1_310_720,
            "medium-2": 983_040,
            "medium-3": 819_200,
            "medium-4": 655_360,
            "expert": 1_802_240,
        },
        gains={"medium-2": (0.9,), "medium-3": (0.9,)},
        noise_scales={"medium": (0.75,), "medium-2": (0.75,), "medium-3": (0.75,), "medium-4": (0.75,)},
    ),
    "hopper": Recipe(
        "Hopper-v5",
        1,
        PPOConfig(3_000_000, log_std=-0.3),
        {"simple": 901_120, "medium": 1_392_640, "expert": 2_293_760},
        noise_scales={"medium": (1.0, 1.0, 1.0, 2.0), "expert": (0.5,)},  # with all its noise it stumbles now and then
    ),
}


def recipe(body: str) -> Recipe:
    """The recipe of a body. Raises: SkillsError (not found) with the known ones."""
    if body not in RECIPES:
        raise SkillsError(f"There is no recipe for the body {body!r}.", nearest(body, RECIPES), NOT_FOUND)
    return RECIPES[body]


def train(body: str, seed: int | None, folder: Path, progress: Progress = silent) -> list[Path]:
    """Trains a body's policies and writes them and their record into `folder`; returns the files.

    seed: None for the recipe's own, which remakes what ships. Progress counts environment steps.
    """
    made, seed = recipe(body), recipe(body).seed if seed is None else seed
    began = time.monotonic()
    taken: dict[str, tuple[Snapshot, float]] = {}
    curve: list[tuple[int, float]] = []
    last = max(made.levels.values())

    def watch(snapshot: Snapshot) -> bool:
        progress(min(snapshot.steps, last), last)
        if snapshot.steps % (_CURVE_EVERY * made.config.simulations * made.config.rollout) == 0:
            curve.append((snapshot.steps, snapshot.mean_return))
        for level, steps in made.levels.items():
            if level not in taken and snapshot.steps >= steps:
                taken[level] = (snapshot, time.monotonic() - began)
        return snapshot.steps < last

    ppo.train(Plain(made.env_id, made.config), seed, made.config, watch)
    return write(body, seed, folder, taken, curve)


def write(
    body: str, seed: int, folder: Path, taken: Mapping[str, tuple[Snapshot, float]], curve: list[tuple[int, float]]
) -> list[Path]:
    """Writes the policies, {level: (snapshot, seconds of training until then)}, and measures them for the record."""
    made = recipe(body)
    levels: dict[str, Any] = {}
    files = [shipped.record_path(body, folder)]
    for level, (snapshot, seconds) in taken.items():
        gains, noise_scales = (varied.get(level, (1.0,)) for varied in (made.gains, made.noise_scales))
        policy = replace(snapshot.policy, gains=gains, noise_scales=noise_scales)
        files.append(shipped.path(body, level, folder))
        shipped.save(policy, files[-1])
        levels[level] = {
            "steps": snapshot.steps,
            "training_seconds": round(seconds),
            "action_std": round(float(np.exp(policy.log_std).mean()), 3),
            "gains": list(policy.gains),
            "noise_scales": list(policy.noise_scales),
            "stochastic": _summary(returns(made.env_id, policy, noisy=True)),
            "mean_action": _summary(returns(made.env_id, policy, noisy=False)),
        }
    record = {
        "command": f"skills data train {body} --seed {seed}",
        "env_id": made.env_id,
        "seed": seed,
        "versions": {package: version(package) for package in VERSIONS},
        "config": asdict(made.config),
        "evaluation": {"episodes": EPISODES, "seed": _EVALUATION_SEED},
        "levels": levels,
        "curve": {
            "columns": ["steps", "mean return of the last hundred episodes"],
            "rows": [[steps, round(value, 1)] for steps, value in curve if np.isfinite(value)],
        },
    }
    write_json(files[0], record)
    return files


def returns(env_id: str, policy: ShippedPolicy, *, noisy: bool, episodes: int = EPISODES) -> NDArray[np.float64]:
    """[N] returns of one whole episode each, acting as in the data, or with its mean action, unvaried."""
    simulation = Simulation(env_id, episodes)
    children = np.random.SeedSequence(_EVALUATION_SEED).spawn(episodes)
    generators = [np.random.default_rng(child) for child in children]
    observations = simulation.reset(generators)
    total = np.zeros(episodes)
    alive = np.arange(episodes)
    while len(alive):
        varied = ([generators[index] for index in alive], alive) if noisy else ()
        actions = policy.act(observations, *varied)
        step = simulation.step(actions, alive)
        total[alive] += step.rewards
        going = ~(step.terminated | step.truncated)
        alive, observations = alive[going], step.observations[going]
    return total


def _summary(values: NDArray[np.float64]) -> dict[str, float]:
    return {"return_mean": round(float(values.mean()), 1), "return_std": round(float(values.std()), 1)}
