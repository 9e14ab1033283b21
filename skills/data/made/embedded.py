"""Datasets made here: our own policies play the simulation and what they did is stored as a local Minari dataset.

Collection goes in rounds of 16 episodes. A round's randomness depends on its number and on nothing else, so a longer
dataset begins with every row of a shorter one and an interrupted collection ends in the same rows as one that was left
alone. A mixture has several parts (medium-expert: medium and expert); each round is played by the part that has the
fewest rows so far, which ends in equal numbers of rows, well mixed, however long the episodes of each are.

    <Minari root>/skills/ant/medium-v0/data/   main_data.hdf5, metadata.json
    <Minari root>/.skills/skills-ant-medium-v0/   while it is made: its rounds and the dataset to be; a lock beside it
"""

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from gymnasium.spaces import Box
from minari.data_collector import EpisodeBuffer
from minari.dataset.minari_storage import MinariStorage

from skills.bodies.environments import environment
from skills.data import store
from skills.data.catalog import Entry
from skills.data.made import diverse
from skills.data.made.antmaze import MazeScene
from skills.data.made.diverse import DiverseScene
from skills.data.made.rounds import ROUND, play_round
from skills.data.made.scene import Scene
from skills.data.minari_root import LABEL_NAMES
from skills.data.opening import open_storage, raw_metadata, reading_set
from skills.data.room import add_episodes, check_room
from skills.errors import SkillsError
from skills.files import read_arrays, sha256, write_arrays
from skills.progress import Progress, silent

_COPIES = 2  # of every row on the disk for a while: in its round and in the dataset
_PART_STEPS = "part_steps"  # in a mixture's metadata: the rows of each part


@dataclass(frozen=True)
class _Place:
    """Where a dataset is and where it is made.   digest: of the policies' files; "random" where there is none."""

    entry: Entry
    minari_id: str
    scene: Scene
    digest: str

    @property
    def data(self) -> Path:
        return store.folder(self.minari_id)

    @property
    def work(self) -> Path:
        return store.workshop(self.minari_id)

    @property
    def rounds(self) -> Path:
        return self.work / f"rounds-{self.digest[:12]}"


