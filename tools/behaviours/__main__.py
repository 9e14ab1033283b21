"""`python -m tools.behaviours ant`: trains the behaviours that make the datasets."""

from pathlib import Path
from typing import Annotated

import typer

from skills.cli import console
from skills.cli.options import Quiet
from skills.cli.reporting import reporter
from tools.behaviours import recipes


def train(
    body: Annotated[str, typer.Argument(help="ant, halfcheetah, walker2d or hopper")],
    seed: Annotated[int | None, typer.Option(help="Without it, the seed of the behaviours that ship.")] = None,
    out: Annotated[Path, typer.Option(help="Where the behaviours and their record go.")] = Path("behaviours"),
    quiet: Quiet = False,
) -> None:
    """Trains a body's behaviours from nothing: simple, medium and expert, and the record of how they were made.

    With the shipped seed and the versions in the record, on the same kind of machine, these are the files that ship.
    """
    with reporter(quiet) as report:
        files = recipes.train(body, seed, out, report(f"training {body}", "steps"))
    for file in files:
        console.line(str(file))


if __name__ == "__main__":
    typer.run(train)
