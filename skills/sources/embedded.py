"""Datasets made here: our own behaviours play the simulation and what they did is stored as a local Minari dataset.

Collection goes in rounds of 16 simulations, each playing one whole episode. A round's randomness depends on its number
and on nothing else, so a longer dataset begins with every row of a shorter one and an interrupted collection ends in
the same rows as one that was left alone.

    <Minari root>/skills/ant/medium-v0/data/   main_data.hdf5, metadata.json
    <Minari root>/.skills/ant-medium/          while it is made: its rounds and the dataset to be; a lock beside it

The dataset is put in place by renames: the folder where there was none; in an extension first the data, which begin
with all the old episodes, then the metadata, which say how many episodes there are. A process killed between the two
leaves the old dataset, readable.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium
import h5py
import minari
import numpy as np
from filelock import FileLock
from gymnasium.spaces import Box
from minari.data_collector import EpisodeBuffer
from minari.dataset.minari_storage import MinariStorage
from minari.namespace import create_namespace, list_local_namespaces
from minari.storage import get_dataset_path
from numpy.typing import NDArray

from skills.behaviours import behaviour
from skills.behaviours.behaviour import Behaviour
from skills.behaviours.guide import Guide
from skills.catalog import Entry
from skills.errors import SkillsError
from skills.files import Arrays, explained, read_arrays, sha256, write_arrays
from skills.progress import Progress, silent
from skills.simulate import EPISODE_STEPS, Simulation
from skills.sources import antmaze

ROUND = 16  # episodes of a round, played in lock-step

_SEED = 20231106
_DATA, _METADATA = "main_data.hdf5", "metadata.json"
_POLICY_KEY = "behaviour_sha256"  # in the dataset's metadata: an extension must come from the same behaviour


@dataclass(frozen=True)
class _Place:
    """Where a dataset is and where it is made.   digest: of the behaviour's file; "random" where there is none."""

    entry: Entry
    minari_id: str
    env_id: str
    digest: str

    @property
    def in_maze(self) -> bool:
        return self.entry.body == antmaze.BODY

    def simulation(self, count: int) -> Simulation:
        """`count` simulations that start as the dataset's episodes do."""
        return Simulation(self.env_id, count, task=antmaze.task(str(self.entry.level)) if self.in_maze else None)

    @property
    def data(self) -> Path:
        return Path(get_dataset_path(self.minari_id)) / "data"

    @property
    def work(self) -> Path:
        return Path(get_dataset_path()) / ".skills" / self.entry.name

    @property
    def rounds(self) -> Path:
        return self.work / f"rounds-{self.digest[:12]}"


