"""Prints how fast the bodies that are simulated here are played: by processor time, so that other work does not count.

    OMP_NUM_THREADS=1 python bench/worlds.py [--beside TREE]

Timed in turn, in processes of their own: the batched simulation, and the same bodies as Gymnasium's own environments,
played as every other body is. Their last states are compared to the bit.
--beside: another checkout of this project, whose batched simulation is timed in turn too (such as `git worktree add
../before COMMIT`).

Letters: N simulations.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

from timing import record

BODIES = ("Ant-v5", "HalfCheetah-v5", "Walker2d-v5", "Hopper-v5", "AntMaze_UMaze-v4")
_COUNT = 16
_HERE = Path(__file__).parents[1]
# The first steps are not timed: memory is touched for the first time, the processor wakes up.
_TIMED = """
import hashlib, json, sys, time
import numpy as np
from skills.bodies.fast import Simulation
count, steps, general, names = json.loads(sys.argv[1])
found = {}
for env_id in names:
    if general:
        from skills.bodies.body import derive
        from skills.bodies.gym import GymWorld
        world = GymWorld(derive(env_id), count, threads=1)
        actions = len(world.body.actions.low)
    else:
        world = Simulation(env_id, count, threads=1)
        actions = world.action_size
    draws = np.random.default_rng(0)
    world.reset([np.random.default_rng([1, row]) for row in range(count)])
    for step in range(steps + steps // 4):
        if step == steps // 4:
            begun = time.process_time()
        world.step(draws.uniform(-1, 1, (count, actions)).astype(np.float32))
    speed = count * steps / (time.process_time() - begun)
    found[env_id] = [speed, hashlib.sha256(np.ascontiguousarray(world.qpos).tobytes()).hexdigest()]
print(json.dumps(found))
"""

Timed = dict[str, tuple[float, str]]  # {body: (steps/s of processor time, the digest of its last states)}


def timed(tree: Path, steps: int, *, general: bool) -> Timed:
    """A checkout, in a process of its own.   general: as Gymnasium's own environments."""
    asked = json.dumps([_COUNT, steps, general, BODIES])
    variables = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", _TIMED, asked], env=variables, cwd=tree, check=True, capture_output=True, text=True
    )
    return {env_id: tuple(found) for env_id, found in json.loads(done.stdout.splitlines()[-1]).items()}


def lines(rounds: list[dict[str, Timed]]) -> list[str]:
    """The table: medians over the rounds, and the median of the ratios, each of one round."""
    others = [name for name in rounds[0] if name != "here"]
    heads = ["body", "here", *(head for name in others for head in (name, "here is times as fast")), "last states"]
    found = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for env_id in BODIES:
        cells = [f"{median(one['here'][env_id][0] for one in rounds):,.0f}"]
        for name in others:
            ratio = median(one["here"][env_id][0] / one[name][env_id][0] for one in rounds)
            cells += [f"{median(one[name][env_id][0] for one in rounds):,.0f}", f"{ratio:.2f}"]
        states = {one[env_id][1] for timed_once in rounds for one in timed_once.values()}
        found.append(f"| {' | '.join([env_id, *cells, 'the same bits' if len(states) == 1 else 'differ'])} |")
    return found


def compare() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beside", type=Path, help="another checkout")
    parser.add_argument("--steps", type=int, default=400, help=f"of each of {_COUNT} simulations")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    measured = {"here": (_HERE, False), "Gymnasium's own": (_HERE, True)}
    if asked.beside is not None:
        commit = subprocess.run(
            ["git", "-C", asked.beside, "rev-parse", "--short", "HEAD"], check=True, capture_output=True, text=True
        )
        measured[f"beside, {commit.stdout.strip()}"] = (asked.beside.resolve(), False)
    rounds = [
        {name: timed(tree, asked.steps, general=general) for name, (tree, general) in measured.items()}
        for _ in range(asked.rounds)
    ]
    of = f"Steps/s of a core, {_COUNT} simulations of {asked.steps} steps, medians of {asked.rounds} rounds"
    record("worlds", "\n".join([f"{of} (python bench/worlds.py)", *lines(rounds)]))


if __name__ == "__main__":
    compare()
