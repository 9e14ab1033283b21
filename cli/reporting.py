"""Progress on stderr: bars on a terminal, a line now and then elsewhere, nothing where nobody wants it.

A reporter is a `skills.progress.Reporter`. Its progress is called for every batch, so a call that shows nothing
costs one look at the clock.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from skills.cli import console
from skills.progress import Progress, Reporter, silent_reporter

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

_SECONDS_BETWEEN_FRAMES = 0.1
_SECONDS_BETWEEN_LINES = 30.0
_LONGEST = 300  # letters of what a task is called: the names in it may have any number


@contextmanager
def reporter(quiet: bool) -> Iterator[Reporter]:
    """The reporter that suits stderr, for as long as the block lasts."""
    if quiet:
        yield silent_reporter
    elif sys.stderr.isatty():
        with bars() as shown:
            yield shown
    else:
        lines = Lines()
        yield lines
        lines.finish()  # not after an error: what failed is not done


class Pace:
    """How fast one task goes.

    The counts of the first report were there before anybody looked (a task that continues an earlier one begins with
    many), so the rate leaves them out.
    """

    def __init__(self, unit: str, now: float) -> None:
        self._unit = unit
        self._since = now
        self._first: int | None = None

    def text(self, done: int, total: int, now: float) -> str:
        """ "4,200/10,000 steps, 340 steps/s, 17 s left": as much of it as is known."""
        if self._first is None:
            self._first = done if done < total else 0
            self._since = now if done < total else self._since
        parts = [f"{done:,}/{total:,} {self._unit}"]
        rate = (done - self._first) / max(now - self._since, 1e-9)
        if rate > 0:
            parts.append(f"{rate:,.0f} {self._unit}/s" if rate >= 10 else f"{rate:.2g} {self._unit}/s")
            if done < total:
                parts.append(f"{duration((total - done) / rate)} left")
        return ", ".join(parts)


class Lines:
    """Plain lines: one as a task begins, one as it ends, and one every half minute between."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._task = ""
        self._began = 0.0

    def __call__(self, task: str, unit: str) -> Progress:
        self.finish()
        task = task if len(task) <= _LONGEST else f"{task[:_LONGEST]} ..."
        self._task, self._began = task, self._clock()
        console.say(f"{task} ...")
        pace, shown = Pace(unit, self._began), self._began
        pace_begins = True

        def progress(done: int, total: int) -> None:
            nonlocal shown, pace_begins
            now = self._clock()
            due = done < total and now - shown >= _SECONDS_BETWEEN_LINES
            if pace_begins or due:
                pace_begins = False
                text = pace.text(done, total, now)
            if due:
                shown = now
                console.say(f"{task}: {text}")

        return progress

    def finish(self) -> None:
        """Says how long the task took, if one is under way."""
        if self._task:
            console.say(f"{self._task}: {duration(self._clock() - self._began)}")
        self._task = ""


@contextmanager
def bars() -> Iterator[Reporter]:
    """Bars that stay on the terminal when they are full."""
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TextColumn("{task.fields[pace]}", style="dim", markup=False),
    )
    with Bars(*columns, console=console.messages(), refresh_per_second=5) as shown:
        yield _Bars(shown)


class _Bars:
    """Adds a bar a task."""

    def __init__(self, bars: "Bars") -> None:
        self._bars = bars
        self._last: TaskID | None = None

    def __call__(self, task: str, unit: str) -> Progress:
        self._finish_last()
        bar = self._last = self._bars.add_task(task, total=None, pace="")
        pace, shown = Pace(unit, time.monotonic()), 0.0

        def progress(done: int, total: int) -> None:
            nonlocal shown
            now = time.monotonic()
            if done >= total or now - shown >= _SECONDS_BETWEEN_FRAMES:
                shown = now
                self._bars.update(bar, completed=done, total=total, pace=pace.text(done, total, now))

        return progress

    def _finish_last(self) -> None:
        """Fills the bar of a task that ended without saying so."""
        if self._last is None:
            return
        task = next(task for task in self._bars.tasks if task.id == self._last)
        if not task.finished:
            total = task.total or 1
            self._bars.update(self._last, completed=total, total=total, pace="")


def duration(seconds: float) -> str:
    """ "0.4 s", "17 s", "3 min 20 s", "2 h 5 min"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
