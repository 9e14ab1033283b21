"""Deletes a run: all of it, and nothing else."""

from dataclasses import dataclass
from pathlib import Path

from skills import storage
from skills.errors import USAGE, SkillsError, some
from skills.runs.holding import locked
from skills.runs.layout import Layout, is_run
from skills.troubles import writing


@dataclass(frozen=True)
class Removable:
    """A run that may be deleted.   path: its folder.   size: bytes of its files."""

    path: Path
    size: int


def removable(path: Path) -> Removable:
    """What would be deleted of a folder, readable or damaged as the run in it may be.

    Raises: SkillsError (usage) where it is no run, or holds what no run holds.
    """
    layout = Layout(path)
    if not is_run(path) or not layout.config_file.is_file():
        raise SkillsError(f"{path} is not a run: it has no manifest.json and config.json.", exit_code=USAGE)
    others = sorted(entry.name for entry in path.iterdir() if not layout.is_part(entry))
    if others:
        raise SkillsError(
            f"{path} holds what is not of a run: {some(others)}.",
            "Move that away, or delete the folder yourself.",
            USAGE,
        )
    return Removable(path, sum(file.lstat().st_size for file in path.rglob("*") if file.is_file()))


def remove(run: Removable) -> None:
    """Deletes it; what a kill in the middle leaves is still a run, to be deleted.

    Raises: SkillsError where another process is writing it, or it may not be deleted.
    """
    layout = Layout(run.path.resolve())
    last = [layout.config_file, layout.manifest_file, layout.lock_file]
    with writing(run.path), locked(layout.path):
        for entry in layout.path.iterdir():
            if entry not in last:
                storage.remove(entry)
        for file in last:
            storage.remove(file)
        layout.path.rmdir()
        if run.path.is_symlink():
            run.path.unlink()
