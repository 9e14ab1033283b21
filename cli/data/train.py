"""`skills data train`: makes the behaviours that make the datasets."""

from pathlib import Path
from typing import Annotated

import typer

from cli import console
from cli.options import Quiet


def train(
    body: Annotated[str, typer.Argument(help="ant, halfcheetah, walker2d or hopper")],
    seed: Annotated[int | None, typer.Option(help="Without it, the seed of the behaviours that ship.")] = None,
    out: Annotated[Path, typer.Option(help="Where the behaviours and their record go.")] = Path("behaviours"),
    quiet: Quiet = False,
) -> None:
    """Trains a body's behaviours from nothing: simple, medium and expert, and the record of how they were made.

    With the shipped seed and the versions in the record, on the same kind of machine, these are the files that ship.
    """
    from cli.reporting import reporter
    from skills.behaviours import recipes

    with reporter(quiet) as report:
        files = recipes.train(body, seed, out, report(f"training {body}", "steps"))
    for file in files:
        console.line(str(file))
