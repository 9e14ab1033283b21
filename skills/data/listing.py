"""The hub's list of a dataset's files, and how far it is believed.

A hub may be wrong, or not one at all: what is not a list of files strictly below the dataset's folder, with sizes and
checksums, is refused by name before anything is written.
"""

import hashlib
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from skills.errors import ENVIRONMENT, SkillsError

MOST_FILES = 10_000  # of one dataset; Minari's have three
_PIECE = 2**20  # bytes


@dataclass(frozen=True)
class HubFile:
    """A file that the hub has.   path: in its repository.   size: in bytes.   digest: its checksum, in hex.

    sha256: whether that is of this kind, as large files have it; of small ones it is Git's.
    """

    path: str
    size: int
    digest: str
    sha256: bool

    def is_of(self, file: Path) -> bool:
        """Whether a local file has the bytes that the checksum is of."""
        found = hashlib.sha256() if self.sha256 else hashlib.sha1(b"blob %d\0" % self.size, usedforsecurity=False)
        with file.open("rb") as content:
            while piece := content.read(_PIECE):
                found.update(piece)
        return found.hexdigest() == self.digest


def files_of(tree: Callable[[], Iterable[Any]], folder: str) -> list[HubFile]:
    """The files of the hub library's list of a folder, [] where there are none.

    Raises: SkillsError (environment) where it is no such list; what the hub's library raises on the way.
    """
    try:
        entries = [entry for entry in itertools.islice(tree(), MOST_FILES + 1) if not hasattr(entry, "tree_id")]
        if len(entries) > MOST_FILES:
            raise _unbelieved(f"it names more than {MOST_FILES:,} files")
        return [_checked(entry, folder) for entry in entries]
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        reason = f"an entry has no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
        raise _unbelieved(reason) from error


def _checked(entry: Any, folder: str) -> HubFile:
    path, size = entry.path, entry.size
    if not isinstance(path, str) or not _is_below(path, folder):
        raise _unbelieved(f"it names {path!r}, which is not a file below {folder!r}")
    if not isinstance(size, int) or size < 0:
        raise _unbelieved(f"the size of {path!r} is {size!r}")
    digest = entry.lfs.sha256 if entry.lfs else entry.blob_id
    return HubFile(path, size, str(digest), sha256=bool(entry.lfs))


def _is_below(path: str, folder: str) -> bool:
    """Whether a path is a plain one strictly below a folder, on every operating system."""
    plain = path.isprintable() and not any(letter in path for letter in '\\:*?"<>|')
    parts = path.split("/")
    return plain and not {"", ".", ".."} & set(parts) and PurePosixPath(folder) in PurePosixPath(path).parents


def _unbelieved(reason: str) -> SkillsError:
    return SkillsError(
        f"What the hub gives for a list of files is none: {reason[:300]}.",
        "Is HF_ENDPOINT, or MINARI_REMOTE, what you want? A proxy or a login page in between answers like this, too.",
        ENVIRONMENT,
    )
