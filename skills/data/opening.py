"""Opens a Minari dataset without running anything that it names. Nothing else of this project opens one.

Minari makes the environment of a dataset that does not say what its observations are, and so calls whatever function
its metadata name; here what they name is looked at before Minari sees any of it.
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import minari
from minari.dataset._storages import get_minari_storage, get_storage_keys
from minari.dataset.minari_dataset import MinariDataset
from minari.dataset.minari_storage import MinariStorage
from minari.serialization import deserialize_space

from skills.data import store, trust
from skills.data.hdf5 import check_own_link, check_whole
from skills.errors import ENVIRONMENT, SkillsError
from skills.troubles import DamagedError, check_no_pipe, reading

_AGAIN = "Delete it, and download, import or make it again."
_SPECS = ("env_spec", "eval_env_spec")
_OLD = ('"order_enforce": true,', '"apply_api_compatibility": false,', '"autoreset": false, ')  # before Gymnasium 1.0


@contextmanager
def reading_set(data: Path, what: str) -> Iterator[None]:
    """Turns what Minari raises at a dataset into a SkillsError that says what is wrong with it.

    data: the folder of its files.   what: its name, for messages.
    """
    with reading(data, _AGAIN, named=f"The Minari dataset {what}", newer=lambda: _newer(data)):
        yield


def open_folder(data: Path, what: str) -> MinariDataset:
    """The Minari dataset in a folder.

    Raises: SkillsError where it cannot be read, or names code that is not trusted, see `skills.data.trust`.
    """
    storage = open_storage(data, what)
    with reading_set(data, what):
        dataset = MinariDataset(storage)
        _ = dataset.env_spec, int(dataset.total_steps), int(dataset.total_episodes)  # which are read when asked for
        return dataset


def open_storage(data: Path, what: str) -> MinariStorage:
    """As `open_folder`, to be written to."""
    for name in (store.METADATA, store.DATA):
        check_no_pipe(data / name)
    raw = raw_metadata(data, what)
    for name in _SPECS:
        trust.check_spec(raw.get(name), what)
    with reading_set(data, what):
        kept_as = raw["data_format"]
        if kept_as not in get_storage_keys():
            raise SkillsError(
                f"{what} is kept in the format {kept_as!r}, which Minari {minari.__version__} does not know.",
                f"Nothing is wrong with it where a newer Minari wrote it. Known: {', '.join(get_storage_keys())}.",
                ENVIRONMENT,
            )
        storage = get_minari_storage(kept_as)
        return storage(data, *_spaces(raw, what), jpeg_encoding=bool(raw.get("jpeg_encoding", True)))


def raw_metadata(data: Path, what: str) -> dict[str, Any]:
    """What the metadata of a dataset say, as they stand. Raises: SkillsError where they cannot be read."""
    with reading_set(data, what):
        raw = json.loads((data / store.METADATA).read_text(encoding="utf-8"))
        if not isinstance(raw, dict):
            raise DamagedError("its metadata are not a JSON object")
        return raw


def _newer(data: Path) -> str:
    """Says by which Minari a dataset was written, where that is newer than the one here; nothing else."""
    try:
        said = str(json.loads((data / store.METADATA).read_text(encoding="utf-8"))["minari_version"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return ""
    theirs, ours = (tuple(map(int, re.findall(r"\d{1,9}", text)[:3])) for text in (said, minari.__version__))
    if theirs <= ours:
        return ""
    return f"Minari {said[:20]} wrote it, and {minari.__version__} is here (pip install -U minari)"


def whole_episodes(dataset: MinariDataset, what: str, numbers: Sequence[int] | None = None) -> Iterator[Any]:
    """The episodes of an opened dataset, each looked at before it is read.   numbers: these only.

    Raises: SkillsError where one cannot be read, or is kept outside of the dataset, see `skills.data.hdf5`.
    """
    # Not a `with` around the `yield`: what goes wrong with whoever takes the episodes is no trouble of the dataset.
    episodes = _episodes(dataset, what, numbers)
    while True:
        with reading_set(Path(dataset.storage.data_path), what):
            episode = next(episodes, None)
            if episode is not None:
                _check_rows(episode)
        if episode is None:
            return
        yield episode


def _episodes(dataset: MinariDataset, what: str, numbers: Sequence[int] | None) -> Iterator[Any]:
    if numbers is None:
        numbers = dataset.episode_indices.tolist()
    if dataset.storage.FORMAT != "hdf5":
        yield from dataset.iterate_episodes(numbers)
        return
    with h5py.File(Path(dataset.storage.data_path) / store.DATA, "r") as file:
        for _, episode in zip(_looked_at(file, numbers, what), dataset.iterate_episodes(numbers), strict=True):
            yield episode


def _check_rows(episode: Any) -> None:
    """Raises: DamagedError where an episode has more rows of one thing than of another."""
    parts = {name: getattr(episode, name) for name in ("actions", "rewards", "terminations", "truncations")}
    rows = {name: len(part) for name, part in parts.items() if hasattr(part, "__len__")}
    if len(set(rows.values())) > 1:
        counted = ", ".join(f"{count} {name}" for name, count in rows.items())
        raise DamagedError(f"episode {episode.id} has {counted}")


def _looked_at(file: h5py.File, numbers: Sequence[int], what: str) -> Iterator[None]:
    for number in numbers:
        name = f"episode_{number}"
        check_own_link(file, name, what)
        if name in file:
            check_whole(file[name], f"{name} of {what}")
        yield


def _spaces(raw: dict[str, Any], what: str) -> tuple[Any, Any]:
    """Those that the metadata say, or of the environment that they name."""
    serialized = [raw.get(name) for name in ("observation_space", "action_space")]
    said = [None if text is None else deserialize_space(text) for text in serialized]
    observations, actions = said
    if observations is not None and actions is not None:
        return observations, actions
    if raw.get("env_spec") is None:
        raise SkillsError(f"{what} does not say what its observations and actions are.")
    spec = raw["env_spec"]
    for passage in _OLD:
        spec = spec.replace(passage, "")
    env = trust.made(spec, what)
    try:
        return (
            env.observation_space if observations is None else observations,
            env.action_space if actions is None else actions,
        )
    finally:
        env.close()
