"""The paper's tables, under its own numbers, and what is published of them; `paper.json` gives the sources.

A figure that compares scores is a table here too; the paper plots it without numbers.
"""

import re
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

from skills.choices import Mode
from skills.errors import USAGE, SkillsError, nearest
from skills.files import read_json


@dataclass(frozen=True)
class Method:
    """Where rewards come from and what learns from them.

    calibration: lambda; temperature: c; None where they are the preset's.
    percent: of the data; trajectories: of the expert; None where they are the table's.
    """

    maker: str = "clue"
    learner: str = "iql"
    calibration: float | None = None
    temperature: float | None = None
    percent: int | None = None
    trajectories: int | None = None


METHODS = {
    "clue": Method(),
    "clue-uncalibrated": Method(calibration=0.0),
    "true": Method("true"),
    "otr": Method("otr"),
    "oril": Method("oril"),
    "oril-td3bc": Method("ratio", "td3bc"),  # CLUE's
    "sqil": Method("sqil", "td3bc"),  # with TD3+BC, as papers do that compare with it offline
    "bc": Method(learner="bc"),
    "td3bc": Method("true", "td3bc"),
    "iq-learn": Method(learner="iqlearn"),
    "valuedice": Method(learner="valuedice"),
    "demodice": Method(learner="demodice"),
    "smodice": Method(learner="smodice"),
    "smore": Method(learner="smore"),
    "cnf": Method("true", "cnf"),
    "clue-waypoints": Method(learner="waypoints"),
    "true-waypoints": Method("true", "waypoints"),
    "otr-waypoints": Method("otr", "waypoints"),
}


# "clue-uncalibrated-c3-p10-5"
_NAME = re.compile(
    r"(?P<base>.+?)(?:-c(?P<c>[1-9]\d*|\d+\.\d*[1-9]))?(?:-p(?P<percent>[1-9]\d?|100))?(?:-(?P<count>[1-9]\d*))?"
)


@dataclass(frozen=True)
class Table:
    """What a table compares.

    about: what of the published numbers is otherwise than ours, beside the data.
    trajectories: of the expert, None where it is what the paper takes in each domain.
    columns: the paper's.   percent: of the data.   steps: of the learner at the paper's budget, None: as everywhere.
    """

    name: str
    title: str
    about: str
    mode: Mode
    trajectories: int | None
    datasets: tuple[str, ...]
    columns: tuple[str, ...]
    percent: int = 100
    steps: int | None = None

    @property
    def methods(self) -> tuple[str, ...]:
        """Those of its columns that can be run."""
        return tuple(name for name in self.columns if _parts(name))

    @property
    def not_run(self) -> tuple[str, ...]:
        """Those that this project does not have."""
        return tuple(name for name in self.columns if not _parts(name))


@dataclass(frozen=True)
class Figure:
    """What a figure shows.   claims: by body, by what is counted: {"ant": {"directions": "the ant moves in ..."}}."""

    name: str
    title: str
    datasets: tuple[str, ...]
    claims: dict[str, dict[str, str]]


@dataclass(frozen=True)
class Published:
    """A number of a paper, with its standard deviation where that is printed.   source: the paper's table, in words."""

    mean: float
    std: float | None
    paper: str
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


def tables_with(dataset: str) -> list[str]:
    """The tables and figures that a dataset is in."""
    return [name for name in document()["tables"] if dataset in table(name).datasets]


def method(name: str) -> Method:
    """The method of a name: "otr-5" is OTR of five trajectories, "clue-c3-p10" CLUE with c = 3 on a tenth of the data.

    Raises: SkillsError (usage) where there is none.
    """
    found = _parts(name)
    if found is None:
        raise SkillsError(f"Unknown method {name!r}.", nearest(name, list(METHODS)), USAGE)
    base, temperature, percent, count = found
    return replace(
        METHODS[base],
        temperature=float(temperature) if temperature else None,
        percent=int(percent) if percent else None,
        trajectories=int(count) if count else None,
    )


def _parts(name: str) -> tuple[str, str | None, str | None, str | None] | None:
    """A method's name as its base, c, percent and trajectories; None where there is no such method."""
    found = _NAME.fullmatch(name)
    if found is None or found["base"] not in METHODS or (found["c"] and not found["base"].startswith("clue")):
        return None
    return found["base"], found["c"], found["percent"], found["count"]


def published(under: str, dataset: str, name: str) -> tuple[Published, ...]:
    """What each source prints of a method on a dataset under a table's conditions; once where a paper repeats it."""
    found: list[Published] = []
    for block in _blocks(under):
        if dataset in block["rows"] and name in block["columns"]:
            mean, *std = block["rows"][dataset][block["columns"].index(name)]
            source = document()["sources"][block["source"]]
            one = Published(mean, std[0] if std else None, source["paper"], source["text"])
            if not any(replace(one, source=other.source) == other for other in found):
                found.append(one)
    return tuple(found)


def printed_totals(under: str) -> dict[str, float]:
    """The totals over all of its datasets that the paper prints under a table, by method; {} where it prints none."""
    blocks = [block for block in _blocks(under) if "totals" in block and block["tables"][0] == under]
    return {name: total for one in blocks for name, total in zip(one["columns"], one["totals"], strict=True)}


def _blocks(under: str) -> list[dict[str, Any]]:
    return [block for block in document()["published"] if under in block["tables"]]


@cache
def document() -> dict[str, Any]:
    """The whole of `paper.json`."""
    with resources.as_file(resources.files("skills.evaluation") / "paper.json") as path:
        found: dict[str, Any] = read_json(path)
        return found
