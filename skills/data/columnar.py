"""Reads tables that Arrow reads: parquet, alone or as the parts of LeRobot's folders, and CSV. pyarrow is an extra.

Letters: N rows, O numbers of a row.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skills.errors import ENVIRONMENT, SkillsError
from skills.files import GET_AGAIN
from skills.memory import check_memory

SUFFIXES = (".parquet", ".csv")
_ACTIONS = "action"
_OBSERVATION = "observation."
_NAMES = {"next.reward": "rewards", "next.done": "dones", "episode_index": "episode_ids"}  # LeRobot's
_ALIKE = {"episode": "episode_ids", "episode_id": "episode_ids", "reward": "rewards"}  # where there is no such other
_COPIES = 3  # of what is read: Arrow's, a list of parts, and the array that they make


def columns(path: Path) -> dict[str, NDArray[Any]]:
    """The columns of one file, called as files of transitions call them; others by their own names.

    Raises: SkillsError where pyarrow is missing, or the file cannot be read.
    """
    (table,) = tables([path], path)
    read = {name: array_of(table.column(name)) for name in table.column_names}
    found = {called(name, array): array for name, array in read.items()}
    return {_ALIKE[name] if _ALIKE.get(name, name) not in found else name: array for name, array in found.items()}


def called(name: str, array: NDArray[Any]) -> str:
    """What files of transitions call a column."""
    if name == _ACTIONS:
        return "actions"
    if name.startswith(_OBSERVATION) and array.ndim == 2:
        return f"observations/{name.removeprefix(_OBSERVATION)}"
    return _NAMES.get(name, name.replace("/", "."))


def tables(files: Sequence[Path], of: Path) -> Iterator[Any]:
    """Arrow's tables of files, one in memory at a time.   of: what they are parts of, for messages.

    Raises: SkillsError as `columns` does.
    """
    try:
        from pyarrow import ArrowException, csv, parquet
    except ModuleNotFoundError as error:
        raise SkillsError(
            "Reading parquet and CSV needs pyarrow.", "Install it: pip install 'skills[lerobot]'", ENVIRONMENT
        ) from error
    check_memory(_COPIES * sum(file.stat().st_size for file in files), f"Reading {of}")
    for file in files:
        try:
            yield csv.read_csv(file) if file.suffix == ".csv" else parquet.read_table(file)
        except (ArrowException, OSError) as error:
            raise SkillsError(f"{file} cannot be read: {error}.", GET_AGAIN) from error


def array_of(column: Any) -> NDArray[Any]:
    """[N] or [N, O] of a column of numbers, or of lists of as many of them in every row.

    Words are [N] strings, as which episodes and labels may be told apart; anything else is [N] of nothing.
    """
    from pyarrow import compute, types

    kind = column.type
    if types.is_dictionary(kind):
        return array_of(compute.cast(column, kind.value_type))
    if types.is_string(kind) or types.is_large_string(kind):
        return np.array(column.to_pylist(), np.str_)
    found = np.empty(len(column), np.object_)
    if not (types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)):
        plain = np.asarray(column.to_numpy())
        return plain if plain.dtype.kind in "fiub" else found
    lengths = compute.unique(compute.list_value_length(column)).to_pylist()
    if len(lengths) != 1 or not lengths[0]:
        return found
    flat = np.concatenate([np.asarray(part.flatten()) for part in column.chunks])
    return flat.reshape(len(column), -1) if flat.dtype.kind in "fiub" else found
