"""The paper's tables and the numbers that are published of them; `paper.json` gives the source of each number.

What no source gives is not there: CLUE's own tables could not be read where that file was made.
"""

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from skills.choices import Mode
from skills.errors import USAGE, SkillsError, nearest
from skills.files import read_json


@dataclass(frozen=True)
class Method:
    """Where rewards come from and what learns from them.

    calibration: lambda, None where it is the preset's.   trajectories: of the expert, None where they are the table's.
    """

    maker: str = "clue"
    learner: str = "iql"
    calibration: float | None = None
    trajectories: int | None = None


METHODS = {
    "clue": Method(),
    "clue-uncalibrated": Method(calibration=0.0),
    "true": Method("true"),
    "otr": Method("otr"),
    "oril": Method("oril"),
    "sqil": Method("sqil", "td3bc"),  # with TD3+BC, as papers do that compare with it offline
    "bc": Method(learner="bc"),
    "td3bc": Method("true", "td3bc"),
}


@dataclass(frozen=True)
class Table:
    """What a table compares.

    trajectories: of the expert, None where it is what the paper takes in each domain.
    not_run: methods of the paper's table that this project does not have.
    """

    name: str
    title: str
    mode: Mode
    trajectories: int | None
    datasets: tuple[str, ...]
    methods: tuple[str, ...]
    not_run: tuple[str, ...]


@dataclass(frozen=True)
class Figure:
    """What a figure shows.   claims: by body, by what is counted: {"ant": {"directions": "the ant moves in ..."}}."""

    name: str
    title: str
    datasets: tuple[str, ...]
    claims: dict[str, dict[str, str]]


@dataclass(frozen=True)
class Published:
    """A number of a paper, with its standard deviation there. source: the paper and its table."""

    mean: float
    std: float
    source: str


def table(name: str) -> Table:
    """The table of that name. Raises: SkillsError (usage) where there is none."""
    known = document()["tables"]
    if name not in known:
        raise SkillsError(f"Unknown table {name!r}.", f"Known: {', '.join(known)}.", USAGE)
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in known[name].items()
    }
    return Table(name=name, **values)


def figure(name: str) -> Figure:
    """The figure of that name, of those that there are."""
    known = document()["figures"][name]
    return Figure(name, known["title"], tuple(known["datasets"]), known["claims"])


def method(name: str) -> Method:
    """The method of a name; "otr-5" is OTR of five trajectories. Raises: SkillsError (usage) where there is none."""
    base, _, count = name.rpartition("-")
    if name in METHODS or not (base in METHODS and re.fullmatch(r"[1-9]\d*", count)):
        base, count = name, ""
    if base not in METHODS:
        raise SkillsError(f"Unknown method {name!r}.", nearest(base, list(METHODS)), USAGE)
    plain = METHODS[base]
    return Method(plain.maker, plain.learner, plain.calibration, int(count)) if count else plain


def published(dataset: str, name: str) -> Published | None:
    """What is published of a method on a dataset; None where it is not known here."""
    found = document()["published"].get(dataset, {}).get(name)
    return Published(found["mean"], found["std"], document()["sources"][found["source"]]) if found else None


@cache
def document() -> dict[str, Any]:
    """The whole of `paper.json`."""
    with resources.as_file(resources.files("skills.evaluation") / "paper.json") as path:
        found: dict[str, Any] = read_json(path)
        return found
