"""What the gallery says about a run, and the plain words for its measures, from the run's own JSON files."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from skills.files import read_json
from skills.learning.classes import Classes
from skills.measures import profile as behaviour
from skills.playing.rollout import Rollouts
from skills.runs import exemplars
from skills.runs.command import command
from skills.runs.folder import RunFolder
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
    "fall_seconds": "fall_seconds",
    "episode_return": "return",
    "occupancy": "occupancy",
    "occupancy_ratio": "occupancy_ratio",
}


@dataclass(frozen=True)
class Line:
    """One line of a summary: "Own-class occupancy: 5.1 x base rate", and what that means."""

    name: str
    value: float
    unit: str
    explanation: str


def summary_of_expert(measures: Mapping[str, Any]) -> list[Line]:
    """The lines of a run with one expert: its score first.

    measures: the document of `measures.json`.
    """
    found: Mapping[str, Any] = measures["summary"]
    seeds = len(measures["skills"])
    over = f"mean over {seeds} seeds of {found['episodes_per_seed']} episodes each" if seeds > 1 else ""
    over = over or f"mean over {found['episodes_per_seed']} episodes of one seed: --seeds 5 gives an interval"
    maze = found["score_is"] == "success rate"
    lines = []
    if found["score"]["value"] is not None:
        scale = "" if maze else "; D4RL's scale: 0 a random policy, 100 an expert"
        name, unit = ("Success rate", "%") if maze else ("Normalised score", "")
        lines.append(Line(name, round(found["score"]["value"], 1), unit, f"{_interval(found['score'])}{over}{scale}"))
    in_data = found["return_data_mean"]
    if maze and in_data is not None:
        lines.append(Line("Success in the data", round(100 * in_data, 1), "%", "share of the dataset's episodes"))
    if not maze:
        lines.append(Line("Return", round(found["return"]["value"], 1), "", f"{_interval(found['return'])}{over}"))
        lines.append(
            Line("Survival", round(100 * found["survival_median"], 1), "%", "share of an episode before a fall")
        )
        if in_data is not None:
            lines.append(Line("Return in the data", round(in_data, 1), "", "mean over the dataset's episodes"))
    ranks = {
        "reward_auc": ("Reward AUC", "how the reward ranks the expert's transitions above the rest of the data"),
        "reward_auc_held_out": ("Reward AUC, held out", "the same of the expert's episodes that it has not seen"),
    }
    for name, (words, meaning) in ranks.items():
        if found[name] is not None:
            lines.append(Line(words, round(found[name], 3), "", f"{meaning}; chance 0.5, perfect 1"))
    if found["latent_spread"] is not None:
        meaning = "how far the expert's transitions lie from their centre in the latent space (root mean square)"
        lines.append(Line("Latent spread", round(found["latent_spread"], 3), "", meaning))
    return lines


def _interval(number: Mapping[str, float | None]) -> str:
    """ "51.2 to 60.1 (95 %, Student's t over seeds), "; nothing where there is one seed."""
    if number["low"] is None:
        return ""
    return f"{number['low']:.1f} to {number['high']:.1f} (95 %, Student's t over seeds), "


def summary(measures: Mapping[str, Any], horizon: int) -> list[Line]:
    """The lines that say how a run went.

    measures: the document of `measures.json`.   horizon: environment steps of a rollout.
    """
    found: Mapping[str, float] = measures["summary"]
    if "mode" in found:
        return summary_of_expert(measures)
    count = len(measures["skills"])
    return [
        Line(
            "Own-class occupancy",
            round(found["occupancy_ratio_median"], 2),
            "x base rate",
            "median over skills: how much more of its time a skill spends in its class than the data does; chance 1",
        ),
        Line(
            "Skills above base rate",
            round(100 * found["held_share"], 1),
            "%",
            f"share of the {count} skills that spend more of their time in their own class than the data does",
        ),
        Line(
            "Speed spread",
            round(found["speed_spread_ratio"], 2),
            "x",
            f"forward speed differs {found['speed_between']:.2g} m/s between skills and {found['speed_within']:.2g} m/s"
            " between rollouts of one skill; this is the first over the second",
        ),
        Line(
            "Reward AUC",
            round(found["reward_auc_median"], 3),
            "",
            "median over skills: how well a skill's reward ranks its class above the rest of the data;"
            f" chance 0.5, perfect 1, lowest here {found['reward_auc_min']:.3f}",
        ),
        Line(
            "Survival",
            round(100 * found["survival_median"], 1),
            "%",
            "median over skills: share of the horizon played before a fall",
        ),
        Line("Best return", round(found["return_best"], 1), "", _best(found, horizon)),
        Line(
            "Return in the data",
            round(found["return_data_mean"], 1),
            "",
            "mean over the dataset's episodes",
        ),
    ]


def _best(found: Mapping[str, float], horizon: int) -> str:
    """What the best return is; the normalised score is of whole episodes and says nothing about shorter ones."""
    text = f"of the best of the skills over {horizon:,} steps, picked after the fact"
    if found["return_best_normalised"] is None:
        return text
    return f"{text}; {found['return_best_normalised']:.0f} on D4RL's scale: 0 a random policy, 100 an expert"


def wall_seconds(manifest: Mapping[str, Any]) -> float:
    """Seconds that the finished stages took together."""
    return round(float(sum(stage["seconds"] for stage in manifest["stages"].values())), 2)


def page(run: RunFolder) -> dict[str, Any]:
    """Everything the gallery of a finished run shows. Raises: SkillsError where the run has no measures yet."""
    run.require("measures")
    manifest, measures = run.manifest, read_json(run.measures_file)
    dataset = manifest["dataset"]
    return {
        "schema_version": SCHEMA_VERSION,
        "run": run.path.resolve().name,
        "dataset": {name: dataset[name] for name in ("name", "minari_id", "made_here", "steps", "episodes")},
        "env_id": dataset["env_id"],
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
    measures = read_json(run.measures_file)
    rollouts = Rollouts.load(run.rollouts_file)
    overview, details = behaviour.behaviour(rollouts, Classes.load(run.experts_file).behaviours)
    found = exemplars.known(run)
    for skill, detail, measured in zip(document["skills"], details, measures["skills"], strict=True):
        skill.update(detail)
        fidelity = measured.get("fidelity")
        skill["fidelity"] = fidelity["value"] if isinstance(fidelity, dict) else fidelity
        skill["data_share"] = round(found.share(skill["skill"]), 3) if found else None
    return {
        **document,
        **overview,
        "measures": ranking_table(measures) or measure_table(measures),
        "exemplars": {"origin": found.origin if found else None, "note": _no_exemplars(run)},
    }


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
    from minari.storage import get_dataset_path

    origin = run.manifest["expert" if run.config.mode == "imitation" else "dataset"]
    minari_id = origin["minari_id"]
    if minari_id is None:
        return f"There is no film of the expert yet: skills render {run.path.resolve().name} --all"
    if not Path(get_dataset_path(minari_id)).is_dir():
        return f"The class cannot be shown: the dataset {minari_id} is not on the machine that wrote this page."
    return f"There is no film of the class in the data yet: skills render {run.path.resolve().name} --all"


def publish(run: RunFolder) -> Path:
    """Writes the gallery of a finished run; returns its page."""
    return gallery.write_gallery(run.path, whole_page(run))
