"""`skills data list`: every dataset name, and where its data can come from."""

from typing import Any

from skills.cli import console
from skills.cli.options import Json
from skills.data import minari_root

SCHEMA_VERSION = 1


def list_datasets(json: Json = False) -> None:
    """List the datasets: what is on this machine, what can be made here, what can be downloaded."""
    from skills.data import catalog

    rows = [_row(name) for name in catalog.names()]
    named = {minari_id for row in rows for minari_id in (row["official_id"], row["embedded_id"])}
    rows += [_row(minari_id) for minari_id in minari_root.local_ids() if minari_id not in named]
    if json:
        root = str(minari_root.minari_root())
        console.document({"schema_version": SCHEMA_VERSION, "minari_root": root, "datasets": rows})
        return
    console.show(_table(rows))
    console.say("Any other Minari id can be named too. More on one: skills data show NAME")


def _row(name: str) -> dict[str, Any]:
    """What a list says about a name; `local` has an item for each of its sets that is on this machine."""
    from skills.data import catalog

    # An id on this machine whose name is neither a short name nor has a slash or a version is Minari's too.
    entry = catalog.resolve(name) if name in catalog.names() or "/" in name else catalog.Entry(name, None, name, None)
    local = [describe(minari_id) for minari_id in entry.ids if minari_root.is_local(minari_id)]
    return {
        "name": name,
        "env_id": entry.env_id or (local[0]["env_id"] if local else None),
        "official_id": entry.official_id if name in catalog.names() else None,
        "embedded_id": entry.embedded_id,
        "local": local,
    }


def describe(minari_id: str) -> dict[str, Any]:
    """The size of a dataset on this machine, by its own metadata."""
    known = minari_root.metadata(minari_id)
    return {
        "minari_id": minari_id,
        "env_id": minari_root.env_id(minari_id),
        "steps": known.get("total_steps"),
        "episodes": known.get("total_episodes"),
        "bytes": minari_root.size(minari_id),
    }


def _table(rows: list[dict[str, Any]]) -> Any:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("dataset", "environment", "made here", "official set", "on this machine"):
        table.add_column(heading, no_wrap=True)
    table.add_column("steps", justify="right", no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    for row in rows:
        made, official = "yes" if row["embedded_id"] else "", row["official_id"] or ""
        first, *more = row["local"] or [None]
        table.add_row(row["name"], row["env_id"] or "", made, official, *_local_cells(first))
        for other in more:
            table.add_row("", "", "", "", *_local_cells(other))
    return table


def _local_cells(local: dict[str, Any] | None) -> tuple[str, str, str]:
    if local is None:
        return "", "", ""
    steps = "damaged" if local["steps"] is None else f"{local['steps']:,}"
    return local["minari_id"], steps, f"{local['bytes'] / 1e6:,.1f} MB"
