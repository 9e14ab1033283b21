"""Reads any local Minari dataset with Box observations (or a dict of them) and Box actions into Transitions.

Letters: N transitions, O observation columns, A action size, T steps of one episode.

The arrays of the whole are made once and filled episode by episode, so reading takes the memory of its result and of
one episode: 4 (2 O + A + 1) bytes a row and little more, 1.1 GB for ten million rows of Hopper.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.spaces import Box
from numpy.typing import NDArray

from skills.arrays import Float32s
from skills.bodies.body import Body, body_of
from skills.bodies.environments import ENVIRONMENTS, environment, load_model, motion_size, observation_size
from skills.bodies.keys import LOG, log_key, read_key
from skills.bodies.mazes import GOAL_REWARD
from skills.bodies.observing import column_names, flat_observation, observation_parts, part_of
from skills.bodies.roots import names_in_qpos
from skills.bodies.specs import cuts_actions, key_of, otherwise, with_wrappers
from skills.choices import Columns
from skills.data import store
from skills.data.checks import Checks, numbers
from skills.data.minari_root import LABEL_NAMES, is_local, minari_root
from skills.data.opening import open_folder, raw_metadata, reading_set, whole_episodes
from skills.data.store import POLICY_KEY
from skills.data.stored import StoredDigest
from skills.data.transitions import ACTION_LIMIT, Transitions
from skills.errors import NOT_FOUND, USAGE, SkillsError, some
from skills.memory import spacious
from skills.progress import Progress, silent

SECONDS = "seconds_per_step"  # in the metadata of a dataset without an environment: how long a step lasts


@dataclass(frozen=True)
class Episode:
    """observations: [T + 1, O].   actions: [T, A].   rewards, terminated: [T].   labels: [T], of a labelled set.

    rewards: empty where they are left unread.   stored: the same as Minari has it, with its infos.
    """

    observations: Float32s
    actions: Float32s
    rewards: Float32s
    terminated: NDArray[np.bool_]
    labels: NDArray[np.int32] | None
    stored: Any


def load(
    minari_id: str,
    name: str,
    *,
    steps: int | None,
    columns: Columns,
    env: str | None = None,
    rewards: bool = True,
    progress: Progress = silent,
) -> Transitions:
    """Reads the first `steps` rows (None: all); the episode that this cuts ends as by a time limit.

    columns: "motion" leaves out what stands behind pose and motion, such as Ant's contact forces.
    env: the environment that skills are to be played in, see `environment_of`.   progress: counts rows.
    rewards: False leaves the rewards unread; they are NaN.

    Raises: SkillsError: not found, spaces other than Box, sizes that do not match, an environment that is not here,
    NaN or infinity, actions outside their space, damaged files.
    """
    dataset = open_usable(minari_id, env)
    env_id = environment_of(dataset, minari_id, env)
    parts = observation_parts(dataset.observation_space, minari_id)
    body = body_of(env_id)
    kept = min(body.motion_size, total(parts)) if columns == "motion" else total(parts)
    with reading_set(store.folder(minari_id), minari_id):
        filling = _Filling(dataset, minari_id, kept, steps, body)
    for episode in _episodes(dataset, minari_id, rewards):
        if filling.add(episode):
            break
        progress(filling.rows, filling.expected)
    filling.check()
    progress(filling.expected, filling.expected)
    return filling.transitions(name, env_id, parts)


def open_dataset(minari_id: str) -> Any:
    """The Minari dataset.

    Raises: SkillsError where it is not on this machine, its metadata are damaged, or name code that is not trusted.
    """
    if not is_local(minari_id):
        raise SkillsError(
            f"The Minari dataset {minari_id} is not on this machine.",
            f"Put it under {minari_root()}, or set MINARI_DATASETS_PATH to the folder that holds it.",
            NOT_FOUND,
        )
    return open_folder(store.folder(minari_id), minari_id)


def open_usable(minari_id: str, env: str | None = None) -> Any:
    """As `open_dataset`, of one that can be learned from as far as its metadata tell.

    env: see `environment_of`.
    Raises: SkillsError also where its environment is not here, or where its spaces do not fit.
    """
    dataset = open_dataset(minari_id)
    spaces = dataset.observation_space, dataset.action_space
    check_spaces(with_wrappers(dataset.env_spec, minari_id), known_id(dataset.env_spec), *spaces)
    body = body_of(environment_of(dataset, minari_id, env))
    columns, actions = total(observation_parts(spaces[0], minari_id)), int(spaces[1].shape[0])
    _check_size(minari_id, "observations", columns, {body.observation_size, body.motion_size}, body.name)
    _check_size(minari_id, "actions", actions, {len(body.actions.low)}, body.name)
    if body.model is not None and not body.plays:
        _check_states(dataset, minari_id, body)
    return dataset


def _check_states(dataset: Any, minari_id: str, body: Body) -> None:
    """Raises: SkillsError (usage) where the first episode has no states of the model that they are to be shown in."""
    first = next(whole_episodes(dataset, minari_id, dataset.episode_indices[:1].tolist()), None)
    states = np.asarray(({} if first is None else first.infos or {}).get("qpos", ()))
    needed = body.state_size
    if states.ndim != 2 or states.shape[1] != needed:
        found = f"{states.shape[1:]} numbers a row in infos/qpos" if states.size else "no recorded states (infos/qpos)"
        raise SkillsError(
            f"{minari_id} has {found}; to be shown in the model, it takes {needed}: {some(names_in_qpos(body.model))}.",
            "Write them into the log as an array 'qpos'. Or leave --xml out: its columns are drawn as lines then.",
            USAGE,
        )


def environment_of(dataset: Any, minari_id: str, env: str | None = None) -> str:
    """The key of the environment that skills of a dataset are played in, see `skills.bodies.keys`.

    env: one to be played in rather than the dataset's own; "log": none, these are logs alone. A dataset that names no
    environment is of logs alone, too.
    """
    asked = None if env is None else read_key(env)
    if env is not None and asked is not None and asked.name != LOG:
        return env
    if env is None and dataset.env_spec is not None:
        return key_of(dataset.env_spec, minari_id)
    actions = dataset.action_space
    if not actions.is_bounded():
        cut = " (ClipAction took any)" if cuts_actions(dataset.env_spec) else ""
        raise SkillsError(
            f"{minari_id} has an action space without bounds{cut}.",
            "A policy here acts within bounds; give the space some, or name what to play in: --env ID",
        )
    seconds = dataset.storage.metadata.get(SECONDS)
    parts = observation_parts(dataset.observation_space, minari_id)
    model = None if asked is None else asked.made_with.get("model")
    lasts = None if seconds is None else float(seconds)
    return log_key(total(parts), actions.low, actions.high, lasts, model, column_names(parts))


def total(parts: tuple[tuple[str, int], ...]) -> int:
    """O, the columns of all parts of an observation."""
    return sum(size for _, size in parts)


def learned(dataset: Any, minari_id: str, rewards: bool = True) -> Iterator[Any]:
    """The dataset's episodes as they are learned from: in a maze each ends at its first goal.

    D4RL's own never end there: they go on, to no use.   rewards: False leaves them as they are.

    Raises: SkillsError where one cannot be read, or rows are missing.
    """
    env_id = "" if dataset.env_spec is None else dataset.env_spec.id
    in_maze = rewards and env_id in ENVIRONMENTS and environment(env_id).maze is not None
    rows = 0
    for episode in whole_episodes(dataset, minari_id):
        rows += len(episode.rewards)
        yield _until_goal(episode) if in_maze else episode
    if rows < dataset.total_steps:
        raise SkillsError(
            f"{minari_id} is incomplete: {rows:,} rows, and its metadata say {dataset.total_steps:,}.",
            "Delete it, and download, import or make it again.",
        )


def _until_goal(episode: Any) -> Any:
    rewards = np.asarray(episode.rewards)
    there = np.flatnonzero(rewards == GOAL_REWARD)
    if not len(there) or not np.isin(rewards, (0.0, GOAL_REWARD)).all():  # another reward is no word of a goal
        return episode
    ended = first_steps(episode, int(there[0]) + 1)
    return replace(ended, terminations=np.arange(len(ended)) == len(ended) - 1)


def first_steps(episode: Any, length: int) -> Any:
    """An episode up to a step, with the state after it, also in its infos."""
    whole = len(episode.rewards)
    infos = {
        name: _first(value, length + 1 if _rows(value) > whole else length)
        for name, value in (episode.infos or {}).items()
    }
    return replace(
        episode,
        observations=_first(episode.observations, length + 1),
        actions=episode.actions[:length],
        rewards=episode.rewards[:length],
        terminations=episode.terminations[:length],
        truncations=episode.truncations[:length],
        infos=infos,
    )


def _first(value: Any, rows: int) -> Any:
    """The first rows of an array, or of each array of a dict."""
    if isinstance(value, dict):
        return {name: _first(inner, rows) for name, inner in value.items()}
    return value[:rows]


def _rows(value: Any) -> int:
    """The rows of an array, or of the first array of a dict."""
    return _rows(next(iter(value.values()), ())) if isinstance(value, dict) else len(value)


def motion_columns(env_id: str) -> int | None:
    """How many leading observation columns are pose and motion; None: all of them, as in any unknown environment."""
    if env_id not in ENVIRONMENTS or not environment(env_id).contact_forces:
        return None
    return motion_size(env_id)


def known_id(spec: EnvSpec | None) -> str:
    """The id of a dataset's environment where that is as the id says; empty where it may have other columns."""
    return "" if spec is None or otherwise(spec) else str(spec.id)


