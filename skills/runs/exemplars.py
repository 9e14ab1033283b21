"""What a class looks like in the data: the stretches of the dataset in which it is most at home.

A class is a set of transitions, often a few steps at a time. A stretch shows them where they are densest, in the
motion they belong to, and says which of its steps are in the class.

Letters: N transitions, K classes, E stretches of each, W states of a stretch, P size of qpos.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from skills.bodies.body import body_of
from skills.bodies.rebuilding import rebuilt
from skills.data.minari import open_dataset
from skills.data.opening import whole_episodes
from skills.data.transitions import Transitions
from skills.files import MAKE_AGAIN, read_arrays, write_arrays
from skills.progress import silent_reporter, unsaid
from skills.runs.folder import RunFolder
from skills.runs.reading import read
from skills.troubles import reading

Origin = Literal["recorded", "rebuilt"]

_SECONDS = 3.0
_MOST = 4  # stretches of a class, each from another episode
_TOLERANCE = 1e-3  # by which recorded states may differ from the observations that they were made into
_VERSION = 1


@dataclass(frozen=True)
class Exemplars:
    """Stretches of the dataset for every class.

    qpos: [K, E, W, P] float32; behind a stretch's length its last state is repeated.
    own: [K, E, W] bool, whether the step from that state is in the class.
    lengths: [K, E] int32 states; 0 where a class has fewer stretches.
    episodes, starts: [K, E] int64, the episode and its step that a stretch begins at.
    origin: "recorded" by the simulator, or "rebuilt" from observations, with the place integrated from the velocity.
        What cannot be is NaN. Without a simulator states
        are what was observed.
    """

    qpos: NDArray[np.float32]
    own: NDArray[np.bool_]
    lengths: NDArray[np.int32]
    episodes: NDArray[np.int64]
    starts: NDArray[np.int64]
    origin: Origin

    def shows(self, skill: int, place: int) -> bool:
        """Whether the states of a stretch are known."""
        return bool(self.lengths[skill, place] and self.qpos.shape[3] and np.isfinite(self.qpos[skill, place]).all())

    def share(self, skill: int) -> float:
        """The share of the stretches' steps that are in the class."""
        return float(self.own[skill].sum() / max(1, self.lengths[skill].sum()))


def find(run: RunFolder) -> Exemplars:
    """The exemplars of a run, found once and then kept in its folder.

    Raises: SkillsError where the data are not on this machine any more, or are others.
    """
    key = _key(run)
    kept = known(run)
    if kept is not None:
        return kept
    run.require("experts")
    transitions = read(run, "local", silent_reporter, unsaid).transitions
    labels = read_arrays(run.experts_file)["labels"]
    length = round(_SECONDS / body_of(transitions.env_id).seconds_per_step)
    found = stretches(run, transitions, labels, length)
    write_arrays(run.exemplars_file, {**vars(found), "origin": np.array(found.origin), "key": np.array(key)})
    return found


def stretches(run: RunFolder, transitions: Transitions, labels: NDArray[np.integer[Any]], length: int) -> Exemplars:
    """As `cut` of a run's data, with the simulator's own states where they were recorded."""
    found = cut(transitions, labels, run.config.skills, length)
    minari_id, stored = stored_in(run)
    if minari_id is not None:
        found = _exact(found, transitions.env_id, minari_id, stored)
    return _for_every_seed(found, run.config.seeds)


def known(run: RunFolder) -> Exemplars | None:
    """The exemplars that were found earlier for the classes that the run has now."""
    path = run.exemplars_file
    if not path.is_file():
        return None
    with reading(path, MAKE_AGAIN):
        arrays: dict[str, Any] = dict(read_arrays(path))
        if str(arrays.pop("key")) != _key(run):
            return None
        origin: Origin = "recorded" if str(arrays.pop("origin")) == "recorded" else "rebuilt"
        return Exemplars(**arrays, origin=origin)


