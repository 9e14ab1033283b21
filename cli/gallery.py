"""`skills gallery`: the page of a run's videos."""

import webbrowser
from typing import Annotated

import typer

from cli import console
from cli.options import RunName


def gallery(
    run: RunName = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Write a run's gallery anew and print the path of its page."""
    from skills import run as runs

    opened = runs.find(run)
    opened.require("measures")
    from videos import page

    with opened.writing():
        index = page.publish(opened)
    if open_page and not webbrowser.open(index.resolve().as_uri()):
        console.say("There is no browser here: copy the folder of this page to a machine that has one.")
    console.line(str(index))
