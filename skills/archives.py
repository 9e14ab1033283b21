"""NumPy's `.npz`, a member at a time: what is not asked for is not read, and nothing is made room for on trust.

A file of a kilobyte can say that it holds a terabyte. So what a member's own header says is compared with what the
archive's directory says, both with what its compression can do, and the whole with the memory that is free.
"""

import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from skills.memory import check_memory
from skills.troubles import DamagedError

_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_DEFLATED = 1032  # how many bytes one of deflate can stand for
_OVERHEAD = 1 << 16


class Member:
    """An array of an archive: its shape and type at once, its numbers when it is first indexed."""

    def __init__(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
        self._archive, self._info = archive, info
        with archive.open(info) as handle:
            version = npy.read_magic(handle)
            if version not in _HEADERS:
                raise DamagedError(f"{info.filename} is of an unknown version, {version}")
            self.shape, _, self.dtype = _HEADERS[version](handle)
            self._first = handle.tell()
        if not self.dtype.hasobject:
            self._check_size()

    def __getitem__(self, rows: Any) -> Any:
        return self.values[rows]

    @cached_property
    def values(self) -> NDArray[Any]:
        """All of it. Raises: SkillsError where there is no memory for it; ValueError for objects, which are pickle."""
        check_memory(self._info.file_size, f"{self._info.filename} of {self._archive.filename}")
        with self._archive.open(self._info) as handle:
            return np.asarray(npy.read_array(handle, allow_pickle=False))

    def _check_size(self) -> None:
        said, stored = self._first + math.prod(self.shape) * self.dtype.itemsize, self._info.file_size
        most = {zipfile.ZIP_STORED: 1, zipfile.ZIP_DEFLATED: _DEFLATED}.get(self._info.compress_type)
        if said != stored or (most and stored > self._info.compress_size * most + _OVERHEAD):
            raise DamagedError(
                f"{self._info.filename} says that it is {self.dtype} of the shape {self.shape}, {said:,} bytes; "
                f"{stored:,} are said to be in {self._info.compress_size:,}"
            )


@contextmanager
def members(path: Path) -> Iterator[dict[str, Member]]:
    """The arrays of an archive by name, for as long as the block lasts.

    Raises: what `skills.troubles.reading` puts into words where it is no archive or a header is damaged; in the block
    too.
    """
    with zipfile.ZipFile(path) as archive:
        arrays = [info for info in archive.infolist() if info.filename.endswith(".npy")]
        yield {info.filename.removesuffix(".npy"): Member(archive, info) for info in arrays}
