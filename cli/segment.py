"""`skills segment`: which behaviour is each step of a log?"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from skills.cli import console
from skills.cli.options import Json, Quiet, Trust, complete_dataset, complete_run
from skills.cli.reporting import reporter
from skills.errors import USAGE, SkillsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skills.data.transitions import Transitions
    from skills.measures.segments import Segments
    from skills.progress import Progress
    from skills.runs.folder import RunFolder

SCHEMA_VERSION = 1
_LISTED = 10


def segment(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="A run's name or folder.", autocompletion=complete_run)
    ] = None,
    log: Annotated[
        str | None,
        typer.Argument(
            metavar="DATASET",
            help="A dataset's name, or a file or folder of steps; the run's own data if left out.",
            autocompletion=complete_dataset,
        ),
    ] = None,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Also a table, a row a step.")] = None,
    minari: Annotated[
        str | None, typer.Option(metavar="ID", help="Also a Minari dataset with infos of each step: mine/log-cut-v0.")
    ] = None,
    lerobot: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Also DATASET, a folder of LeRobot's, again with the subtask of each frame."),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    trust: Trust = None,
) -> None:
    """Cut a log into behaviours: a page with a band an episode, the most unusual first; and each step written down.

    A step is unusual if it is less likely under its class than the class's own steps are: a weak motor, a dead sensor,
    a push. The log may be one that the run has never seen, of the same body.
    """
    from skills.measures.segments import segment as cut
    from skills.runs import folder as runs
    from skills.videos.gallery.bands import write_bands

    if minari is not None:
        from skills.data import store

        store.check_new(minari)
    if lerobot is not None:
        from skills.data.subtasks import check_lerobot

        check_lerobot(Path(log or ""), lerobot)
    opened = runs.find(run)
    with reporter(quiet) as report:
        steps = _read(opened, log, report("reading the log", "steps"))
        progress = report(f"cutting {len(steps):,} steps", "logs")
        found = cut(opened, steps)
        progress(1, 1)
        name = log or steps.name
        page = write_bands(opened, name, steps.lengths, found, opened.segments_page(_plain(name)))
        _write(opened, steps, found, csv, minari)
        if lerobot is not None:
            from skills.data.subtasks import write_subtasks

            write_subtasks(Path(steps.name), lerobot, steps.lengths, found.behaviours, found.names)
    if json:
        console.document(_document(opened, steps, found, page))
    else:
        _print(steps, found, page)


def _read(run: "RunFolder", log: str | None, progress: "Progress") -> "Transitions":
    """The log, with the columns that the run learned from. Raises: SkillsError (usage) where it is of another body."""
    from skills.data import catalog, sources
    from skills.data import minari as reading
    from skills.data.importing import columns_of, read_file
    from skills.data.minari_root import env_id, is_local
    from skills.runs.begin import is_log_file

    columns, own = run.config.data.columns, str(run.manifest["dataset"]["minari_id"])
    if log is not None and (Path(log).is_file() or is_log_file(log)):
        seen, done = columns_of(own)
        return read_file(Path(log), run.env_id, columns, observations=seen, actions=done)
    name = log or own
    entry = catalog.resolve(name)
    here = next((minari_id for minari_id in entry.ids if is_local(minari_id)), None)
    body = env_id(here) if here else entry.env_id  # known before anything is made or downloaded
    if body not in (None, run.env_id):
        raise SkillsError(f"{name} is of {body}, and {run.path} of {run.env_id}.", "Name a log of its body.", USAGE)
    if here:
        return reading.load(here, name, steps=None, columns=columns, progress=progress)
    return sources.load(name, columns=columns, progress=progress)


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", Path(name).stem if Path(name).suffix else name).strip("-") or "log"


def _write(run: "RunFolder", steps: "Transitions", found: "Segments", csv: Path | None, minari: str | None) -> None:
    from skills.runs.annotate import annotate, write_table

    columns: dict[str, NDArray[Any]] = {
        "skill": found.classes,
        "behaviour": found.behaviours,
        "surprise": found.surprise,
    }
    if csv is not None:
        write_table(csv, steps.lengths, columns)
    if minari is not None:
        if not steps.minari_id:
            raise SkillsError(
                f"{steps.name} is no Minari dataset, to be written again as one.",
                f"Import it first: skills data import {steps.name} --env {run.env_id} --name {minari}",
                USAGE,
            )
        more = {"behaviour_names": list(found.names), "segmented_by": run.path.resolve().name}
        annotate(steps.minari_id, minari, columns, more)


def _shares(found: "Segments") -> list[float]:
    import numpy as np

    counts = np.bincount(found.behaviours, minlength=len(found.names))
    return [float(count) for count in counts / len(found.behaviours)]


def _document(run: "RunFolder", steps: "Transitions", found: "Segments", page: Path) -> dict[str, Any]:
    behaviours = [
        {"behaviour": number, "name": name, "skill": head, "share": share}
        for number, (name, head, share) in enumerate(zip(found.names, found.heads, _shares(found), strict=True))
    ]
    episodes = [
        {"episode": int(one), "steps": int(steps.lengths[one]), "unusual": round(float(found.unusual[one]), 3)}
        for one in found.order
    ]
    return {
        "schema_version": SCHEMA_VERSION,
        "run": str(run.path),
        "log": steps.name,
        "behaviours": behaviours,
        "episodes": episodes,
        "page": str(page),
    }


def _print(steps: "Transitions", found: "Segments", page: Path) -> None:
    for name, head, share in zip(found.names, found.heads, _shares(found), strict=True):
        console.line(f"{share:6.1%}  {name}, like skill {head}")
    console.line(
        f"The most unusual of {len(steps.lengths):,} episodes, in spreads of what is usual in its worst second:"
    )
    for one in found.order[:_LISTED]:
        console.line(f"  episode {one}: {found.unusual[one]:.1f}")
    console.line(str(page))
