"""Work that processes share out: each does its share of the pieces and leaves it in a file; who needs all joins them.

A share is told by its number, so a process that has the run's folder and its data needs to be sent nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Share:
    """A share of all pieces.   number: which, from 0.   of: how many there are."""

    number: int = 0
    of: int = 1

    def slice(self, pieces: int) -> slice:
        """Which of so many pieces, in order, are its own: as many as others have, or one more."""
        return slice(pieces * self.number // self.of, pieces * (self.number + 1) // self.of)

    def file(self, folder: Path, what: str) -> Path:
        """Where it lies."""
        return folder / f"share-{what}-{self.number}-of-{self.of}"


WHOLE = Share()
PATTERN = "share-*"  # of the files of all shares


def shares_of(folder: Path, what: str) -> Sequence[Path]:
    """The files of all shares, in order; none where one is missing."""
    for last in folder.glob(f"share-{what}-0-of-*"):
        count = int(last.name.rpartition("-")[2])
        files = [Share(number, count).file(folder, what) for number in range(count)]
        if all(file.is_file() for file in files):
            return files
    return []
