"""What other readers find in the files of a dataset: h5py, NumPy and the `json` of Python, without the program."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from skills.files import Arrays
from tests.torture.places import rows_of

COLUMNS = ("observations", "next_observations", "actions", "rewards", "terminals")


@dataclass(frozen=True)
class Said:
    """The numbers of a set that `data show` prints too."""

    numbers: dict[str, float]
    description: str


def said_of_set(folder: Path) -> Said | None:
    """Of the files in a set's folder; None where they cannot be read."""
    try:
        metadata = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
        with h5py.File(folder / "main_data.hdf5") as file:
            count = int(metadata["total_episodes"])
            episodes = [file[f"episode_{number}"] for number in range(count)]
            returns = np.array([np.asarray(one["rewards"], np.float64).sum() for one in episodes])
            lengths = np.array([len(one["rewards"]) for one in episodes])
            ended = np.array([bool(np.asarray(one["terminations"])[-1]) for one in episodes])
        numbers = {
            "steps": float(lengths.sum()),
            "episodes": float(count),
            "return_mean": float(returns.mean()),
            "return_std": float(returns.std()),
            "length_mean": float(lengths.mean()),
            "terminated_share": float(ended.mean()),
        }
        return Said(numbers, str(metadata["description"]))
    except Exception:  # noqa: BLE001  # whatever a damaged file makes another reader raise
        return None


def wrong_about_set(shown: Mapping[str, Any], right: Mapping[str, Any], folder: Path) -> str | None:
    """What `data show --json` says that is neither what it says of the undamaged set nor what the files hold."""
    if shown == right:
        return None
    said = said_of_set(folder)
    if said is None:
        return f"it is shown, and cannot be read: {_first_difference(shown, right)}"
    ours = shown["local"][0]
    for name, value in said.numbers.items():
        if ours[name] is None or not math.isclose(ours[name], value, rel_tol=1e-5, abs_tol=1e-5):
            return f"{name} is shown as {ours[name]}, and is {value}"
    other = {name: value for name, value in ours.items() if name not in (*said.numbers, "returns_histogram")}
    known = {name: right["local"][0][name] for name in other}
    if ours["description"] == said.description:
        known["description"] = said.description
    return None if other == known else f"shown otherwise: {_first_difference(other, known)}"


def _first_difference(one: Any, other: Any, name: str = "") -> str:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in one.keys() | other.keys():
            if one.get(key) != other.get(key):
                return _first_difference(one.get(key), other.get(key), f"{name}.{key}")
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, (mine, theirs) in enumerate(zip(one, other, strict=True)):
            if mine != theirs:
                return _first_difference(mine, theirs, f"{name}[{place}]")
    return f"{name}: {str(one)[:100]} and not {str(other)[:100]}"


def rows_in(path: Path) -> Arrays | None:
    """The columns of a file of rows; None where it cannot be read."""
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as file:
                return {name: file[name] for name in COLUMNS if name in file.files}
        with h5py.File(path) as file:
            return {name: np.asarray(file[name]) for name in COLUMNS if name in file}
    except Exception:  # noqa: BLE001  # whatever a damaged file makes another reader raise
        return None


def wrong_about_rows(stored: Path, file: Path) -> str | None:
    """What an import has stored otherwise than the file has it."""
    rows = rows_in(file)
    if rows is None:
        return "it is imported, and cannot be read"
    ours = rows_of(stored)
    for name, column in rows.items():
        if not column.ndim or len(column) != len(ours[name]):
            return f"{len(ours[name])} rows of {name} are stored; the file has {column.shape}"
        if column.size != ours[name].size:
            return f"{name} are stored in the shape {ours[name].shape}; the file has {column.shape}"
        right = column.astype(ours[name].dtype).reshape(ours[name].shape)
        other = ~np.isclose(ours[name], right, rtol=1e-5, atol=1e-5)
        if other.any():
            return f"{name} is stored otherwise at row {np.argwhere(other)[0][0]}, {int(other.sum())} numbers"
    return None
