"""Turns a file of transitions, as D4RL and many others write them, into a local Minari dataset.

What its columns mean is in `columns.py`, where its episodes end in `ends.py`.

Letters: N rows, T rows of one episode, O observation columns.
"""

import copy
import difflib
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.spaces import Box
from minari.data_collector import EpisodeBuffer
from numpy.typing import NDArray

from skills.bodies.body import body_of
from skills.bodies.environments import ENVIRONMENTS, motion_size
from skills.bodies.keys import is_log, is_model, read_key
from skills.bodies.making import make, register
from skills.choices import Columns
from skills.data import bags, catalog, columnar, lerobot, minari, store, topics
from skills.data.bags import is_bag
from skills.data.checks import Checks, numbers
from skills.data.columns import FileTable, apart, chosen, flat, without_world
from skills.data.minari import SECONDS, check_spaces
from skills.data.minari_root import LABEL_NAMES, is_local, metadata
from skills.data.oddities import notify_if_odd
from skills.data.tables import NamedColumns, opened
from skills.data.transitions import ACTION_LIMIT, Transitions
from skills.data.trust import check_id
from skills.errors import ENVIRONMENT, NOT_FOUND, SkillsError, nearest
from skills.files import sha256
from skills.progress import Notify, Progress, silent, unsaid
from skills.troubles import reading

_COLUMNS = "imported_columns"  # in the dataset's metadata, where they were chosen by name
_DIGITS = 8  # of the digest of a file in the name of its dataset
_READ = (".parquet", ".json", ".npz", *bags.SUFFIXES)  # files of a folder that are looked at
_BYTES = 4  # of a number, at least
_LOOKED_AT = 10_000  # rows of an imported set, for whether it moves as its body does


def import_file(
    path: Path,
    minari_id: str,
    env_id: str,
    *,
    label: str | None = None,
    licence: str | None = None,
    clip: bool = False,
    interleaved: int = 1,
    seconds: float | None = None,
    observations: Sequence[str] = (),
    actions: Sequence[str] = (),
    progress: Progress = silent,
    notify: Notify = unsaid,
) -> None:
    """Writes the transitions of a file as the Minari dataset `minari_id`.

    env_id: "log" for logs of what nothing simulates.   seconds: of a step, where no environment says it.
    observations, actions: the arrays that are these, where the file calls them otherwise.
    label: the array, of a row or of an episode each, that says which policy acted.   licence: of the data.
    clip: cut actions that are outside their space, as MuJoCo does itself; infos/unclipped_actions keeps them.
    interleaved: how many environments' rows take turns in the file.
    progress: in rows.   notify: gets a line on each thing that is not as it stands in the file, and where the file does
    not move as its environment does.

    A dataset that is there already, made of the same file in the same way, is left: an import that was killed may have
    been at its end.

    Raises: SkillsError for a file that is missing, damaged or lacks an array; for arrays of unequal length, discrete
    actions, NaN or infinity, actions outside their space; for columns that are not those of the environment; for an
    id that is taken.
    """
    chosen_here = filter(None, (seconds, ",".join(observations), ",".join(actions)))
    made_of = _made_of(path, env_id, label, licence, clip, interleaved, *chosen_here)
    if store.is_made(minari_id, made_of):
        notify(f"{minari_id} is there already: it was made of this very file, in this way.")
        return
    store.check_new(minari_id)
    spec = _env_spec(env_id)
    with opened(path, observations, actions) as columns:
        seconds = seconds or _seconds(path, columns)
        columns = chosen(columns, observations, actions, path)
        table = _table(path, columns, spec, interleaved, notify)
        seen, acted = table.observation_space(), _action_space(spec, table)
        check_spaces(str(path), env_id, seen, acted)
        if spec is not None and env_id in ENVIRONMENTS and table.observation_size == motion_size(env_id):
            spec = _without_contact_forces(spec)
        labels, names = table.labels(label)
        table.report(notify)
        more: dict[str, Any] = {"imported_from": path.name, **made_of}
        if observations or actions:
            more[_COLUMNS] = {"observations": list(observations), "actions": list(actions)}
        if licence:
            more["license"] = licence
        if seconds:
            more[SECONDS] = seconds
        if labels is not None:
            more[LABEL_NAMES] = names
        of = "logs without an environment" if spec is None else env_id
        text = f"Imported by `skills data import` from {path.name}, of {of}."
        description = store.Description(seen, acted, spec, "unknown", text, more)
        size = _BYTES * len(table) * (table.observation_size + table.columns["actions"].shape[1])
        store.write(minari_id, description, _episodes(table, acted, labels, clip, progress), size)
    if env_id in ENVIRONMENTS:
        written = minari.load(minari_id, str(path), steps=_LOOKED_AT, columns="motion", rewards=False)
        notify_if_odd(written, notify)


