"""What the environment of a dataset is called here, by the spec that the dataset keeps of it.

`gymnasium.make("Hopper-v5", frame_skip=1, xml_file="mine.xml")` is a Hopper-v5 too, by its id, and so is one whose
actions a wrapper rescales; skills learned from either are played in that, and not in the one simulated here.
"""

import inspect
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec, WrapperSpec, load_env_creator

from skills.bodies.environments import ENVIRONMENTS, environment
from skills.bodies.keys import Key
from skills.bodies.making import register
from skills.errors import SkillsError

# What neither moves the body nor changes what it observes or when an episode ends. Of those simulated here the columns
# of contact forces are counted elsewhere, and how far starts are spread is of the data, not of the skills.
_RENDERING = {
    "render_mode", "width", "height", "camera_id", "camera_name", "default_camera_config", "max_geom", "visual_options",
}  # fmt: skip
_INDIFFERENT = _RENDERING | {"main_body", "reset_noise_scale", "include_cfrc_ext_in_observation"}
_INDIFFERENT_WRAPPERS = {
    "TimeLimit", "OrderEnforcing", "PassiveEnvChecker", "RecordEpisodeStatistics", "RecordVideo", "RenderCollection",
    "HumanRendering", "Autoreset", "DtypeObservation",
}  # fmt: skip
_CLIPPING = "ClipAction"  # the actions that it lets through are cut as they are read: the environment takes no others
_LEARNING_WRAPPERS = {"NormalizeObservation"}  # what it learned is not in the spec


def key_of(spec: EnvSpec, what: str) -> str:
    """The key of a dataset's environment, see `skills.bodies.keys`.

    what: the dataset, for messages.
    Raises: SkillsError for a wrapper that cannot be made again as it was.
    """
    if spec.id in ENVIRONMENTS and not otherwise(spec):
        return str(spec.id)
    wrappers = [one for one in spec.additional_wrappers if _matters(one)]
    learned = next((name for name in map(_made_by, wrappers) if name in _LEARNING_WRAPPERS), None)
    if learned is not None:
        raise SkillsError(
            f"{what} is of {spec.id} with the wrapper {learned}, which scaled observations by what it had seen: that "
            "is not stored, so nothing can be played as the data were.",
            "Store the observations as the environment gives them; or learn without playing: --env none",
        )
    register()
    usual = gymnasium.registry.get(spec.id)
    known = {} if usual is None else usual.kwargs
    kwargs = {
        name: value
        for name, value in spec.kwargs.items()
        if name not in _RENDERING and not (name in known and _same(value, known[name]))
    }
    made_with: dict[str, Any] = {"kwargs": kwargs} if kwargs else {}
    if wrappers:
        made_with["wrappers"] = [
            {"name": one.name, "entry_point": one.entry_point, "kwargs": one.kwargs} for one in wrappers
        ]
    if usual is not None and spec.max_episode_steps not in (None, usual.max_episode_steps):
        made_with["steps"] = spec.max_episode_steps
    return str(Key(str(spec.id), made_with))


def otherwise(spec: EnvSpec) -> list[str]:
    """What in a spec makes another environment of it than the one simulated here: "frame_skip=1 (4 here)".

    Nothing for an id that is not simulated here.
    """
    if spec.id not in ENVIRONMENTS:
        return []
    found = [f"the wrapper {_made_by(one)}" for one in spec.additional_wrappers if _matters(one)]
    maze = environment(spec.id).maze
    if maze is None:
        return [*found, *_arguments(spec)]
    walls = spec.kwargs.get("maze_map")
    if walls is not None and _walls(walls) != _walls(maze.map("evaluation")):
        found.append("a maze_map with other walls")
    return found


def cuts_actions(spec: EnvSpec | None) -> bool:
    """Whether any action was taken, and cut to the environment's bounds."""
    return spec is not None and any(_made_by(one) == _CLIPPING for one in spec.additional_wrappers)


def with_wrappers(spec: EnvSpec | None, what: str) -> str:
    """What a dataset is called where its spaces are refused: with the wrappers that may have made them so."""
    names = [] if spec is None else [_made_by(one) for one in spec.additional_wrappers if _matters(one)]
    return f"{what}, with {' and '.join(f'the wrapper {name}' for name in names)}," if names else what


def _matters(wrapper: WrapperSpec) -> bool:
    return _made_by(wrapper) not in (*_INDIFFERENT_WRAPPERS, _CLIPPING)


def _made_by(wrapper: WrapperSpec) -> str:
    """The class of a wrapper: its name in the spec may be any."""
    return str(wrapper.entry_point).rpartition(":")[2]


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
