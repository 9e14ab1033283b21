"""LeRobot's folders, of version 2.1 (a parquet file an episode) and 3 (many episodes a file).

    meta/info.json      fps, and what each column is
    data/**/*.parquet   observation.state, action, episode_index, next.reward, next.done ...

Pictures lie beside them as videos and are left out. Parquet is read by pyarrow, an extra.

Letters: N rows, O columns of one feature.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skills.data.columnar import array_of, called, tables
from skills.errors import SkillsError
from skills.files import read_json

_INFO = "meta/info.json"
_PICTURES = ("image", "video")


def is_lerobot(path: Path) -> bool:
    """Whether a folder is one of LeRobot's."""
    return (path / _INFO).is_file()


def seconds(path: Path) -> float | None:
    """Of a step; None where it is not said."""
    fps = _info(path).get("fps")
    return 1.0 / float(fps) if isinstance(fps, int | float) and fps > 0 else None


def columns(path: Path) -> dict[str, NDArray[Any]]:
    """The columns of a folder, by the names that files of transitions give them; others by their own.

    Raises: SkillsError where pyarrow is missing, a file cannot be read, or what the folder says of itself is not so.
    """
    features = _info(path).get("features")
    if not isinstance(features, dict):
        raise SkillsError(f"{path / _INFO} does not say what the columns are.")
    wanted = [name for name, about in features.items() if about.get("dtype") not in _PICTURES]
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in wanted}
    for table in tables(_files(path), path):
        there = set(table.column_names)
        for name in [name for name in parts if name not in there]:
            del parts[name]
        for name in parts:
            parts[name].append(_numbers(table.column(name), f"{name} in {path}"))
    found = {name: np.concatenate(arrays) for name, arrays in parts.items() if arrays}
    if "episode_index" not in found:
        raise SkillsError(f"{path} has no episodes: there is no episode_index in its parquet files.")
    order = np.lexsort((found.get("frame_index", np.arange(len(found["episode_index"]))), found["episode_index"]))
    return {called(name, array): array[order] for name, array in found.items() if array.dtype.kind in "fiub"}


def _info(path: Path) -> dict[str, Any]:
    info = read_json(path / _INFO)
    if not isinstance(info, dict):
        raise SkillsError(f"{path / _INFO} is no description of a dataset.")
    return info


def _files(path: Path) -> list[Path]:
    files = sorted((path / "data").rglob("*.parquet"))
    if not files:
        raise SkillsError(f"{path} has no parquet files below data/.")
    return files


def _numbers(column: Any, what: str) -> NDArray[Any]:
    """Raises: SkillsError for lists that are not of as many numbers in every row."""
    found, kind = array_of(column), str(column.type)
    if found.dtype.hasobject and kind.startswith(("list", "fixed_size_list", "large_list")):
        raise SkillsError(f"{what} is no column of as many numbers in every row: {kind}.")
    return found
