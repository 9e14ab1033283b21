"""How a run went, in a few lines of text: for the terminal and the page."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from skills.files import RESTORE
from skills.runs.folder import RunFolder
from skills.troubles import reading


@dataclass(frozen=True)
class Line:
    """One line of a summary: "Own-class occupancy: 5.1 x base rate", and what that means.   value: None of nothing."""

    name: str
    value: float | None
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
            Line("Survival", round(100 * found["survival_median"], 1), "%", _survival(found, "share of an episode"))
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
    found: Mapping[str, Any] = measures["summary"]
    if "mode" in found:
        return summary_of_expert(measures)
    count = len(measures["skills"])
    in_data = Line(
        "Return in the data",
        round(found["return_data_mean"], 1),
        "",
        "mean over the dataset's episodes",
    )
    if not found.get("played", True):
        return [*_ranking(found), in_data]
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
        *_spread(found),
        *_ranking(found),
        Line(
            "Survival",
            round(100 * found["survival_median"], 1),
            "%",
            _survival(found, "median over skills: share of the horizon"),
        ),
        Line("Best return", round(found["return_best"], 1), "", _best(found, found.get("steps", horizon))),
        in_data,
    ]


def _spread(found: Mapping[str, Any]) -> list[Line]:
    """How far speeds differ; nothing where each skill was played once, or of what stands fast."""
    if found["speed_spread_ratio"] is None:
        return []
    text = (
        f"forward speed differs {found['speed_between']:.2g} m/s between skills and {found['speed_within']:.2g} m/s "
        "between rollouts of one skill; this is the first over the second"
    )
    return [Line("Speed spread", round(found["speed_spread_ratio"], 2), "x", text)]


def _survival(found: Mapping[str, Any], share: str) -> str:
    """What survival is, and what became of all rollouts."""
    fates = found.get("fates", {})  # a run of an earlier version does not say
    text = f"{share} before a body fell, lay down on its back for good or left its bounds"
    told = ", ".join(f"{name} {number}" for name, number in fates.items())
    return f"{text}; of {sum(fates.values())} rollouts: {told}" if fates else text


def _best(found: Mapping[str, float], horizon: int) -> str:
    """What the best return is; the normalised score is of whole episodes and says nothing about shorter ones."""
    text = f"of the best of the skills over {horizon:,} steps, picked after the fact"
    if found["return_best_normalised"] is None:
        return text
    return f"{text}; {found['return_best_normalised']:.0f} on D4RL's scale: 0 a random policy, 100 an expert"


def summary_of(run: RunFolder) -> list[dict[str, Any]]:
    """The lines of a finished run. Raises: SkillsError where the run has no measures yet."""
    measures = run.measures
    with reading(run.measures_file, RESTORE):
        return [asdict(line) for line in summary(measures, run.config.rollout.horizon)]


def _ranking(found: Mapping[str, Any]) -> list[Line]:
    """How rewards rank; nothing where skills were learned without."""
    if found["reward_auc_median"] is None:
        return []
    text = (
        "median over skills: how well a skill's reward ranks its class above the rest of the data;"
        f" chance 0.5, perfect 1, lowest here {found['reward_auc_min']:.3f}"
    )
    return [Line("Reward AUC", round(found["reward_auc_median"], 3), "", text)]
