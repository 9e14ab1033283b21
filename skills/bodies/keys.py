"""What an environment is called here: a Gymnasium id, with what it is made with behind it where that is not as usual.

    Humanoid-v5
    Hopper-v5 {"kwargs": {"frame_skip": 1}}
    /home/me/robot.xml                                        a model of MuJoCo's, without an environment
    log {"observations": 12, "low": [-1, -1], "high": [1, 1], "seconds": 0.1}      logs alone: nothing can be played

One line of text goes wherever an id goes: into a run's manifest, and to the processes that draw its films.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from skills.arrays import Floats
from skills.errors import SkillsError

LOG = "log"
MODELS = (".xml", ".mjcf", ".urdf")  # how the names of files end that MuJoCo reads


@dataclass(frozen=True)
class Key:
    """name: the Gymnasium id, the path of a model, or `LOG`.   made_with: what stands behind it."""

    name: str
    made_with: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name} {json.dumps(self.made_with, sort_keys=True)}" if self.made_with else self.name


def read_key(text: str) -> Key:
    """The parts of a key. Raises: SkillsError where it is none."""
    name, _, rest = text.partition(" {")
    try:
        return Key(name, json.loads("{" + rest) if rest else {})
    except (ValueError, RecursionError) as error:
        raise SkillsError(f"{text[:200]!r} names no environment: {error}.") from error


def log_key(
    observations: int,
    low: Floats,
    high: Floats,
    seconds: float | None,
    model: str | None = None,
    names: Sequence[str] = (),
) -> str:
    """The key of logs alone.

    observations: columns.   low, high: [A] bounds of the actions.   seconds: of a step; None where it is not known.
    model: the file of a model that recorded states are of.   names: of the columns; none where nobody says.
    """
    about: dict[str, Any] = {"observations": observations, "low": low.tolist(), "high": high.tolist()}
    more = {"seconds": seconds, "model": model, "names": list(names) or None}
    return str(Key(LOG, about | {name: value for name, value in more.items() if value is not None}))


def is_model(text: str | None) -> bool:
    """Whether it names a file that MuJoCo reads."""
    return text is not None and Path(read_key(text).name).suffix.lower() in MODELS


def is_log(text: str) -> bool:
    """Whether nothing can be played."""
    return read_key(text).name == LOG
