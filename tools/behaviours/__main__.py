"""`python -m tools.behaviours ant`, or `ant-diverse`: trains the behaviours that make the datasets."""

from pathlib import Path
from typing import Annotated

import typer

from skills.cli import console
from skills.cli.options import Quiet
from skills.cli.reporting import reporter
from skills.data.made.diverse import LEVEL
from tools.behaviours import drivers, recipes


def train(
    body: Annotated[str, typer.Argument(help="ant, halfcheetah, walker2d or hopper; ant-diverse and so on")],
    seed: Annotated[int | None, typer.Option(help="Without it, the seed of the policies that ship.")] = None,
    out: Annotated[Path, typer.Option(help="Where the policies and their record go.")] = Path("policies"),
    quiet: Quiet = False,
) -> None:
    """Trains a body's policies from nothing: simple, medium and expert, and the record of how they were made.

    Or the networks that drive it through the commands of its diverse set, which begin from those that ship.

    With the shipped seed and the versions in the record, on the same kind of machine, these are the files that ship.
    """
    with reporter(quiet) as report:
        body_name, _, level = body.partition("-")
        made = drivers.train if level == LEVEL else recipes.train
        files = made(body_name if level == LEVEL else body, seed, out, report(f"training {body}", "steps"))
    for file in files:
        console.line(str(file))


if __name__ == "__main__":
    typer.run(train)