def check_spaces(what: str, env_id: str, observations: Any, actions: Any) -> None:
    """Raises: SkillsError for spaces that cannot be used, or that are not those of the environment."""
    parts = observation_parts(observations, what)
    if not isinstance(actions, Box) or len(actions.shape) != 1:
        raise SkillsError(
            f"{what} has actions of the space {actions}.", "Only flat continuous ones (a Box of one axis) can be used."
        )
    if env_id not in ENVIRONMENTS:
        return
    sizes = {observation_size(env_id), motion_columns(env_id) or observation_size(env_id)}
    _check_size(what, "observations", total(parts), sizes, env_id)
    _check_size(what, "actions", actions.shape[0], {int(load_model(env_id).nu)}, env_id)


def _check_size(what: str, name: str, found: int, expected: set[int], env_id: str) -> None:
    if found not in expected:
        sizes = " or ".join(map(str, sorted(expected)))
        raise SkillsError(f"{what} has {name} of {found} columns; those of {env_id} have {sizes}.")


def _episodes(dataset: Any, minari_id: str, rewards: bool) -> Iterator[Episode]:
    """The episodes in order, in float32, their shapes checked."""
    parts = observation_parts(dataset.observation_space, minari_id)
    size, actions = total(parts), dataset.action_space.shape[0]
    labelled = LABEL_NAMES in dataset.storage.metadata
    for stored in learned(dataset, minari_id, rewards):
        with reading_set(store.folder(minari_id), minari_id):
            episode = _checked(stored, parts, size, actions, minari_id, rewards, labelled)
        yield episode


