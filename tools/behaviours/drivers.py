"""How the networks of the `diverse` sets were made: each learns one lesson, most from a gait that ships already."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from skills.bodies.fast import Simulation
from skills.data.made import shipped
from skills.data.made.diverse import LEVEL
from skills.data.made.driver import Driver, orders
from skills.data.made.joystick import JOYSTICKS
from skills.data.made.rounds import ROUND, play_round
from skills.data.made.shipped import ShippedPolicy
from skills.errors import NOT_FOUND, SkillsError, nearest
from skills.files import write_json
from skills.progress import Progress, silent
from tools.behaviours import ppo
from tools.behaviours.commanded import LESSONS, Commanded, Lesson, told
from tools.behaviours.following import Drive, Following, follow
from tools.behaviours.ppo import PPOConfig, Snapshot
from tools.behaviours.recipes import VERSIONS

_SEED = 1
_ROUNDS = 2  # played for the record


@dataclass(frozen=True)
class Stage:
    """A stretch of the training of one network.

    stop: environment steps after which it ends; the config's `steps` is what its schedule aims at.
    gait: the level of the policy that it begins as; None: what the stage before has left, or nothing.
    cells: beginnings of the names of those that it is told, all of the lesson's where there is none.
    """

    stop: int
    config: PPOConfig
    gait: str | None = None
    cells: tuple[str, ...] = ()


_WALKS = Stage(638_976, PPOConfig(2_000_000), "medium")
_HOPS = Stage(688_128, PPOConfig(1_500_000), "medium")

# Of each network that `LESSONS` has, one stage after the other.
STAGES: dict[str, dict[str, tuple[Stage, ...]]] = {
    "ant": {},  # the runner that ships already is steered by what it sees
    "halfcheetah": {
        "diverse": (
            Stage(688_128, PPOConfig(3_000_000), "simple"),
            Stage(737_280, PPOConfig(3_000_000, log_std=-1.2)),
            Stage(491_520, PPOConfig(2_000_000, log_std=-1.5), cells=("-3", "0", "3", "6", "7.5")),
        ),
        "diverse-2": (
            Stage(737_280, PPOConfig(3_000_000, log_std=-0.7), cells=("-3", "4.5", "6", "7.5")),
            Stage(540_672, PPOConfig(2_000_000, log_std=-1.3), cells=("-3", "-1.5", "0", "1.5", "3")),
        ),
        "diverse-3": (Stage(884_736, PPOConfig(4_000_000)),),
    },
    "walker2d": {
        "diverse": (_WALKS,),
        "diverse-2": (_WALKS, Stage(294_912, PPOConfig(1_500_000, log_std=-1.3), cells=("-1", "0", "1"))),
    },
    "hopper": {
        "diverse": (_HOPS, Stage(147_456, PPOConfig(1_500_000, log_std=-1.3), cells=("stands", "hops"))),
        "diverse-2": (_HOPS,),
    },
}


def train(body: str, seed: int | None, folder: Path, progress: Progress = silent) -> list[Path]:
    """Trains a body's networks and writes them and their record into `folder`; returns the files.

    seed: None for that of what ships. Progress counts environment steps.

    Raises: SkillsError (not found) for a body that has none.
    """
    if body not in STAGES:
        raise SkillsError(f"There is no {LEVEL} set of the body {body!r}.", nearest(body, STAGES), NOT_FOUND)
    seed = _SEED if seed is None else seed
    total = sum(stage.stop for stages in STAGES[body].values() for stage in stages)
    files: list[Path] = []
    seconds: list[int] = []
    so_far = 0
    for level, stages in STAGES[body].items():
        began, network = time.monotonic(), None
        for stage in stages:
            network = _learn(LESSONS[body][level], stage, seed, network, partial(_further, progress, so_far, total))
            so_far += stage.stop
        assert network is not None, level
        files.append(shipped.path(body, level, folder))
        shipped.save(network, files[-1])
        seconds.append(round(time.monotonic() - began))
    return [write(body, seed, folder, seconds), *files]


def _further(progress: Progress, behind: int, total: int, steps: int) -> None:
    progress(behind + steps, total)


def _learn(
    lesson: Lesson, stage: Stage, seed: int, before: ShippedPolicy | None, progress: Callable[[int], None]
) -> ShippedPolicy:
    begin = before
    if stage.gait is not None:
        begin = told(shipped.load(lesson.body, stage.gait), lesson)
    if begin is not None:
        begin = replace(begin, log_std=np.full_like(begin.log_std, stage.config.log_std))
    if stage.cells:
        lesson = replace(lesson, cells=tuple(cell for cell in lesson.cells if cell.name.startswith(stage.cells)))

    def watch(snapshot: Snapshot) -> bool:
        progress(min(snapshot.steps, stage.stop))
        return snapshot.steps < stage.stop

    return ppo.train(Commanded(lesson, stage.config), seed, stage.config, watch, begin)


def write(body: str, seed: int, folder: Path, seconds: Sequence[int]) -> Path:
    """Writes the record of the networks in a folder, which also says how they follow commands; returns its file.

    seconds: that the training of each took.
    """
    networks = {level: shipped.load(body, level, folder) for level in STAGES[body]}
    acting = {level: networks.get(level) or shipped.load(body, level) for level in JOYSTICKS[body].networks}
    record = {
        "command": f"python -m tools.behaviours {body}-{LEVEL} --seed {seed}",
        "env_id": JOYSTICKS[body].env_id,
        "seed": seed,
        "versions": {package: version(package) for package in VERSIONS},
        "networks": {
            level: {
                "training_seconds": took,
                "action_std": round(float(np.exp(network.log_std).mean()), 3),
                "stages": [asdict(stage) for stage in STAGES[body][level]],
            }
            for (level, network), took in zip(networks.items(), seconds, strict=True)
        },
        "evaluation": {"episodes": ROUND * _ROUNDS},
        "cells": {each.name: _summary(each) for each in play(body, acting, _ROUNDS)},
    }
    target = shipped.record_path(f"{body}-{LEVEL}", folder)
    write_json(target, record)
    return target


def play(body: str, networks: Mapping[str, ShippedPolicy], rounds: int) -> list[Following]:
    """How the first rounds of the set follow their commands, cell by cell."""
    joystick = JOYSTICKS[body]
    simulation = Simulation(joystick.env_id, ROUND)
    episodes = []
    for number in range(rounds):
        asked = [orders(joystick, number, episode) for episode in range(ROUND)]
        played = play_round(joystick.env_id, Driver(joystick, networks, asked), number, simulation)
        state = row = 0
        for order, length in zip(asked, played["lengths"].tolist(), strict=True):
            episodes.append(
                Drive(
                    played["observations"][state : state + length + 1],
                    order.cells[:length],
                    order.commands[:length],
                    bool(played["terminated"][row + length - 1]),
                )
            )
            state, row = state + length + 1, row + length
    return follow(joystick, episodes)


def _summary(found: Following) -> dict[str, Any]:
    return {
        "rows": found.rows,
        "asked": np.round(found.asked, 2).tolist(),
        "done": np.round(found.done, 2).tolist(),
        "followed": round(found.followed, 2),
        "fallen": found.fallen,
    }
