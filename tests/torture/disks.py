"""Full disks: a command stops with one message, the program that is read is not lost, and with room it goes on.

A disk is a `tmpfs` of that size over the folder that the command writes to, where this may be mounted (as root); else
no file may grow beyond it (`RLIMIT_FSIZE`), which is told in the table.
"""

import json
import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.torture.attack import Attack, Bench
from tests.torture.judge import Outcome, Verdict, judge
from tests.torture.kills import TASKS
from tests.torture.places import Place
from tests.torture.runner import run
from tests.torture.same import differences, digests

KIB = 1024
SIZES = (4, 16, 64, 128, 256, 512, 1024, 4096, 9216)  # KiB that are free when the command begins
AS_ROOT = os.geteuid() == 0 and shutil.which("mount") is not None


def full_disks(count: int, seed: int) -> Iterator[Attack]:
    """The smallest first, of each task in turn."""
    pairs = [(task, size) for size in SIZES for task in TASKS]
    how = "tmpfs" if AS_ROOT else "RLIMIT_FSIZE"
    for task, size in pairs[:count]:
        yield Attack("disks", f"full disk ({how})", f"{task}, {size} KiB", _Disk(task, size))


@dataclass(frozen=True)
class _Limit:
    """In a process before it is a command."""

    size: int

    def __call__(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.size, self.size))


@dataclass(frozen=True)
class _Disk:
    task: str
    size: int

    def __call__(self, bench: Bench, folder: str) -> Verdict:
        task = TASKS[self.task]
        known = json.loads((bench.stock / "undisturbed.json").read_text())[self.task]["digests"]
        place = bench.place(folder, task.before)
        with _disk(place.path / task.folder, self.size * KIB) as grow:
            before = None if AS_ROOT else _Limit(self.size * KIB)
            first = run(place.path, task.words, place.variables(), place.limit, forked=AS_ROOT, before=before)
            verdict = judge(first, lambda: differences(digests(place.path / task.folder), known))
            if verdict.outcome is Outcome.NAMED and "traceback" in first.err.lower():
                return Verdict(Outcome.TRACEBACK, verdict.detail)
            if verdict.outcome is not Outcome.NAMED:
                return verdict
            grow()
            again = _again(place, self.task, known)
        return verdict if again.outcome is Outcome.RIGHT else again


def _again(place: Place, name: str, known: dict[str, str]) -> Verdict:
    """The same command once there is room."""
    task = TASKS[name]
    ended = place.run(*task.words)
    found = judge(ended, lambda: differences(digests(place.path / task.folder), known), place.leftovers())
    if found.outcome is Outcome.NAMED:
        return Verdict(Outcome.WRONG, f"with room the same command is refused: {found.detail}")
    return Verdict(found.outcome, f"with room: {found.detail}")


@contextmanager
def _disk(folder: Path, free: int) -> Iterator["_Grow"]:
    """Puts what is in a folder on a disk of its own with so much room; gives what makes the disk large."""
    if not AS_ROOT:
        yield _Grow(None)
        return
    content = folder.with_name(f"{folder.name}-before")
    folder.rename(content)
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)], check=True)
    try:
        shutil.copytree(content, folder, dirs_exist_ok=True)
        shutil.rmtree(content)
        used = shutil.disk_usage(folder).used
        _Grow(folder, used + free)()
        yield _Grow(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@dataclass(frozen=True)
class _Grow:
    """Gives a disk another size."""

    folder: Path | None
    size: int = 64 << 20

    def __call__(self) -> None:
        if self.folder:
            subprocess.run(["mount", "-o", f"remount,size={self.size}", str(self.folder)], check=True)
