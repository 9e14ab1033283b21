"""Opens the files that people keep transitions in: D4RL's HDF5 and NumPy's `.npz`, never as pickle.

Letters: N rows.
"""

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from skills.errors import NOT_FOUND, USAGE, SkillsError

# Something with a shape and a dtype that is read by slices: an array, or an HDF5 dataset that stays on disk.
Column = Any
NamedColumns = Mapping[str, Column]

_SUFFIXES = (".hdf5", ".h5", ".npz")
# What the readers raise at damaged files.
DAMAGE: tuple[type[Exception], ...] = (
    OSError,
    EOFError,
    LookupError,
    ValueError,
    TypeError,
    RuntimeError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
)


@contextmanager
def opened(path: Path) -> Iterator[NamedColumns]:
    """The arrays of a file by their paths ("actions", "infos/qpos"), for as long as the block lasts.

    Raises: SkillsError where there is no such file, of an unknown kind, or it is damaged (in the block too).
    """
    if not path.is_file():
        raise SkillsError(f"There is no file {path}.", exit_code=NOT_FOUND)
    if path.suffix not in _SUFFIXES:
        raise SkillsError(f"{path} is of an unknown kind.", f"Known: {', '.join(_SUFFIXES)}.", USAGE)
    try:
        if path.suffix == ".npz":
            yield _npz(path)
        else:
            with h5py.File(path, "r") as file:
                yield _hdf5(file)
    except DAMAGE as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: BaseException) -> SkillsError:
    """The error that says that a file cannot be read."""
    return SkillsError(
        f"{path} cannot be read: {type(error).__name__}: {error}.", "It is damaged or incomplete: get it again."
    )


def _npz(path: Path) -> NamedColumns:
    """All arrays, in memory. Arrays of objects, which only pickle could read, are refused by NumPy."""
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _hdf5(file: h5py.File) -> NamedColumns:
    """Every dataset of the file, unread."""
    columns: dict[str, Column] = {}
    file.visititems(lambda name, item: columns.update({name: item}) if isinstance(item, h5py.Dataset) else None)
    return columns
