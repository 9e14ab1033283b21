"""Recorded motion and pages for the tests of videos."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skills.bodies.fast import Simulation
from skills.measures.profile import LEVELS
from skills.playing.rollout import Rollouts
from skills.runs.configure import make_config
from skills.runs.folder import RunFolder, open_or_create


def states_of(env_id: str, steps: int = 24, seed: int = 0) -> NDArray[np.float64]:
    """[steps, nq] every second state of a body that acts at random: it tumbles, which stretches every bound."""
    simulation = Simulation(env_id, 1, threads=1)
    generator = np.random.default_rng(seed)
    simulation.reset([generator])
    states = []
    for step in range(2 * steps):
        simulation.step(generator.uniform(-1, 1, (1, simulation.action_size)))
        if step % 2:
            states.append(simulation.qpos[0].copy())
    return np.stack(states)


def random_rollouts(env_id: str, skills: int, rollouts: int, steps: int) -> Rollouts:
    """Rollouts of random actions; a body that falls stays where it fell."""
    total = skills * rollouts
    simulation = Simulation(env_id, total, threads=1)
    simulation.reset([np.random.default_rng([7, index]) for index in range(total)])
    generator = np.random.default_rng(7)
    qpos = [simulation.qpos.copy()]
    lengths, fell = np.full(total, steps), np.zeros(total, dtype=bool)
    for step in range(steps):
        ended = simulation.step(generator.uniform(-1, 1, (total, simulation.action_size))).terminated
        lengths[ended & ~fell] = step + 1
        qpos.append(np.where(fell[:, None], qpos[-1], simulation.qpos))
        fell |= ended
    shape = (skills, rollouts)
    return Rollouts(
        qpos=np.stack(qpos, axis=1).reshape(*shape, steps + 1, -1).astype(np.float32),
        lengths=lengths.reshape(shape).astype(np.int32),
        terminated=fell.reshape(shape),
        rewards=np.zeros((*shape, steps), np.float32),
        classes=np.zeros((*shape, steps), np.int16),
        seconds_per_step=np.array(simulation.seconds_per_step),
    )


def write_rollouts(run_folder: Path, rollouts: Rollouts) -> None:
    """Puts rollouts where a run keeps them."""
    (run_folder / "rollouts").mkdir(parents=True, exist_ok=True)
    rollouts.save(run_folder / "rollouts" / "rollouts.npz")


def rendered_run(path: Path, skills: int, steps: int = 400) -> RunFolder:
    """A run of hoppers, finished but for what its stages before the rollouts would have made."""
    run = open_or_create(path, make_config("hopper-random", preset="smoke", skills=skills))
    run.record_dataset(
        {
            "name": "hopper-random",
            "minari_id": "skills/hopper/random-v0",
            "env_id": "Hopper-v5",
            "made_here": True,
            "steps": 1000,
            "episodes": 10,
            "return_mean": 0.0,
            "digest": "none",
        }
    )
    with run.stage("rollouts", [run.rollouts_file]):
        write_rollouts(path, random_rollouts("Hopper-v5", skills, 1, steps))
    return run


def page_of(count: int, label: str = "forward 1.0 m/s") -> dict[str, Any]:
    """What a gallery shows of `count` skills: every third falls, and speeds fall as numbers rise."""
    families = min(4, count)
    numbers = range(count)
    skills = [
        {
            "skill": skill,
            "label": f"{label}, falls at 2.3 s" if skill % 3 == 2 else label,
            "support": 0.01 + skill / 10000,
            "speed": 5.0 - skill / 50,
            "displacement": skill / 2,
            "survival": 0.4 if skill % 3 == 2 else 1.0,
            "rollouts": 5,
            "ended": "falls in 5 of 5" if skill % 3 == 2 else "",
            "ended_seconds": 2.3 if skill % 3 == 2 else None,
            "return": 100.0 * (skill % 7),
            "occupancy": 0.05,
            "occupancy_ratio": 0.2 * skill,
            "path": [[0.0, 0.0], [1.0, 0.5], [2.0, skill / 50]],
            "seconds": 8.0,
            "speeds": [100, 120 + skill, 90],
            "heights": [60, 55, 61],
            "return_interval": [100.0 * (skill % 7) - 12, 100.0 * (skill % 7) + 12],
            "family": skill % families,
            "place": [round(float(np.cos(skill)), 3), round(float(np.sin(skill)), 3)],
            "similar": [other for other in range(skill + 1, skill + 6) if other < count],
            "distinctness": 1.0 + skill / 10,
            "fidelity": skill / count,
            "data_share": 0.12,
        }
        for skill in range(count)
    ]
    return {
        "schema_version": 1,
        "run": "hopper-medium",
        "dataset": {
            "name": "hopper-medium",
            "minari_id": "skills/hopper/medium-v0",
            "made_here": True,
            "steps": 200000,
            "episodes": 230,
        },
        "env_id": "Hopper-v5",
        "mode": "skills",
        "preset": "quick",
        "seed": 0,
        "skills_count": count,
        "wall_seconds": 812.3,
        "versions": {"torch": "2.13.0", "mujoco": "4.0.0"},
        "command": "skills discover hopper-medium",
        "summary": [
            {"name": "Own-class occupancy", "value": 5.1, "unit": "x base rate", "explanation": "chance 1"},
            {"name": "Return in the data", "value": None, "unit": "", "explanation": "not measured"},
        ],
        "skills": skills,
        "planar": False,
        "representatives": list(range(families)),
        "families": [f"forward, about {family}.0 m/s" for family in range(families)],
        "order": sorted(numbers, key=lambda skill: (skill % families, skill)),
        "axes": ["forward speed", "height"],
        "distances": "".join("A" if a == b else LEVELS[1 + abs(a - b) % 63] for a in numbers for b in numbers),
        "measures": {
            "columns": ["this run", "shuffled"],
            "rows": [
                {
                    "name": "fidelity top1",
                    "cells": [{"value": 0.61, "low": 0.55, "high": 0.66}, {"value": 0.01, "low": None, "high": None}],
                }
            ],
        },
        "exemplars": {"origin": "recorded", "note": "There is no film of the class in the data yet."},
    }
