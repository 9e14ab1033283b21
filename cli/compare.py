"""`skills compare`: runs side by side, with intervals of the differences; or methods on data (see `neighbours.py`)."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from skills.choices import DeviceChoice, Preset
from skills.cli import console
from skills.cli.evaluate import TRIALS, cell
from skills.cli.options import Json, Quiet, Trust, complete_run, given_settings
from skills.cli.reproduce import split
from skills.errors import USAGE, SkillsError
from skills.storage import placed

if TYPE_CHECKING:
    from skills.measures.judged import Row
    from skills.runs.folder import RunFolder

SCHEMA_VERSION = 1


def compare(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN RUN ...", help="Evaluated runs; each is compared with the first.", autocompletion=complete_run
        ),
    ] = None,
    on: Annotated[
        str | None,
        typer.Option(
            metavar="LIST", help="Datasets: methods are compared on them instead, from discovery to measures."
        ),
    ] = None,
    methods: Annotated[
        str | None, typer.Option(metavar="LIST", help="Such as clue,pg-kmeans.", show_default="all")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Of a core, for each method and dataset to learn in.", show_default="10")
    ] = None,
    skills: Annotated[int | None, typer.Option(help="Of each.", show_default="the preset's")] = None,
    preset: Annotated[Preset, typer.Option(help="Everything else but the minutes.")] = "quick",
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 1,
    trials: Annotated[int, typer.Option(help="Of each skill.")] = TRIALS,
    device: Annotated[DeviceChoice, typer.Option(help="auto takes a GPU where there is one.")] = "auto",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting of all methods that have it."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", parser=placed, help="The runs' folder.", show_default="runs/neighbours"),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    trust: Trust = None,
) -> None:
    """Show evaluated runs side by side, and how each differs from the first; or, --on datasets, methods.

    Of methods, the same command again continues where it stopped.
    """
    if on is None:
        asked = {"--methods": methods, "--minutes": minutes, "--skills": skills, "--set": settings, "--out": out}
        for option, given in asked.items():
            if given:
                raise SkillsError(f"{option} is of methods on data.", "Name the datasets with --on.", USAGE)
        _compare_runs(runs or [], json=json)
        return
    if runs:
        raise SkillsError("Runs and --on were given.", "Compare runs, or methods on data.", USAGE)

    from skills.cli.neighbours import compare_methods

    compare_methods(
        split(on),
        split(methods),
        10.0 if minutes is None else minutes,
        preset,
        skills,
        seed,
        trials,
        device,
        given_settings(settings),
        out,
        json=json,
        quiet=quiet,
    )


def _compare_runs(runs: list[str], *, json: bool) -> None:
    from skills.evaluation.evaluate import changes, read_numbers, require_alike
    from skills.measures.judged import rows
    from skills.runs import folder as known

    if len(runs) < 2:
        raise SkillsError("One run cannot be compared.", "Name two or more: skills compare RUN RUN", USAGE)
    opened = [known.find(name) for name in runs]
    numbers = [read_numbers(run) for run in opened]
    require_alike(opened)
    measured = opened[0].measures
    apart = [changes(numbers[0], other) for other in numbers[1:]]
    document = _document(opened, numbers, apart, measured)
    if json:
        console.document(document)
        return
    console.show(_table(document, rows(measured)))
    console.line(f"Each * is a difference from {opened[0].path.name} whose 95 % interval does not hold 0.")


def _document(
    opened: list["RunFolder"], numbers: list[Any], changes: list[Any], measured: dict[str, Any]
) -> dict[str, Any]:
    from skills.evaluation.evaluate import as_groups
    from skills.measures.judged import measures

    known = measures(measured["protocol"].get("settings"))
    return {
        "schema_version": SCHEMA_VERSION,
        "runs": [
            {"run": str(run.path), "measures": as_groups(found, known)}
            for run, found in zip(opened, numbers, strict=True)
        ],
        "differences": [
            {"run": str(run.path), "from": str(opened[0].path), "measures": found}
            for run, found in zip(opened[1:], changes, strict=True)
        ],
    }


def _table(document: dict[str, Any], rows: list["Row"]) -> Any:
    from rich.table import Table
    from rich.text import Text

    names = [Path(entry["run"]).name for entry in document["runs"]]
    shown = Table(box=None, padding=(0, 2, 0, 0))
    shown.add_column("", no_wrap=True)
    for name in [*names, *(f"{name} - {names[0]}" for name in names[1:])]:
        shown.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        change = [row.read(entry["measures"]) for entry in document["differences"]]
        cells = [cell(row.read(entry["measures"]), row.digits) for entry in document["runs"]]
        for one in change:
            low, high = one["low"], one["high"]
            apart = low is not None and high is not None and (low > 0 or high < 0)
            cells.append(Text.assemble("* " if apart else "", cell(one, row.digits)))
        shown.add_row(Text(row.words, style="bold"), *cells)
    return shown