def make(entry: Entry, steps: int, progress: Progress = silent) -> str:
    """Makes the local dataset of an entry, at least `steps` rows of whole episodes; returns its Minari id.

    A dataset that is there already is kept if long enough, else extended. Progress counts rows.

    Raises: SkillsError where the entry cannot be made here, where the present dataset came from another behaviour, or
    where the disk refuses.
    """
    place = _place(entry)
    if _present(place)[0] >= steps:
        return place.minari_id
    with explained(place.work):
        place.work.mkdir(parents=True, exist_ok=True)
        with FileLock(place.work.with_suffix(".lock")):
            place.work.mkdir(exist_ok=True)  # whoever held the lock before us has removed it
            rows, episodes = _present(place)
            if rows < steps:
                _collect(place, rows, episodes // ROUND, steps, progress)
                _store(place, episodes // ROUND)
                progress(steps, steps)
            shutil.rmtree(place.work)
    return place.minari_id


def is_outdated(entry: Entry) -> bool:
    """Whether the local dataset of an entry was made by another version of the behaviour than the one that ships."""
    place = _place(entry)
    return place.data.is_dir() and MinariStorage.read_raw_metadata(place.data).get(_POLICY_KEY) != place.digest


def play_round(
    env_id: str, policy: Behaviour | Guide | None, number: int, simulation: Simulation | None = None
) -> Arrays:
    """Plays round `number`: one episode in each of 16 simulations, under the behaviour, or uniform actions where None.

    Returns arrays of all episodes end to end, with M rows in all: lengths [16]; observations, qpos, qvel [M + 16, .]
    (each episode has one more state than actions); actions [M, A]; rewards, terminated, truncated [M].
    """
    played = simulation or Simulation(env_id, ROUND)
    children = np.random.SeedSequence([_SEED, number]).spawn(ROUND)
    generators = [np.random.default_rng(child) for child in children]
    observations = played.reset(generators)
    record = _Record(played, observations)
    alive = np.arange(ROUND)
    while len(alive):
        noise = [generators[index] for index in alive]
        if policy is None:
            actions = np.stack([noise_of.uniform(-1, 1, played.action_size) for noise_of in noise]).astype(np.float32)
        else:
            actions = policy.act(observations, noise, alive)
        step = played.step(actions, alive)
        record.add(alive, actions, step.observations, step.rewards, step.terminated, step.truncated)
        going = ~(step.terminated | step.truncated)
        alive, observations = alive[going], step.observations[going]
    return record.arrays()


class _Record:
    """The rows of a round as they come, by step; put end to end by episode when it is over."""

    def __init__(self, simulation: Simulation, observations: NDArray[np.float64]) -> None:
        self._simulation = simulation
        self._lengths = np.zeros(ROUND, dtype=np.int64)
        states = (EPISODE_STEPS + 1, ROUND)
        self._observations = np.empty((*states, observations.shape[1]), dtype=np.float32)
        self._qpos = np.empty((*states, simulation.qpos.shape[1]))
        self._qvel = np.empty((*states, simulation.qvel.shape[1]))
        self._actions = np.empty((EPISODE_STEPS, ROUND, simulation.action_size), dtype=np.float32)
        self._rewards = np.empty((EPISODE_STEPS, ROUND))
        self._ends = np.empty((2, EPISODE_STEPS, ROUND), dtype=bool)
        self._state(0, np.arange(ROUND), observations)

    def add(
        self,
        alive: NDArray[np.intp],
        actions: NDArray[np.float32],
        observations: NDArray[np.float64],
        rewards: NDArray[np.float64],
        terminated: NDArray[np.bool_],
        truncated: NDArray[np.bool_],
    ) -> None:
        row = int(self._lengths[alive[0]])  # all that are alive are at the same step
        self._actions[row, alive] = actions
        self._rewards[row, alive] = rewards
        self._ends[0, row, alive] = terminated
        self._ends[1, row, alive] = truncated
        self._lengths[alive] += 1
        self._state(row + 1, alive, observations)

    def arrays(self) -> Arrays:
        def joined(array: NDArray[Any], extra: int) -> NDArray[Any]:
            return np.concatenate([array[: length + extra, index] for index, length in enumerate(self._lengths)])

        return {
            "lengths": self._lengths,
            "observations": joined(self._observations, 1),
            "qpos": joined(self._qpos, 1),
            "qvel": joined(self._qvel, 1),
            "actions": joined(self._actions, 0),
            "rewards": joined(self._rewards, 0),
            "terminated": joined(self._ends[0], 0),
            "truncated": joined(self._ends[1], 0),
        }

    def _state(self, row: int, alive: NDArray[np.intp], observations: NDArray[np.float64]) -> None:
        self._observations[row, alive] = observations
        self._qpos[row, alive] = self._simulation.qpos[alive]
        self._qvel[row, alive] = self._simulation.qvel[alive]


def _place(entry: Entry) -> _Place:
    if entry.embedded_id is None or entry.env_id is None or entry.body is None or entry.level is None:
        raise SkillsError(f"{entry.name} cannot be made here: no behaviour for it ships with the project.")
    random = entry.level == "random"
    body, level = antmaze.RUNNER if entry.body == antmaze.BODY else (entry.body, entry.level)
    digest = "random" if random else sha256(behaviour.path(body, level))
    return _Place(entry, entry.embedded_id, entry.env_id, digest)


def _present(place: _Place) -> tuple[int, int]:
    """(rows, episodes) of the dataset in place; (0, 0) where there is none."""
    if not place.data.is_dir():
        return 0, 0
    metadata = MinariStorage.read_raw_metadata(place.data)
    return int(metadata["total_steps"]), int(metadata["total_episodes"])


def _collect(place: _Place, rows: int, first: int, steps: int, progress: Progress) -> None:
    """Plays the rounds that are missing, from round `first` on; those on disk already are taken as they are."""
    _refuse_another_behaviour(place)
    entry = place.entry
    policy: Behaviour | Guide | None = None
    if place.in_maze:
        policy = antmaze.guide(place.env_id, ROUND)
    elif entry.level != "random":
        policy = behaviour.load(str(entry.body), str(entry.level))
    simulation = place.simulation(ROUND)
    number = first
    progress(min(rows, steps), steps)
    while rows < steps:
        path = _round_path(place, number)
        if path.is_file():
            lengths = read_arrays(path)["lengths"]
        else:
            arrays = play_round(place.env_id, policy, number, simulation)
            write_arrays(path, arrays)
            lengths = arrays["lengths"]
        rows += int(lengths.sum())
        number += 1
        progress(min(rows, steps), steps)


def _refuse_another_behaviour(place: _Place) -> None:
    if is_outdated(place.entry):
        raise SkillsError(
            f"{place.minari_id} was made by another version of the behaviour and cannot be extended by this one.",
            f"Delete {place.data.parent} to have it made again.",
        )


def _store(place: _Place, first: int) -> None:
    """Writes the rounds from `first` on behind the episodes that are in place, out of sight, and puts the whole there.

    Rounds count without a gap, so those to be stored are the files from `first` to the last.
    """
    stage = place.work / "dataset"
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir()
    if place.data.is_dir():
        for name in (_DATA, _METADATA):
            shutil.copyfile(place.data / name, stage / name)
        _drop_episodes_after(stage / _DATA, int(MinariStorage.read_raw_metadata(stage)["total_episodes"]))
        storage = MinariStorage.read(stage)
    else:
        storage = _new_storage(place, stage)
    storage.update_episodes(_episodes(place, first))
    for name in (_DATA, _METADATA):
        with (stage / name).open("rb+") as handle:
            os.fsync(handle.fileno())
    if place.data.is_dir():
        (stage / _DATA).replace(place.data / _DATA)
        (stage / _METADATA).replace(place.data / _METADATA)
    else:
        _make_namespace(place.minari_id)
        place.data.parent.mkdir(parents=True, exist_ok=True)
        stage.rename(place.data)


def _drop_episodes_after(data: Path, episodes: int) -> None:
    """Takes out what an extension killed between its two renames had added."""
    with h5py.File(data, "a") as file:
        for name in [name for name in file if int(name.removeprefix("episode_")) >= episodes]:
            del file[name]


def _new_storage(place: _Place, stage: Path) -> MinariStorage:
    """An empty dataset with the spaces and spec of the environment and the word that it was made here."""
    entry = place.entry
    simulation = place.simulation(1)
    size = simulation.observation_size
    storage = MinariStorage.new(
        stage,
        antmaze.observation_space(size) if place.in_maze else Box(-np.inf, np.inf, (size,), np.float64),
        Box(-1.0, 1.0, (simulation.action_size,), np.float32),
        antmaze.env_spec(place.env_id, antmaze.task(str(entry.level)))
        if place.in_maze
        else gymnasium.spec(place.env_id),
    )
    random = entry.level == "random"
    how = "uniform random actions"
    if not random:
        how = f"its behaviour {entry.body}-{entry.level} (PPO), acting with its noise"
    if place.in_maze:
        storage.update_metadata(antmaze.metadata(place.env_id))
        how = antmaze.HOW
    storage.update_metadata(
        {
            "dataset_id": place.minari_id,
            "minari_version": minari.__version__,
            "algorithm_name": "uniform" if random else "PPO",
            "author": {"skills"},
            "description": f"Made on this machine by `skills data make {entry.name}`: {place.env_id} under {how}. "
            f"Not the official set. The state of the simulator is in infos/qpos and infos/qvel.",
            _POLICY_KEY: place.digest,
        }
    )
    return storage


def _make_namespace(minari_id: str) -> None:
    namespace = minari_id.rsplit("/", 1)[0]
    if namespace not in list_local_namespaces():
        create_namespace(namespace)


def _episodes(place: _Place, first: int) -> Iterator[EpisodeBuffer]:
    """The episodes of the stored rounds from `first` on, one round in memory at a time."""
    number = first
    while _round_path(place, number).is_file():
        arrays = read_arrays(_round_path(place, number))
        row = state = 0
        for length in arrays["lengths"]:
            actions, states = slice(row, row + length), slice(state, state + length + 1)
            infos = {"qpos": arrays["qpos"][states], "qvel": arrays["qvel"][states]}
            if place.in_maze:
                infos["success"] = antmaze.successes(arrays["terminated"][actions])
            yield EpisodeBuffer(
                observations=antmaze.observations(arrays["observations"][states])
                if place.in_maze
                else arrays["observations"][states],
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
