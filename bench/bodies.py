"""Takes bodies of every kind through the whole program, and prints what came of each step, for docs/bodies.md.

    python bench/bodies.py FOLDER [--steps 10000] [--only Swimmer-v5,log]

Data are collected by waves and noise; they are imported or stored, skills are discovered at `smoke`, filmed, exported
and measured. A step that is refused is quoted. What is finished in FOLDER is not done again.
"""

import argparse
import contextlib
import io
import json
import os
import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import minari
import numpy as np
from minari.data_collector import EpisodeBuffer

from skills.bodies.making import make
from skills.bodies.physics import physics_of
from skills.cli import console
from skills.cli.app import main
from skills.data import store

ENVIRONMENTS = (
    "Humanoid-v5", "HumanoidStandup-v5", "Swimmer-v5", "Reacher-v5", "Pusher-v5", "InvertedDoublePendulum-v5",
    "FetchReach-v4", "FetchPickAndPlace-v4", "AdroitHandDoor-v1", "PointMaze_UMaze-v3",
)  # fmt: skip
STEPS = ("data", "discover", "films", "gallery", "export", "measures")
_NOISE, _WAVE = 0.4, 0.6  # shares of an action
_RATES = (0.5, 1.0, 2.0, 0.0)  # Hz, of the waves; an episode has one of them
_LOGGED = "Pusher-v5"  # whose episodes are the log that forgets what it is of
ROBOT = """
<mujoco model="dog"><option timestep="0.005"/><worldbody>
  <geom type="plane" size="10 10 .1"/>
  <geom type="box" size=".3 .6 .1" pos="1.5 0 .1"/>
  <body name="trunk" pos="0 0 .38"><freejoint/><geom type="box" size=".22 .1 .05" mass="4"/>
    <body name="front" pos=".2 0 0"><joint name="shoulder" axis="0 1 0" damping="1"/>
      <geom type="capsule" fromto="0 .1 0 0 .1 -.3" size=".03"/>
      <geom type="capsule" fromto="0 -.1 0 0 -.1 -.3" size=".03"/>
    </body>
    <body name="back" pos="-.2 0 0"><joint name="hip" axis="0 1 0" damping="1"/>
      <geom type="capsule" fromto="0 .1 0 0 .1 -.3" size=".03"/>
      <geom type="capsule" fromto="0 -.1 0 0 -.1 -.3" size=".03"/>
    </body>
    <body name="neck" pos=".22 0 .05"><joint name="neck" axis="0 1 0" damping=".2" range="-1 1" limited="true"/>
      <geom type="capsule" fromto="0 0 0 .15 0 .1" size=".04"/></body>
  </body>
</worldbody><actuator>
  <position joint="shoulder" kp="40" ctrlrange="-.8 .8" ctrllimited="true"/>
  <position joint="hip" kp="40" ctrlrange="-.8 .8" ctrllimited="true"/>
  <position joint="neck" kp="5" ctrlrange="-1 1" ctrllimited="true"/>
</actuator></mujoco>
"""


def episodes(env_id: str, steps: int) -> list[EpisodeBuffer]:
    """Episodes of waves and noise, with the simulator's states."""
    env, generator = make(env_id), np.random.default_rng(0)
    space: Any = env.action_space
    found: list[EpisodeBuffer] = []
    while sum(len(one.rewards) for one in found) < steps:
        rate, phase = generator.choice(_RATES), generator.uniform(0, 2 * np.pi, len(space.low))
        rows: list[tuple[Any, ...]] = []
        states, ended = [env.reset(seed=len(found))[0]], False
        positions = [_position(env)]
        while not ended:
            wave = _WAVE * np.sin(2 * np.pi * rate * 0.05 * len(rows) + phase)
            share = np.clip(wave + _NOISE * generator.standard_normal(len(phase)), -1, 1)
            action = (space.low + (space.high - space.low) * (share + 1) / 2).astype(np.float32)
            state, reward, terminated, truncated, _ = env.step(action)
            states.append(state)
            positions.append(_position(env))
            ended = terminated or truncated or len(rows) + 1 >= steps
            rows.append((action, float(reward), terminated, ended and not terminated))
        actions, rewards, terminations, truncations = (np.array(column) for column in zip(*rows, strict=True))
        found.append(
            EpisodeBuffer(
                observations=_together(states),
                actions=actions,
                rewards=rewards,
                terminations=terminations,
                truncations=truncations,
                infos={"qpos": np.array(positions)} if len(positions[0]) else {},
            )
        )
    env.close()
    return found


