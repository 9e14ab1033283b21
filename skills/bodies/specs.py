"""Whether the environment that a dataset was made in is the one that is simulated here under the same id.

`gymnasium.make("Hopper-v5", frame_skip=1, xml_file="mine.xml")` is a Hopper-v5 too, by its id, and so is one whose
observations a wrapper normalises; skills learned from either would be played in another world than they come from.
"""

import inspect
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec, load_env_creator

from skills.bodies.environments import ENVIRONMENTS, environment

# What neither moves the body nor changes what it observes or when an episode ends; the columns of contact forces are
# counted elsewhere. How far starts are spread is of the data, not of the skills.
_INDIFFERENT = {
    "render_mode", "width", "height", "camera_id", "camera_name", "default_camera_config", "max_geom", "visual_options",
    "main_body", "reset_noise_scale", "include_cfrc_ext_in_observation",
}  # fmt: skip
_INDIFFERENT_WRAPPERS = {
    "TimeLimit", "OrderEnforcing", "PassiveEnvChecker", "RecordEpisodeStatistics", "RecordVideo", "RenderCollection",
    "HumanRendering", "Autoreset", "DtypeObservation",
}  # fmt: skip


def otherwise(spec: EnvSpec) -> list[str]:
    """What in a spec makes another environment of it than the one simulated here: "frame_skip=1 (4 here)".

    Nothing for an id that is not simulated here.
    """
    if spec.id not in ENVIRONMENTS:
        return []
    wrappers = [str(wrapper.name) for wrapper in spec.additional_wrappers]
    found = [f"the wrapper {name}" for name in wrappers if name not in _INDIFFERENT_WRAPPERS]
    maze = environment(spec.id).maze
    if maze is None:
        return [*found, *_arguments(spec)]
    walls = spec.kwargs.get("maze_map")
    if walls is not None and _walls(walls) != _walls(maze.map("evaluation")):
        found.append("a maze_map with other walls")
    return found


def _arguments(spec: EnvSpec) -> Iterator[str]:
    maker = load_env_creator(str(gymnasium.spec(spec.id).entry_point))  # Gymnasium's own, whatever the spec says
    known = inspect.signature(maker).parameters
    for name, value in spec.kwargs.items():
        usual = known[name].default if name in known else None
        if name not in _INDIFFERENT and not _same(value, usual):
            yield f"{name}={value!r}" + (f" ({usual!r} here)" if name in known else "")


def _same(value: Any, usual: Any) -> bool:
    """Whether JSON's lists and numbers mean the default."""
    try:
        return bool(np.array_equal(np.asarray(value), np.asarray(usual)))
    except (ValueError, TypeError):  # ragged lists
        return False


def _walls(cells: Any) -> list[list[bool]]:
    return [[str(cell) == "1" for cell in row] for row in cells]
