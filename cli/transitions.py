"""`skills transitions`: what happens when one skill gives way to another."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from skills.cli import console
from skills.cli.find import labels_of
from skills.cli.options import Json, Quiet, RunName
from skills.cli.reporting import reporter
from skills.errors import INTERRUPTED, USAGE, SkillsError

if TYPE_CHECKING:
    from skills.measures.switches import Switches
    from skills.runs.folder import RunFolder

SCHEMA_VERSION = 1
_NAMED = 5  # skills that a line lists


def transitions(
    run: RunName = None,
    seconds: Annotated[float, typer.Option(help="Seconds before a switch, and after it.")] = 3.0,
    starts: Annotated[int, typer.Option(metavar="N", help="Starts of each switch.")] = 5,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Play every skill from the midst of every other: who stays up, and when is the new behaviour reached?

    What has been played stays in the run; the page then says from each skill where one can safely go.
    """
    from skills.measures.switches import play_switches
    from skills.runs import folder as runs

    if not 1.0 <= seconds <= 60.0 or not 1 <= starts <= 100:
        raise SkillsError(
            f"--seconds {seconds:g} --starts {starts} cannot be played.", "Seconds: 1 to 60; starts: 1 to 100.", USAGE
        )
    opened = runs.find(run)
    try:
        with opened.writing(console.teller(quiet)):
            with reporter(quiet) as report:
                found = play_switches(opened, seconds, starts, report)
            page = _publish(opened)
    except KeyboardInterrupt:
        raise SkillsError(
            "Interrupted. The skills that were finished are kept.", "The same command plays the rest.", INTERRUPTED
        ) from None
    if json:
        console.document(_document(opened, found, page))
    else:
        _print(opened, found)
        if page:
            console.line(page)


def _publish(run: "RunFolder") -> str | None:
    """The page anew, where the run has what a page shows."""
    if "measures" not in run.finished_stages():
        return None
    from skills.videos.gallery import page

    return str(page.publish(run))


def _document(run: "RunFolder", found: "Switches", page: str | None) -> dict[str, Any]:
    import numpy as np

    def listed(table: Any) -> list[Any]:
        return [[None if np.isnan(value) else round(float(value), 3) for value in row] for row in table]

    return {
        "schema_version": SCHEMA_VERSION,
        "run": str(run.path),
        "seconds": float(found.seconds[0]),
        "tried": found.tried.tolist(),
        "survived": listed(found.survived),
        "reached": listed(found.reached),
        "times": listed(found.times),
        "safe": [found.safest(skill) for skill in range(len(found.done))],
        "gallery": page,
    }


def _print(run: "RunFolder", found: "Switches") -> None:
    import numpy as np
    from rich.table import Table

    labels = labels_of(run)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("from", "label", "stays up", "reaches", "safely to, and after how many seconds"):
        table.add_column(name, justify="right" if name in ("from", "stays up", "reaches") else "left")
    others = ~np.eye(len(labels), dtype=bool)
    for skill, label in enumerate(labels):
        if not found.tried[skill]:
            table.add_row(str(skill), label, "-", "-", "falls before it can give way")
            continue
        safe = found.safest(skill)
        named = ", ".join(f"{other} ({found.times[skill, other]:.1f})" for other in safe[:_NAMED])
        more = f" and {len(safe) - _NAMED} more" if len(safe) > _NAMED else ""
        shares = [f"{table_[skill][others[skill]].mean():.0%}" for table_ in (found.survived, found.reached)]
        table.add_row(str(skill), label, *shares, (named + more) or "nowhere")
    console.show(table)
    tried = others & (found.tried > 0)[:, None]
    if tried.any():
        console.line(
            f"Of {int(tried.sum()):,} switches {found.safe[tried].mean():.0%} are safe: nobody fell in "
            f"{found.seconds[1]:g} s, and four of five starts came to the new behaviour."
        )
