"""What the gallery says about a run, and the plain words for its measures, from the run's own JSON files."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from skills.files import read_json
from skills.run import Run
from videos import gallery

SCHEMA_VERSION = 1

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
    "path": "path",
}


@dataclass(frozen=True)
class Line:
    """One line of a summary: "Own-class occupancy: 5.1 x base rate", and what that means."""

    name: str
    value: float
    unit: str
    explanation: str


def summary(measures: Mapping[str, Any], horizon: int) -> list[Line]:
    """The lines that say how a run went.

    measures: the document of `measures.json`.   horizon: environment steps of a rollout.
    """
    found: Mapping[str, float] = measures["summary"]
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


def page(run: Run) -> dict[str, Any]:
    """Everything the gallery of a finished run shows. Raises: SkillsError where the run has no measures yet."""
    run.require("measures")
    manifest, measures = run.manifest, read_json(run.measures_file)
    dataset = manifest["dataset"]
    return {
        "schema_version": SCHEMA_VERSION,
        "run": run.path.resolve().name,
        "dataset": {name: dataset[name] for name in ("name", "minari_id", "made_here", "steps", "episodes")},
        "env_id": dataset["env_id"],
        "mode": "skills",
        "preset": run.config.preset,
        "seed": run.config.seed,
        "skills_count": run.config.skills,
        "wall_seconds": wall_seconds(manifest),
        "versions": manifest["versions"],
        "command": run.command,
        "summary": [asdict(line) for line in summary(measures, run.config.rollout.horizon)],
        "skills": [{shown: skill[name] for name, shown in _SKILL_FIELDS.items()} for skill in measures["skills"]],
    }


def publish(run: Run) -> Path:
    """Writes the gallery of a finished run; returns its page."""
    return gallery.write_gallery(run.path, page(run))
