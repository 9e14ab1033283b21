"""Opens what people keep transitions in: D4RL's HDF5, NumPy's `.npz`, folders of LeRobot and RLDS; never pickle.

Letters: N rows.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py

from skills.archives import DAMAGE, members
from skills.data import lerobot, rlds
from skills.data.hdf5 import check_whole
from skills.data.lerobot import is_lerobot
from skills.data.rlds import is_rlds
from skills.errors import NOT_FOUND, USAGE, SkillsError
from skills.memory import check_memory

# Something with a shape and a dtype that is read by slices: an array, or an HDF5 dataset that stays on disk.
Column = Any
NamedColumns = Mapping[str, Column]

_SUFFIXES = (".hdf5", ".h5", ".npz")
_COPIES = 2  # of what is read: as it is stored, and in the type that is kept


@contextmanager
def opened(path: Path) -> Iterator[NamedColumns]:
    """The arrays of a file by their paths ("actions", "infos/qpos"), for as long as the block lasts.

    Raises: SkillsError where there is no such file, of an unknown kind, or it is damaged (in the block too).
    """
    if not path.exists():
        raise SkillsError(f"There is no file {path}.", exit_code=NOT_FOUND)
    folder = path.is_dir() and (is_lerobot(path) or is_rlds(path))
    if not folder and path.suffix not in _SUFFIXES:
        known = f"{', '.join(_SUFFIXES)}, a folder of LeRobot's or of RLDS episodes in .npz files"
        raise SkillsError(f"{path} is of an unknown kind.", f"Known: {known}.", USAGE)
    try:
        if folder:
            yield lerobot.columns(path) if is_lerobot(path) else rlds.columns(path)
            return
        if path.suffix == ".npz":
            with members(path) as found:
                yield found
        else:
            with h5py.File(path, "r") as file:
                check_whole(file, str(path), streamed=True)
                yield _hdf5(file)
    except DAMAGE as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: BaseException) -> SkillsError:
    """The error that says that a file cannot be read."""
    return SkillsError(
        f"{path} cannot be read: {type(error).__name__}: {error}.", "It is damaged or incomplete: get it again."
    )


def _hdf5(file: h5py.File) -> NamedColumns:
    """Every dataset of the file, unread."""
    columns: dict[str, Column] = {}
    file.visititems(
        lambda name, item: columns.update({name: _Stored(item)}) if isinstance(item, h5py.Dataset) else None
    )
    return columns


class _Stored:
    """A dataset on the disk, from which is read what there is memory for."""

    def __init__(self, dataset: h5py.Dataset) -> None:
        self._dataset = dataset
        self.shape, self.dtype = dataset.shape or (), dataset.dtype

    def __getitem__(self, rows: Any) -> Any:
        whole = self.shape[0] if self.shape else 1
        count = len(range(*rows.indices(whole))) if isinstance(rows, slice) else whole
        size = count * math.prod(self.shape[1:]) * self.dtype.itemsize
        check_memory(_COPIES * size, f"{count:,} rows of {self._dataset.name} in {self._dataset.file.filename}")
        return self._dataset[rows]
