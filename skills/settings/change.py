"""One setting: what it may be, what it means, and how it is changed by name, from Python or as text."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from skills.errors import USAGE, SkillsError, nearest
from skills.settings.config import Config


@dataclass(frozen=True)
class Setting:
    """name: dotted, "policy.steps".   kind: its type.   default: before any preset.   meaning: in words."""

    name: str
    kind: Any
    default: Any
    meaning: str


def settings_of(stage: str, owner: type[Any]) -> Iterator[Setting]:
    """The settings of a stage, or of the plug-in that does it, in order."""
    hints = get_type_hints(owner, include_extras=True)
    for field in fields(owner):
        kind, meaning = get_args(hints[field.name])[:2]
        yield Setting(f"{stage}.{field.name}", kind, field.default, meaning)


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


def words(kind: Any) -> str:
    """What a setting of this type may be: "a whole number", "shared or independent"."""
    if get_origin(kind) is Literal:
        return " or ".join(get_args(kind))
    known = {int: "a whole number", float: "a number", bool: "true or false", str: "text", NoneType: "none"}
    if kind in known:
        return known[kind]
    if get_origin(kind) is tuple:
        return "numbers, as 1,2,3"
    return " or ".join(words(one) for one in get_args(kind))


def _checked(setting: Setting, value: Any) -> Any:
    for kind in _kinds(setting.kind):
        taken = _taken(kind, value)
        if taken is not _NOT:
            return taken
    raise SkillsError(f"{setting.name}={value} is not possible.", f"It must be {words(setting.kind)}.", USAGE)


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
        return {True: True, False: False, "true": True, "false": False}.get(value, _NOT)
    try:
        if get_origin(kind) is tuple:
            return tuple(int(one) for one in (value.split(",") if isinstance(value, str) else value))
        number = kind(value)
    except (TypeError, ValueError):
        return _NOT
    if kind is int and not isinstance(value, str) and number != value:
        return _NOT
    return number if kind is str or math.isfinite(number) else _NOT
