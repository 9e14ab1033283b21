"""`skills sweep`: many runs at once, on this machine's cores or on a cluster."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from skills.choices import DeviceChoice
from skills.cli import console
from skills.cli.evaluate import cell
from skills.cli.fleets import fleet_of, telling
from skills.cli.options import Json, Quiet
from skills.cli.reporting import reporter
from skills.cli.reproduce import check_finished
from skills.errors import INTERRUPTED, SkillsError
from skills.storage import placed

if TYPE_CHECKING:
    from skills.evaluation.grid import Grid
    from skills.fleet import Standings
    from skills.runs.folder import RunFolder

# Of the numbers that a run has, those of the table; all are in sweep.json.
COLUMNS = (
    *("Normalised score", "Success rate", "Own-class occupancy", "Skills above base rate", "Survival", "Best return"),
    *("fidelity, top 1", "occupancy / base rate", "effective skills", "diversity in range", "recall of the data"),
    *("survival", "best skill's score"),
)


def sweep(
    grid: Annotated[Path, typer.Argument(metavar="GRID.yaml", help="Its datasets, methods, seeds and settings.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", parser=placed, help="The runs' folder.", show_default="runs/sweep-GRID"),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(help="Of a Ray cluster that shares this folder.", show_default="$RAY_ADDRESS, or this machine"),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Runs at once.", show_default="as many as there are cores for")
    ] = None,
    cores: Annotated[int, typer.Option(help="Of each run.")] = 1,
    device: Annotated[DeviceChoice, typer.Option(help="auto takes a GPU where there is one.")] = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run a grid of datasets, methods, seeds and settings on Ray. The same command again continues where it stopped."""
    from skills.evaluation import sweep as sweeping
    from skills.evaluation.grid import read_grid
    from skills.learning.engine.device import choose_device
    from skills.runs.folder import runs_root

    asked = read_grid(grid)
    folder = out or runs_root() / f"sweep-{grid.stem}"
    chosen = choose_device(device)
    fleet = fleet_of(workers, address, cores).on(chosen)
    with reporter(quiet) as report:
        runs = sweeping.begin_all(asked, folder, chosen, report, console.teller(quiet))
    try:
        with _watching(asked, folder, runs, quiet) as watch:
            failures = sweeping.run_all(asked, runs, fleet, watch)
    except KeyboardInterrupt:
        again = "The same command again continues."
        raise SkillsError("Interrupted. What is finished is kept.", again, INTERRUPTED) from None
    _report(asked, folder, failures, json=json)


def _report(grid: "Grid", folder: Path, failures: list[str], *, json: bool) -> None:
    from skills.evaluation import sweep as sweeping
    from skills.videos.gallery.index import index_file

    shown = sweeping.write_sweep(grid, folder)
    if json:
        console.document(shown | {"failures": failures})
    else:
        console.show(table(shown))
        console.line(str(index_file(folder)))
    check_finished(failures)


@contextmanager
def _watching(
    grid: "Grid", folder: Path, runs: list["RunFolder"], quiet: bool
) -> Iterator[Callable[["Standings"], None]]:
    """What looks at a sweep while it goes: tells how the runs stand, and writes the pages of those that have come to
    their end, and the page over all.
    """
    from skills.evaluation import sweep as sweeping

    there = [run for run in runs if sweeping.is_complete(grid, run)]
    if there and not quiet:
        console.say(f"{len(there)} of {len(runs)} runs are there.")
    _publish(grid, folder, there)
    ended = set[str]()

    with telling(quiet) as tell:

        def watch(standings: "Standings") -> None:
            tell(standings)
            fresh = {name for name, one in standings.items() if one.state == "done"} - ended
            if fresh:
                ended.update(fresh)
                _publish(grid, folder, [run for run in runs if run.path.name in fresh])

        yield watch


def _publish(grid: "Grid", folder: Path, finished: list["RunFolder"]) -> None:
    """The pages of runs that have none, and the page and the table over all."""
    from skills.evaluation import sweep as sweeping
    from skills.runs.layout import runs_in
    from skills.videos.gallery import page
    from skills.videos.gallery.index import write_index

    for run in finished:
        if not run.page_file.is_file():
            with run.writing():
                page.publish(run)
    write_index(folder, runs_in(folder))
    sweeping.write_sweep(grid, folder)


def table(shown: dict[str, Any]) -> Any:
    """A rich table: a combination a row, a number a column, its interval over seeds under it."""
    from rich.table import Table
    from rich.text import Text

    cells = shown["cells"]
    measured = [name for name in COLUMNS if any(name in one["measures"] for one in cells)]
    varied = list(cells[0]["settings"])
    made = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("dataset", "method", *varied):
        made.add_column(heading, no_wrap=True)
    for heading in ("runs", *measured):
        made.add_column(heading, justify="right")
    for one in cells:
        there = sum(run is not None for run in one["runs"].values())
        words = [one["method"], *(str(one["settings"][key]) for key in varied), f"{there} of {len(one['runs'])}"]
        numbers = [one["measures"].get(name) for name in measured]
        cells_of = [cell(number, number["digits"]) if number else Text("-") for number in numbers]
        made.add_row(Text(one["dataset"], style="bold"), *map(Text, words), *cells_of)
    return made
