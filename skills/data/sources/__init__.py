"""Where transitions come from: the local Minari root, our own policies, the hub. A source is a file of this folder.

Another package adds one by an entry point in the group `skills.sources`.
"""

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar, cast

from skills.choices import Columns
from skills.data import catalog
from skills.data.catalog import Entry
from skills.data.oddities import notify_if_odd
from skills.data.transitions import Transitions
from skills.errors import NOT_FOUND, USAGE, SkillsError, nearest
from skills.plugins import SOURCES, Plugin
from skills.progress import Notify, Progress, silent, unsaid

AUTO = "auto"  # the first source that has the dataset


@dataclass(frozen=True)
class Wanted:
    """What is asked of a source.

    steps: rows, the first ones; None: all.   columns: as `DataConfig` has them.   rewards: False leaves them unread.
    progress: of collection and reading, in rows, or of a download, in bytes.   notify: gets one line that says which
    set was taken.   env: the environment to be played in, see `skills.data.minari.environment_of`.
    """

    entry: Entry
    steps: int | None
    columns: Columns
    rewards: bool
    progress: Progress
    notify: Notify
    env: str | None = None


@dataclass(frozen=True)
class DataSource(Plugin):
    """A source of transitions.

    rank: the lower, the earlier `auto` asks it.   network: whether it needs one.   lack: what is said of a dataset that
    it has not, "{name} ..." with `ids` for those looked for.
    """

    rank: ClassVar[int] = 100
    network: ClassVar[bool] = False
    lack: ClassVar[str] = "{name} is not there"

    @abstractmethod
    def has(self, entry: Entry, *, asked: bool) -> bool:
        """Whether it can give a dataset.   asked: by its name, rather than by `auto`."""

    @abstractmethod
    def load(self, wanted: Wanted) -> Transitions:
        """The transitions of a dataset that it has."""


def load(
    name: str,
    *,
    source: str = AUTO,
    only: str | None = None,
    offline: bool = False,
    steps: int | None = None,
    columns: Columns = "motion",
    rewards: bool = True,
    progress: Progress = silent,
    notify: Notify = unsaid,
    env: str | None = None,
) -> Transitions:
    """The transitions of a short name ("ant-medium") or of any Minari id.

    source: "local" a set in the Minari root, "embedded" one made here (once; extended when more is asked for),
        "remote" the official one, downloaded once; "auto" the first that there is: the official set if it is local,
        the embedded one, the official set of the hub.
    only: the Minari id that it must be read from, whatever else the name stands for by now.
    offline: never use the network.   steps: None: all, or a million of a set made here.
    Else as `Wanted`; without `rewards` they are NaN.

    Raises: SkillsError (not found) with the names that can be used; and what the readers raise.
    """
    entry = catalog.resolve(name) if only is None else replace(catalog.resolve(only), name=name)
    chosen = _source(choose(entry, source, offline=offline))
    transitions = chosen.load(Wanted(entry, steps, columns, rewards, progress, notify, env))
    notify_if_odd(transitions, notify)
    return transitions


def choose(entry: Entry, source: str = AUTO, *, offline: bool = False) -> str:
    """The name of the source that a dataset is to come from.

    Raises: SkillsError (usage) for an unknown source; (not found) where there is no such set.
    """
    if source not in (AUTO, *SOURCES.names()):
        raise SkillsError(f"Unknown source {source!r}.", nearest(source, (AUTO, *SOURCES.names())), USAGE)
    if source == "remote" and _source("local").has(entry, asked=False):
        source = "local"  # it has been downloaded
    asked = source != AUTO
    candidates = [_source(source)] if asked else sorted(map(_source, SOURCES.names()), key=lambda one: one.rank)
    found = next((one for one in candidates if one.has(entry, asked=asked)), None)
    if found is None:
        missing = (candidates[0] if asked else _source("local")).lack
        said = missing.format(name=entry.name, ids=" and ".join(entry.ids))
        raise SkillsError(f"{said}.", f"{_meant(entry)}{made_here()}", NOT_FOUND)
    if found.network and offline:
        raise SkillsError(
            f"{entry.name} is not on this machine, and --offline forbids the download of {entry.official_id}.",
            f"Leave out --offline. {_meant(entry)}{made_here()}",
            NOT_FOUND,
        )
    return found.name


def _meant(entry: Entry) -> str:
    """The set here that an old name may mean."""
    ours = catalog.named_by_d4rl(entry.name)
    return f"Did you mean {ours}? " if ours else ""


def made_here() -> str:
    """Which datasets need no network."""
    return f"These can be made here: {', '.join(catalog.embedded_names())}."


def _source(name: str) -> DataSource:
    return cast(DataSource, SOURCES.load(name)())
