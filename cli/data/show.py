"""`skills data show`: what a dataset name stands for, and what is in the set where it is on this machine."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from skills.cli import console
from skills.cli.options import Json, Quiet, Trust, complete_dataset
from skills.data.minari_root import is_local
from skills.errors import SkillsError

if TYPE_CHECKING:
    from skills.data.about import About
    from skills.data.catalog import Entry

SCHEMA_VERSION = 2
_BINS = 12
_BAR = 40  # characters of the longest bar


def show(
    name: Annotated[str, typer.Argument(help="Such as ant-medium, or any Minari id.", autocompletion=complete_dataset)],
    json: Json = False,
    quiet: Quiet = False,
    trust: Trust = None,
) -> None:
    """Show a dataset: its columns, the returns of its episodes, where it comes from and its licence."""
    from skills.bodies.references import REFERENCE_SOURCE
    from skills.cli.reporting import reporter
    from skills.data import catalog

    entry = catalog.resolve(name)
    local = [minari_id for minari_id in entry.ids if is_local(minari_id)]
    found = []
    if local:
        from skills.data.about import about

        with reporter(quiet) as report:
            found = [about(minari_id, report(f"reading {minari_id}", "episodes")) for minari_id in local]
    env_id = entry.env_id or (found[0].env_id if found else None)
    references = None if found and all(one.otherwise for one in found) else _references(env_id)
    if json:
        console.document(_document(entry, env_id, references, found))
        return
    named = entry.name in catalog.names()
    console.line(f"Dataset {entry.name}")
    rows = [
        ("environment", env_id or "as the Minari dataset says"),
        ("official set" if named else "Minari dataset", _where(entry.official_id, local)),
        ("made here", _where(entry.embedded_id, local)),
    ]
    if len(entry.parts) > 1:
        rows.append(("of", f"{', '.join(entry.parts)} in equal numbers of steps"))
    if references:
        rows.append(("reference returns", f"random {references[0]:g}, expert {references[1]:g}"))
        rows.append(("", f"from {REFERENCE_SOURCE}"))
    console.show(console.pairs(rows))
    for one in found:
        _show_set(one, references)
    if not local:
        console.say(_how_to_get(entry))


def _references(env_id: str | None) -> tuple[float, float] | None:
    from skills.bodies.references import reference_returns

    try:
        return reference_returns(env_id) if env_id else None
    except SkillsError:
        return None  # an environment of the user's own


def _where(minari_id: str | None, local: list[str]) -> str:
    if minari_id is None:
        return "none"
    return f"{minari_id}, on this machine" if minari_id in local else f"{minari_id}, not on this machine yet"


def _how_to_get(entry: "Entry") -> str:
    ways = [f"skills data make {entry.name}"] if entry.embedded_id else []
    ways += [f"skills data download {entry.name}"] if entry.official_id else []
    return f"To see what is in it: {', or '.join(ways)}"


def _show_set(one: "About", references: tuple[float, float] | None) -> None:
    console.line()
    console.line(f"{one.minari_id}: {one.steps:,} steps in {one.episodes:,} episodes")
    rows: list[tuple[str, Any]] = [
        ("origin", one.origin),
        ("description", one.text or "none"),
        ("licence", one.licence),
        ("returns", _returns(one, references)),
    ]
    rows += [("made with", ", ".join(one.otherwise))] if one.otherwise else []
    if one.episodes:
        rows += [
            ("lengths", f"{one.lengths.mean():.0f} steps on average, {one.lengths.min()} to {one.lengths.max()}"),
            ("ended by themselves", f"{one.terminated:.0%} of the episodes"),
        ]
    if one.not_finite:
        rows += [("unusable", f"{one.not_finite:,} episodes have NaN or infinity for rewards: take them out to learn")]
    rows += [("labels", ", ".join(one.labels))] if one.labels else []
    rows += [(name, f"{columns} columns, {what}") for name, columns, what in one.columns]
    console.show(console.pairs(rows))
    if len(one.finite_returns):
        console.line("Returns of the episodes:")
        for text in _histogram(one):
            console.line(text)


def _returns(one: "About", references: tuple[float, float] | None) -> str:
    """The returns in words, and where they are between the references."""
    mean, spread = _mean_and_spread(one)
    if mean is None or spread is None:
        return "none"
    scored = ""
    if references and one.origin != "labelled" and not one.otherwise:  # else the rewards are not the environment's
        low, high = references
        scored = f"; {100.0 * (mean - low) / (high - low):.1f} of 100 between the references"
    return f"{mean:.1f} on average, {spread:.1f} their standard deviation{scored}"


def _mean_and_spread(one: "About") -> tuple[float | None, float | None]:
    """Of the returns that are numbers; None where there are none, or they are too large to be summed."""
    import numpy as np

    with np.errstate(all="ignore"):
        found = (one.finite_returns.mean(), one.finite_returns.std()) if len(one.finite_returns) else (np.nan, np.nan)
    mean, spread = (float(value) if np.isfinite(value) else None for value in found)
    return mean, spread


def _bins(one: "About") -> tuple[Any, Any]:
    """(counts, edges) of a histogram of the returns that are numbers; a single bin where they span none, or too much.

    Returns so large that they differ by less than rounding have no twelve bins, nor has what overflows.
    """
    import numpy as np

    returns = one.finite_returns
    try:
        with np.errstate(all="ignore"):
            return np.histogram(returns, bins=_BINS)
    except ValueError:
        return np.array([len(returns)]), np.array([returns.min(), returns.max()])


def _histogram(one: "About") -> list[str]:
    """A line a bin: its range, a bar, how many episodes."""
    counts, edges = _bins(one)
    block = "█" if console.can_write("█") else "#"
    return [
        f"  {low:>9.1f} to {high:>9.1f}  {block * round(_BAR * count / max(counts.max(), 1)):<{_BAR}}  {count}"
        for count, low, high in zip(counts, edges[:-1], edges[1:], strict=True)
    ]


def _document(
    entry: "Entry", env_id: str | None, references: tuple[float, float] | None, found: list["About"]
) -> dict[str, Any]:
    from skills.bodies.references import REFERENCE_SOURCE

    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "dataset",
        "name": entry.name,
        "env_id": env_id,
        "official_id": entry.official_id,
        "embedded_id": entry.embedded_id,
        "parts": list(entry.parts),
        "local_ids": [one.minari_id for one in found],
        "reference_returns": {"random": references[0], "expert": references[1]} if references else None,
        "reference_source": REFERENCE_SOURCE if references else None,
        "local": [_set_document(one) for one in found],
    }


def _set_document(one: "About") -> dict[str, Any]:
    (counts, edges), (mean, spread) = _bins(one), _mean_and_spread(one)
    return {
        "minari_id": one.minari_id,
        "steps": one.steps,
        "episodes": one.episodes,
        "origin": one.origin,
        "made_with": list(one.otherwise),
        "description": one.text,
        "licence": one.licence,
        "labels": list(one.labels),
        "columns": [{"name": name, "columns": columns, "what": what} for name, columns, what in one.columns],
        "return_mean": mean,
        "return_std": spread,
        "returns_not_finite": one.not_finite,
        "length_mean": float(one.lengths.mean()) if one.episodes else None,
        "terminated_share": one.terminated,
        "returns_histogram": {"edges": edges.tolist(), "counts": counts.tolist()},
    }
