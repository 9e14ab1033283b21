"""Writes a folder of LeRobot's again with the subtask of every frame, as LeRobot has them.

    data/**/*.parquet        subtask_index, of each frame
    meta/subtasks.parquet    what each index is called: `subtask`, the index column of a pandas table, and its number
    meta/info.json           subtask_index among the features

Letters: E episodes, N frames but for the last one of each episode, B subtasks.
"""

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skills.arrays import Ids
from skills.data import lerobot
from skills.errors import USAGE, SkillsError
from skills.files import read_json, write_json
from skills.troubles import writing

_FEATURE = "subtask_index"
_PANDAS: dict[str, Any] = {  # what pandas reads of a table to make `subtask` its index again
    "index_columns": ["subtask"],
    "column_indexes": [],
    "columns": [
        {"name": name, "field_name": name, "pandas_type": kind, "numpy_type": kept, "metadata": None}
        for name, kind, kept in ((_FEATURE, "int64", "int64"), ("subtask", "unicode", "object"))
    ],
    "pandas_version": "2.2.0",
}


def check_lerobot(source: Path, target: Path) -> None:
    """Raises: SkillsError (usage) where there is no folder of LeRobot's to write again, or the new one is there."""
    if not lerobot.is_lerobot(source):
        raise SkillsError(
            f"{source} is no folder of LeRobot's, to be written again as one.",
            "Name one: skills segment RUN FOLDER --lerobot NEW",
            USAGE,
        )
    if target.exists():
        raise SkillsError(f"{target} is there already.", "Choose another name: nothing is overwritten.", USAGE)


def write_subtasks(source: Path, target: Path, lengths: NDArray[np.integer], labels: Ids, names: Sequence[str]) -> None:
    """Writes the folder `source` again as `target`, whole or not at all; videos are copied.

    lengths: [E] rows that were looked at of each episode: its frames but the last, which gets the subtask before it.
    labels: [N] 0 to B - 1.   names: [B] what they are called.
    Raises: SkillsError (usage) as `check_lerobot`, or where the episodes are not those of the folder.
    """
    check_lerobot(source, target)
    found = _by_episode(source, lengths, labels)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.partial")
    with writing(target):
        try:
            shutil.copytree(source, unfinished)
            for file in sorted((unfinished / "data").rglob("*.parquet")):
                _add(file, found)
            _name(unfinished, names)
            unfinished.rename(target)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


def _by_episode(source: Path, lengths: NDArray[np.integer], labels: Ids) -> dict[int, Ids]:
    """The subtask of each frame, by the episode's index."""
    episodes, frames = np.unique(lerobot.columns(source)["episode_ids"], return_counts=True)
    if not np.array_equal(frames, np.asarray(lengths) + 1):
        raise SkillsError(
            f"{source} has {len(episodes):,} episodes of {int(frames.sum()):,} frames, and {len(lengths):,} of "
            f"{int(np.sum(lengths)) + len(lengths):,} were looked at.",
            "Has it changed since, or has it episodes of one frame?",
            USAGE,
        )
    parts = np.split(labels, np.cumsum(lengths)[:-1])
    return {
        number: np.append(part, part[-1]).astype(np.int64)
        for number, part in zip(episodes.tolist(), parts, strict=True)
    }


def _add(file: Path, found: dict[int, Ids]) -> None:
    """Puts the column into a file; one that is there already is replaced."""
    import pyarrow
    from pyarrow import parquet

    table = parquet.read_table(file)
    episodes = np.asarray(table.column("episode_index").to_numpy())
    column = np.empty(len(episodes), np.int64)
    for number in np.unique(episodes).tolist():
        column[episodes == number] = found[number][_frames(table, episodes == number)]
    field = pyarrow.field(_FEATURE, pyarrow.int64())
    place = table.schema.get_field_index(_FEATURE)
    values = pyarrow.array(column)
    table = table.append_column(field, values) if place < 0 else table.set_column(place, field, values)
    parquet.write_table(table, file)


def _frames(table: Any, rows: NDArray[np.bool_]) -> Ids:
    """Which frame of its episode each of these rows is."""
    if "frame_index" not in table.column_names:
        return np.arange(int(rows.sum()))
    # by their order: an episode that was cut out of a longer one need not begin at 0
    return np.argsort(np.argsort(np.asarray(table.column("frame_index").to_numpy())[rows], kind="stable"))


def _name(folder: Path, names: Sequence[str]) -> None:
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.table({_FEATURE: np.arange(len(names)), "subtask": list(names)})
    table = table.replace_schema_metadata({"pandas": json.dumps(_PANDAS)})
    parquet.write_table(table, folder / "meta" / "subtasks.parquet")
    info = read_json(folder / "meta" / "info.json")
    info["features"][_FEATURE] = {"dtype": "int64", "shape": [1], "names": None}
    write_json(folder / "meta" / "info.json", info)
