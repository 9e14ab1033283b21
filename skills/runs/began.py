"""Reads the sets again that a run has read before: those, whatever their names stand for by now.

"hopper-medium" is the set made here until the official one has been downloaded. A run that began with the first goes on
with it, and so does all that is made inside of the run and learns from its data.
"""

from collections.abc import Mapping
from typing import Any

from skills.data import catalog, sources
from skills.data.transitions import Transitions
from skills.plugins import SOURCES

Noted = Mapping[str, Any]  # what a manifest says of a set; see `record`


def load(name: str, known: Noted | None, source: str = sources.AUTO, **wanted: Any) -> Transitions:
    """The rows of a name; of the very set that is known, where one is.

    source: "auto" is the one that it came from.   wanted: as `skills.data.sources.load` takes it.
    Raises: SkillsError where that set is not there any more, or its source is not installed.
    """
    if known is None:
        return sources.load(name, source=source, **wanted)
    if source == sources.AUTO:
        source = source_of(known)
    return sources.load(name, source=source, only=None if "source" in known else known["minari_id"], **wanted)


def record(transitions: Transitions, name: str, source: str, *, with_rewards: bool) -> dict[str, Any]:
    """What a run's manifest says of its dataset.   name, source: what was asked for."""
    return {
        "name": transitions.name,
        "minari_id": transitions.minari_id,
        "env_id": transitions.env_id,
        "made_here": transitions.made_here,
        **origin(name, source),
        "steps": len(transitions),
        "episodes": len(transitions.episode_starts),
        "columns": transitions.stored_columns or transitions.observations.shape[1],
        "return_mean": float(transitions.returns.mean()) if with_rewards else None,
        "digest": transitions.digest,
        "rewards_digest": transitions.rewards_digest if with_rewards else None,
        "stored_digest": transitions.stored_digest or None,
    }


def source_of(known: Noted) -> str:
    """Where a known set came from.

    Raises: SkillsError where that source is not installed.
    """
    if "source" in known:
        SOURCES.require(known["source"], known["package"])
        return str(known["source"])
    return "embedded" if known["made_here"] else "local"


def origin(name: str, asked: str) -> dict[str, str]:
    """What is noted of a source that another package adds."""
    source = sources.choose(catalog.resolve(name), asked)
    package = SOURCES.package(source)
    return {"source": source, "package": package} if package else {}
