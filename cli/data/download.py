"""`skills data download`: brings an official Minari dataset to this machine."""

from typing import Annotated

import typer

from skills.cli import console
from skills.cli.options import Quiet, Trust, complete_official
from skills.errors import NOT_FOUND, SkillsError


def download(
    name: Annotated[
        str,
        typer.Argument(help="Such as ant-medium, door-human, or any Minari id.", autocompletion=complete_official),
    ],
    quiet: Quiet = False,
    trust: Trust = None,
) -> None:
    """Downloads the official Minari dataset of a name. Stopped half-way, the same command goes on where it was.

    Files are compared with the checksums of the hub. The folder is MINARI_DATASETS_PATH, or ~/.minari/datasets.
    """
    from skills.cli.reporting import reporter
    from skills.data import catalog

    entry = catalog.resolve(name)
    if entry.official_id is None:
        raise SkillsError(
            f"{name} has no official Minari dataset.", f"Make it here: skills data make {name}", NOT_FOUND
        )
    from skills.data import hub

    with reporter(quiet) as report:
        hub.download(entry.official_id, report(f"downloading {entry.official_id}", "bytes"), console.say)
    console.line(entry.official_id)
