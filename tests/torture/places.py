"""The folders that attacks happen in, and what lies in them at the beginning.

    place/here/    the current folder      place/home/, place/tmp/   HOME and TMPDIR
    place/runs/    the runs                place/minari/             the datasets
    place/in/      files to import

A stock of places is made once by the program itself; each attack has a copy of its own.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from skills.files import Arrays
from tests.torture.runner import Ended, Running, run

SET = "hopper-random"
SET_ID = "skills/hopper/random-v0"
RUN = "victim"
_TORCH = "torchinductor_"  # torch's own cache, an empty folder that it makes when it is imported
_FOLDERS = ("here", "home", "tmp", "runs", "minari", "in")
# Seconds of one core: two skills of a thousand steps, models of a few units, a handful of updates.
SMALL = (
    "--preset", "smoke", "--skills", "2", "--device", "cpu", "--set", "data.steps=1000", "--set", "reward.hidden=8",
    "--set", "reward.iterations=20", "--set", "policy.hidden=16", "--set", "policy.steps=40",
    "--set", "rollout.horizon=60",
)  # fmt: skip
DISCOVER = ("discover", SET, *SMALL, "--no-videos", "--run", f"../runs/{RUN}")
RENDER = ("render", RUN, "--all", "--renderer", "ray", "--size", "64", "--seconds", "1")
EVALUATE = ("evaluate", RUN, "--against", "none", "--trials", "2")
CONTEST = ("evaluate", RUN, "--against", "shuffled", "--trials", "2")
IMPORT = ("data", "import", "../in/rows.npz", "--env", "Hopper-v5", "--name", "mine/rows-v0")


@dataclass(frozen=True)
class Place:
    """path: the folder.   limit: seconds that a command may take."""

    path: Path
    limit: float

    def variables(self, **changes: str | None) -> dict[str, str]:
        """The environment of the commands; None takes a variable out."""
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        plain = {
            "HOME": str(self.path / "home"),
            "TMPDIR": str(self.path / "tmp"),
            "SKILLS_RUNS": "../runs",
            "MINARI_DATASETS_PATH": str(self.path / "minari"),
            "HF_HUB_OFFLINE": "1",
            "LANG": "C.UTF-8",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "PYTHONFAULTHANDLER": "1",
        }
        return {name: value for name, value in {**kept, **plain, **changes}.items() if value is not None}

    def start(self, *words: str, forked: bool = True) -> Running:
        """A command that is not waited for."""
        return Running(self.path, words, self.variables(), forked=forked)

    def run(self, *words: str, variables: Mapping[str, str | None] | None = None, forked: bool = True) -> Ended:
        """A command to its end."""
        return run(self.path, words, self.variables(**(variables or {})), self.limit, forked=forked)

    @property
    def set_folder(self) -> Path:
        """Of the dataset's files."""
        return self.path / "minari" / SET_ID / "data"

    @property
    def victim(self) -> Path:
        """The run's folder."""
        return self.path / "runs" / RUN

    def leftovers(self) -> list[str]:
        """What no finished command may leave: temporary files, halves of files, workshops, files in other folders."""
        tmp = [path for path in (self.path / "tmp").iterdir() if not path.name.startswith(_TORCH)]
        here = [path for path in (self.path / "here").iterdir()]
        parts = [path for folder in ("runs", "minari") for path in (self.path / folder).rglob(".*.partial*")]
        workshops = (self.path / "minari" / ".skills").glob("*")
        made = [path for path in workshops if path.suffix != ".lock"]
        return [str(path.relative_to(self.path)) for path in (*tmp, *here, *parts, *made)]


def new_place(path: Path, limit: float, like: Path | None = None) -> Place:
    """A place with nothing in it, or a copy of another."""
    if like is not None:
        shutil.copytree(like, path, symlinks=True)
    for name in _FOLDERS:
        (path / name).mkdir(parents=True, exist_ok=True)
    return Place(path, limit)


# The places of the stock, each from the one before it and what a command adds; "rows" adds files to import.
_STEPS: dict[str, tuple[str, ...]] = {
    "empty": (),
    "set": ("data", "make", SET, "--steps", "1000", "-q"),
    "rows": (),
    "run": (*DISCOVER, "-q"),
    "filmed": (*RENDER, "-q"),
    "measured": (*EVALUATE, "-q"),
}
STOCK = tuple(_STEPS)


def make_stock(root: Path, last: str, limit: float) -> None:
    """Makes the places that attacks begin with, up to this one, but for those that are there."""
    for before, name in zip((None, *STOCK), STOCK[: STOCK.index(last) + 1], strict=False):
        if (root / name).is_dir():
            continue
        shutil.rmtree(root / f"{name}.making", ignore_errors=True)
        place = new_place(root / f"{name}.making", limit, root / before if before else None)
        if words := _STEPS[name]:
            ended = place.run(*words)
            if ended.code != 0:
                raise RuntimeError(f"{' '.join(words)} fails undisturbed ({ended.code}): {ended.err}")
        if name == "rows":
            write_rows(place.path / "in", rows_of(place.set_folder / "main_data.hdf5"))
        place.path.rename(root / name)


def rows_of(data: Path) -> Arrays:
    """The rows of a Minari file as D4RL has them."""
    columns: dict[str, list[Any]] = {}
    with h5py.File(data) as file:
        for number in range(len(file)):
            episode = file[f"episode_{number}"]
            states = np.asarray(episode["observations"])
            parts: Arrays = {
                "observations": states[:-1],
                "next_observations": states[1:],
                "actions": np.asarray(episode["actions"]),
                "rewards": np.asarray(episode["rewards"]).astype(np.float32),
                "terminals": np.asarray(episode["terminations"]),
                "timeouts": np.asarray(episode["truncations"]),
            }
            for name, part in parts.items():
                columns.setdefault(name, []).append(part)
    return {name: np.concatenate(parts) for name, parts in columns.items()}


def write_rows(folder: Path, rows: Arrays) -> None:
    """As `rows.npz` and as `rows.hdf5`."""
    np.savez(folder / "rows.npz", **rows)
    with h5py.File(folder / "rows.hdf5", "w") as file:
        for name, column in rows.items():
            file[name] = column