def make(entry: Entry, steps: int, progress: Progress = silent) -> str:
    """Makes the local dataset of an entry, at least `steps` rows of whole episodes; returns its Minari id.

    A dataset that is there already is kept if long enough, else extended. Progress counts rows.

    Raises: SkillsError where the entry cannot be made here, where the present dataset came from other policies, or
    where the disk refuses.
    """
    place = _place(entry)
    if sum(_present(place)[0]) >= steps and not place.work.exists():  # what a kill after the end has left
        return place.minari_id
    with store.making(place.minari_id):
        _check_extensible(place)
        place.work.mkdir(exist_ok=True)
        rows, episodes = _present(place)
        if sum(rows) < steps:
            rows = _collect(place, rows, episodes // ROUND, steps, progress)
            _store(place, rows, episodes // ROUND)
            progress(steps, steps)
        shutil.rmtree(place.work)
    return place.minari_id


def is_outdated(entry: Entry) -> bool:
    """Whether the local dataset of an entry was made by another version of the policies than those that ship."""
    place = _place(entry)
    return place.data.is_dir() and raw_metadata(place.data, place.minari_id).get(store.POLICY_KEY) != place.digest


def _place(entry: Entry) -> _Place:
    if entry.embedded_id is None or entry.env_id is None:
        raise SkillsError(f"{entry.name} cannot be made here: no policy for it ships with the project.")
    kind = MazeScene if environment(entry.env_id).maze else DiverseScene if entry.level == diverse.LEVEL else Scene
    scene = kind(entry)
    digests = ["random" if file is None else sha256(file) for file in scene.files]
    digest = digests[0] if len(digests) == 1 else hashlib.sha256(" ".join(digests).encode()).hexdigest()
    return _Place(entry, entry.embedded_id, scene, digest)


def _present(place: _Place) -> tuple[list[int], int]:
    """(rows of each part, episodes) of the dataset in place; zeros where there is none."""
    if not place.data.is_dir():
        return [0] * len(place.entry.parts), 0
    metadata = raw_metadata(place.data, place.minari_id)
    with reading_set(place.data, place.minari_id):
        rows = metadata.get(_PART_STEPS) or [metadata["total_steps"]]
        return [int(count) for count in rows], int(metadata["total_episodes"])


def _collect(place: _Place, rows: list[int], first: int, steps: int, progress: Progress) -> list[int]:
    """Plays the rounds that are missing, from round `first` on; those on disk already are taken as they are.

    Returns the rows of each part.
    """
    rows = list(rows)
    simulation = place.scene.simulation(ROUND)
    number = first
    progress(min(sum(rows), steps), steps)
    while sum(rows) < steps:
        part = int(np.argmin(rows))
        path = _round_path(place, number)
        if path.is_file():
            lengths = read_arrays(path)["lengths"]
        else:
            arrays = play_round(place.scene.env_id, place.scene.policy(part, number), number, simulation)
            write_arrays(path, {**arrays, "part": np.array(part)})
            lengths = arrays["lengths"]
            if number == first:
                left = steps - sum(rows)
                size = _COPIES * left * path.stat().st_size / int(lengths.sum())
                check_room(path, size, f"{left:,} rows of {place.entry.name}")
        rows[part] += int(lengths.sum())
        number += 1
        progress(min(sum(rows), steps), steps)
    return rows


def _check_extensible(place: _Place) -> None:
    """Raises: SkillsError where the set in place cannot be added to: now, when nothing is left behind by that."""
    if place.data.is_dir():
        open_storage(place.data, place.minari_id)
    if is_outdated(place.entry):
        raise SkillsError(
            f"{place.minari_id} was made by another version of the policy and cannot be extended by this one.",
            f"Delete {place.data.parent} to have it made again.",
        )


def _store(place: _Place, rows: list[int], first: int) -> None:
    """Writes the rounds from `first` on behind the episodes that are in place, out of sight, and puts the whole there.

    Rounds count without a gap, so those to be stored are the files from `first` to the last.
    """
    stage = place.work / "dataset"
    if place.data.is_dir():
        shutil.rmtree(stage, ignore_errors=True)
        stage.mkdir()
        for name in (store.DATA, store.METADATA):
            shutil.copyfile(place.data / name, stage / name)
        _drop_episodes_after(stage / store.DATA, int(MinariStorage.read_raw_metadata(stage)["total_episodes"]))
        storage = open_storage(stage, place.minari_id)
    else:
        storage = store.begin(stage, place.minari_id, _description(place))
    add_episodes(storage, _episodes(place, first))
    if len(rows) > 1:
        storage.update_metadata({_PART_STEPS: rows})
    store.install(stage, place.minari_id)


def _drop_episodes_after(data: Path, episodes: int) -> None:
    """Takes out what an extension killed between its two renames had added."""
    with h5py.File(data, "a") as file:
        for name in [name for name in file if int(name.removeprefix("episode_")) >= episodes]:
            del file[name]


def _description(place: _Place) -> store.Description:
    """The spaces and spec of the environment and the word that it was made here."""
    entry, scene = place.entry, place.scene
    more: dict[str, Any] = {store.POLICY_KEY: place.digest, **scene.metadata()}
    if scene.labels:
        more[LABEL_NAMES] = list(scene.labels)
    return store.Description(
        scene.observation_space(),
        Box(-1.0, 1.0, (scene.simulation(1).action_size,), np.float32),
        scene.env_spec(),
        "uniform" if scene.files == (None,) else "PPO",
        f"Made on this machine by `skills data make {entry.body}-{entry.level}`: {scene.env_id} under {scene.how}. "
        f"Not the official set. The state of the simulator is in infos/qpos and infos/qvel.",
        more,
    )


def _episodes(place: _Place, first: int) -> Iterator[EpisodeBuffer]:
    """The episodes of the stored rounds from `first` on, one round in memory at a time."""
    number = first
    while _round_path(place, number).is_file():
        arrays = read_arrays(_round_path(place, number))
        row = state = 0
        for episode, length in enumerate(arrays["lengths"]):
            actions, states = slice(row, row + length), slice(state, state + length + 1)
            infos = {"qpos": arrays["qpos"][states], "qvel": arrays["qvel"][states]}
            infos |= place.scene.infos(int(arrays["part"]), number, episode, arrays["terminated"][actions])
            yield EpisodeBuffer(
                observations=place.scene.observations(arrays["observations"][states]),
                actions=arrays["actions"][actions],
                rewards=arrays["rewards"][actions],
                terminations=arrays["terminated"][actions],
                truncations=arrays["truncated"][actions],
                infos=infos,
            )
            row, state = row + length, state + length + 1
        number += 1


def _round_path(place: _Place, number: int) -> Path:
    return place.rounds / f"round-{number:05d}.npz"
