"""Plug-ins: what can be chosen by name and added by a file of its own, in this package or in another.

A plug-in is a frozen dataclass whose fields are its settings. Those of this package are the files of one folder, found
by looking; another package adds one with an entry point, `name = "its.module:ItsClass"`. Nothing is imported before it
is asked for by name.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import Any, ClassVar, TypeGuard

from skills.choices import Domain, Mode, Preset
from skills.errors import USAGE, SkillsError, nearest

Layer = Mapping[str, Mapping[str, Any]]  # {stage: {setting: value}}
ONE_EXPERT: tuple[Mode, ...] = ("imitation", "sparse")
EVERY_MODE: tuple[Mode, ...] = ("skills", *ONE_EXPERT)


@dataclass(frozen=True)
class Plugin:
    """What every plug-in is.   name: what it is chosen by.   modes: those it has a use in."""

    name: ClassVar[str]
    modes: ClassVar[tuple[Mode, ...]] = EVERY_MODE

    @classmethod
    def needs(cls, preset: Preset, mode: Mode, domain: Domain) -> Layer:
        """What it sets otherwise than the presets do, in its own stage or another."""
        return {}


@dataclass(frozen=True)
class Plugins:
    """The plug-ins of one kind.

    kind: in words, "reward maker".   folder: the package whose files they are, one a file of its own name.
    group: of the entry points by which other packages add theirs.
    """

    kind: str
    folder: str
    group: str

    def names(self) -> list[str]:
        """Every name, in alphabetical order."""
        return sorted({*self._own, *self._others})

    def load(self, name: str) -> type[Plugin]:
        """The class of that name. Raises: SkillsError (usage) where there is none, or what is there is no plug-in."""
        if name in self._own:
            module = importlib.import_module(f"{self.folder}.{name}")
            return next(one for one in vars(module).values() if _is_plugin(one, name))
        if name not in self._others:
            raise SkillsError(f"Unknown {self.kind} {name!r}.", nearest(name, self.names()), USAGE)
        found: object = self._others[name].load()
        if not _is_plugin(found, name):
            raise SkillsError(f"{self._others[name].value} is no {self.kind} of the name {name!r}.", exit_code=USAGE)
        return found

    def package(self, name: str) -> str | None:
        """The package that adds one, "its-name==1.0"; None of one of this package."""
        found = self._others.get(name) if name not in self._own else None
        return f"{found.dist.name}=={found.dist.version}" if found and found.dist else None

    def require(self, name: str, package: str | None) -> None:
        """Raises: SkillsError that says how to install it, where something was made with one that is not there now."""
        if name not in self.names():
            raise SkillsError(
                f"The {self.kind} {name!r}, which this run was made with, is not installed.",
                f"Install it: pip install {package}"
                if package
                else f"Install the package that adds it (an entry point of the group {self.group}).",
            )

    @cached_property
    def _own(self) -> set[str]:
        found = find_spec(self.folder)
        places = found.submodule_search_locations if found else None
        return {module.name for module in pkgutil.iter_modules(places)} if places else set()

    @cached_property
    def _others(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=self.group)}


MAKERS = Plugins("reward maker", "skills.learning.rewards", "skills.makers")
SOURCES = Plugins("source", "skills.data.sources", "skills.sources")
LEARNERS = Plugins("learner", "skills.learning.learners", "skills.learners")
MEASURES = Plugins("measure", "skills.measures.judged", "skills.measures")


def _is_plugin(found: object, name: str) -> TypeGuard[type[Plugin]]:
    return isinstance(found, type) and issubclass(found, Plugin) and getattr(found, "name", None) == name


def configured(plugin: type[Plugin], settings: Mapping[str, Any]) -> Plugin:
    """A plug-in with these settings. Raises: SkillsError (usage) for one that it has not."""
    known = [one.name for one in fields(plugin)]
    for name in settings:
        if name not in known:
            raise SkillsError(f"{plugin.name} has no setting {name!r}.", nearest(name, known), USAGE)
    return plugin(**settings)
