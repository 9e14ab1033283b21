"""Where Minari keeps its datasets, told without importing Minari, which takes a second."""

import os
from pathlib import Path


def minari_root() -> Path:
    """$MINARI_DATASETS_PATH, or Minari's folder in the home folder. It may not exist yet."""
    return Path(os.environ.get("MINARI_DATASETS_PATH") or Path.home() / ".minari" / "datasets")


def is_local(minari_id: str) -> bool:
    """Whether Minari has this dataset on this machine."""
    return (minari_root() / minari_id / "data" / "metadata.json").is_file()