def _checked(
    stored: Any,
    parts: tuple[tuple[str, int], ...],
    size: int,
    actions: int,
    minari_id: str,
    rewards: bool,
    labelled: bool,
) -> Episode:
    which = f"Episode {stored.id} of {minari_id}"
    length = len(stored.rewards)
    observations = _flat(stored.observations, parts, which)
    return Episode(
        numbers(observations, np.float32, (length + 1, size), f"{which}: observations"),
        numbers(stored.actions, np.float32, (length, actions), f"{which}: actions"),
        numbers(stored.rewards, np.float32, (length,), f"{which}: rewards") if rewards else np.zeros(0, np.float32),
        numbers(stored.terminations, np.bool_, (length,), f"{which}: terminations"),
        numbers(stored.infos[store.LABEL], np.int32, (length,), f"{which}: labels") if labelled else None,
        stored,
    )


def _flat(observations: Any, parts: tuple[tuple[str, int], ...], which: str) -> NDArray[Any]:
    """[T + 1, O] observations; those of a dict side by side, without the pictures among them."""
    if isinstance(observations, dict):
        lengths = {len(part_of(observations, name)) for name, _ in parts}
        if len(lengths) > 1:
            raise SkillsError(f"{which}: the parts of its observations have unequal lengths: {sorted(lengths)}.")
    return flat_observation(parts, observations)


