"""What calibration does for the reward of one expert: the same CVAEs without it, and how both rank."""

from dataclasses import asdict
from typing import Any

from skills.choices import Distance
from skills.discovery import discover
from skills.errors import USAGE, SkillsError
from skills.evaluation import variants
from skills.learning.learners import learner_of
from skills.learning.rewards import clue
from skills.measures.intervals import student
from skills.measures.ranking import Aucs, by_models, groups
from skills.progress import Notify, Reporter
from skills.runs.folder import RunFolder
from skills.runs.reading import Data, read

DISTANCES: tuple[Distance, ...] = ("expected", "sample")


def compare(run: RunFolder, reporter: Reporter, notify: Notify) -> dict[str, Any]:
    """How a run's CVAEs rank its expert with and without calibration, by each distance; adds it to `measures.json`.

    {"calibration 0.1": {"expected": {"chosen": {"value", "low", "high"}, "held_out": ... or None}, "sample": ...},
    "calibration 0": ...}; means over seeds, with intervals over seeds. The models without calibration are trained in
    RUN/evaluation/uncalibrated, where they are not there yet. The caller holds `run.writing()`.

    Raises: SkillsError where the run's rewards are another maker's.
    """
    run.require("experts", "rewards", "measures")
    reward, learner = run.config.reward, learner_of(run.config)
    if not (isinstance(reward, clue.Clue) and variants.has_cvaes(run.config)):
        raise SkillsError(
            f"{run.path} has no CVAEs to compare: it learned by {learner.name} from {reward.name} rewards.",
            f"What it measured is in its summary: skills show {run.path}",
            USAGE,
        )
    bare = variants.variant(run, run.method("uncalibrated").path, variants.config_of("uncalibrated", run.config))
    with bare.writing():
        discover(bare, source=run.source, reporter=reporter, notify=notify, last="rewards")
    data = read(run, "auto", reporter, notify)
    table = {
        f"calibration {weight:g}": _by_distance(one, data, reward)
        for one, weight in ((run, reward.calibration), (bare, 0.0))
    }
    document = {**run.measures, "ranking": table}
    run.amend_measures(document)
    return document


def _by_distance(run: RunFolder, data: Data, reward: clue.Clue) -> dict[str, Any]:
    models = clue.Models(run.rewards_folder, data.transitions, reward)
    table: dict[str, Any] = {}
    rows = groups(data)
    for distance in DISTANCES:
        chosen, held_out = by_models(models, data, rows, distance)
        table[distance] = {
            "chosen": _over_seeds(chosen),
            "held_out": None if held_out is None else _over_seeds(held_out),
        }
    return table


def _over_seeds(found: Aucs) -> dict[str, float | None]:
    return asdict(student(found.tolist(), lowest=0.0, highest=1.0))
