"""The names of datasets: "ant-medium" -> Minari id, environment, what can be made here, reference scores."""

from dataclasses import dataclass

from skills.behaviours import behaviour
from skills.errors import NOT_FOUND, SkillsError, nearest

LEVELS = ("random", "simple", "medium", "expert")
_OFFICIAL_LEVELS = ("simple", "medium", "expert")  # mujoco/* has no random set

# D4RL's returns of a random and of an expert policy (Fu et al. 2020); Minari's mujoco/* sets carry none of their own.
_REFERENCE_RETURNS = {
    "ant": (-325.6, 3879.7),
    "halfcheetah": (-280.178953, 12135.0),
    "walker2d": (1.629008, 4592.3),
    "hopper": (-20.272305, 3234.3),
    "antmaze": (0.0, 1.0),
}
_ENV_IDS = {"ant": "Ant-v5", "halfcheetah": "HalfCheetah-v5", "walker2d": "Walker2d-v5", "hopper": "Hopper-v5"}
_MAZES = {"umaze": "AntMaze_UMaze-v4", "medium": "AntMaze_Medium-v4", "large": "AntMaze_Large-v4"}
_MAZE_LEVELS = tuple(f"{maze}-{task}" for maze in _MAZES for task in ("play", "diverse"))


@dataclass(frozen=True)
class Entry:
    """What a dataset name stands for.

    name: as typed, "ant-medium".   env_id: "Ant-v5"; None where only the Minari set itself knows.
    official_id, embedded_id: Minari ids, None where there is no such set.
    body, level: "ant" and "medium"; None for a plain Minari id.
    """

    name: str
    env_id: str | None
    official_id: str | None
    embedded_id: str | None
    body: str | None = None
    level: str | None = None


def names() -> list[str]:
    """Every short name, bodies in the order of the README."""
    locomotion = [f"{body}-{level}" for body in _ENV_IDS for level in LEVELS]
    return locomotion + [f"antmaze-{level}" for level in _MAZE_LEVELS]


def embedded_names() -> list[str]:
    """The short names that can be made here, with no network."""
    return [name for name in names() if _entry(name).embedded_id is not None]


def resolve(name: str) -> Entry:
    """The entry of a short name or of any Minari id (anything with a slash).

    Raises: SkillsError (not found) with the nearest names.
    """
    if name in names():
        return _entry(name)
    if "/" in name:
        return Entry(name, None, name, None)
    raise SkillsError(f"Unknown dataset {name!r}.", f"{nearest(name, names())} Or name any Minari id.", NOT_FOUND)


def reference_returns(env_id: str) -> tuple[float, float]:
    """(random, expert) returns of D4RL, between which a normalised score runs from 0 to 100."""
    if env_id.startswith("AntMaze_"):
        return _REFERENCE_RETURNS["antmaze"]
    body = next(body for body, known in _ENV_IDS.items() if known == env_id)
    return _REFERENCE_RETURNS[body]


def _entry(name: str) -> Entry:
    body, level = name.split("-", 1)
    if level in _MAZE_LEVELS:
        maze = level.partition("-")[0]
        d4rl = "umaze" if level == "umaze-play" else level
        return Entry(name, _MAZES[maze], f"D4RL/antmaze/{d4rl}-v1", f"skills/antmaze/{level}-v0", body, level)
    official = f"mujoco/{body}/{level}-v0" if level in _OFFICIAL_LEVELS else None
    can_be_made = level == "random" or behaviour.exists(body, level)
    return Entry(name, _ENV_IDS[body], official, f"skills/{body}/{level}-v0" if can_be_made else None, body, level)
