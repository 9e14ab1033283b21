"""What came out of an attack, by what can be seen: never by an exit code alone."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tests.torture.runner import Ended


class Outcome(StrEnum):
    """The columns of the table."""

    RIGHT = "same bytes or right"
    NAMED = "named error"
    TRACEBACK = "traceback"
    WRONG = "silently wrong"
    HANG = "hang"
    LEFT = "left behind"


@dataclass(frozen=True)
class Verdict:
    """detail: what was seen, for whoever mends it."""

    outcome: Outcome
    detail: str = ""


Check = Callable[[], str | None]  # what is wrong with what a command has made or said; None where it is right

_NAMED = re.compile(r"^(error: |Usage: skills)", re.MULTILINE)
# A last resort that says in one line that it is the program's own fault is polite, and a traceback all the same.
_TRACEBACK = re.compile(
    r"Traceback \(most recent call last\)|Fatal Python error|Segmentation fault|╭─+ Traceback|a fault of skills itself"
)
_RAW = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_LONGEST = 4000  # characters that one clear message may have, and
_MOST_LINES = 25


def judge(ended: Ended, wrong: Check, leftovers: Sequence[str] = ()) -> Verdict:
    """The outcome of one command.   wrong: compares what it made with what is known.   leftovers: files there."""
    if ended.code is None:
        return Verdict(Outcome.HANG, f"not at its end after {ended.seconds:.0f} s")
    said = ended.out + ended.err
    if _TRACEBACK.search(said) or ended.code < 0:
        return Verdict(Outcome.TRACEBACK, f"exit {ended.code}: {tail(ended)}")
    if ended.left:
        return Verdict(Outcome.LEFT, f"processes: {'; '.join(ended.left)}")
    if _RAW.search(said):
        return Verdict(Outcome.WRONG, f"raw control characters are printed: {_RAW.findall(said)[:3]!r}")
    if ended.code != 0 and (problem := unclear(ended)):
        return Verdict(Outcome.TRACEBACK, problem)
    if ended.code == 0 and (problem := wrong()):
        return Verdict(Outcome.WRONG, problem)
    if leftovers:
        return Verdict(Outcome.LEFT, f"files: {', '.join(leftovers[:6])}")
    return Verdict(Outcome.RIGHT) if ended.code == 0 else Verdict(Outcome.NAMED, tail(ended))


def unclear(ended: Ended) -> str | None:
    """Why what a failed command has said is not one clear message."""
    if not _NAMED.search(ended.err):
        return f"exit {ended.code} without a message: {tail(ended)}"
    if len(ended.err) > _LONGEST or ended.err.count("\n") > _MOST_LINES:
        return f"exit {ended.code} with {len(ended.err):,} characters in {ended.err.count(chr(10))} lines"
    return None


def tail(ended: Ended) -> str:
    """The end of what was said."""
    return " | ".join((ended.err.strip() or ended.out.strip()).splitlines()[-4:])[-600:]


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """The one of several that counts."""
    order = list(Outcome)
    return max(verdicts, key=lambda verdict: order.index(verdict.outcome))
