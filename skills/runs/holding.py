"""Who has a run's folder, one writer at a time; and how a run comes here that lies in object storage."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import filelock

from skills import storage
from skills.errors import USAGE, SkillsError, UnwritableError
from skills.leases import leased
from skills.progress import Notify, unsaid
from skills.runs.layout import Layout
from skills.troubles import writing


class InUseError(UnwritableError):
    """Another process of this machine is writing a run."""


@contextlib.contextmanager
def locked(path: Path, notify: Notify = unsaid) -> Iterator[None]:
    """Holds the lock of a run folder. Raises: SkillsError where another process holds it.

    notify: is told where one has left it behind, in object storage.
    """
    with _lock(path), leased(path, notify):
        yield


def bring(path: Path, *, heads: bool = False) -> Path:
    """The folder of a run, as the run lies in object storage where the folder mirrors one; a run that is being written
    from here is here.

    heads: bring only what tells of a run: its settings, manifest and measures.
    Raises: SkillsError where what lies there is no run, or cannot be had.
    """
    if storage.url_of(path) is None:
        return path
    with contextlib.suppress(InUseError), _lock(path):
        bring_locked(path, heads=heads)
    return path


def bring_locked(path: Path, *, heads: bool = False) -> None:
    """As `bring`; the caller holds the lock."""
    if storage.url_of(path) is None:
        return
    layout = Layout(path)
    found = storage.look(path)
    if found and layout.manifest_file.name not in found:
        ours = {layout.config_file.name}  # what a kill leaves as a run begins
        if set(found) - ours:
            raise SkillsError(
                f"{storage.words(path)} is not empty and is not a run.", "Choose another place with --run.", USAGE
            )
    told = {file.name for file in (layout.manifest_file, layout.config_file, layout.measures_file)}
    storage.fetch(path, told.__contains__ if heads else lambda name: True, found)


def check_local(path: Path, what: str) -> None:
    """Raises: SkillsError (usage) for a run in object storage, where folders cannot be renamed."""
    if storage.url_of(path) is not None:
        raise SkillsError(
            f"{what} moves a run aside, which cannot be done with {storage.words(path)}.",
            "Choose another place with --run.",
            USAGE,
        )


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Keeps other processes of this machine out."""
    lock = filelock.FileLock(Layout(path).lock_file)
    with writing(path):
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise InUseError(
                f"Another process is writing the run {path}.", "Wait for it, or choose another folder with --run."
            ) from None
    try:
        yield
    finally:
        lock.release()
