"""The table of what came out, for people and as JSON."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from tests.torture.judge import Outcome

BAD = (Outcome.TRACEBACK, Outcome.WRONG, Outcome.HANG, Outcome.LEFT)


@dataclass(frozen=True)
class Result:
    """An attack and what came out."""

    part: str
    line: str
    name: str
    outcome: Outcome
    detail: str
    seconds: float


def table(results: Sequence[Result]) -> Table:
    """A line a kind of attack, a column an outcome."""
    shown = Table(box=box.MARKDOWN)
    shown.add_column("")
    for title in ("tried", *Outcome):
        shown.add_column(title, justify="right")
    for line in (*dict.fromkeys(result.line for result in results), "all"):
        of_line = [result for result in results if line in ("all", result.line)]
        counts = [sum(result.outcome is outcome for result in of_line) for outcome in Outcome]
        shown.add_row(line, str(len(of_line)), *map(str, counts))
    return shown


def show(results: Sequence[Result]) -> None:
    """Prints the table, and each attack that came out badly."""
    Console(width=None if sys.stdout.isatty() else 160, markup=False, highlight=False).print(table(results))
    for result in results:
        if result.outcome in BAD:
            sys.stdout.write(f"{result.outcome}: {result.line} {result.name}: {result.detail}\n")


def write(results: Sequence[Result], path: Path) -> None:
    """Each attack with what came out, as JSON."""
    entries = [
        {
            "part": result.part, "line": result.line, "name": result.name, "outcome": result.outcome.value,
            "seconds": round(result.seconds, 2), "detail": result.detail,
        }
        for result in results
    ]  # fmt: skip
    path.write_text(json.dumps(entries, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
