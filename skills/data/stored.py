"""A digest of a dataset as it is stored: of all that a copy of its rows takes along, beside what is learned from."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skills.data.minari_root import LABEL_NAMES

SAID = ("license", LABEL_NAMES, "code_permalink")  # in its metadata: what is said of the data stays said of a copy
_SPACES = ("observation_space", "action_space", "env_spec", "algorithm_name")
_EPISODE = ("observations", "actions", "rewards", "terminations", "truncations", "infos")


class StoredDigest:
    """sha256 of a dataset, episode by episode.   metadata: as they stand in its file."""

    def __init__(self, metadata: Mapping[str, Any]) -> None:
        said = {name: metadata.get(name) for name in (*_SPACES, *SAID)}
        self._whole = hashlib.sha256(json.dumps(said, sort_keys=True).encode())

    def add(self, episode: Any) -> None:
        """Takes an episode of Minari's."""
        for name in _EPISODE:
            for place, array in _arrays(getattr(episode, name), name):
                self._whole.update(f"{place} {array.dtype.str} {array.shape}".encode())
                plain = repr(array.tolist()).encode() if array.dtype.hasobject else np.ascontiguousarray(array).data
                self._whole.update(plain)

    def hexdigest(self) -> str:
        """Of all episodes so far."""
        return self._whole.hexdigest()


def _arrays(value: Any, place: str) -> Iterator[tuple[str, NDArray[Any]]]:
    """Each array of a dict in a dict, by its place."""
    if isinstance(value, Mapping):
        for name in sorted(value):
            yield from _arrays(value[name], f"{place}/{name}")
    elif value is not None:
        yield place, np.asarray(value)
