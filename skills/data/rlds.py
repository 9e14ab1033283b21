"""Episodes as RLDS keeps them, one an `.npz` file of a folder: a step is what is seen, what is done then, what it pays.

    observation, action, reward    [T + 1, .]; observation may be several arrays, "observation/state" and so on
    is_terminal                    [T + 1]; the last step is of the final state, and its action and reward mean nothing

Letters: T steps of one episode.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skills.archives import members
from skills.errors import SkillsError

_MARKS = ("is_first", "is_last", "is_terminal", "discount")


def is_rlds(path: Path) -> bool:
    """Whether a folder holds episodes in `.npz` files."""
    return path.is_dir() and any(path.glob("*.npz"))


def columns(path: Path) -> dict[str, NDArray[Any]]:
    """The columns of all episodes, end to end, by the names that files of transitions give them.

    Raises: SkillsError for episodes that have not the same arrays.
    """
    episodes = [_transitions(file, number) for number, file in enumerate(sorted(path.glob("*.npz")))]
    names = set(episodes[0])
    for number, episode in enumerate(episodes):
        if set(episode) != names:
            differing = ", ".join(sorted(names ^ set(episode)))
            raise SkillsError(f"The episodes of {path} have different arrays: {differing}, in the {number + 1}th.")
    return {name: np.concatenate([episode[name] for episode in episodes]) for name in episodes[0]}


def _transitions(file: Path, number: int) -> dict[str, NDArray[Any]]:
    with members(file) as found:
        steps = {name: np.asarray(array[()]) for name, array in found.items() if array.dtype.kind in "fiub"}
    action = steps.get("action")
    if action is None or len(action) < 2 or any(len(array) != len(action) for array in steps.values() if array.ndim):
        said = ", ".join(f"{name} {array.shape}" for name, array in steps.items())
        raise SkillsError(
            f"{file} is no episode: it has {said or 'no arrays'},; it needs action, and as many of the others."
        )
    taken: dict[str, NDArray[Any]] = {}
    for name, array in steps.items():
        head, slash, rest = name.partition("/")
        if head == "observation":
            taken[f"observations{slash}{rest}"] = array[:-1]
            taken[f"next_observations{slash}{rest}"] = array[1:]
        elif name not in _MARKS and array.ndim:
            taken[{"action": "actions", "reward": "rewards"}.get(name, name)] = array[:-1]
    ends = np.zeros(len(action) - 1, np.bool_)
    ends[-1] = bool(steps["is_terminal"][-1]) if "is_terminal" in steps else False
    return {**taken, "terminals": ends, "episode_ids": np.full(len(ends), number)}
