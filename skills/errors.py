"""The one error that this project raises on purpose: what is wrong, what to do, which exit code says it."""

import difflib
from collections.abc import Iterable

from skills.printable import printable

FAILED = 1
USAGE = 2
NOT_FOUND = 3
ENVIRONMENT = 4
PARTLY_DONE = 5
FAULT = 70  # of this program, sysexits' EX_SOFTWARE
INTERRUPTED = 130


class SkillsError(Exception):
    """Something a person can mend.

    message: one sentence that names the bad value.
    hint: the way out: the valid values, or a command; may be empty.
    exit_code: what the command line ends with (one of the constants of this module).
    Names out of files are in both, so both are made `printable`.
    """

    def __init__(self, message: str, hint: str = "", exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.message = printable(message)
        self.hint = printable(hint)
        self.exit_code = exit_code

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class UnwritableError(SkillsError):
    """A place cannot be written now: another process has it, or it may not be, or there is no room. It may be read."""


def some(names: Iterable[object], most: int = 12) -> str:
    """The first few of many names: "a, b, c and 2,980 more"."""
    known = list(map(str, names))
    more = f" and {len(known) - most:,} more" if len(known) > most else ""
    return ", ".join(known[:most]) + more


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint that lists the known names, nearest first when some are near."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.7)
    if close:
        return f"Did you mean {', '.join(close)}?"
    return f"Known: {', '.join(names)}." if names else "There are none yet."