def _together(states: list[Any]) -> Any:
    """[T + 1, O] of an episode's observations, or a dict of such arrays."""
    if not isinstance(states[0], dict):
        return np.array(states)
    return {name: _together([state[name] for state in states]) for name in states[0]}


def _position(env: Any) -> np.ndarray:
    physics = physics_of(env)
    return np.zeros(0) if physics is None else physics.data.qpos.copy()


def stored(env_id: str, name: str, steps: int) -> list[str]:
    """A Minari dataset of an environment; what names it on the command line.

    What is there of it is of a row that was killed before it was finished: half a set would be taken for a whole one.
    """
    shutil.rmtree(store.folder(name).parent, ignore_errors=True)
    env = make(env_id)
    spaces = {"observation_space": env.observation_space, "action_space": env.action_space}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        minari.create_dataset_from_buffers(name, episodes(env_id, steps), env=env.spec, **spaces)
    env.close()
    return [name]


def filed(env_id: str, path: Path, steps: int) -> None:
    """A file of transitions that does not say what it is of."""
    buffers = episodes(env_id, steps)
    np.savez(
        path,
        observations=np.concatenate([np.asarray(one.observations)[:-1] for one in buffers]),
        next_observations=np.concatenate([np.asarray(one.observations)[1:] for one in buffers]),
        actions=np.concatenate([np.asarray(one.actions) for one in buffers]),
        rewards=np.concatenate([np.asarray(one.rewards) for one in buffers]),
        episode_ids=np.repeat(np.arange(len(buffers)), [len(one.rewards) for one in buffers]),
    )


def model(folder: Path, steps: int) -> list[str]:
    """A robot of our own: its file and a log of it."""
    path = folder / "dog.xml"
    path.write_text(ROBOT, encoding="utf-8")
    filed(str(path), folder / "dog.npz", steps)
    return [str(folder / "dog.npz"), "--xml", str(path)]


def log(folder: Path, steps: int) -> list[str]:
    """A log without a simulator."""
    filed(_LOGGED, folder / "log.npz", steps)
    return [str(folder / "log.npz"), "--env", "none"]


def said(*arguments: object) -> str:
    """ "yes" where a command of the program succeeds, else what it said."""
    told = io.StringIO()
    console.reset()
    command = patch.object(sys, "argv", ["skills", *map(str, arguments)])
    with command, contextlib.redirect_stderr(told), contextlib.redirect_stdout(io.StringIO()):
        try:
            main()
            code: Any = 0
        except SystemExit as ended:
            code = ended.code
    console.reset()
    if code in (None, 0):
        return "yes"
    lines = [line for line in told.getvalue().splitlines() if line.startswith("error: ")]
    return lines[0].removeprefix("error: ") if lines else f"exit code {code}"


def row(name: str, make_data: Callable[[], list[str]], folder: Path) -> dict[str, str]:
    """What came of each step of one body."""
    run = folder / "runs" / name
    shutil.rmtree(run, ignore_errors=True)  # of data that are made anew
    named = make_data()
    found = {"data": "yes"}
    found["discover"] = said("discover", *named, "--preset", "smoke", "--run", run, "--no-videos")
    if found["discover"] != "yes":
        return found
    found["films"] = said("render", run, "--all", "--size", "128", "--seconds", "2")
    found["gallery"] = said("gallery", run)
    found["export"] = said("export", run, "--skill", "0")
    found["measures"] = said("evaluate", run, "--against", "none", "--trials", "2")
    return found


def table() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=10_000, help="rows of each set, at least")
    parser.add_argument("--only", help="these bodies, with commas between")
    asked = parser.parse_args()
    folder: Path = asked.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["MINARI_DATASETS_PATH"] = str(folder / "minari")
    steps = asked.steps
    rows: dict[str, Callable[[], list[str]]] = {
        env_id: lambda env_id=env_id: stored(env_id, f"bodies/{env_id}", steps)  # type: ignore[misc]
        for env_id in ENVIRONMENTS
    }
    rows |= {"a model (dog.xml)": lambda: model(folder, steps), "a log (log.npz)": lambda: log(folder, steps)}
    chosen = asked.only.split(",") if asked.only else list(rows)
    print(f"| | {' | '.join(STEPS)} |\n|---|{'---|' * len(STEPS)}")
    for name in [name for name in rows if any(name.endswith(one) or one in name for one in chosen)]:
        path = folder / f"{name}.json"
        if not path.is_file():
            path.write_text(json.dumps(row(name, rows[name], folder)), encoding="utf-8")
        found = json.loads(path.read_text(encoding="utf-8"))
        print(f"| {name} | {' | '.join(found.get(step, '') for step in STEPS)} |", flush=True)


if __name__ == "__main__":
    table()
