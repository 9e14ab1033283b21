"""`skills ablate`: a run again with one setting changed, as a table and a plot."""

import math
import shlex
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from skills.cli import console, drawing
from skills.cli.evaluate import cell
from skills.cli.options import Json, Quiet, RunName, Trust
from skills.cli.reporting import reporter
from skills.errors import INTERRUPTED, USAGE, SkillsError

# As in skills.evaluation.ablate, which is too slow to import for `skills --help`; a test keeps them the same.
What = Literal["calibration", "data", "temperature"]

# group, number, what it says, digits behind the point
COLUMNS = (
    ("reward_auc", "median", "reward AUC", 3),
    ("fidelity", "top1", "fidelity, top 1", 3),
    ("occupancy", "median_ratio", "occupancy / base", 2),
    ("effective_skills", None, "effective skills", 1),
    ("diversity", "ratio", "diversity / data", 3),
    ("coverage", "recall", "recall", 3),
    ("quality", "best", "best score", 1),
)


def ablate(
    what: Annotated[What, typer.Argument(help="The setting that is changed.")],
    run: RunName = None,
    values: Annotated[
        str | None, typer.Option(metavar="LIST", help="Its values, such as 1,3,10.", show_default="the paper's")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    trust: Trust = None,
) -> None:
    """Train and measure a run again with one setting changed: a table and a plot (needs matplotlib)."""
    from skills.runs import folder as runs

    drawing.check_can_plot()
    opened = runs.find(run)
    opened.require("policy")
    asked = _parse(values)
    from skills.evaluation import ablate as ablation

    cases = ablation.cases(what, opened.config, opened.manifest["dataset"]["steps"], asked)
    try:
        notify = console.teller(quiet)
        with opened.writing(notify), reporter(quiet) as report:
            document = ablation.ablate(opened, cases, what, report, notify)
            plot = opened.evaluation_file(f"ablation-{what}.svg")
            draw(document, plot)
    except KeyboardInterrupt:
        from skills.runs.command import go_on

        options = [f"--values {shlex.quote(values)}"] if values else []
        raise SkillsError(
            "Interrupted. What is finished is kept.",
            f"Continue with: {go_on(opened.path, f'ablate {what}', *options)}",
            INTERRUPTED,
        ) from None
    if json:
        console.document({**document, "plot": str(plot)})
        return
    console.show(table(document))
    console.line(str(plot))


def _parse(values: str | None) -> list[float]:
    try:
        return [float(value) for value in (values or "").split(",") if value.strip()]
    except ValueError:
        raise SkillsError(f"--values {values} is no list of numbers.", "Such as --values 1,3,10.", USAGE) from None


def _number(case: dict[str, Any], group: str, inner: str | None) -> dict[str, Any]:
    found: dict[str, Any] = case["measures"][group] if inner is None else case["measures"][group][inner]
    return found


def table(document: dict[str, Any]) -> Any:
    """A rich table, a case a row."""
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, padding=(0, 2, 0, 0))
    shown.add_column(document["varies"], no_wrap=True)
    for _, _, words, _ in COLUMNS:
        shown.add_column(words, justify="right")
    for case in document["cases"]:
        cells = [cell(_number(case, group, inner), digits) for group, inner, _, digits in COLUMNS]
        shown.add_row(Text(case["case"], style="bold"), *cells)
    return shown


def draw(document: dict[str, Any], path: Path) -> None:
    """Writes the plot as SVG: a panel a number, with its intervals."""
    rows, columns = -(-len(COLUMNS) // 4), min(len(COLUMNS), 4)
    figure = drawing.figure(3.2 * columns, 2.8 * rows)
    for place, column in enumerate(COLUMNS):
        _draw_cases(figure.add_subplot(rows, columns, place + 1), document["cases"], column)
    figure.suptitle(f"{document['run']}: {document['varies']}")
    drawing.save(figure, path)


def _draw_cases(axes: Any, cases: list[dict[str, Any]], column: tuple[str, str | None, str, int]) -> None:
    group, inner, words, _ = column
    found = [_number(case, group, inner) for case in cases]
    # What a run has not is not drawn; what has no interval is a point.
    values = [math.nan if one["value"] is None else one["value"] for one in found]
    errors = [
        [0.0 if one[end] is None else abs(one[end] - value) for one, value in zip(found, values, strict=True)]
        for end in ("low", "high")
    ]
    axes.errorbar(range(len(cases)), values, yerr=errors, fmt="o", capsize=3)
    axes.set_xticks(range(len(cases)), [case["case"] for case in cases], rotation=45, ha="right", fontsize=7)
    axes.set_title(words, fontsize=9)
    axes.margins(x=0.15)