def cut(transitions: Transitions, labels: NDArray[np.integer[Any]], count: int, length: int) -> Exemplars:
    """Up to four stretches of at most `length` states a class, from different episodes, with the states rebuilt."""
    bounds = transitions.bounds
    episode_of = np.repeat(np.arange(len(bounds) - 1), transitions.lengths)
    last = np.arange(len(transitions)) + np.minimum(transitions.left, length)
    size = body_of(transitions.env_id).state_size
    shape = (count, _MOST)
    found = Exemplars(
        np.zeros((*shape, length, size), np.float32),
        np.zeros((*shape, length), bool),
        np.zeros(shape, np.int32),
        np.zeros(shape, np.int64),
        np.zeros(shape, np.int64),
        "rebuilt",
    )
    for skill in range(count):
        mine = labels == skill
        before = np.concatenate([[0], np.cumsum(mine)])
        inside = before[last] - before[:-1]
        for place in range(_MOST):
            first = int(np.argmax(inside))
            if inside[first] <= 0:
                break
            rows = slice(first, int(last[first]))
            episode = int(episode_of[first])
            steps = rows.stop - rows.start
            found.lengths[skill, place] = steps
            found.episodes[skill, place] = episode
            found.starts[skill, place] = first - transitions.episode_starts[episode]
            found.own[skill, place, :steps] = mine[rows]
            found.qpos[skill, place] = _padded(rebuilt(transitions.observations[rows], transitions.env_id), length)
            inside[bounds[episode] : bounds[episode + 1]] = 0
    return found


def stored_in(run: RunFolder) -> tuple[str | None, dict[int, int]]:
    """(the Minari dataset that the classes' episodes are stored in, {episode of the run: its number there}).

    None where demonstrations come from a file; no numbers where they are the same.
    """
    manifest = run.manifest
    if run.config.mode != "imitation":
        return manifest["dataset"]["minari_id"], {}
    expert, first = manifest["expert"], manifest["dataset"]["episodes"]
    return expert["minari_id"], {first + place: number for place, number in enumerate(expert["episodes"])}


def _exact(found: Exemplars, env_id: str, minari_id: str, stored_as: dict[int, int]) -> Exemplars:
    """The same stretches with the simulator's own states, where the dataset has recorded them."""
    body = body_of(env_id)
    if body.model is None:
        return found
    size, compared = body.model.nq, body.pose >= 0
    dataset = open_dataset(minari_id)
    qpos = found.qpos.copy()
    length = qpos.shape[2]
    numbers = np.array([stored_as.get(episode, episode) for episode in found.episodes.ravel().tolist()])
    numbers = numbers.reshape(found.episodes.shape)
    chosen = np.unique(numbers[found.lengths > 0])
    for stored in whole_episodes(dataset, minari_id, chosen.tolist()):
        recorded = np.asarray((stored.infos or {}).get("qpos", np.empty((0, 0))))
        for skill, place in np.argwhere((numbers == stored.id) & (found.lengths > 0)):
            start, steps = found.starts[skill, place], found.lengths[skill, place]
            states = recorded[start : start + steps]
            if states.shape != (steps, size):
                return found
            if compared.any() and _differ(states[:, compared], qpos[skill, place, :steps, compared].T):
                return found
            qpos[skill, place] = _padded(states, length)
    return Exemplars(qpos, found.own, found.lengths, found.episodes, found.starts, "recorded")


def _differ(recorded: NDArray[np.floating[Any]], rebuilt: NDArray[np.floating[Any]]) -> bool:
    return bool(np.abs(recorded - rebuilt).max() > _TOLERANCE)


def _for_every_seed(found: Exemplars, seeds: int) -> Exemplars:
    """One expert's stretches again for each of the seeds that learned from it."""
    return Exemplars(
        np.repeat(found.qpos, seeds, axis=0),
        np.repeat(found.own, seeds, axis=0),
        np.repeat(found.lengths, seeds, axis=0),
        np.repeat(found.episodes, seeds, axis=0),
        np.repeat(found.starts, seeds, axis=0),
        found.origin,
    )


def _padded(states: NDArray[np.floating[Any]], length: int) -> NDArray[np.floating[Any]]:
    return np.concatenate([states, np.repeat(states[-1:], length - len(states), axis=0)])


def _key(run: RunFolder) -> str:
    """Says whether kept exemplars belong to the run's data and classes."""
    manifest = run.manifest
    text = repr((_VERSION, _SECONDS, manifest["dataset"]["digest"], manifest["stages"]["experts"]["files"]))
    return hashlib.sha256(text.encode()).hexdigest()
