"""Writes what was found about every step of a log beside it: as infos of a Minari dataset, or as a table.

Letters: N rows.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from minari.data_collector import EpisodeBuffer
from numpy.typing import NDArray

from skills.data import store
from skills.data.minari import learned, open_dataset
from skills.errors import SkillsError
from skills.files import replacing

_ROWS = 100_000  # of a table that are in memory as text at once


def annotate(source: str, minari_id: str, columns: Mapping[str, NDArray[Any]], more: Mapping[str, Any]) -> None:
    """Writes the Minari dataset `source` again as `minari_id`, with columns [N] in its infos.

    more: of its metadata.   Raises: SkillsError for an id that is taken, or where its rows are not N.
    """
    dataset = open_dataset(source)
    known: dict[str, Any] = dataset.storage.metadata
    about: dict[str, Any] = {name: known[name] for name in ("license", "code_permalink") if name in known}
    about |= {"segmented_from": source, **more}
    text = f"{source} with what `skills segment` found of each step, in infos/{', infos/'.join(columns)}."
    description = store.Description(
        dataset.observation_space, dataset.action_space, dataset.env_spec,
        str(known.get("algorithm_name", "unknown")), text, about,
    )  # fmt: skip
    store.write(minari_id, description, _episodes(dataset, columns))


def _episodes(dataset: Any, columns: Mapping[str, NDArray[Any]]) -> Iterator[EpisodeBuffer]:
    total, row = len(next(iter(columns.values()))), 0
    for episode in learned(dataset, dataset.id):
        rows = slice(row, row + len(episode.rewards))
        row = rows.stop
        found = {name: values[rows] for name, values in columns.items()}
        yield EpisodeBuffer(
            observations=episode.observations,
            actions=episode.actions,
            rewards=episode.rewards,
            terminations=episode.terminations,
            truncations=episode.truncations,
            infos={**(episode.infos or {}), **found},
        )
    if row != total:
        raise SkillsError(f"{dataset.id} has {row:,} rows, and {total:,} were looked at.", "Has it changed since?")


def write_table(path: Path, lengths: NDArray[np.integer], columns: Mapping[str, NDArray[Any]]) -> None:
    """Writes columns [N] as CSV, a row a step, behind its episode and its step in it."""
    episodes = np.repeat(np.arange(len(lengths)), lengths)
    steps = np.arange(len(episodes)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    whole = {"episode": episodes, "step": steps, **columns}
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(whole) + "\n")
        for start in range(0, len(episodes), _ROWS):
            part = slice(start, start + _ROWS)
            texts = [_texts(values[part]) for values in whole.values()]
            file.writelines(",".join(row) + "\n" for row in zip(*texts, strict=True))


def _texts(values: NDArray[Any]) -> list[str]:
    if values.dtype.kind == "f":
        return [f"{value:.4g}" for value in values.tolist()]
    return list(map(str, values.tolist()))
