"""Prints how fast the bodies that are simulated here are played: by processor time, so that other work does not count.

    python bench/worlds.py [--beside TREE]

--beside: another checkout of this project, whose simulation is timed in turn with this one's, in processes of their own
(such as `git worktree add ../before COMMIT`); the last states are compared to the bit. Without, Gymnasium's own
environments are timed beside, as they are played where a body is not simulated here.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

BODIES = ("Ant-v5", "HalfCheetah-v5", "Walker2d-v5", "Hopper-v5", "AntMaze_UMaze-v4")
_COUNT, _STEPS, _ROUNDS = 16, 150, 3
_TIMED = """
import hashlib, json, sys, time
import numpy as np
from skills.bodies.fast import Simulation
found = {}
for env_id, general in json.loads(sys.argv[1]):
    if general:
        from skills.bodies.body import derive
        from skills.bodies.gym import GymWorld
        world = GymWorld(derive(env_id), COUNT, threads=1)
        actions = len(world.body.actions.low)
    else:
        world = Simulation(env_id, COUNT, threads=1)
        actions = world.action_size
    draws = np.random.default_rng(0)
    world.reset([np.random.default_rng([1, row]) for row in range(COUNT)])
    begun = time.process_time()
    for _ in range(STEPS):
        world.step(draws.uniform(-1, 1, (COUNT, actions)).astype(np.float32))
    speed = COUNT * STEPS / (time.process_time() - begun)
    found[env_id] = [speed, hashlib.sha256(np.ascontiguousarray(world.qpos).tobytes()).hexdigest()]
print(json.dumps(found))
"""


def timed(tree: Path, *, general: bool = False) -> dict[str, tuple[float, str]]:
    """{body: (steps/s of processor time, the digest of its last states)} of a checkout, in a process of its own."""
    code = _TIMED.replace("COUNT", str(_COUNT)).replace("STEPS", str(_STEPS))
    asked = json.dumps([(env_id, general) for env_id in BODIES])
    variables = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code, asked]
    done = subprocess.run(command, env=variables, cwd=tree, check=True, capture_output=True, text=True)
    return {env_id: tuple(found) for env_id, found in json.loads(done.stdout.splitlines()[-1]).items()}


def compare() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beside", type=Path)
    beside: Path | None = parser.parse_args().beside
    here = Path(__file__).parents[1]
    ours, theirs = [], []
    for _ in range(_ROUNDS):
        theirs.append(timed(here, general=True) if beside is None else timed(beside.resolve()))
        ours.append(timed(here))
    other = "Gymnasium's own" if beside is None else "beside"
    print(f"| body | here, steps/s of a core | {other} | ratio | states |\n|---|---|---|---|---|")
    for env_id in BODIES:
        speeds = [median(one[env_id][0] for one in rounds) for rounds in (ours, theirs)]
        same = {one[env_id][1] for one in (*ours, *theirs)}
        alike = "the same bits" if len(same) == 1 else "differ"
        print(f"| {env_id} | {speeds[0]:,.0f} | {speeds[1]:,.0f} | {speeds[0] / speeds[1]:.2f} | {alike} |")


if __name__ == "__main__":
    compare()
