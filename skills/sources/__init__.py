"""Where transitions come from: sets in the local Minari root, and sets collected here with our own behaviours."""

from collections.abc import Callable
from typing import Literal, get_args

from skills import catalog
from skills.catalog import Entry
from skills.dataset import Columns, Transitions
from skills.errors import NOT_FOUND, USAGE, SkillsError, nearest
from skills.progress import Progress, silent
from skills.sources import embedded, minari

Source = Literal["auto", "local", "embedded"]
MADE_HERE = "skills/"  # the namespace of sets that our own behaviours collected
EMBEDDED_STEPS = 1_000_000  # rows of a set made here where no number is asked for


def load(
    name: str,
    *,
    source: str = "auto",
    steps: int | None = None,
    columns: Columns = "motion",
    progress: Progress = silent,
    notify: Callable[[str], None] = lambda line: None,
) -> Transitions:
    """The transitions of a short name ("ant-medium") or of any local Minari id.

    source: "local" the set in the Minari root, "embedded" one made here (once; extended when more is asked for),
        "auto" the first that there is, in this order.
    steps: rows to take, the first ones; None: all, or a million of a set made here.
    progress: of collection, in rows.   notify: gets one line that says which set was taken.

    Raises: SkillsError (not found) with the names that can be used; and what the readers raise.
    """
    if source not in get_args(Source):
        raise SkillsError(f"Unknown source {source!r}.", nearest(source, get_args(Source)), USAGE)
    entry = catalog.resolve(name)
    if source != "embedded" and entry.official_id and minari.is_local(entry.official_id):
        notify(f"{name}: the local Minari dataset {entry.official_id}.")
        made_here = entry.official_id.startswith(MADE_HERE)
        return minari.load(entry.official_id, name, steps=steps, columns=columns, made_here=made_here)
    if entry.embedded_id is None or (source == "local" and not minari.is_local(entry.embedded_id)):
        raise _not_here(entry, source)
    if source != "local":
        embedded.make(entry, steps or EMBEDDED_STEPS, progress)
    notify(f"{name}: {entry.embedded_id}, made on this machine by this project's own behaviour, not the official set.")
    if embedded.is_outdated(entry):
        notify(f"{entry.embedded_id} was made by another version of the behaviour; delete it to have it made again.")
    return minari.load(entry.embedded_id, name, steps=steps, columns=columns, made_here=True)


def _not_here(entry: Entry, source: str) -> SkillsError:
    missing = entry.official_id or entry.embedded_id
    made = f"These can be made here: {', '.join(catalog.embedded_names())}."
    if source == "local" or entry.body is None:
        return SkillsError(f"{entry.name}: the Minari dataset {missing} is not on this machine.", made, NOT_FOUND)
    return SkillsError(f"{entry.name} is not on this machine and cannot be made here.", made, NOT_FOUND)
