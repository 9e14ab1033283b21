"""Where the command line writes: results on stdout, everything else on stderr."""

import json
import sys
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from skills.errors import SkillsError

if TYPE_CHECKING:  # rich takes a while to import, and `skills --help` waits for every import
    from rich.console import Console, RenderableType

_WIDTH_OF_A_FILE = 160  # columns, where stdout is a file or a pipe and has no width of its own


@cache
def results() -> "Console":
    """The console on stdout. Nothing is marked up or highlighted: names and paths are printed as they are."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else _WIDTH_OF_A_FILE
    return Console(width=width, markup=False, highlight=False, emoji=False)


@cache
def messages() -> "Console":
    """The console on stderr."""
    from rich.console import Console

    return Console(stderr=True, markup=False, highlight=False, emoji=False)


def show(what: "RenderableType") -> None:
    """Prints a table or a text on stdout; in a file no line ends in the blanks that fill a table's columns."""
    if sys.stdout.isatty():
        results().print(what)
        return
    with results().capture() as captured:
        results().print(what)
    for printed in captured.get().splitlines():
        line(printed.rstrip())


def pairs(rows: Iterable[tuple[str, Any]]) -> "RenderableType":
    """A table of names and values."""
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=True)
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    for name, value in rows:
        table.add_row(name, str(value))
    return table


def line(text: str = "") -> None:
    """Prints one line on stdout, never wrapped: a path stays a path."""
    sys.stdout.write(f"{text}\n")


def document(content: Any) -> None:
    """Prints one JSON document on stdout."""
    line(json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False))


def say(text: str) -> None:
    """Prints a line on stderr, above any progress bars."""
    messages().print(text, soft_wrap=True)


def error(problem: SkillsError) -> None:
    """Prints what is wrong and what to do about it on stderr."""
    from rich.text import Text

    messages().print(Text.assemble(("error: ", "bold red"), problem.message), soft_wrap=True)
    if problem.hint:
        messages().print(problem.hint, soft_wrap=True)


def reset() -> None:
    """Forgets the consoles, for a process whose stdout has been replaced."""
    results.cache_clear()
    messages.cache_clear()
