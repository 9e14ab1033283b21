"""What is in a local Minari dataset, for `skills data show`.

Letters: E episodes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skills.bodies.observing import observation_parts
from skills.bodies.specs import otherwise
from skills.data import catalog, store
from skills.data.minari import check_spaces, known_id, open_dataset
from skills.data.minari_root import LABEL_NAMES
from skills.data.opening import reading_set, whole_episodes
from skills.data.store import POLICY_KEY
from skills.progress import Progress, silent


@dataclass(frozen=True)
class About:
    """A local dataset.

    env_id: None where it does not say.   steps, episodes: how many.
    columns: (array, its columns, what they are).   labels: names of the policies that acted, where it says so.
    returns, lengths: [E] of each episode.   terminated: share of the episodes that ended by themselves.
    origin: "embedded", "imported", "labelled", "official" or "brought by the user".
    otherwise: what makes another environment of it than its id says: "frame_skip=1 (4 here)".
    text: its own description.   licence: in words.
    """

    minari_id: str
    env_id: str | None
    steps: int
    episodes: int
    columns: tuple[tuple[str, int, str], ...]
    labels: tuple[str, ...]
    returns: NDArray[np.float64]
    lengths: NDArray[np.int64]
    terminated: float
    origin: str
    otherwise: tuple[str, ...]
    text: str
    licence: str

    @property
    def finite_returns(self) -> NDArray[np.float64]:
        """The returns that are numbers."""
        return self.returns[np.isfinite(self.returns)]

    @property
    def not_finite(self) -> int:
        """How many episodes return NaN or infinity."""
        return self.episodes - len(self.finite_returns)


def about(minari_id: str, progress: Progress = silent) -> About:
    """Reads the whole dataset for its returns. Progress counts episodes.

    Raises: SkillsError where it is not on this machine, damaged, or of spaces that cannot be used.
    """
    dataset = open_dataset(minari_id)
    with reading_set(store.folder(minari_id), minari_id):
        return _look(dataset, minari_id, progress)


def _look(dataset: Any, minari_id: str, progress: Progress) -> About:
    metadata = dataset.storage.metadata
    env_id = None if dataset.env_spec is None else str(dataset.env_spec.id)
    check_spaces(minari_id, known_id(dataset.env_spec), dataset.observation_space, dataset.action_space)
    returns, lengths, ended = [], [], []
    infos: list[tuple[str, int, str]] = []
    for number, episode in enumerate(whole_episodes(dataset, minari_id)):
        with np.errstate(all="ignore"):  # NaN and infinity are counted
            returns.append(float(np.sum(episode.rewards, dtype=np.float64)))
        lengths.append(len(episode.rewards))
        ended.append(bool(np.any(episode.terminations)))
        infos = infos or _infos(episode.infos or {})
        progress(number + 1, int(dataset.total_episodes))
    origin = _origin(minari_id, metadata)
    columns = [(name, size, "observations") for name, size in observation_parts(dataset.observation_space, minari_id)]
    return About(
        minari_id=minari_id,
        env_id=env_id,
        steps=int(dataset.total_steps),
        episodes=len(returns),
        columns=(*columns, ("actions", int(dataset.action_space.shape[0]), _bounds(dataset.action_space)), *infos),
        labels=tuple(map(str, metadata.get(LABEL_NAMES, ()))),
        returns=np.array(returns),
        lengths=np.array(lengths, np.int64),
        terminated=float(np.mean(ended)) if ended else 0.0,
        origin=origin,
        otherwise=() if dataset.env_spec is None else tuple(otherwise(dataset.env_spec)),
        text=str(metadata.get("description", "")),
        licence=_licence(minari_id, origin, metadata),
    )


def _infos(infos: dict[str, Any], above: str = "infos") -> list[tuple[str, int, str]]:
    found = []
    for name, value in infos.items():
        if isinstance(value, dict):
            found += _infos(value, f"{above}/{name}")
        else:
            array = np.asarray(value)
            found.append((f"{above}/{name}", int(np.prod(array.shape[1:])), str(array.dtype)))
    return found


def _bounds(space: Any) -> str:
    return f"actions in {space.low.min():g} to {space.high.max():g}"


def _origin(minari_id: str, metadata: dict[str, Any]) -> str:
    for key, origin in (("labelled_from", "labelled"), ("imported_from", "imported"), (POLICY_KEY, "embedded")):
        if key in metadata:
            return origin
    return "official" if catalog.is_official(minari_id) else "brought by the user"


def _licence(minari_id: str, origin: str, metadata: dict[str, Any]) -> str:
    if "license" in metadata:
        return str(metadata["license"])
    if origin == "embedded":
        return "MIT, as this project"
    if origin not in ("labelled", "imported") and minari_id.startswith("D4RL/"):
        return "CC BY 4.0, as D4RL says of its data; the set itself states none"
    return "not stated"
