"""`skills reproduce`: a table of the paper, our scores beside the published ones."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from skills.choices import DeviceChoice, Preset
from skills.cli import console
from skills.cli.fleets import together_by
from skills.cli.options import Address, AtOnce, Json, Quiet, Trust
from skills.cli.reporting import reporter
from skills.errors import INTERRUPTED, PARTLY_DONE, SkillsError
from skills.progress import Notify, Reporter
from skills.storage import placed

if TYPE_CHECKING:
    from skills.evaluation.paper import Table

# As in evaluation.paper and settings.config, which are too slow to import for `skills --help`; a test keeps them
# the same.
Name = Literal[
    "table1", "table2", "table3", "table4", "table5", "table6", "table7",
    "figure3", "figure4", "figure5", "figure6", "figure7",
]  # fmt: skip


def reproduce(
    table: Annotated[Name, typer.Argument(help="Under its number in the paper.")],
    datasets: Annotated[
        str | None, typer.Option(metavar="LIST", help="Such as hopper-medium,walker2d-medium.", show_default="all here")
    ] = None,
    methods: Annotated[
        str | None, typer.Option(metavar="LIST", help="Such as clue,true,otr-5.", show_default="the table's")
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(help="How many seeds; of a table trained stacked.", show_default="3; 1 of figure3"),
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Steps of the learner.", show_default="the preset's")] = None,
    expert: Annotated[
        str | None, typer.Option(help="Imitation: a dataset or a file.", show_default="BODY-expert")
    ] = None,
    preset: Annotated[Preset, typer.Option(help="quick is for two cores, paper for a GPU.")] = "quick",
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 1,
    device: Annotated[DeviceChoice, typer.Option(help="auto takes a GPU where there is one.")] = "auto",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", parser=placed, help="The runs' folder.", show_default="runs/reproduce-TABLE"
        ),
    ] = None,
    workers: AtOnce = None,
    address: Address = None,
    json: Json = False,
    quiet: Quiet = False,
    trust: Trust = None,
) -> None:
    """Run a table or a figure of the paper on the data here. The same command again continues where it stopped."""
    from skills.evaluation import paper

    if table == "figure3":
        from skills.cli.figure import reproduce_figure

        refused = {"--methods": methods, "--expert": expert}
        reproduce_figure(
            table,
            refused,
            split(datasets),
            1 if seeds is None else seeds,
            steps,
            preset,
            seed,
            device,
            out,
            workers,
            address,
            json=json,
            quiet=quiet,
        )
        return
    chosen = paper.table(table)
    columns = split(methods) or list(chosen.methods)
    for name in columns:
        paper.method(name)  # refuses what is unknown before anything slow is imported

    from skills.evaluation import reproduce as reproduction
    from skills.learning.engine.device import choose_device
    from skills.runs.begin import expert_of

    folder = out or reproduction.default_folder(table)
    reproduction.check_datasets(chosen, split(datasets))
    rows = reproduction.available(split(datasets) or chosen.datasets)
    settings = reproduction.Settings(
        preset, 3 if seeds is None else seeds, seed, choose_device(device), steps, expert_of(expert)
    )
    if table == "figure7":
        from skills.cli.figure import reproduce_rewards

        reproduce_rewards(chosen, rows, columns, settings, folder, workers, address, json=json, quiet=quiet)
        return
    with going_on(quiet) as (report, notify):
        together = together_by(workers, address, settings.device, report, notify)
        failures = reproduction.run_all(chosen, rows, columns, settings, folder, report, notify, together)
    _report(chosen, columns, folder, failures, json=json)


@contextmanager
def going_on(quiet: bool) -> Iterator[tuple[Reporter, Notify]]:
    """What runs report to. Raises: SkillsError where they are interrupted, that they can be continued."""
    try:
        with reporter(quiet) as report:
            yield report, console.teller(quiet)
    except KeyboardInterrupt:
        raise SkillsError(
            "Interrupted. What is finished is kept.", "The same command again continues.", INTERRUPTED
        ) from None


def check_finished(failures: list[str]) -> None:
    """Raises: SkillsError (partly done) with the lines of runs that could not be finished, where there are any."""
    if failures:
        raise SkillsError(
            f"{len(failures)} runs could not be finished:\n" + "\n".join(f"  {line}" for line in failures),
            "The same command again tries them once more.",
            PARTLY_DONE,
        )


def split(names: str | None) -> list[str]:
    """The names of a list with commas."""
    return [name.strip() for name in names.split(",") if name.strip()] if names else []


def _report(table: "Table", columns: list[str], folder: Path, failures: list[str], *, json: bool) -> None:
    from skills.evaluation import reproduce as reproduction
    from skills.evaluation.table_page import data_text

    shown = reproduction.document(table, columns, folder)
    if json:
        console.document(shown | {"failures": failures})
    else:
        console.show(_grid(shown))
        said = [*shown["verdicts"], *map(data_text, shown["rows"]), f"{shown['note']} {shown['about']}"]
        for line in said:
            console.line(line)
        console.line(str(folder / reproduction.MARKDOWN))
    check_finished(failures)


def _grid(shown: dict[str, Any]) -> Any:
    """A rich table: a line for each dataset and method, the published numbers dim beside ours."""
    from rich.table import Table

    from skills.evaluation.table_page import HEADING, grid, papers

    shape = Table(box=None, padding=(0, 2, 0, 0))
    shape.add_column("", style="bold")
    shape.add_column("")
    shape.add_column(HEADING)
    for name in papers(shown):
        shape.add_column(name, style="dim")
    before = ""
    for dataset, *cells in grid(shown):
        shape.add_row("" if dataset == before else dataset, *cells)
        before = dataset
    return shape
