"""Opens what people keep transitions in: HDF5, NumPy's `.npz`, parquet, CSV, LeRobot, RLDS, MCAP, ROS 2; never pickle.

Letters: N rows.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from skills.archives import members
from skills.data import bags, columnar, lerobot, rlds, topics
from skills.data.bags import is_bag
from skills.data.hdf5 import check_filters, check_whole
from skills.data.lerobot import is_lerobot
from skills.data.rlds import is_rlds
from skills.errors import NOT_FOUND, USAGE, SkillsError
from skills.files import GET_AGAIN
from skills.memory import check_memory
from skills.troubles import reading

# Something with a shape and a dtype that is read by slices: an array, or an HDF5 dataset that stays on disk.
Column = Any
NamedColumns = Mapping[str, Column]

_SUFFIXES = (".hdf5", ".h5", ".npz")
_COPIES = 2  # of what is read: as it is stored, and in the type that is kept


@contextmanager
def opened(path: Path, observations: Sequence[str] = (), actions: Sequence[str] = ()) -> Iterator[NamedColumns]:
    """The arrays of a file by their paths ("actions", "infos/qpos"), for as long as the block lasts.

    observations, actions: of recordings of topics, which of what they hold; the first of the actions makes rows.
    Raises: SkillsError where there is no such file, of an unknown kind, or it cannot be read; so do the arrays as they
    are read.
    """
    if not path.exists():
        raise SkillsError(f"There is no file {path}.", exit_code=NOT_FOUND)
    if is_bag(path) and not (is_lerobot(path) or is_rlds(path)):
        yield topics.columns(path, observations, actions)
        return
    folder = path.is_dir() and (is_lerobot(path) or is_rlds(path))
    if not folder and path.suffix not in (*_SUFFIXES, *columnar.SUFFIXES):
        folders = "a folder of LeRobot's, of RLDS episodes in .npz files, or of bags"
        known = ", ".join((*_SUFFIXES, *columnar.SUFFIXES, *bags.SUFFIXES, folders))
        raise SkillsError(f"{path} is of an unknown kind.", f"Known: {known}.", USAGE)
    whole = lerobot if folder and is_lerobot(path) else rlds if folder else columnar
    if folder or path.suffix in columnar.SUFFIXES:
        with reading(path, GET_AGAIN):
            parts = whole.columns(path)
        yield parts
        return
    with ExitStack() as stack:
        with reading(path, GET_AGAIN):
            columns = _npz(path, stack) if path.suffix == ".npz" else _hdf5(path, stack)
        yield columns


def _npz(path: Path, stack: ExitStack) -> NamedColumns:
    return {name: _Stored(member, path) for name, member in stack.enter_context(members(path)).items()}


def _hdf5(path: Path, stack: ExitStack) -> NamedColumns:
    """Every dataset of the file, unread, by all of its names; and what is called something and holds nothing."""
    file = stack.enter_context(h5py.File(path, "r"))
    check_whole(file, str(path), streamed=True)
    links: dict[str, Any] = {}
    file.visititems_links(links.__setitem__)
    columns: dict[str, Column] = {}
    for name, link in links.items():
        item = _led_to(file, name) if isinstance(link, h5py.SoftLink) else file[name]
        if isinstance(item, h5py.Dataset):
            columns[name] = _Stored(item, path)
        elif isinstance(link, h5py.SoftLink) or not (isinstance(item, h5py.Group) and len(item)):
            columns[name] = _Nothing(name, path)
    return columns


def _led_to(file: h5py.File, name: str) -> Any:
    """What a link leads to; None where that is nowhere, or in a circle."""
    try:
        return file[name]
    except (KeyError, RuntimeError):
        return None


@dataclass(frozen=True)
class _Nothing:
    """An empty group, or a link to what is no array: a column of no shape, not one that is not there."""

    name: str
    path: Path
    shape: tuple[int, ...] = ()
    dtype: type = np.object_

    def __getitem__(self, rows: Any) -> Any:
        raise SkillsError(f"{self.path} has no rows of {self.name}: a group or a link stands there.")


class _Stored:
    """An array on the disk, from which is read what there is memory for."""

    def __init__(self, array: Column, path: Path) -> None:
        self._array, self._path = array, path
        self.shape, self.dtype = array.shape or (), array.dtype

    def __getitem__(self, rows: Any) -> Any:
        with reading(self._path, GET_AGAIN):
            if isinstance(self._array, h5py.Dataset):
                self._check(rows)
            return self._array[rows]

    def _check(self, rows: Any) -> None:
        """Looks at what reading some rows takes: filters, memory."""
        check_filters(self._array.id, self._array.name, str(self._path))
        whole = self.shape[0] if self.shape else 1
        count = len(range(*rows.indices(whole))) if isinstance(rows, slice) else whole
        size = count * math.prod(self.shape[1:]) * self.dtype.itemsize
        check_memory(_COPIES * size, f"{count:,} rows of {self._array.name} in {self._path}")