class _Filling:
    """The arrays of the whole dataset, filled episode by episode."""

    def __init__(self, dataset: Any, minari_id: str, kept: int, steps: int | None, body: Body) -> None:
        self._minari_id = minari_id
        self._made_here = POLICY_KEY in dataset.storage.metadata
        self._kept = kept
        stored = int(dataset.total_steps)
        self.expected = stored if steps is None else min(stored, steps)
        if self.expected <= 0:
            raise SkillsError(f"{minari_id} is empty.")
        space = dataset.action_space
        rows, what = self.expected, f"Reading {self.expected:,} rows of {minari_id}"
        self._actions_of = body.actions
        self._cuts = cuts_actions(dataset.env_spec)
        self._checks = Checks(minari_id, body.actions.low, body.actions.high)
        self._observations = spacious((rows, kept), np.float32, what)
        self._actions = spacious((rows, space.shape[0]), np.float32, what)
        self._next_observations = spacious((rows, kept), np.float32, what)
        self._rewards = spacious((rows,), np.float32, what)
        self._terminated = spacious((rows,), np.bool_, what)
        self._labels = spacious((rows,), np.int32, what) if LABEL_NAMES in dataset.storage.metadata else None
        self._starts: list[int] = []
        self._stored = StoredDigest(raw_metadata(store.folder(minari_id), minari_id))
        self.rows = 0

    def add(self, episode: Episode) -> bool:
        """Takes as much of an episode as there is room for; whether there is none left."""
        length = min(len(episode.actions), self.expected - self.rows)
        if length:  # an episode of no steps has no transitions
            self._starts.append(self.rows)
        taken, rows = slice(length), slice(self.rows, self.rows + length)
        actions = episode.actions[taken]
        if self._cuts:
            actions = actions.clip(self._actions_of.low, self._actions_of.high)
        self._checks.add(episode.observations[: length + 1], actions, episode.rewards[taken])
        self._observations[rows] = episode.observations[:length, : self._kept]
        self._next_observations[rows] = episode.observations[1 : length + 1, : self._kept]
        self._actions[rows] = self._actions_of.inward(actions).clip(-ACTION_LIMIT, ACTION_LIMIT)
        self._rewards[rows] = episode.rewards[taken] if len(episode.rewards) else np.nan
        self._terminated[rows] = episode.terminated[taken]
        if self._labels is not None and episode.labels is not None:
            self._labels[rows] = episode.labels[taken]
        self._stored.add(first_steps(episode.stored, length))
        self.rows += length
        return self.rows == self.expected

    def check(self) -> None:
        """Raises: SkillsError for numbers that nothing can be learned from."""
        self._checks.finish()

    def transitions(self, name: str, env_id: str, parts: tuple[tuple[str, int], ...]) -> Transitions:
        rows = slice(self.rows)  # fewer than expected where episodes were cut at their goals
        return Transitions(
            name=name,
            minari_id=self._minari_id,
            env_id=env_id,
            made_here=self._made_here,
            observations=self._observations[rows],
            actions=self._actions[rows],
            next_observations=self._next_observations[rows],
            rewards=self._rewards[rows],
            terminated=self._terminated[rows],
            episode_starts=np.array(self._starts, np.int64),
            observation_parts=parts if len(parts) > 1 else (),
            labels=None if self._labels is None else self._labels[rows],
            stored_columns=total(parts),
            stored_digest=self._stored.hexdigest(),
        )
