"""How much memory can be had, so that what a file claims to hold is looked at before room is made for it."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from skills.errors import ENVIRONMENT, SkillsError

_SMALL = 64 << 20  # bytes of which there is always enough
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
