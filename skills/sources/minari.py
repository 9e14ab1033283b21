"""Reads any local Minari dataset with Box (or goal-style) observations and Box actions into Transitions.

Letters: N transitions, O observation columns, A action size, T steps of one episode.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import minari
import numpy as np
from gymnasium.spaces import Box
from minari.storage import get_dataset_path
from numpy.typing import NDArray

from skills.dataset import ACTION_LIMIT, Columns, Transitions
from skills.errors import NOT_FOUND, SkillsError
from skills.mazes import GOAL_REWARD
from skills.simulate import ENVIRONMENTS, environment, load_model, motion_size, observation_size
from skills.sources import goals

Float32s = NDArray[np.float32]


@dataclass(frozen=True)
class _Episode:
    """observations: [T + 1, O].   actions: [T, A].   rewards, terminated: [T]."""

    observations: Float32s
    actions: Float32s
    rewards: Float32s
    terminated: NDArray[np.bool_]

    def cut(self, steps: int) -> "_Episode":
        """Its first `steps` steps, as if a time limit had ended it there."""
        return _Episode(
            self.observations[: steps + 1], self.actions[:steps], self.rewards[:steps], self.terminated[:steps]
        )

    def until_success(self) -> "_Episode":
        """Itself up to its first reward of an AntMaze goal, which ends it. The official sets go on, to no use."""
        there = np.flatnonzero(self.rewards >= GOAL_REWARD)
        if not len(there):
            return self
        ended = self.cut(int(there[0]) + 1)
        ended.terminated[-1] = True
        return ended


def is_local(minari_id: str) -> bool:
    """Whether the dataset is in the local Minari root (MINARI_DATASETS_PATH)."""
    return (_folder(minari_id) / "metadata.json").is_file()


def load(minari_id: str, name: str, *, steps: int | None, columns: Columns, made_here: bool) -> Transitions:
    """Reads the first `steps` rows (None: all); the episode that this cuts ends as by a time limit.

    columns: "motion" leaves out Ant's contact forces, and nothing elsewhere.

    Raises: SkillsError: not found, spaces other than Box, sizes that do not match, NaN or infinity, damaged files.
    """
    if not is_local(minari_id):
        raise SkillsError(
            f"The Minari dataset {minari_id} is not on this machine.",
            f"Put it under {get_dataset_path()}, or set MINARI_DATASETS_PATH to the folder that holds it.",
            NOT_FOUND,
        )
    try:
        dataset = minari.load_dataset(minari_id)
        env_id = _env_id(dataset, minari_id)
        _check_spaces(dataset, minari_id, env_id)
        episodes = _read(dataset, minari_id, steps)
    except (OSError, KeyError, ValueError) as error:
        raise SkillsError(f"The Minari dataset {minari_id} cannot be read: {error}.") from error
    _check_finite(episodes, minari_id)
    kept = motion_columns(env_id) if columns == "motion" else None
    starts = np.cumsum([0] + [len(episode.actions) for episode in episodes[:-1]])
    return Transitions(
        name=name,
        minari_id=minari_id,
        env_id=env_id,
        made_here=made_here,
        observations=np.concatenate([episode.observations[:-1, :kept] for episode in episodes]),
        actions=np.concatenate([episode.actions for episode in episodes]).clip(-ACTION_LIMIT, ACTION_LIMIT),
        next_observations=np.concatenate([episode.observations[1:, :kept] for episode in episodes]),
        rewards=np.concatenate([episode.rewards for episode in episodes]),
        terminated=np.concatenate([episode.terminated for episode in episodes]),
        episode_starts=starts.astype(np.int64),
    )


def motion_columns(env_id: str) -> int | None:
    """How many leading observation columns are pose and motion; None: all of them, as in any unknown environment."""
    if env_id not in ENVIRONMENTS or not environment(env_id).contact_forces:
        return None
    return motion_size(env_id)


def _folder(minari_id: str) -> Path:
    return Path(get_dataset_path(minari_id)) / "data"


def _env_id(dataset: Any, minari_id: str) -> str:
    if dataset.env_spec is None:
        raise SkillsError(f"{minari_id} does not say which environment it is of, so its skills could not be played.")
    return str(dataset.env_spec.id)


def _check_spaces(dataset: Any, minari_id: str, env_id: str) -> None:
    observation_space = goals.row_space(dataset.observation_space)
    for what, space in (("observations", observation_space), ("actions", dataset.action_space)):
        if not isinstance(space, Box) or len(space.shape) != 1:
            raise SkillsError(
                f"{minari_id} has {what} of the space {space}.",
                "Only flat continuous ones (a Box of one axis) can be used.",
            )
    if env_id not in ENVIRONMENTS:
        return
    expected = (observation_size(env_id), load_model(env_id).nu)
    found = (observation_space.shape[0], dataset.action_space.shape[0])
    for what, want, got in zip(("observations", "actions"), expected, found, strict=True):
        if want != got:
            raise SkillsError(f"{minari_id} has {what} of {got} columns; those of {env_id} have {want}.")


def _read(dataset: Any, minari_id: str, steps: int | None) -> list[_Episode]:
    """The episodes that hold the first `steps` rows, the last one cut."""
    size, actions = goals.row_space(dataset.observation_space).shape[0], dataset.action_space.shape[0]
    in_maze = str(dataset.env_spec.id).startswith("AntMaze_")
    episodes: list[_Episode] = []
    left = int(dataset.total_steps) if steps is None else steps
    for stored in dataset.iterate_episodes():
        if left <= 0:
            break
        episode = _Episode(
            goals.rows(stored.observations).astype(np.float32, copy=False),
            np.asarray(stored.actions, np.float32),
            np.asarray(stored.rewards, np.float32),
            np.asarray(stored.terminations, bool),
        )
        _check_shape(episode, f"Episode {stored.id} of {minari_id}", size, actions)
        if in_maze:
            episode = episode.until_success()
        episodes.append(episode.cut(left))
        left -= len(episode.actions)
    if not episodes:
        raise SkillsError(f"{minari_id} is empty.")
    return episodes


def _check_shape(episode: _Episode, which: str, observation_size: int, action_size: int) -> None:
    length = len(episode.rewards)
    expected = {
        "observations": (length + 1, observation_size),
        "actions": (length, action_size),
        "terminated": (length,),
    }
    for what, shape in expected.items():
        if getattr(episode, what).shape != shape:
            raise SkillsError(f"{which}: {what} have the shape {getattr(episode, what).shape}, expected {shape}.")


def _check_finite(episodes: list[_Episode], minari_id: str) -> None:
    """Names the first array and column with NaN or infinity in it, and in how many rows."""
    for what in ("observations", "actions", "rewards"):
        arrays = [getattr(episode, what) for episode in episodes]
        if all(np.isfinite(array).all() for array in arrays):
            continue
        bad = sum((~np.isfinite(array)).reshape(len(array), -1).sum(axis=0) for array in arrays)
        column = int(np.flatnonzero(bad)[0])
        place = f"column {column} of {what}" if what != "rewards" else what
        raise SkillsError(
            f"{minari_id} has NaN or infinity in {place}, in {int(bad[column])} rows.",
            "Remove those episodes from the dataset; nothing can be learned from them.",
        )
