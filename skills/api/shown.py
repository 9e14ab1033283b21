"""Who is told how far a piece of work is: a person at a terminal, a function of theirs, or nobody."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from skills.printable import printable
from skills.progress import Notify, Progress, Reporter, silent_reporter, unsaid

# True: lines on stderr.   A function of (task, done, total): it is called often.   False: nobody.
Shown = bool | Callable[[str, int, int], None]

_SECONDS_BETWEEN = 5.0


@contextmanager
def shown_by(progress: Shown) -> Iterator[tuple[Reporter, Notify]]:
    """The reporter and the notify that a stage is given."""
    if progress is True:
        yield _lines, _line
    elif progress is False:
        yield silent_reporter, unsaid
    else:
        yield _calling(progress), unsaid


def _calling(progress: Callable[[str, int, int], None]) -> Reporter:
    def reporter(task: str, unit: str) -> Progress:
        return lambda done, total: progress(task, done, total)

    return reporter


def _line(text: str) -> None:
    print(printable(text), file=sys.stderr, flush=True)  # noqa: T201  # progress=True asks for it


def _lines(task: str, unit: str) -> Progress:
    """A line as a task begins, and one every few seconds."""
    _line(f"{task} ...")
    said = time.monotonic()

    def progress(done: int, total: int) -> None:
        nonlocal said
        if time.monotonic() - said >= _SECONDS_BETWEEN:
            said = time.monotonic()
            _line(f"{task}: {done:,}/{total:,} {unit}")

    return progress
