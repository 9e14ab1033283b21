"""How much memory can be had, so that what a file claims to hold is looked at before room is made for it; and arrays
that are on a disk where memory is short.
"""

import contextlib
import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from skills.errors import ENVIRONMENT, SkillsError

_SMALL = 64 << 20  # bytes of which there is always enough
_IN_MEMORY = 64 << 20  # bytes of an array that is never put on a disk
_SHARE = 0.125  # of the free memory that an array may take: of a dataset and its copies there are about eight
_PROC, _CGROUP = Path("/proc"), Path("/sys/fs/cgroup")


def check_memory(size: int, what: str) -> None:
    """Raises: SkillsError (environment) where `size` bytes are more than can be had.   what: takes them."""
    if size <= _SMALL:
        return
    free = free_memory()
    if free is not None and size > free:
        raise SkillsError(
            f"{what} takes {size / 1e9:,.1f} GB of memory, and {free / 1e9:,.1f} GB are free.",
            "Leave out what is not needed, or use a machine with more memory.",
            ENVIRONMENT,
        )


def spacious(shape: tuple[int, ...], dtype: DTypeLike, what: str) -> NDArray[Any]:
    """An array to be filled: in memory, or where that would be short in a file without a name, which goes with it.

    Raises: SkillsError (environment) where the disk of temporary files has no room for it either.   what: takes it.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    free = free_memory()
    if size <= _IN_MEMORY or free is None or size <= _SHARE * free:
        return np.empty(shape, dtype)
    place = tempfile.gettempdir()
    on_disk = shutil.disk_usage(place).free
    if size > on_disk:
        raise SkillsError(
            f"{what} takes {size / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB of memory and {on_disk / 1e9:,.1f} GB of the "
            f"disk at {place} are free.",
            "Set TMPDIR to a folder on a larger disk, or read fewer rows: --set data.steps=N",
            ENVIRONMENT,
        )
    with tempfile.TemporaryFile() as file:
        if hasattr(os, "posix_fallocate"):  # else a disk that fills up later would end the process without a word
            os.posix_fallocate(file.fileno(), 0, size)
        return np.asarray(np.memmap(file, dtype, "r+" if hasattr(os, "posix_fallocate") else "w+", shape=shape))


def free_memory() -> int | None:
    """Bytes that can be had: of the machine, of this container, of this process; None where nothing says."""
    return min(_limits(), default=None)


def _limits() -> Iterator[int]:
    meminfo = _numbers(_PROC / "meminfo")
    if "MemAvailable:" in meminfo:
        yield meminfo["MemAvailable:"] * 1024
    elif hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    used = _numbers(_CGROUP / "memory.stat").get("anon", 0)
    with contextlib.suppress(OSError, ValueError):  # no container, or "max": no limit
        yield int((_CGROUP / "memory.max").read_text()) - used
    with contextlib.suppress(ImportError, OSError, ValueError, IndexError):  # Windows has no such limits
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            pages = int((_PROC / "self" / "statm").read_text().split()[0])
            yield max(0, limit - pages * resource.getpagesize())


def _numbers(path: Path) -> dict[str, int]:
    """The lines "name number ..." of a file of the system; none where it is not there."""
    try:
        lines = [line.split() for line in path.read_text().splitlines()]
    except OSError:
        return {}
    return {words[0]: int(words[1]) for words in lines if len(words) > 1 and words[1].isdecimal()}


def forget_peak() -> None:
    """Begins `peak_memory` anew, where the system can."""
    with contextlib.suppress(OSError):
        (_PROC / "self" / "clear_refs").write_text("5")


def peak_memory() -> int | None:
    """The most bytes that this process has held since `forget_peak`; None where nothing says."""
    found = _numbers(_PROC / "self" / "status").get("VmHWM:")
    return None if found is None else found * 1024
