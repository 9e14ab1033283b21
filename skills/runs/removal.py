"""Deletes a run: all of it, and nothing else."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from skills.errors import USAGE, SkillsError, some
from skills.runs.folder import locked
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
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry not in last:
                entry.unlink()
        for file in last:
            file.unlink(missing_ok=True)
        layout.path.rmdir()
        if run.path.is_symlink():
            run.path.unlink()
