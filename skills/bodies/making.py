"""Makes the environments that are not simulated in `fast.py`: those that Gymnasium knows, and models without one.

An id of Gymnasium's comes to be known by the import of a package. Only what the user names is imported, and
gymnasium-robotics where it is installed; never a module that data name.
"""

import contextlib
import importlib
import io
import os
import re
from functools import cache
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import gymnasium
import mujoco
from gymnasium.envs.registration import WrapperSpec, load_env_creator

from skills.bodies.environments import muted
from skills.bodies.keys import Key, is_model, read_key
from skills.bodies.model_env import ModelEnv
from skills.errors import NOT_FOUND, USAGE, SkillsError, nearest

VARIABLE = "SKILLS_IMPORT"  # the packages that the user named, with blanks between; worker processes inherit it
_PACKAGE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_WRAPPER = re.compile(r"gymnasium\.wrappers(\.\w+)*:[A-Z]\w*")
_OPTIONAL = "gymnasium_robotics"


def import_package(name: str) -> None:
    """Lets a package register its environments, in this process and those that it starts.

    Raises: SkillsError (usage) where there is no such package, or it cannot be imported.
    """
    if not _PACKAGE.fullmatch(name):
        raise SkillsError(f"{name!r} is no name of a package.", "Name it as Python imports it.", USAGE)
    try:
        importlib.import_module(name)
    except Exception as error:  # whatever a package raises
        raise SkillsError(
            f"The package {name!r} cannot be imported: {type(error).__name__}: {error}.", exit_code=USAGE
        ) from error
    os.environ[VARIABLE] = " ".join(sorted({*_named(), name}))


def make(text: str) -> gymnasium.Env[Any, Any]:
    """The environment of a key, see `skills.bodies.keys`.

    Raises: SkillsError where there is none of that id, or it cannot be made here.
    """
    key = read_key(text)
    if is_model(text):
        limit = int(key.made_with.get("steps", ModelEnv.STEPS))
        return gymnasium.wrappers.TimeLimit(ModelEnv(key.name, **key.made_with.get("kwargs", {})), limit)
    register()
    _check_registered(key)
    more = {"max_episode_steps": key.made_with["steps"]} if "steps" in key.made_with else {}
    try:
        with muted():
            env = gymnasium.make(key.name, disable_env_checker=True, **more, **key.made_with.get("kwargs", {}))
            for wrapper in key.made_with.get("wrappers", ()):
                env = _wrapped(env, wrapper)
            return env
    except SkillsError:
        raise
    except Exception as error:  # whatever an environment raises
        raise SkillsError(
            f"The environment {text} cannot be made here: {type(error).__name__}: {error}.",
            "Is the package that it needs installed? To learn without playing: --env none",
        ) from error


@cache
def register() -> None:
    """Imports the packages that register environments: those that the user named, and gymnasium-robotics."""
    for name in _named():
        import_package(name)
    if find_spec(_OPTIONAL) is not None:
        _register_robotics()


def _register_robotics() -> None:
    """gymnasium-robotics, which prints news of its versions while it is imported."""
    with muted(), contextlib.redirect_stderr(io.StringIO()):
        importlib.import_module(_OPTIONAL)
    # Its joints' types are numpy's whole numbers, which MuJoCo 4 does not find among its own names for them
    # ("mjJNT_HINGE == 3" is true, "in (mjJNT_HINGE, ...)" of numpy's 3 is not): no Fetch could be made.
    joints = SimpleNamespace(**{name: int(kind) for name, kind in mujoco.mjtJoint.__members__.items()})
    helpers = importlib.import_module(f"{_OPTIONAL}.utils.mujoco_utils")
    vars(helpers)["mujoco"] = SimpleNamespace(**{**vars(mujoco), "mjtJoint": joints})


def _named() -> set[str]:
    return set(os.environ.get(VARIABLE, "").split())


def _check_registered(key: Key) -> None:
    """Raises: SkillsError (not found) for an id that no imported package has registered."""
    if ":" not in key.name and key.name in gymnasium.registry:
        return
    known = [name for name in gymnasium.registry if "/" not in name or "/" in key.name]
    raise SkillsError(
        f"There is no environment {key.name!r} here: no package that is imported registers it.",
        f"{nearest(key.name, known)} Where a package of yours does: --import PACKAGE. To learn without playing: "
        "--env none",
        NOT_FOUND,
    )


def _wrapped(env: gymnasium.Env[Any, Any], wrapper: dict[str, Any]) -> gymnasium.Env[Any, Any]:
    """Raises: SkillsError for a wrapper that is no class of Gymnasium's."""
    spec = WrapperSpec(wrapper["name"], wrapper["entry_point"], wrapper["kwargs"])
    found = load_env_creator(spec.entry_point) if _WRAPPER.fullmatch(spec.entry_point) else None
    if not (isinstance(found, type) and issubclass(found, gymnasium.Wrapper)):
        raise SkillsError(f"The wrapper {spec.entry_point} is none of Gymnasium's, so it was not run.")
    return found(env, **(spec.kwargs or {}))
