"""How the tests stop a training in the middle: by an interrupt after a step, or by a kill in a process of its own."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from skills.learning.engine import checkpoint
from skills.learning.engine.checkpoint import Checkpoint
from skills.progress import Progress, Reporter
from skills.runs.folder import open_run


@contextmanager
def interrupted_after(steps: int) -> Iterator[None]:
    """Within it a training saves a checkpoint at each step, and is interrupted after this many."""
    save, count = Checkpoint.save_if_due, iter(range(1, steps))

    def saving(self: Checkpoint, *arguments: Any) -> None:
        save(self, *arguments)
        if next(count, None) is None:
            raise KeyboardInterrupt

    with patch.object(checkpoint, "SECONDS_BETWEEN", 0.0), patch.object(Checkpoint, "save_if_due", saving):
        yield


def first_reports(into: Callable[[str], object]) -> Reporter:
    """Notes "task: done" of each task's first report: where a training begins shows what it has left."""

    def reporter(task: str, unit: str) -> Progress:
        reports = iter(["first"])

        def progress(done: int, total: int) -> None:
            if next(reports, None):
                into(f"{task}: {done}")

        return progress

    return reporter


def kill(run: Path, task: str) -> list[str]:
    """Works on a run in another process until this task is half done, where it is killed. Returns its first reports."""
    log = run / f"{task}.log"
    # A server that has imported what is needed forks each child: importing anew takes longer than the work.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["skills.discovery"])
    places = {"MINARI_DATASETS_PATH": os.environ["MINARI_DATASETS_PATH"]}
    child = context.Process(target=_work_until, args=(run, task, log, places))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    said = log.read_text().splitlines()
    log.unlink()
    return said


def _work_until(path: Path, task_to_die_in: str, log: Path, places: dict[str, str]) -> None:
    from skills.discovery import discover

    os.environ.update(places)
    checkpoint.SECONDS_BETWEEN = 0.0

    def note(line: str) -> None:
        with log.open("a") as file:
            file.write(f"{line}\n")

    noting = first_reports(note)

    def reporter(task: str, unit: str) -> Progress:
        noted = noting(task, unit)

        def progress(done: int, total: int) -> None:
            noted(done, total)
            if task.startswith(task_to_die_in) and done >= total / 2:
                os.kill(os.getpid(), signal.SIGKILL)

        return progress

    run = open_run(path)
    with run.writing():
        discover(run, source="auto", reporter=reporter, notify=lambda line: None)