def import_once(
    path: Path,
    env_id: str,
    *,
    observations: Sequence[str] = (),
    actions: Sequence[str] = (),
    progress: Progress = silent,
    notify: Notify = unsaid,
) -> str:
    """The Minari id of a file's transitions, imported where they are not yet: its name and what is read of it.

    Raises: SkillsError as `import_file` does.
    """
    name = re.sub(r"\W+", "-", path.stem, flags=re.ASCII).strip("-") or "log"
    digest = _digest(path)
    if observations or actions:
        digest = hashlib.sha256(json.dumps([digest, list(observations), list(actions)]).encode()).hexdigest()
    minari_id = f"imported/{name}-{digest[:_DIGITS]}-v0"
    if not is_local(minari_id):
        import_file(
            path, minari_id, env_id, observations=observations, actions=actions, progress=progress, notify=notify
        )
    return minari_id


def columns_of(minari_id: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which arrays of its file an imported dataset has as observations, and as actions; none where it was not said."""
    said = metadata(minari_id).get(_COLUMNS, {})
    return tuple(said.get("observations", ())), tuple(said.get("actions", ()))


def _seconds(path: Path, columns: NamedColumns) -> float | None:
    """Of a step, where the file says it."""
    if lerobot.is_lerobot(path):
        return lerobot.seconds(path)
    timed = path.suffix in columnar.SUFFIXES and {topics.TIMES, "episode_ids"} <= columns.keys()
    if is_bag(path) or (timed and columns[topics.TIMES].dtype.kind == "f"):
        return topics.seconds(columns)
    return None


def _digest(path: Path) -> str:
    """sha256 of a file, or of the names and contents of all files below a folder."""
    if path.is_file():
        return sha256(path)
    files = sorted(file for file in path.rglob("*") if file.suffix in _READ)
    return hashlib.sha256("".join(f"{file.relative_to(path)} {sha256(file)}" for file in files).encode()).hexdigest()


def _made_of(path: Path, env_id: str, *how: Any) -> dict[str, Any]:
    """What tells a dataset of this file, imported in this way, from every other; nothing where it is no file."""
    if not path.is_file():
        return {}
    with reading(path):
        return {"imported_sha256": sha256(path), "imported_with": [env_id, *how]}


def read_file(
    path: Path,
    env_id: str,
    columns: Columns,
    notify: Notify = unsaid,
    *,
    observations: Sequence[str] = (),
    actions: Sequence[str] = (),
) -> Transitions:
    """The transitions of a file of an environment's steps, such as demonstrations; actions are cut to their space.

    columns: as in `skills.data.sources.load`.   notify, observations, actions: as in `import_file`.
    Raises: SkillsError as `import_file` does; where the file has no rewards they are 0.
    """
    with opened(path, observations, actions) as found:
        spec = _env_spec(env_id)
        table = _table(path, chosen(found, observations, actions, path), spec, 1, notify)
        acted = _action_space(spec, table)
        check_spaces(str(path), env_id, table.observation_space(), acted)
        table.report(notify)
        episodes = list(_episodes(table, acted, None, True, silent))
    body = body_of(env_id)
    kept = body.motion_size if columns == "motion" else None
    states = [_flat(episode.observations)[:, :kept].astype(np.float32) for episode in episodes]
    lengths = np.array([len(episode.actions) for episode in episodes])
    transitions = Transitions(
        name=str(path),
        minari_id="",
        env_id=env_id,
        made_here=False,
        observations=np.concatenate([rows[:-1] for rows in states]),
        actions=body.actions.inward(np.concatenate([episode.actions for episode in episodes])).clip(
            -ACTION_LIMIT, ACTION_LIMIT
        ),
        next_observations=np.concatenate([rows[1:] for rows in states]),
        rewards=np.concatenate([episode.rewards for episode in episodes]).astype(np.float32),
        terminated=np.concatenate([episode.terminations for episode in episodes]),
        episode_starts=np.cumsum(lengths) - lengths,
    )
    notify_if_odd(transitions, notify)
    return transitions


def _table(path: Path, columns: NamedColumns, spec: EnvSpec | None, interleaved: int, notify: Notify) -> FileTable:
    columns = flat(columns)
    if interleaved != 1:
        columns = apart(columns, interleaved, path)
    if spec is None:
        return FileTable(path, columns, None)
    limit = ENVIRONMENTS[spec.id].episode_steps if spec.id in ENVIRONMENTS else spec.max_episode_steps
    return FileTable(path, without_world(columns, spec.id, notify), limit)


def _flat(observations: Any) -> NDArray[Any]:
    """[T + 1, O], the parts side by side, by name."""
    return np.concatenate(list(observations.values()), axis=1) if isinstance(observations, dict) else observations


def _episodes(
    table: FileTable, actions: Box, labels: NDArray[np.int32] | None, clip: bool, progress: Progress
) -> Iterator[EpisodeBuffer]:
    """The episodes of the table, one in memory at a time; what must not be in them is refused after the last."""
    checks = Checks(str(table.path), actions.low, actions.high)
    for first, after in table.bounds:
        known = bool(table.next_observations) or bool(table.terminals[after - 1])
        rows = slice(first, after if known else after - 1)
        if rows.stop > rows.start:
            cut = not table.terminals[rows.stop - 1]
            episode = _episode(table, rows, cut=cut, stands_in=rows.stop == after, labels=labels)
            if clip:
                episode = _clipped(episode, actions)
            parts = episode.observations.values() if isinstance(episode.observations, dict) else [episode.observations]
            checks.add(np.concatenate(list(parts), axis=1), np.asarray(episode.actions), np.asarray(episode.rewards))
            yield episode
        progress(after, len(table))
    checks.finish()


def _episode(
    table: FileTable, rows: slice, *, cut: bool, stands_in: bool, labels: NDArray[np.int32] | None
) -> EpisodeBuffer:
    """One episode.   cut: it did not end by itself.   stands_in: no row has the state after it, see `_states`."""
    length, what = rows.stop - rows.start, str(table.path)
    states = {name: _states(table, name, rows, stands_in) for name in table.observations}
    ends = np.zeros((2, length), np.bool_)
    ends[int(cut), -1] = True
    infos = {name.removeprefix("infos/"): np.asarray(table.columns[name][rows]) for name in table.extras}
    if labels is not None:
        infos[store.LABEL] = labels[rows]
    rewards = table.columns["rewards"][rows] if "rewards" in table.columns else np.zeros(length)
    return EpisodeBuffer(
        observations=states.get("", states),
        actions=numbers(table.columns["actions"][rows], np.float32, (length, None), f"{what}: actions"),
        rewards=numbers(rewards, np.float64, (length,), f"{what}: rewards"),
        terminations=ends[0],
        truncations=ends[1],
        infos=_nested(infos),
    )


def _clipped(episode: EpisodeBuffer, space: Box) -> EpisodeBuffer:
    raw = np.asarray(episode.actions)
    infos = {**(episode.infos or {}), "unclipped_actions": raw}
    return replace(episode, actions=raw.clip(space.low, space.high), infos=infos)


def _states(table: FileTable, name: str, rows: slice, stands_in: bool) -> NDArray[Any]:
    """[T + 1, .] observations of one part: those of the rows and the state after the last of them.

    stands_in: where no next observations are known, the last row's own stands in for the state after it.
    """
    part = table.observations[name]
    if table.next_observations:
        last = table.next_observations[name][rows.stop - 1 : rows.stop]
    elif stands_in:
        last = part[rows.stop - 1 : rows.stop]
    else:
        last = part[rows.stop : rows.stop + 1]
    states = np.concatenate([part[rows], last])
    kept = np.float32 if states.dtype == np.float32 else np.float64
    return numbers(states, kept, (None, None), f"{table.path}: observations")


def _nested(infos: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """{"metadata/x": a} as {"metadata": {"x": a}}, which is how Minari stores infos."""
    nested: dict[str, Any] = {}
    for name, array in infos.items():
        *above, last = name.split("/")
        place = nested
        for key in above:
            place = place.setdefault(key, {})
        place[last] = array
    return nested


def _env_spec(env_id: str) -> EnvSpec | None:
    """The spec of an environment that Gymnasium or the catalogue knows; None of logs alone, or of a model's file.

    Raises: SkillsError (not found) for others.
    """
    if is_log(env_id) or is_model(env_id):
        return None
    check_id(env_id, "--env")
    register()
    name = read_key(env_id).name
    try:
        return gymnasium.spec(name)
    except (gymnasium.error.Error, ImportError) as error:
        known = {catalog.resolve(name).env_id for name in catalog.names()}
        if env_id in known:  # Gymnasium-Robotics', which need not be installed to keep data
            return EnvSpec(env_id)
        raise SkillsError(
            f"Unknown environment {env_id!r}.",
            f"{_meant(env_id)} Where a package of yours registers it: --import PACKAGE. For logs that nothing "
            "simulates: --env none",
            NOT_FOUND,
        ) from error


def _meant(env_id: str) -> str:
    """What may be meant: the body that a dataset's name begins with; else what of all names is near, or ours."""
    bodies = [name for name in ENVIRONMENTS if env_id.lower().startswith(name.partition("-v")[0].lower())]
    close = difflib.get_close_matches(env_id, gymnasium.registry, n=3, cutoff=0.7)
    return nearest(env_id, bodies or close or ENVIRONMENTS)


def _made(spec: EnvSpec) -> gymnasium.Env[Any, Any]:
    """The environment. Raises: SkillsError (environment) where it is too old, or lacks a package."""
    try:
        return make(spec.id)
    except Exception as error:
        newest = next((known for known in ENVIRONMENTS if known.partition("-v")[0] == spec.id.partition("-v")[0]), None)
        raise SkillsError(
            f"The environment {spec.id} cannot be made here: {' '.join(str(error).split())}",
            f"Rows of {spec.id} can be imported as {newest}'s, which it checks them against: --env {newest}"
            if newest
            else "Install what it says.",
            ENVIRONMENT,
        ) from error


def _without_contact_forces(spec: EnvSpec) -> EnvSpec:
    """The same environment, observing pose and motion only, where it would observe contact forces too."""
    if not ENVIRONMENTS[spec.id].contact_forces:
        return spec
    changed = copy.deepcopy(spec)  # Gymnasium gives the one in its registry
    changed.kwargs = {**changed.kwargs, "include_cfrc_ext_in_observation": False}
    return changed


def _action_space(spec: EnvSpec | None, table: FileTable) -> Box:
    """The environment's own action space; +-1 where it is not installed; what the file reaches where there is none."""
    size = int(table.columns["actions"].shape[1])
    if spec is None:
        return _reached(table)
    if spec.entry_point is None or spec.id in ENVIRONMENTS:
        return Box(-1.0, 1.0, (size,), np.float32)
    env = _made(spec)
    try:
        if not isinstance(env.action_space, Box) or env.action_space.shape != (size,):
            raise SkillsError(f"{table.path} has {size} action columns; {spec.id} acts in {env.action_space}.")
        return env.action_space
    finally:
        env.close()


def _reached(table: FileTable) -> Box:
    """From the least to the greatest action of each column; +-1 around one that never changes."""
    actions = np.asarray(table.columns["actions"][:], np.float32)
    low, high = np.nan_to_num(actions.min(axis=0)), np.nan_to_num(actions.max(axis=0))
    still = low == high
    return Box(np.where(still, low - 1, low), np.where(still, high + 1, high), dtype=np.float32)
