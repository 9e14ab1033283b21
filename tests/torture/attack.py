"""An attack: what is tried, in which line of the table, and how."""

import random
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.torture.judge import Verdict
from tests.torture.places import Place, new_place


@dataclass(frozen=True)
class Bench:
    """What attacks work with.   stock: the places to begin with.   limit: seconds that a command may take."""

    stock: Path
    work: Path
    limit: float

    def place(self, name: str, like: str) -> Place:
        """A fresh copy of a place of the stock."""
        return new_place(self.work / name, self.limit, self.stock / like)


@dataclass(frozen=True)
class Attack:
    """part: "kills", "damage", ...   line: of the table.   name: its own, within the line.   go: does it."""

    part: str
    line: str
    name: str
    go: Callable[[Bench, str], Verdict]


def dice(seed: int, *words: object) -> random.Random:
    """The randomness of one attack, which does not depend on how many others there are."""
    return random.Random(zlib.crc32(repr((seed, *words)).encode()))  # nothing is kept secret with it


def spread(count: int, kinds: Sequence[str], weights: Sequence[int]) -> Iterator[str]:
    """`count` kinds in turn, each as often as its weight says."""
    line = [kind for kind, weight in zip(kinds, weights, strict=True) for _ in range(weight)]
    step = next(step for step in (7, 11, 13, 17) if len(line) % step)
    for number in range(count):
        yield line[number * step % len(line)]
