"""Opens a Minari dataset without running anything that it names. Nothing else of this project opens one.

Minari makes the environment of a dataset that does not say what its observations are, and so calls whatever function
its metadata name; here what they name is looked at before Minari sees any of it.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
from minari.dataset._storages import get_minari_storage, get_storage_keys
from minari.dataset.minari_dataset import MinariDataset
from minari.dataset.minari_storage import MinariStorage
from minari.serialization import deserialize_space

from skills.data import store, trust
from skills.data.hdf5 import check_own_link, check_whole
from skills.errors import SkillsError

_SPECS = ("env_spec", "eval_env_spec")
_OLD = ('"order_enforce": true,', '"apply_api_compatibility": false,', '"autoreset": false, ')  # before Gymnasium 1.0


def open_folder(data: Path, what: str) -> MinariDataset:
    """The Minari dataset in a folder.

    what: its name, for messages.
    Raises: SkillsError where its metadata name code that is not trusted, see `skills.data.trust`; and whatever Minari
    raises at damaged files.
    """
    return MinariDataset(open_storage(data, what))


def open_storage(data: Path, what: str) -> MinariStorage:
    """As `open_folder`, to be written to."""
    raw = MinariStorage.read_raw_metadata(data)
    if not isinstance(raw, dict):
        raise TypeError("its metadata are not a JSON object")
    for name in _SPECS:
        trust.check_spec(raw.get(name), what)
    if raw["data_format"] not in get_storage_keys():
        raise ValueError(f"the format {raw['data_format']!r} is not known")
    storage = get_minari_storage(raw["data_format"])
    return storage(data, *_spaces(raw, what), jpeg_encoding=bool(raw.get("jpeg_encoding", True)))


def whole_episodes(dataset: MinariDataset, what: str, numbers: Sequence[int] | None = None) -> Iterator[Any]:
    """The episodes of an opened dataset, each looked at before it is read.   numbers: these only.

    Raises: SkillsError where one is kept outside of the dataset, see `skills.data.hdf5`; and whatever Minari raises.
    """
    if numbers is None:
        numbers = dataset.episode_indices.tolist()
    if dataset.storage.FORMAT != "hdf5":
        yield from dataset.iterate_episodes(numbers)
        return
    with h5py.File(Path(dataset.storage.data_path) / store.DATA, "r") as file:
        for _, episode in zip(_looked_at(file, numbers, what), dataset.iterate_episodes(numbers), strict=True):
            yield episode


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
