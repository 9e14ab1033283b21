"""`skills rm`: deletes a run."""

import sys
from typing import Annotated

import typer

from skills.cli import console
from skills.cli.options import complete_run
from skills.errors import USAGE, SkillsError


def rm(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's name or folder.", autocompletion=complete_run)],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a run: what it has learned, played and filmed. The dataset stays."""
    from skills.runs import folder, removal

    found = removal.removable(folder.path_of(run))
    if not (yes or _agrees(f"Delete the run {found.path} ({found.size / 1e6:,.1f} MB)?")):
        console.say("Nothing was deleted.")
        return
    removal.remove(found)
    console.line(str(found.path))


def _agrees(question: str) -> bool:
    """Whether a person says yes. Raises: SkillsError (usage) where there is nobody to ask."""
    if not sys.stdin.isatty():
        raise SkillsError(f"{question} There is nobody here to ask.", "Nothing was deleted. To do it: --yes", USAGE)
    console.say(f"{question} [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")
