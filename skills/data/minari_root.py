"""What Minari keeps on this machine, told without importing Minari, which takes a second, and makes the folder."""

import json
import os
from pathlib import Path
from typing import Any

from skills.errors import ENVIRONMENT, SkillsError

_VARIABLE = "MINARI_DATASETS_PATH"
LABEL_NAMES = "label_names"  # in a dataset's metadata: the names of the policies, or whatever else labels the rows


def minari_root() -> Path:
    """$MINARI_DATASETS_PATH, or Minari's folder in the home folder; a whole path. It may not exist yet.

    A relative one is below the current folder, "~" is the home folder, and an empty one is none, wherever the variable
    comes from: a shell that would have said so itself is not always there.
    Raises: SkillsError (environment) where there is no home folder either.
    """
    given = os.environ.get(_VARIABLE, "").strip()
    try:
        return Path(given).expanduser().absolute() if given else Path.home() / ".minari" / "datasets"
    except RuntimeError as error:
        raise SkillsError(
            "Datasets have no folder: there is no home folder here (HOME is not set, and this user has none).",
            f"Set {_VARIABLE} to a folder that can be written.",
            ENVIRONMENT,
        ) from error


def settle() -> Path:
    """The same, and Minari's own functions take it for theirs too: they would take "~" and "" by the letter."""
    root = minari_root()
    os.environ[_VARIABLE] = str(root)
    return root


def is_local(minari_id: str) -> bool:
    """Whether Minari has this dataset on this machine."""
    return _metadata_file(minari_id).is_file()


def local_ids() -> list[str]:
    """The ids of all datasets on this machine, in alphabetical order."""
    root, found = minari_root(), []
    seen: set[str] = set()  # links may lead in a circle
    for folder, below, _ in os.walk(root, followlinks=True):
        here = Path(folder)
        below[:] = [name for name in below if not name.startswith(".")] if os.path.realpath(here) not in seen else []
        seen.add(os.path.realpath(here))
        if here != root and (here / "data" / "metadata.json").is_file():
            found.append(here.relative_to(root).as_posix())
            below.clear()
    return sorted(found)


def metadata(minari_id: str) -> dict[str, Any]:
    """What a dataset on this machine says about itself; empty where its metadata are damaged."""
    if not is_local(minari_id):  # nor a pipe, which nobody may ever write to
        return {}
    try:
        content = json.loads(_metadata_file(minari_id).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def env_id(minari_id: str) -> str | None:
    """The Gymnasium id that a dataset on this machine names; None where it names none."""
    try:
        return str(json.loads(metadata(minari_id)["env_spec"])["id"])
    except (KeyError, TypeError, ValueError, RecursionError):
        return None


def names_policies(minari_id: str) -> bool:
    """Whether a dataset on this machine says which policy each of its rows came from."""
    return LABEL_NAMES in metadata(minari_id)


def size(minari_id: str) -> int:
    """Bytes that a dataset takes on this machine."""
    return sum(file.stat().st_size for file in _metadata_file(minari_id).parent.rglob("*") if file.is_file())


def _metadata_file(minari_id: str) -> Path:
    return minari_root() / minari_id / "data" / "metadata.json"
