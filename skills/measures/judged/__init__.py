"""Measures by the judge, one a file: a method's trials -> numbers with intervals.

Another package adds one by an entry point in the group `skills.measures`. Nothing else has to know of it: the document,
the tables, the plots of numbers and the comparisons are made from what a measure says of itself.

Letters: K skills, R trials.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from skills.measures.intervals import Choice, Interval, Statistic
from skills.measures.judge import Judge, Played
from skills.playing.trials import Trials
from skills.plugins import MEASURES, Plugin
from skills.settings.change import changed

ONLY = "value"  # the name of a number that is its measure's only one

Known = TypeVar("Known")


@dataclass(frozen=True)
class Number:
    """One number of a measure.

    name: within its measure.   words: in tables; "" leaves it out of them.   digits: behind the point, there.
    lowest, highest: what it can be at all; intervals end there.   good: whether more of it is anything to be proud of.
    """

    name: str
    words: str = ""
    digits: int = 3
    lowest: float = 0.0
    highest: float = float("inf")
    good: bool = True


@dataclass(frozen=True)
class Measure(Plugin, Generic[Known]):
    """A measure and its settings.   Known: what it knows of the data.   rank: the lower, the earlier in tables."""

    rank: ClassVar[int] = 100

    @abstractmethod
    def numbers(self) -> tuple[Number, ...]:
        """Its numbers, in the order of tables."""

    @abstractmethod
    def prepare(self, judge: Judge) -> Known:
        """What it has to know of the data, worked out once for a judge."""

    @abstractmethod
    def of(self, played: Played, known: Known) -> Statistic:
        """Its numbers for a method's trials, {name: value}, as a function of the choice of trials.

        What does not depend on the choice is worked out before: the bootstrap asks thousands of times. NaN says that
        the number does not exist for this body or this method.
        """

    def of_skills(self, played: Played) -> dict[str, NDArray[np.float64]]:
        """What it says of each skill, [K] by name; joins what `measures.json` says of the run's own skills."""
        return {}

    def against(self, judge: Judge) -> dict[str, Interval]:
        """What its numbers are read against, such as chance; stands beside them in `measures.json`."""
        return {}


def measures(settings: Mapping[str, Any] | None = None) -> tuple[Measure[Any], ...]:
    """Every measure there is, in the order of tables.

    settings: by dotted name, {"fidelity.top": 3}, where not as usual.
    Raises: SkillsError (usage) for one that there is not, or a value that it cannot have.
    """
    found: list[Measure[Any]] = [cast(type[Measure[Any]], MEASURES.load(name))() for name in MEASURES.names()]
    ordered = {one.name: one for one in sorted(found, key=lambda one: (one.rank, one.name))}
    return tuple(changed(ordered, settings or {}).values())


def prepare(chosen: Sequence[Measure[Any]], judge: Judge) -> Callable[[Trials], Statistic]:
    """Makes measures ready for a judge: trials -> every number, {"fidelity.top1": value}, by the choice of trials."""
    known = [one.prepare(judge) for one in chosen]

    def statistic(trials: Trials) -> Statistic:
        played = Played(trials, judge)
        parts = {one.name: one.of(played, its) for one, its in zip(chosen, known, strict=True)}

        def numbers(choice: Choice) -> dict[str, float]:
            return {f"{name}.{key}": value for name, part in parts.items() for key, value in part(choice).items()}

        return numbers

    return statistic


@dataclass(frozen=True)
class Row:
    """A row of a table of numbers.

    group, inner: where it stands in `measures.json`; inner is None of an only one.   good: as its `Number` says.
    """

    group: str
    inner: str | None
    words: str
    digits: int
    good: bool = True

    def read(self, groups: Mapping[str, Any]) -> dict[str, float | None]:
        """{"value", "low", "high"} of it in a document's groups; None each where it was not measured."""
        group = groups.get(self.group, {})
        found: dict[str, float | None] | None = group if self.inner is None else group.get(self.inner)
        return found or dict.fromkeys(("value", "low", "high"))


def rows(document: Mapping[str, Any]) -> list[Row]:
    """The rows of a table of what `measures.json` says."""
    return [
        Row(one.name, None if number.name == ONLY else number.name, number.words, number.digits, number.good)
        for one in measures(document.get("protocol", {}).get("settings"))
        for number in one.numbers()
        if number.words
    ]
