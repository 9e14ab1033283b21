"""The names of datasets: "ant-medium" -> Minari id, environment, what can be made here, reference scores."""

import difflib
import re
from dataclasses import dataclass, replace

from skills.data.minari_root import is_local
from skills.errors import NOT_FOUND, SkillsError, nearest

LEVELS = ("random", "simple", "medium", "expert", "medium-replay", "medium-expert", "diverse")
_OFFICIAL_LEVELS = ("simple", "medium", "expert")  # mujoco/* has no other
_MIXTURES = {"medium-replay": ("random", "simple", "medium"), "medium-expert": ("medium", "expert")}

_BODIES = {"ant": "Ant-v5", "halfcheetah": "HalfCheetah-v5", "walker2d": "Walker2d-v5", "hopper": "Hopper-v5"}
_MAZES = {
    "umaze-play": ("umaze-v1", "AntMaze_UMaze-v4"),
    "umaze-diverse": ("umaze-diverse-v1", "AntMaze_UMaze-v4"),
    "medium-play": ("medium-play-v1", "AntMaze_Medium-v4"),
    "medium-diverse": ("medium-diverse-v1", "AntMaze_Medium_Diverse_GR-v4"),
    "large-play": ("large-play-v1", "AntMaze_Large-v4"),
    "large-diverse": ("large-diverse-v1", "AntMaze_Large_Diverse_GR-v4"),
}
_HANDS = {
    "pen": "AdroitHandPen-v1",
    "door": "AdroitHandDoor-v1",
    "hammer": "AdroitHandHammer-v1",
    "relocate": "AdroitHandRelocate-v1",
}
_HAND_LEVELS = ("human", "cloned", "expert")

_OLD_NAME = re.compile(r"(d4rl/)?(?P<short>[A-Za-z0-9/-]{1,60})-v[0-2]", re.IGNORECASE)
_MINARI_ID = re.compile(r"([-\w]+/)+[-\w]+|[-\w]+-v\d+")  # in a folder or with a version; nothing that climbs


@dataclass(frozen=True)
class Entry:
    """What a dataset name stands for.

    name: as typed, "ant-medium".   env_id: "Ant-v5"; None where only the Minari set itself knows.
    official_id, embedded_id: Minari ids, None where there is no such set.
    body, level: "ant" and "medium", "antmaze" and "umaze-play"; None where nothing can be made here.
    parts: the levels of the policies whose episodes an embedded set mixes, in equal numbers of rows; one for most.
    """

    name: str
    env_id: str | None
    official_id: str | None
    embedded_id: str | None
    body: str | None = None
    level: str | None = None
    parts: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """The Minari ids that the name may be read from, in the order of search."""
        return tuple(minari_id for minari_id in (self.official_id, self.embedded_id) if minari_id)


def names() -> list[str]:
    """Every short name, body by body."""
    bodies = [f"{body}-{level}" for body in _BODIES for level in LEVELS]
    mazes = [f"antmaze-{maze}" for maze in _MAZES]
    return bodies + mazes + [f"{hand}-{level}" for hand in _HANDS for level in _HAND_LEVELS]


def embedded_names() -> list[str]:
    """The short names that can be made here, with no network."""
    return [name for name in names() if _entry(name).embedded_id is not None]


def resolve(name: str) -> Entry:
    """The entry of a short name, or of any Minari id: what is in a folder, or ends in a version, `-v0`.

    Raises: SkillsError (not found) with the nearest names.
    """
    if name in names():
        return _entry(name)
    made = {_entry(known).embedded_id: known for known in embedded_names()}
    if name in made:  # by its own id: the same set, and never the official one
        return replace(_entry(made[name]), name=name, official_id=None)
    ours = named_by_d4rl(name)
    if ours is not None and "/" not in name and not is_local(name):
        raise SkillsError(
            f"{name!r} is a name of D4RL's old files; there is no Minari dataset of it.",
            f"Name the set here: {ours}   Or import the file: skills data import FILE --env ENV --name ID",
            NOT_FOUND,
        )
    if _MINARI_ID.fullmatch(name):
        return Entry(name, None, name, None)
    raise SkillsError(f"Unknown dataset {name!r}.", f"{nearest(name, names())} Or name any Minari id.", NOT_FOUND)


def is_official(minari_id: str | None) -> bool:
    """Whether an id is of an official set that has a name here; a file has no id."""
    return minari_id is not None and minari_id in {resolve(name).official_id for name in names()}


def named_by_d4rl(name: str) -> str | None:
    """The short name of what D4RL called "hopper-medium-v2", or Minari's first sets "d4rl/hopper/medium-v2"."""
    plain = _OLD_NAME.fullmatch(name)
    if plain is None:
        return None
    short = plain["short"].lower().replace("/", "-")
    close = difflib.get_close_matches(short, names(), n=1, cutoff=0.8)
    return short if short in names() else close[0] if close else None


def _entry(name: str) -> Entry:
    family, level = name.split("-", 1)
    if family == "antmaze":
        official, env_id = _MAZES[level]
        return Entry(name, env_id, f"D4RL/antmaze/{official}", f"skills/antmaze/{level}-v0", family, level, (level,))
    if family in _HANDS:
        return Entry(name, _HANDS[family], f"D4RL/{family}/{level}-v2", None)
    official_id = f"mujoco/{family}/{level}-v0" if level in _OFFICIAL_LEVELS else None
    parts = _MIXTURES.get(level, (level,))
    embedded_id = f"skills/{family}/{level}-v0"
    return Entry(name, _BODIES[family], official_id, embedded_id, family, level, parts)
