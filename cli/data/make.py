"""`skills data make`: collects a dataset on this machine."""

from typing import Annotated

import typer

from skills.cli import console
from skills.cli.options import Quiet, complete_embedded


def make(
    name: Annotated[
        str,
        typer.Argument(
            help="A dataset that can be made here: ant-medium, hopper-medium-replay, ...",
            autocompletion=complete_embedded,
        ),
    ],
    steps: Annotated[int, typer.Option(min=1, help="Rows, at least; whole episodes are kept.")] = 1_000_000,
    quiet: Quiet = False,
) -> None:
    """Collects a dataset with this project's own policies: a local Minari dataset, no network needed.

    Made once; asked for more steps, it is extended. The folder is MINARI_DATASETS_PATH, or ~/.minari/datasets.
    """
    from skills.cli.reporting import reporter
    from skills.data import catalog
    from skills.data.made import embedded

    entry = catalog.resolve(name)
    with reporter(quiet) as report:
        minari_id = embedded.make(entry, steps, report(f"collecting {name}", "steps"))
    console.line(minari_id)
