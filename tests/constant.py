"""A policy whose skills are known: each holds one action, whatever it observes."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from skills.arrays import Floats, Ids
from skills.bodies.body import body_of
from skills.bodies.fast import Simulation
from skills.learning.policy import Policy, Shape
from skills.playing.rollout import start
from skills.runs.configure import make_config
from skills.runs.folder import RunFolder, open_or_create


def constant_policy(env_id: str, levels: Sequence[float]) -> Policy:
    """A skill for each level, which all its motors are held at."""
    body = body_of(env_id)
    size, actions = body.motion_size, len(body.actions.low)
    shape = Shape(size, actions, len(levels), hidden=4)
    policy = Policy(shape, torch.zeros(size), torch.ones(size), torch.Generator().manual_seed(0))
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter.zero_()
        last = policy.network[-1]
        last.bias.copy_(torch.from_numpy(np.arctanh(np.clip(np.repeat(levels, actions), -0.9999, 0.9999))))
    return policy


def constant_run(folder: Path, env_id: str, levels: Sequence[float]) -> RunFolder:
    """A run of which nothing is there but such a policy."""
    run = open_or_create(folder, replace(make_config("hopper-random", preset="smoke"), skills=len(levels)))
    known = {"name": "none", "minari_id": "none/none-v0", "env_id": env_id, "made_here": True}
    run.record_dataset({**known, "steps": 0, "episodes": 0, "digest": "none"})
    with run.stage("policy", [run.policy_folder / name for name in Policy.FILES]):
        constant_policy(env_id, levels).save(run.policy_folder)
    return run


def on_their_backs(world: Simulation, rollouts: int, seed: int, numbers: Ids | None = None) -> Floats:
    """As `skills.playing.rollout.start` of half-cheetahs, that are upside down there."""
    start(world, rollouts, seed, numbers)
    qpos, qvel = world.qpos.copy(), world.qvel.copy()
    qpos[:, 1:3] = -0.45, np.pi
    return world.set_state(qpos, np.zeros_like(qvel))
