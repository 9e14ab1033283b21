"""One setting: what it may be, what it means, and how it is changed by name, from Python or as text."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from skills.errors import USAGE, SkillsError, nearest
from skills.settings.config import HIGHEST, Config


@dataclass(frozen=True)
class Setting:
    """name: dotted, "policy.steps".   kind: its type.   default: before any preset.   meaning: in words.

    lowest: of a number: 1 of a whole one, else 0, unless its annotation says otherwise behind the meaning.
    """

    name: str
    kind: Any
    default: Any
    meaning: str
    lowest: float

    @property
    def may_be(self) -> str:
        """What it may be: "a whole number, 1 or more", "shared or independent"."""
        return " or ".join(_words(one, self.lowest) for one in _kinds(self.kind)[::-1])


def settings_of(stage: str, owner: type[Any]) -> Iterator[Setting]:
    """The settings of a stage, or of the plug-in that does it, in order."""
    hints = get_type_hints(owner, include_extras=True)
    for field in fields(owner):
        kind, meaning, *lowest = get_args(hints[field.name])
        yield Setting(f"{stage}.{field.name}", kind, field.default, meaning, *(lowest or [float(int in _kinds(kind))]))


def changed(stages: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Stages with some settings changed.

    stages: {name: its settings}.   changes: {dotted name: value, or text as the command line takes it}.
    Raises: SkillsError (usage) for an unknown name, or a value that the setting cannot have.
    """
    found = dict(stages)
    known = {one.name: one for name, stage in stages.items() for one in settings_of(name, type(stage))}
    for name, value in changes.items():
        if name not in known:
            raise SkillsError(
                f"Unknown setting {name!r}.", f"{nearest(name, known)} All of them: skills show --settings", USAGE
            )
        stage, own = name.split(".", 1)
        found[stage] = replace(found[stage], **{own: _checked(known[name], value)})
    return found


def with_settings(config: Config, changes: Mapping[str, Any]) -> Config:
    """A configuration with some settings changed, as `changed` takes them."""
    stages = {name: getattr(config, name) for name in ("data", "experts", "reward", "policy", "rollout")}
    return replace(config, **changed(stages, changes))


def checked_settings(config: Config) -> Config:
    """The same configuration. Raises: SkillsError (usage) for a setting that it cannot have, as a file may say."""
    for name in ("data", "experts", "reward", "policy", "rollout"):
        stage = getattr(config, name)
        for one in settings_of(name, type(stage)):
            _checked(one, getattr(stage, one.name.partition(".")[2]))
    return config


def _words(kind: Any, lowest: float) -> str:
    if get_origin(kind) is Literal:
        return " or ".join(get_args(kind))
    if get_origin(kind) is tuple:
        return "whole numbers, as 0,3,17"
    known = {int: "a whole number", float: "a number", bool: "true or false", str: "text", NoneType: "none"}
    bound = f", {lowest:g} or more" if kind in (int, float) and math.isfinite(lowest) else ""
    return known[kind] + bound


def _checked(setting: Setting, value: Any) -> Any:
    most = ""
    for kind in _kinds(setting.kind):
        taken = _taken(kind, value)
        if taken is _NOT:
            continue
        if kind not in HIGHEST or max(setting.lowest, -HIGHEST[kind]) <= taken <= HIGHEST[kind]:
            return taken
        most = f", and {HIGHEST[kind]:g} at most" if taken > setting.lowest else ""
    raise SkillsError(f"{setting.name}={value} is not possible.", f"It must be {setting.may_be}{most}.", USAGE)


_NOT: Any = object()  # of a value that a type cannot take


def _kinds(kind: Any) -> tuple[Any, ...]:
    """The types that a union joins, none first; or the one."""
    joined = get_args(kind) if NoneType in get_args(kind) else (kind,)
    return tuple(sorted(joined, key=lambda one: one is not NoneType))


def _taken(kind: Any, value: Any) -> Any:
    """A value, or its text, as one of this type."""
    if get_origin(kind) is Literal:
        return value if value in get_args(kind) else _NOT
    if kind is NoneType:
        return None if value in (None, "none") else _NOT
    if kind is bool:
        return value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value), _NOT)
    if kind is str:
        return value if isinstance(value, str) else _NOT
    if get_origin(kind) is tuple:
        found = tuple(_number(int, one) for one in (value.split(",") if isinstance(value, str) else _listed(value)))
        return _NOT if not found or any(one is _NOT or one < 0 for one in found) else found
    return _number(kind, value)


def _listed(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list | tuple) else ()


def _number(kind: type[int] | type[float], value: Any) -> Any:
    """A number or its text as one of this kind; none of another, nor what is not finite."""
    if isinstance(value, bool):
        return _NOT
    try:
        number = kind(value)
    except (TypeError, ValueError, OverflowError):
        return _NOT
    if isinstance(value, str):
        return number if math.isfinite(number) else _NOT
    return number if number == value and math.isfinite(number) else _NOT
