"""Worker processes that share out jobs: one that dies takes no other's job with it, and none outlives this process.

Each has one job at a time, over a pipe of its own, so it is known which job a worker had when it died. That job is
given out once more: what killed the worker may have been a memory that is free again.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Hashable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any, Generic, TypeVar

from skills.errors import SkillsError
from skills.videos.films.children import starting

DIED = "the process that rendered it died (out of memory, or a graphics driver that crashed)"
_GRACE = 2.0  # s that a worker has to remove its half-written file
_READY = "ready"  # a worker's first word
_NOTHING: Any = object()

_Done = TypeVar("_Done")
_Key = TypeVar("_Key", bound=Hashable)


@dataclass
class _Worker(Generic[_Key]):
    """pipe: this process's end.   job: the key of what it works on, or None.   ready: whether it has started."""

    process: BaseProcess
    pipe: Connection
    job: _Key | None = None
    ready: bool = False


def share_out(
    work: Callable[..., _Done], jobs: Mapping[_Key, tuple[Any, ...]], count: int, prepare: Callable[[], None]
) -> Generator[tuple[_Key, _Done | str], None, None]:
    """Yields (key, what `work` returned, or a sentence why it could not) as jobs finish in `count` processes.

    prepare: is called once in each process.   All of it can be pickled.
    Where worker after worker dies and none finishes anything, the jobs that are left are given up.
    """
    waiting, again = deque(jobs), set[_Key]()
    workers: list[_Worker[_Key]] = []
    deaths = 0  # since a job was last finished
    try:
        while waiting or _busy(workers):
            while len(workers) < min(count, len(waiting) + _busy(workers)):
                workers.append(_hire(work, prepare))
            _give(workers, waiting, jobs)
            for worker in _with_news(workers):
                job, answer = worker.job, _heard(worker)
                if answer is not _NOTHING:
                    worker.job, worker.ready = None, True
                    if job is not None:
                        deaths = 0
                        yield job, answer
                    continue
                deaths += 1
                workers.remove(worker)
                _dismiss([worker])
                if job in again:
                    yield job, DIED
                elif job is not None:
                    again.add(job)
                    waiting.append(job)
            if deaths > 2 * count:
                yield from ((job, DIED) for job in waiting)
                waiting.clear()
    finally:
        _dismiss(workers)


def _busy(workers: list[_Worker[_Key]]) -> int:
    return sum(worker.job is not None for worker in workers)


def _with_news(workers: list[_Worker[_Key]]) -> list[_Worker[_Key]]:
    """Those that have said something, or have died; at least one."""
    ready = wait([worker.pipe for worker in workers])
    return [worker for worker in workers if worker.pipe in ready]


def _heard(worker: _Worker[_Key]) -> Any:
    """What it says; `_NOTHING` where it has died."""
    try:
        return worker.pipe.recv()
    except (EOFError, OSError):
        return _NOTHING


def _give(workers: list[_Worker[_Key]], waiting: deque[_Key], jobs: Mapping[_Key, tuple[Any, ...]]) -> None:
    """A job to each worker that has none."""
    for worker in workers:
        if waiting and worker.ready and worker.job is None:
            worker.job = waiting.popleft()
            with contextlib.suppress(OSError):  # it has died in the meantime, and is found so where it is listened to
                worker.pipe.send(jobs[worker.job])


def _hire(work: Callable[..., Any], prepare: Callable[[], None]) -> _Worker[Any]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with starting(), theirs:
        process = context.Process(target=_serve, args=(theirs, work, prepare), daemon=True)
        process.start()
    return _Worker(process, ours)


def _dismiss(workers: list[_Worker[_Key]]) -> None:
    """Ends workers now, whatever they are doing."""
    for worker in workers:
        worker.process.terminate()
    deadline = time.monotonic() + _GRACE
    for worker in workers:
        worker.process.join(max(0.0, deadline - time.monotonic()))
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
        worker.pipe.close()


def _serve(pipe: Connection, work: Callable[..., Any], prepare: Callable[[], None]) -> None:
    """What a worker process does."""
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    prepare()
    pipe.send(_READY)
    while True:
        try:
            job = pipe.recv()
        except EOFError:
            return
        pipe.send(_outcome(work, job))


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)  # on the way out, what is half written is removed


def _end_with_parent() -> None:
    """Waits for the end of the process that started this one, however it ends; then this one ends too."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE)
    os._exit(1)


def _outcome(work: Callable[..., Any], job: tuple[Any, ...]) -> Any:
    """What a job returned, or a sentence why it did not."""
    try:
        return work(*job)
    except SkillsError as error:
        return error.message
    except Exception as error:  # noqa: BLE001  # whatever a renderer raises, the other skills' videos go on
        return f"{type(error).__name__}: {error}"
