"""Runs that are brought to a stage together, on a fleet, before whoever needs them takes them one after the other.

What cannot be brought there is tried once more by who takes it, who then says why.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from skills.discovery import discover
from skills.fleet import Fleet, told, work_off
from skills.progress import Notify, Reporter
from skills.runs.folder import STAGES, RunFolder, open_run
from skills.runs.holding import bring

# Takes runs and the stage that they are to be brought to.
Together = Callable[[Sequence[RunFolder], str], None]


def on_fleet(fleet: Fleet, reporter: Reporter, notify: Notify) -> Together:
    """By a fleet's processes.   notify: gets a line whenever a run is begun, begun anew, done, or has failed."""

    def together(runs: Sequence[RunFolder], last: str) -> None:
        wanted = STAGES[: STAGES.index(last) + 1]
        left = [run for run in runs if not set(wanted) <= set(run.finished_stages())]
        pieces = {_name(run): (advance, str(run.path.resolve()), run.source, last) for run in left}
        if pieces:
            work_off(fleet, pieces, told(notify, reporter(f"bringing {len(pieces)} runs to their {last}", "runs")))

    return together


def advance(path: str, source: str, last: str, reporter: Reporter, notify: Notify) -> None:
    """Brings one run to a stage's end, in whatever process: from wherever it stands."""
    run = open_run(bring(Path(path)))
    with run.writing(notify):
        discover(run, source=source, reporter=reporter, notify=notify, last=last)


def _name(run: RunFolder) -> str:
    """A run's own, and where that is inside of another, whose."""
    inside = run.path.resolve().parent.parent.name
    return f"{inside}/{run.path.name}" if run.path.parent.name == "evaluation" else run.path.name
