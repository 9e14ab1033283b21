"""Writes Minari datasets: whole, out of sight, then put in place by a rename.

    <Minari root>/mine/run-v0/data/     main_data.hdf5, metadata.json
    <Minari root>/.skills/mine-run-v0/  while it is written; a lock beside it

A dataset that is there already is never written over.
"""

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import minari
from filelock import FileLock, Timeout
from gymnasium.envs.registration import EnvSpec
from gymnasium.spaces import Space
from minari.data_collector import EpisodeBuffer
from minari.dataset.minari_dataset import parse_dataset_id
from minari.dataset.minari_storage import MinariStorage
from minari.namespace import create_namespace, list_local_namespaces

from skills.data.minari_root import metadata, minari_root, settle
from skills.data.room import add_episodes, check_room
from skills.errors import USAGE, SkillsError
from skills.troubles import writing

DATA, METADATA = "main_data.hdf5", "metadata.json"
DOWNLOAD = "download-"  # before the name of a workshop where a download goes on
POLICY_KEY = "behaviour_sha256"  # in the dataset's metadata: an extension must come from the same policies
LABEL = "label"  # in a dataset's infos: which of its LABEL_NAMES each row comes from


@dataclass(frozen=True)
class Description:
    """What a new dataset says about itself.

    env_spec: of the environment that it comes from; None of logs alone.
    how: the algorithm that acted, in a word or two.
    text: a sentence on where it comes from.   more: further metadata of ours.
    """

    observation_space: Space[Any]
    action_space: Space[Any]
    env_spec: EnvSpec | None
    how: str
    text: str
    more: Mapping[str, Any] = field(default_factory=dict)


def folder(minari_id: str) -> Path:
    """Where the files of a dataset are, or would be."""
    return minari_root() / minari_id / "data"


def workshop(minari_id: str, kind: str = "") -> Path:
    """A hidden folder of the Minari root to make a dataset in.

    kind: goes before its name, where what is half made is not to be taken for another kind's.
    """
    return minari_root() / ".skills" / f"{kind}{minari_id.replace('/', '-')}"


@contextmanager
def making(minari_id: str, kind: str = "") -> Iterator[Path]:
    """Keeps everybody else from making that dataset, by whatever name they call it; gives its workshop.

    Whoever held the lock before may have made it: what is there is to be looked at inside of the block.
    """
    lock = workshop(f"{minari_id}.lock")
    with writing(lock):
        lock.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock):
            _clear_leftovers(lock.parent)
            yield workshop(minari_id, kind)


def _clear_leftovers(workshops: Path) -> None:
    """Removes half-written datasets of killed processes; what goes on where it was (rounds, downloads) stays."""
    for stage in [file.parent for name in (DATA, METADATA) for file in workshops.glob(f"**/{name}")]:
        workplace = stage.relative_to(workshops).parts[0]
        if workplace.startswith(DOWNLOAD):
            continue
        with suppress(Timeout), FileLock(workshops / f"{workplace}.lock", timeout=0):
            shutil.rmtree(stage, ignore_errors=True)


def check_id(minari_id: str) -> None:
    """Raises: SkillsError (usage) for an id that Minari would refuse."""
    try:
        parse_dataset_id(minari_id)
    except (ValueError, TypeError) as error:
        raise SkillsError(
            f"{minari_id!r} is not a Minari id.",
            "It is of letters, digits, - and _, and ends in a version; a folder before it has two letters or more: "
            "mine/run-v0, hopper-v1.",
            USAGE,
        ) from error


def check_new(minari_id: str) -> None:
    """Raises: SkillsError (usage) for an id that Minari would refuse, or that is taken."""
    check_id(minari_id)
    if folder(minari_id).exists():
        raise SkillsError(
            f"There is a dataset {minari_id} already; it is left as it is.",
            f"Choose another name, or delete {folder(minari_id).parent}.",
            USAGE,
        )


def is_made(minari_id: str, more: Mapping[str, Any]) -> bool:
    """Whether there is a dataset that says all this of itself, as one killed at its very end has made it."""
    said = metadata(minari_id)
    return bool(more) and all(said.get(name) == value for name, value in more.items())


def write(minari_id: str, description: Description, episodes: Iterable[EpisodeBuffer], size: float = 0) -> None:
    """Writes a new dataset. Episodes are taken one at a time, so it may be larger than the memory.

    size: bytes that it takes, at least.
    Raises: SkillsError for an id that is not valid or is taken, for no episodes, or where the disk refuses.
    """
    check_new(minari_id)
    with making(minari_id) as stage:
        check_new(minari_id)  # whoever held the lock before us may have made it
        check_room(stage, size, f"The rows of {minari_id}")
        try:
            storage = begin(stage, minari_id, description)
            add_episodes(storage, episodes)
            if storage.total_episodes == 0:
                raise SkillsError(f"There are no episodes to write to {minari_id}.")
            install(stage, minari_id)
        finally:
            shutil.rmtree(stage, ignore_errors=True)


def begin(stage: Path, minari_id: str, description: Description) -> MinariStorage:
    """An empty dataset in the folder `stage`."""
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    storage = MinariStorage.new(stage, description.observation_space, description.action_space, description.env_spec)
    storage.update_metadata(
        {
            "dataset_id": minari_id,
            "minari_version": minari.__version__,
            "algorithm_name": description.how,
            "author": {"skills"},
            "description": description.text,
            **description.more,
        }
    )
    return storage


def install(stage: Path, minari_id: str) -> None:
    """Puts the files in `stage` where Minari looks for that dataset.

    Where it exists, first the data, which begin with all the old episodes, then the metadata, which say how many
    episodes there are: a process killed between the two leaves the old dataset, readable.
    """
    for name in (DATA, METADATA):
        with (stage / name).open("rb+") as handle:
            os.fsync(handle.fileno())
    place = folder(minari_id)
    if place.is_dir():
        (stage / DATA).replace(place / DATA)
        (stage / METADATA).replace(place / METADATA)
        return
    settle()
    namespace = minari_id.rpartition("/")[0]
    if namespace and namespace not in list_local_namespaces():
        create_namespace(namespace)
    place.parent.mkdir(parents=True, exist_ok=True)
    stage.rename(place)
