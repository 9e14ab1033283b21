"""What the gallery says about a run, and the plain words for its measures, from the run's own JSON files."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from skills.bodies.keys import read_key
from skills.data.minari_root import is_local
from skills.files import RESTORE
from skills.learning.classes import Classes
from skills.measures import profile as behaviour
from skills.measures.profile import in_switch_letters
from skills.measures.summary import summary
from skills.measures.switches import known_switches
from skills.playing.rollout import Rollouts
from skills.runs import exemplars
from skills.runs.command import command
from skills.runs.folder import RunFolder
from skills.troubles import reading
from skills.videos.gallery import write as gallery

SCHEMA_VERSION = 2

# Names in measures.json -> names on the page, where they differ.
_SKILL_FIELDS = {
    "skill": "skill",
    "label": "label",
    "support": "support",
    "speed": "speed",
    "displacement": "displacement",
    "survival": "survival",
    "episode_return": "return",
    "occupancy": "occupancy",
    "occupancy_ratio": "occupancy_ratio",
}


def wall_seconds(manifest: Mapping[str, Any]) -> float:
    """Seconds that the finished stages took together."""
    return round(float(sum(stage["seconds"] for stage in manifest["stages"].values())), 2)


def page(run: RunFolder) -> dict[str, Any]:
    """Everything the gallery of a finished run shows. Raises: SkillsError where the run has no measures yet."""
    with reading(run.measures_file, RESTORE):
        return _page(run, run.manifest, run.measures)


def _page(run: RunFolder, manifest: Mapping[str, Any], measures: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "run": run.path.resolve().name,
        "dataset": run.dataset,
        "env_id": read_key(run.env_id).name,
        "played": measures["summary"].get("played", True),
        "mode": run.config.mode,
        "expert": _expert(manifest.get("expert")),
        "preset": run.config.preset,
        "seed": run.config.seed,
        "skills_count": run.config.heads,
        "wall_seconds": wall_seconds(manifest),
        "versions": manifest["versions"],
        "command": command(run.config, run.path),
        "summary": [asdict(line) for line in summary(measures, run.config.rollout.horizon)],
        "skills": [{shown: skill[name] for name, shown in _SKILL_FIELDS.items()} for skill in measures["skills"]],
    }


def _expert(expert: Mapping[str, Any] | None) -> str | None:
    """Which episodes are imitated, in a sentence."""
    if expert is None:
        return None
    some = ", ".join(map(str, expert["episodes"]))
    returns = ", ".join(f"{value:,.1f}" for value in expert["returns"])
    return f"The expert: of {Path(expert['name']).name} the episodes {some}, which return {returns}."


def whole_page(run: RunFolder) -> dict[str, Any]:
    """As `page`, with what takes the rollouts: ways, families, distances, and what is known of the data's classes."""
    document = page(run)
    run.require("experts", "rollouts")
    measures = run.measures
    rollouts = Rollouts.load(run.rollouts_file)
    overview, details = behaviour.behaviour(rollouts, run.env_id, Classes.load(run.experts_file).behaviours)
    found = exemplars.known(run)
    for skill, detail, measured in zip(document["skills"], details, measures["skills"], strict=True):
        skill.update(detail)
        fidelity = measured.get("fidelity")
        skill["fidelity"] = fidelity["value"] if isinstance(fidelity, dict) else fidelity
        skill["data_share"] = round(found.share(skill["skill"]), 3) if found else None
    return {
        **document,
        **overview,
        "switches": _switches(run),
        "measures": ranking_table(measures) or measure_table(measures),
        "exemplars": {"origin": found.origin if found else None, "note": _no_exemplars(run)},
    }


def _switches(run: RunFolder) -> dict[str, Any] | None:
    """What `skills transitions` has measured, a letter a pair; None where it has not."""
    found = known_switches(run)
    if found is None:
        return None
    return {"seconds": float(found.seconds[1]), "table": in_switch_letters(found)}


def measure_table(measures: Mapping[str, Any]) -> dict[str, Any] | None:
    """The measures with their intervals, beside those of nulls and baselines; None before `skills evaluate`.

    {"columns": [...], "rows": [{"name": ..., "cells": [{"value", "low", "high"} or None, ...]}]}
    """
    if not measures.get("measures"):
        return None
    columns = {"this run": _leaves(measures["measures"])}
    for kind in ("nulls", "baselines"):
        columns |= {name.replace("_", " "): _leaves(found) for name, found in (measures.get(kind) or {}).items()}
    names = list(dict.fromkeys(name for column in columns.values() for name in column))
    rows = [{"name": name, "cells": [column.get(name) for column in columns.values()]} for name in names]
    return {"columns": list(columns), "rows": rows}


def ranking_table(measures: Mapping[str, Any]) -> dict[str, Any] | None:
    """As `measure_table`, of a run with one expert: how its reward ranks the expert, with and without calibration."""
    ranking = measures.get("ranking")
    if not ranking:
        return None
    names = list(dict.fromkeys(name for found in ranking.values() for name in found))
    kinds = {"chosen": "reward AUC", "held_out": "reward AUC, held-out episodes"}
    rows = [
        {"name": f"{words}, {name}", "cells": [found[name][kind] for found in ranking.values()]}
        for kind, words in kinds.items()
        for name in names
    ]
    return {"columns": list(ranking), "rows": rows}


def _leaves(found: Any, name: str = "") -> dict[str, Any]:
    """The numbers of a nested document by their names, "fidelity top1"."""
    if isinstance(found, Mapping) and "value" in found:
        return {name: {part: found.get(part) for part in ("value", "low", "high")}}
    if isinstance(found, Mapping):
        leaves: dict[str, Any] = {}
        for part, inner in found.items():
            leaves |= _leaves(inner, f"{name} {part.replace('_', ' ')}".strip())
        return leaves
    if isinstance(found, int | float) and not isinstance(found, bool):
        return {name: {"value": found, "low": None, "high": None}}
    return {}


def _no_exemplars(run: RunFolder) -> str:
    """Why the page has no films of the classes in the data, where it has none."""
    origin = run.manifest["expert" if run.config.mode == "imitation" else "dataset"]
    minari_id = origin["minari_id"]
    if minari_id is None:
        return f"There is no film of the expert yet: skills render {run.path.resolve().name} --all"
    if not is_local(minari_id):
        return f"The class cannot be shown: the dataset {minari_id} is not on the machine that wrote this page."
    return f"There is no film of the class in the data yet: skills render {run.path.resolve().name} --all"


def publish(run: RunFolder) -> Path:
    """Writes the gallery of a finished run; returns its page."""
    return gallery.write_gallery(run.path, whole_page(run))
