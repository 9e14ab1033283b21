"""Files that are there whole or not at all, and never read as pickle."""

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skills import storage
from skills.archives import members
from skills.shape import check_shape
from skills.troubles import DamagedError, reading, writing

Arrays = dict[str, NDArray[Any]]

# The ways out where a file is damaged: of logs; of a run.
GET_AGAIN = "It is damaged or incomplete: get it again."
MAKE_AGAIN = "Delete it to have it made again."
RESTORE = "Restore it, or begin anew with --fresh or --run."


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary name in the folder of `path`; on success flushes it to disk and renames it to `path`, and sends
    it to object storage where it is of a mirror.

    The temporary name keeps the suffix, so writers that look at it choose the same format. An error leaves no trace.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
        try:
            yield temporary
            with temporary.open("rb+") as handle:
                os.fsync(handle.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    storage.send(path)


def sweep(folder: Path) -> None:
    """Removes what killed writers have left in a folder and below. Nobody may be writing there."""
    for leftover in folder.rglob(".*.partial*"):
        leftover.unlink(missing_ok=True)


def clear_leftovers(folder: Path) -> None:
    """As `sweep`, of a folder alone where others may be writing: what processes have left that are no more."""
    for leftover in folder.glob(".*.partial*"):
        number = leftover.name.rpartition(".partial")[0].rpartition(".")[2]
        if number.isdecimal() and (int(number) == os.getpid() or not storage.is_running(int(number))):
            leftover.unlink(missing_ok=True)


@contextmanager
def swept(folder: Path) -> Iterator[None]:
    """Around the work of processes that may be killed: at its end the folder is free of what they have left."""
    try:
        yield
    finally:
        sweep(folder)


def json_text(document: Any) -> str:
    """Strict JSON: NaN and infinity are refused rather than written as words no reader knows."""
    return json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def write_text(path: Path, text: str) -> None:
    """Writes a text."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, document: Any) -> None:
    """Writes strict JSON, as `json_text` has it."""
    write_text(path, json_text(document))


def read_json(path: Path, shape: Any = None, remedy: str = RESTORE) -> Any:
    """Reads a JSON file.   shape: what is relied on, as `skills.shape` has it.   remedy: where it is damaged.

    Raises: SkillsError where it is missing, not JSON, or of another shape.
    """
    with reading(path, remedy):
        document = json.loads(path.read_text(encoding="utf-8"), parse_constant=_finite, parse_float=_finite)
        if shape is not None:
            check_shape(document, shape)
        return document


def _finite(text: str) -> float:
    """A number of a JSON file. What is none, or too large to be one, is written nowhere here."""
    if not math.isfinite(number := float(text)):
        raise DamagedError(f"{text[:40]} is no number")
    return number


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Writes an uncompressed `.npz`; the same arrays give the same bytes."""
    with replacing(path) as temporary:
        np.savez(temporary, allow_pickle=False, **arrays)


def read_arrays(path: Path) -> Arrays:
    """Reads a whole `.npz` without pickle. Raises: SkillsError where it is damaged."""
    with reading(path, MAKE_AGAIN), members(path) as found:
        return {name: member.values for name, member in found.items()}


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
