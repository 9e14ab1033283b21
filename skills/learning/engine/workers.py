"""Threads that share out independent pieces of work, each computing on one core.

Pieces that fit a core's cache need no barrier between their operations, as they do where all cores work on one
operation; and a piece gives the same bytes however many threads there are.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from types import TracebackType
from typing import TypeVar

import torch

T = TypeVar("T")


class Workers:
    """`count` threads, as many as torch would use unless told. A context manager: they end with it."""

    def __init__(self, count: int | None = None) -> None:
        self._threads = torch.get_num_threads()
        self.count = count or self._threads
        self._pool = ThreadPoolExecutor(self.count, initializer=torch.set_num_threads, initargs=(1,))

    def __enter__(self) -> "Workers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)
        torch.set_num_threads(self._threads)  # the workers' setting is everybody's in some versions of torch

    def start(self, work: Callable[[T], None], pieces: Iterable[T]) -> Callable[[], None]:
        """Begins work(piece) for every piece; call the result to wait for the end.

        The first error of a piece is raised there.
        """
        futures = [self._pool.submit(work, piece) for piece in pieces]

        def wait() -> None:
            for future in futures:
                future.result()

        return wait

    def run(self, work: Callable[[T], None], pieces: Iterable[T]) -> None:
        """Does work(piece) for every piece."""
        self.start(work, pieces)()


def nothing_to_wait_for() -> None:
    """The end of what is done already, or is in a GPU's queue."""


@contextlib.contextmanager
def beside(device: torch.device) -> Iterator[Executor | None]:
    """A thread beside this one, each then with half of torch's threads; None on a GPU, or where torch has but one."""
    threads = torch.get_num_threads()
    if device.type != "cpu" or threads == 1:
        yield None
        return
    torch.set_num_threads(threads // 2)
    try:
        with ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(threads // 2,)) as helper:
            yield helper
    finally:
        torch.set_num_threads(threads)
