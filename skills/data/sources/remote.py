"""Official datasets of the hub, downloaded once."""

from dataclasses import dataclass

from skills.data import hub, minari
from skills.data.catalog import Entry
from skills.data.sources import DataSource, Wanted
from skills.data.transitions import Transitions


@dataclass(frozen=True)
class Remote(DataSource):
    """What is not on this machine yet."""

    name = "remote"
    rank = 2
    network = True
    lack = "{name} has no official Minari dataset"

    def has(self, entry: Entry, *, asked: bool) -> bool:
        """Whether it can give a dataset."""
        return entry.official_id is not None

    def load(self, wanted: Wanted) -> Transitions:
        """Downloads and reads it."""
        official = str(wanted.entry.official_id)
        hub.download(official, wanted.progress, wanted.notify)
        wanted.notify(f"{wanted.entry.name}: the Minari dataset {official}, downloaded.")
        return minari.load(
            official,
            wanted.entry.name,
            steps=wanted.steps,
            columns=wanted.columns,
            env=wanted.env,
            rewards=wanted.rewards,
            progress=wanted.progress,
        )
