"""What Minari keeps on this machine, told without importing Minari, which takes a second, and makes the folder."""

import json
import os
from pathlib import Path
from typing import Any

LABEL_NAMES = "label_names"  # in a dataset's metadata: the names of the policies, or whatever else labels the rows


def minari_root() -> Path:
    """$MINARI_DATASETS_PATH, or Minari's folder in the home folder. It may not exist yet."""
    return Path(os.environ.get("MINARI_DATASETS_PATH") or Path.home() / ".minari" / "datasets")


def is_local(minari_id: str) -> bool:
    """Whether Minari has this dataset on this machine."""
    return _metadata_file(minari_id).is_file()


def local_ids() -> list[str]:
    """The ids of all datasets on this machine, in alphabetical order."""
    found = minari_root().glob("**/data/metadata.json")
    ids = [file.parent.parent.relative_to(minari_root()).as_posix() for file in found]
    return sorted(minari_id for minari_id in ids if not minari_id.startswith("."))


def metadata(minari_id: str) -> dict[str, Any]:
    """What a dataset on this machine says about itself; empty where its metadata are damaged."""
    try:
        content = json.loads(_metadata_file(minari_id).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def env_id(minari_id: str) -> str | None:
    """The Gymnasium id that a dataset on this machine names; None where it names none."""
    try:
        return str(json.loads(metadata(minari_id)["env_spec"])["id"])
    except (KeyError, TypeError, ValueError):
        return None


def names_policies(minari_id: str) -> bool:
    """Whether a dataset on this machine says which policy each of its rows came from."""
    return LABEL_NAMES in metadata(minari_id)


def size(minari_id: str) -> int:
    """Bytes that a dataset takes on this machine."""
    return sum(file.stat().st_size for file in _metadata_file(minari_id).parent.rglob("*") if file.is_file())


def _metadata_file(minari_id: str) -> Path:
    return minari_root() / minari_id / "data" / "metadata.json"
