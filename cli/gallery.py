"""`skills gallery`: the page of a run's videos, and the page over all runs."""

import sys
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from skills.cli import console
from skills.cli.options import RunName
from skills.errors import NOT_FOUND, USAGE, SkillsError, UnwritableError


def gallery(
    run: RunName = None,
    runs: Annotated[bool, typer.Option("--runs", help="The page over all runs instead, a card each.")] = False,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    serve: Annotated[bool, typer.Option("--serve", help="Serve it to this machine until Ctrl-C.")] = False,
    port: Annotated[int, typer.Option(help="With --serve: the port; 0 takes a free one.", min=0, max=65535)] = 0,
) -> None:
    """Write a run's gallery anew and print the path of its page."""
    shown = open_page or serve
    index = _index_of_runs(run, shown=shown) if runs else _page_of(run, shown=shown)
    if serve:
        _serve(index, open_page=open_page, port=port, whole=not runs)
        return
    if open_page:
        open_address(index.resolve().as_uri())
    console.line(str(index))


def _page_of(name: str | None, *, shown: bool) -> Path:
    """shown: whether a page that is there already will do, where it cannot be written."""
    from skills.runs.folder import find

    opened = find(name)
    opened.require("measures")
    from skills.videos.gallery import page

    with _as_it_is(opened.page_file, shown), opened.writing():
        return page.publish(opened)
    return opened.page_file


def _index_of_runs(name: str | None, *, shown: bool) -> Path:
    from skills.runs.folder import all_paths, runs_root
    from skills.runs.holding import bring
    from skills.videos.gallery.index import index_file, write_index

    if name is not None:
        raise SkillsError(f"--runs shows all runs, not {name!r} alone.", "Leave one of them out.", USAGE)
    if not all_paths():
        raise SkillsError(f"There are no runs in {runs_root()}.", "Make one: skills discover ant-medium", NOT_FOUND)
    with _as_it_is(index_file(runs_root()), shown):
        return write_index(runs_root(), [bring(path) for path in all_paths()])
    return index_file(runs_root())


@contextmanager
def _as_it_is(kept: Path, shown: bool) -> Iterator[None]:
    """Around what writes a page to be shown: one that is there is shown as it is, where it cannot be written now."""
    try:
        yield
    except UnwritableError as error:
        if not (shown and kept.is_file()):
            raise
        console.say(f"The page is shown as it is. {error.message}")


def open_address(address: str) -> None:
    if not webbrowser.open(address):
        console.say("There is no browser here: copy the folder of this page to a machine that has one.")


def _serve(index: Path, *, open_page: bool, port: int, whole: bool) -> None:
    from skills.videos.gallery import serve

    def ready(address: str) -> None:
        console.line(address)
        sys.stdout.flush()
        console.say(f"Serving {index.parent} to this machine. Ctrl-C stops.")
        if open_page:
            open_address(address)

    serve.serve(index.parent, serve.everything if whole else serve.pages_of_runs, port, ready)
