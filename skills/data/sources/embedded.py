"""Datasets made here, by the policies that ship with the project."""

from dataclasses import dataclass

from skills.data import minari
from skills.data.catalog import Entry
from skills.data.made import embedded
from skills.data.sources import DataSource, Wanted
from skills.data.transitions import Transitions

STEPS = 1_000_000  # rows of a set made here where no number is asked for


@dataclass(frozen=True)
class Embedded(DataSource):
    """Made once, extended when more is asked for."""

    name = "embedded"
    rank = 1
    lack = "{name} cannot be made here"

    def has(self, entry: Entry, *, asked: bool) -> bool:
        """Whether it can give a dataset."""
        return entry.embedded_id is not None

    def load(self, wanted: Wanted) -> Transitions:
        """Makes and reads it."""
        embedded.make(wanted.entry, wanted.steps or STEPS, wanted.progress)
        return read(wanted)


def read(wanted: Wanted) -> Transitions:
    """The set made here, as it is."""
    entry = wanted.entry
    minari_id = str(entry.embedded_id)
    official = f" (that is {entry.official_id}: skills data download {entry.name})" if entry.official_id else ""
    wanted.notify(f"{entry.name}: {minari_id}, made on this machine by this project, not the official set{official}.")
    if embedded.is_outdated(entry):
        wanted.notify(f"{minari_id} was made by another version of the behaviour; delete it to have it made again.")
    return minari.load(
        minari_id,
        entry.name,
        steps=wanted.steps,
        columns=wanted.columns,
        env=wanted.env,
        rewards=wanted.rewards,
    )
