"""`skills compare`: runs side by side, with intervals of the differences."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from skills.cli import console
from skills.cli.evaluate import cell
from skills.cli.options import Json, complete_run
from skills.errors import USAGE, SkillsError

if TYPE_CHECKING:
    from skills.measures.judged import Row
    from skills.runs.folder import RunFolder

SCHEMA_VERSION = 1


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN RUN ...", help="Evaluated runs; each is compared with the first.", autocompletion=complete_run
        ),
    ],
    json: Json = False,
) -> None:
    """Show evaluated runs side by side, and how each differs from the first."""
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
    from pathlib import Path

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
