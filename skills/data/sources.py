"""Where transitions come from: the local Minari root, our own behaviours, the hub, and files that a user brings."""

from typing import get_args

from skills.choices import Columns, Source
from skills.data import catalog, minari
from skills.data.catalog import Entry
from skills.data.made import embedded
from skills.data.minari_root import is_local
from skills.data.transitions import Transitions
from skills.errors import NOT_FOUND, USAGE, SkillsError, nearest
from skills.progress import Notify, Progress, silent, unsaid

EMBEDDED_STEPS = 1_000_000  # rows of a set made here where no number is asked for


def load(
    name: str,
    *,
    source: str = "auto",
    offline: bool = False,
    steps: int | None = None,
    columns: Columns = "motion",
    rewards: bool = True,
    progress: Progress = silent,
    notify: Notify = unsaid,
) -> Transitions:
    """The transitions of a short name ("ant-medium") or of any Minari id.

    source: "local" a set in the Minari root, "embedded" one made here (once; extended when more is asked for),
        "remote" the official one, downloaded once; "auto" the first that there is: the official set if it is local,
        the embedded one, the official set of the hub.
    offline: never use the network.
    steps: rows to take, the first ones; None: all, or a million of a set made here.
    rewards: False leaves the dataset's rewards unread; they are NaN.
    progress: of collection and reading, in rows, or of a download, in bytes.
    notify: gets one line that says which set was taken.

    Raises: SkillsError (not found) with the names that can be used; and what the readers raise.
    """
    entry = catalog.resolve(name)
    chosen = choose(entry, source, offline=offline)
    if chosen == "embedded":
        return _load_embedded(entry, source, steps, columns, rewards, progress, notify)
    official = str(entry.official_id)
    if chosen == "remote":
        from skills.data import remote

        remote.download(official, progress, notify)
        notify(f"{name}: the Minari dataset {official}, downloaded.")
    else:
        notify(f"{name}: the local Minari dataset {official}.")
    return minari.load(official, name, steps=steps, columns=columns, rewards=rewards, progress=progress)


def choose(entry: Entry, source: str = "auto", *, offline: bool = False) -> str:
    """Where a dataset is to come from: "local" (an official or user's set), "embedded" or "remote".

    Raises: SkillsError (usage) for an unknown source; (not found) where there is no such set.
    """
    if source not in get_args(Source):
        raise SkillsError(f"Unknown source {source!r}.", nearest(source, get_args(Source)), USAGE)
    official_here = entry.official_id is not None and is_local(entry.official_id)
    embedded_here = entry.embedded_id is not None and is_local(entry.embedded_id)
    if source in ("auto", "local", "remote") and official_here:
        return "local"
    if (source in ("auto", "embedded") and entry.embedded_id is not None) or (source == "local" and embedded_here):
        return "embedded"
    if source in ("auto", "remote") and entry.official_id is not None:
        if offline:
            raise SkillsError(
                f"{entry.name} is not on this machine, and --offline forbids the download of {entry.official_id}.",
                f"Leave out --offline. {_made_here()}",
                NOT_FOUND,
            )
        return "remote"
    what = {
        "local": f"is not on this machine (looked for {' and '.join(entry.ids)})",
        "remote": "has no official Minari dataset",
        "embedded": "cannot be made here",
    }[source]
    raise SkillsError(f"{entry.name} {what}.", _made_here(), NOT_FOUND)


def _load_embedded(
    entry: Entry,
    source: str,
    steps: int | None,
    columns: Columns,
    rewards: bool,
    progress: Progress,
    notify: Notify,
) -> Transitions:
    minari_id = str(entry.embedded_id)
    if source != "local":
        embedded.make(entry, steps or EMBEDDED_STEPS, progress)
    official = f" (that is {entry.official_id}: skills data download {entry.name})" if entry.official_id else ""
    notify(f"{entry.name}: {minari_id}, made on this machine by this project, not the official set{official}.")
    if embedded.is_outdated(entry):
        notify(f"{minari_id} was made by another version of the behaviour; delete it to have it made again.")
    return minari.load(minari_id, entry.name, steps=steps, columns=columns, rewards=rewards)


def _made_here() -> str:
    return f"These can be made here: {', '.join(catalog.embedded_names())}."
