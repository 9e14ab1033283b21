"""What a page may ask for: words that arrive from a browser, checked."""

import json
import math
from dataclasses import dataclass
from typing import Any

from skills.measures.steering import Velocity

RATES = (1.0, 0.5, 0.25, 0.1, 0.0)  # of true speed


@dataclass(frozen=True)
class Order:
    """One key, click or move of a stick; what it does not name is None.

    number: the page's own count, told again with the first picture after it was heeded.
    skill: who acts from now on.   command: the velocity whose nearest skill acts.   reset: put the body down anew.
    rate: of true speed.   record: begin or end.
    """

    number: int
    skill: int | None = None
    command: Velocity | None = None
    reset: bool = False
    rate: float | None = None
    record: bool | None = None


def read_order(text: str, skills: int) -> Order | None:
    """The order in a message; None where it is none, as no page of ours sends it."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or not _is_whole(said.get("number")):
        return None
    skill, rate, record = said.get("skill"), said.get("rate"), said.get("record")
    if skill is not None and not (_is_whole(skill) and 0 <= skill < skills):
        return None
    if (rate is not None and rate not in RATES) or record not in (None, True, False):
        return None
    command = said.get("command")
    if command is not None and not (isinstance(command, list) and len(command) == 3 and all(map(_is_number, command))):
        return None
    velocity = None if command is None else (float(command[0]), float(command[1]), float(command[2]))
    return Order(said["number"], skill, velocity, said.get("reset") is True, rate, record)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
