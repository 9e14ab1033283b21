"""Which code a dataset may name: an environment of Gymnasium's, or of a package that the user says to trust.

A dataset's metadata say how its environment is made: a module and a name in it, "gymnasium.envs.mujoco.ant_v5:AntEnv".
Whoever wrote the metadata could have written "subprocess:run", and Minari would call it. So nothing is read before
every such name has been looked at (`check_spec`), and nothing is made but environments (`made`).
"""

import json
import os
import re
from importlib.util import find_spec
from typing import Any

import gymnasium
from gymnasium.envs.registration import EnvSpec, load_env_creator

from skills.errors import USAGE, SkillsError

VARIABLE = "SKILLS_TRUST"  # the packages, with blanks or commas between; worker processes inherit it
_PACKAGE = re.compile(r"[A-Za-z_]\w*")
_ENTRY_POINT = re.compile(r"(?P<package>[A-Za-z_]\w*)(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
# Where Gymnasium keeps environments and wrappers, all of them classes. What else its modules hold could make anything:
# gymnasium.envs.registration:make imports whatever module its arguments name.
_KNOWN = re.compile(r"(gymnasium\.(envs|wrappers)|gymnasium_robotics)(\.\w+)*:[A-Z]\w*")
_MAKERS = re.compile(r"gymnasium\.envs\.registration(\.\w+)*:\w+")


def trusted() -> set[str]:
    """The packages that may make environments beside Gymnasium's."""
    return set(re.findall(r"[^\s,]+", os.environ.get(VARIABLE, "")))


def trust(package: str) -> None:
    """Lets datasets name what is in a package, in this process and those it starts.

    Raises: SkillsError (usage) where no such package is installed.
    """
    if not _PACKAGE.fullmatch(package) or find_spec(package) is None:
        raise SkillsError(f"There is no installed package {package!r}.", "Name it as Python imports it.", USAGE)
    os.environ[VARIABLE] = " ".join(sorted({*trusted(), package}))


def check_spec(serialized: Any, what: str) -> None:
    """Looks at the environment that metadata name, without making or importing anything.

    serialized: an `EnvSpec` as JSON, or None.   what: it is of, for messages.
    Raises: SkillsError where it is no such thing, or names code that is not trusted.
    """
    if serialized is None:
        return
    try:
        spec = json.loads(serialized)
        wrappers = [wrapper["entry_point"] for wrapper in spec["additional_wrappers"]]
        named = [spec.get("entry_point"), spec.get("vector_entry_point"), *wrappers]
        check_id(spec["id"], what)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise SkillsError(f"{what} does not name its environment as Gymnasium does: {error!r}.") from error
    for entry_point in named:
        if entry_point is not None:
            _check_entry_point(entry_point, what)


def check_id(env_id: Any, what: str) -> None:
    """Raises: SkillsError for an id that has a module imported, "module:Env-v0", which is not trusted."""
    if not isinstance(env_id, str):
        raise TypeError(f"an id of the type {type(env_id).__name__}")
    module, colon, _ = env_id.partition(":")
    if colon and module.partition(".")[0] not in trusted():
        raise _untrusted(env_id, module.partition(".")[0], what)


def made(serialized: str, what: str) -> Any:
    """The environment that checked metadata name, for its spaces. Raises: SkillsError where it cannot be made here."""
    spec = EnvSpec.from_json(serialized)
    if spec.additional_wrappers:
        raise SkillsError(f"{what} does not say what its observations and actions are.", "Its maker has to store them.")
    try:
        _check_is_environment(spec, what)
        spec.kwargs.pop("render_mode", None)
        return gymnasium.make(spec)
    except SkillsError:
        raise
    except Exception as error:  # whatever an environment raises
        raise SkillsError(
            f"{what} does not say what its observations and actions are, and its environment {spec.id} cannot be made "
            f"here: {type(error).__name__}: {error}.",
            "Install the package that it is of.",
        ) from error


def _check_is_environment(spec: EnvSpec, what: str) -> None:
    """Of Gymnasium's packages only environments; a package that is trusted may have a function that makes one."""
    package = str(spec.entry_point).partition(".")[0].partition(":")[0]
    if package in trusted():
        return
    found = load_env_creator(str(spec.entry_point))
    if not (isinstance(found, type) and issubclass(found, gymnasium.Env)):
        raise _untrusted(str(spec.entry_point), package, what)


def _check_entry_point(entry_point: Any, what: str) -> None:
    found = _ENTRY_POINT.fullmatch(entry_point) if isinstance(entry_point, str) else None
    if found is None:
        raise SkillsError(f"{what} says that {entry_point!r} makes its environment, which is the name of nothing.")
    package = found["package"]
    known = _KNOWN.fullmatch(entry_point) and not _MAKERS.fullmatch(entry_point)
    if not known and package not in trusted():
        raise _untrusted(entry_point, package, what)


def _untrusted(named: str, package: str, what: str) -> SkillsError:
    ours = package in ("gymnasium", "gymnasium_robotics")
    return SkillsError(
        f"{what} says that its environment is {named!r}: code that is no environment of Gymnasium's. It was not run.",
        "" if ours else f"Where that is an installed package that you trust: --trust {package}",
    )
