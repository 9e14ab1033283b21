"""`skills data`: the datasets that are made on this machine, and the behaviours that make them."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Datasets made on this machine, and the behaviours that make them.")


@app.command()
def make(
    name: Annotated[str, typer.Argument(help="A dataset that can be made here: ant-medium, hopper-random, ...")],
    steps: Annotated[int, typer.Option(min=1, help="Rows, at least; whole episodes are kept.")] = 1_000_000,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Collects a dataset with this project's own behaviours: a local Minari dataset, no network needed.

    Made once; asked for more steps, it is extended. The folder is MINARI_DATASETS_PATH, or ~/.minari/datasets.
    """
    from cli import console
    from cli.reporting import reporter
    from skills import catalog
    from skills.sources import embedded

    entry = catalog.resolve(name)
    with reporter(quiet) as report:
        minari_id = embedded.make(entry, steps, report(f"collecting {name}", "steps"))
    console.line(minari_id)


@app.command()
def train(
    body: Annotated[str, typer.Argument(help="ant, halfcheetah, walker2d or hopper")],
    seed: Annotated[int | None, typer.Option(help="Without it, the seed of the behaviours that ship.")] = None,
    out: Annotated[Path, typer.Option(help="Where the behaviours and their record go.")] = Path("behaviours"),
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Trains a body's behaviours from nothing: simple, medium and expert, and the record of how they were made.

    With the shipped seed and the versions in the record, on the same kind of machine, these are the files that ship.
    """
    from cli import console
    from cli.reporting import reporter
    from skills.behaviours import recipes

    with reporter(quiet) as report:
        files = recipes.train(body, seed, out, report(f"training {body}", "steps"))
    for file in files:
        console.line(str(file))
