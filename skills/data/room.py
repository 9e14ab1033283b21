"""Room on the disk: looked for before anything is written, and missed without a crash.

HDF5 that cannot write what it still holds leaves its file open, and ends the process where that is closed at last. Here
it writes by way of Python: from the first write that fails on, what is written is kept in memory, so that the file
closes as ever; before the next episode the failure is told.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from minari.data_collector import EpisodeBuffer
from minari.dataset.minari_storage import MinariStorage

from skills.errors import ENVIRONMENT, UnwritableError
from skills.troubles import disk_of, writing

_CHUNKS = 1.1  # times the numbers: what HDF5 takes for its chunks


def check_room(path: Path, size: float, what: str) -> None:
    """Raises: SkillsError (environment) where a disk has no room for so many bytes.   what: they are, "3 rows"."""
    place, free = disk_of(path)
    if size > free:
        raise UnwritableError(
            f"{what} take {size / 1e6:,.1f} MB, and {free / 1e6:,.1f} MB are free on the disk at {place}.",
            "Free some space, or set MINARI_DATASETS_PATH to a folder on a larger disk.",
            ENVIRONMENT,
        )


def stored(numbers: float) -> float:
    """Bytes of a dataset's file that holds so many bytes of numbers."""
    return _CHUNKS * numbers


def add_episodes(storage: MinariStorage, episodes: Iterable[EpisodeBuffer]) -> None:
    """Writes episodes behind those of a dataset, one in memory at a time.

    Raises: SkillsError that names the disk, where it is full.
    """
    path = Path(storage._file_path)
    with writing(path), path.open("r+b", buffering=0) as file, _interrupts_held() as let_in:
        through = _Through(file.fileno())
        storage._file_path = through
        try:
            storage.update_episodes(_while_well(episodes, through, let_in))
        finally:
            storage._file_path = path
        through.check()


def _while_well(
    episodes: Iterable[EpisodeBuffer], through: "_Through", let_in: Callable[[], None]
) -> Iterator[EpisodeBuffer]:
    for episode in episodes:
        let_in()
        through.check()
        yield episode


@contextmanager
def _interrupts_held() -> Iterator[Callable[[], None]]:
    """Keeps interrupts until nothing of HDF5 is below: inside its callbacks they would be lost, or break its file.

    Yields what lets in the one that has come.
    """
    waiting: list[tuple[int, FrameType | None]] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None  # interrupts come to the main thread alone
        return
    heard: dict[int, Callable[[int, FrameType | None], object]] = {}
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        handler = signal.getsignal(one)
        if callable(handler):
            heard[one] = handler

    def let_in() -> None:
        if waiting:
            number, frame = waiting.pop(0)
            heard[number](number, frame)

    for number in heard:
        signal.signal(number, lambda number, frame: waiting.append((number, frame)))
    try:
        yield let_in
    finally:
        for number, before in heard.items():
            signal.signal(number, before)
    let_in()


class _Through:
    """A file as h5py takes it, which never fails before it is asked."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._place = 0
        self._failure: OSError | None = None
        self._kept: list[tuple[int, bytes]] = []  # what was written since

    def check(self) -> None:
        """Raises: OSError of the first write that failed."""
        if self._failure is not None:
            raise self._failure

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As of any file."""
        ends = [place + len(content) for place, content in self._kept]
        self._place = offset + (max([os.fstat(self._handle).st_size, *ends]) if whence == os.SEEK_END else 0)
        return self._place

    def tell(self) -> int:
        """As of any file."""
        return self._place

    def read(self, size: int) -> bytes:
        """So many bytes."""
        found = bytearray(os.pread(self._handle, size, self._place).ljust(size, b"\0"))
        for place, content in self._kept:
            first, after = max(place, self._place), min(place + len(content), self._place + size)
            if first < after:
                found[first - self._place : after - self._place] = content[first - place : after - place]
        self._place += size
        return bytes(found)

    def readinto(self, into: Any) -> int:
        """As `read`."""
        view = memoryview(into).cast("B")
        view[:] = self.read(len(view))
        return len(view)

    def write(self, content: Any) -> int:
        """All of it, to the file or to memory."""
        view = memoryview(content).cast("B")
        done = 0
        while done < len(view) and self._failure is None:
            try:
                done += os.pwrite(self._handle, view[done:], self._place + done)
            except OSError as error:
                self._failure = error
        if done < len(view):
            self._kept.append((self._place + done, bytes(view[done:])))
        self._place += len(view)
        return len(view)

    def truncate(self, size: int) -> int:
        """As of any file."""
        if self._failure is None:
            os.ftruncate(self._handle, size)
        return size

    def flush(self) -> None:
        """There is nothing between it and the file."""
