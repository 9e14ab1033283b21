"""Where the command line writes: results on stdout, everything else on stderr.

All that it writes is `printable`: names of arrays, columns and datasets are words of whoever made the file.
"""

import io
import json
import os
import sys
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from skills.errors import SkillsError
from skills.printable import printable
from skills.progress import Notify, unsaid

if TYPE_CHECKING:  # rich takes a while to import, and `skills --help` waits for every import
    from rich.console import Console, RenderableType

_MESSAGE_LINES, _HINT_LINES = 7, 3  # of an error, at most
_PARAGRAPH = 800  # letters of one of its lines, at most
_WIDTH_OF_A_FILE = 160  # columns, where stdout is a file or a pipe and has no width of its own


@cache
def results() -> "Console":
    """The console on stdout. Nothing is marked up or highlighted: names and paths are printed as they are."""
    return _console(width=None if sys.stdout.isatty() else _WIDTH_OF_A_FILE)


@cache
def messages() -> "Console":
    """The console on stderr."""
    return _console(stderr=True)


def _console(**options: Any) -> "Console":
    from rich.console import Console, ConsoleOptions
    from rich.segment import Segment

    class Printable(Console):
        """Whatever is printed, a table or a bar, becomes segments here; its own colours are put around them later."""

        def render(self, renderable: Any, options: ConsoleOptions | None = None) -> Iterable[Segment]:
            for text, style, control in super().render(renderable, options):
                yield Segment(text if control else printable(text), style, control)

    return Printable(markup=False, highlight=False, emoji=False, **options)


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
        table.add_row(printable(name), printable(str(value)))
    return table


def prepare() -> None:
    """Makes stdout and stderr take every letter: what their encoding has not is written as Python writes it."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed, as by `>&-`
            setattr(sys, name, io.TextIOWrapper(io.FileIO(os.devnull, "w"), encoding="utf-8"))
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def can_write(text: str) -> bool:
    """Whether the encoding of stdout has these letters."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def line(text: str = "") -> None:
    """Prints one line on stdout, never wrapped: a path stays a path."""
    sys.stdout.write(f"{printable(text)}\n")


def document(content: Any) -> None:
    """Prints one JSON document on stdout."""
    text = json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False)
    line(text if can_write(text) else json.dumps(content, indent=2, allow_nan=False))


def say(text: str) -> None:
    """Prints a line on stderr, above any progress bars."""
    messages().print(text, soft_wrap=True)


def teller(quiet: bool) -> Notify:
    """Tells of what goes on, on stderr; nothing for --quiet."""
    return unsaid if quiet else say


def error(problem: SkillsError) -> None:
    """Prints what is wrong and what to do about it on stderr."""
    from rich.text import Text

    message = brief(problem.message, _MESSAGE_LINES)
    messages().print(Text.assemble(("error: ", "bold red"), message), soft_wrap=True)
    if problem.hint:
        messages().print(brief(problem.hint, _HINT_LINES), soft_wrap=True)


def brief(text: str, most: int) -> str:
    """A text of at most so many lines, none longer than a paragraph; says how much is left out."""
    lines = [line if len(line) <= _PARAGRAPH else f"{line[:_PARAGRAPH]} ..." for line in text.splitlines()]
    if len(lines) > most:
        lines = [*lines[: most - 1], f"  ... and {len(lines) - most + 1:,} lines more"]
    return "\n".join(lines)


def reset() -> None:
    """Forgets the consoles, for a process whose stdout has been replaced."""
    results.cache_clear()
    messages.cache_clear()
