"""Datasets in the Minari root of this machine: official ones, a user's own, and those made here earlier."""

from dataclasses import dataclass

from skills.data import minari
from skills.data.catalog import Entry
from skills.data.minari_root import is_local
from skills.data.sources import DataSource, Wanted
from skills.data.transitions import Transitions


@dataclass(frozen=True)
class Local(DataSource):
    """What Minari has here. `auto` takes only the official set from it: one made here may have to be extended."""

    name = "local"
    rank = 0
    lack = "{name} is not on this machine (looked for {ids})"

    def has(self, entry: Entry, *, asked: bool) -> bool:
        """Whether it can give a dataset."""
        return any(map(is_local, entry.ids)) if asked else entry.official_id is not None and is_local(entry.official_id)

    def load(self, wanted: Wanted) -> Transitions:
        """Reads it."""
        entry = wanted.entry
        minari_id = next(one for one in entry.ids if is_local(one))
        if minari_id == entry.embedded_id:
            from skills.data.sources import embedded

            return embedded.read(wanted)
        wanted.notify(f"{entry.name}: the local Minari dataset {minari_id}.")
        return minari.load(
            minari_id,
            entry.name,
            steps=wanted.steps,
            columns=wanted.columns,
            env=wanted.env,
            rewards=wanted.rewards,
            progress=wanted.progress,
        )
