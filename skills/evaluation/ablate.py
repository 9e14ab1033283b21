"""Ablations: a run again with one setting changed, measured like the run itself (CLUE, figures 4 to 6, tables 6 and 7).

RUN/evaluation/ablation-temperature/c-3/     a run up to its policy, with an evaluation of its own
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from skills.discovery import discover
from skills.errors import USAGE, SkillsError, nearest
from skills.evaluation import variants
from skills.evaluation.contest import OWN, Contest, named, numbers_of
from skills.evaluation.evaluate import as_groups
from skills.files import write_json
from skills.learning.learners import learner_of
from skills.learning.matrix import Rewards
from skills.measures.intervals import SEED, Interval, resampled
from skills.measures.overview import reward_aucs
from skills.progress import Notify, Reporter, unsaid
from skills.runs.folder import RunFolder
from skills.settings.change import with_settings
from skills.settings.config import Config

SCHEMA_VERSION = 1

# What each changes, and its values where none are asked for.
WORDS = {
    "calibration": "lambda, with the sampled and with the expected distance",
    "data": "percent of the run's steps",
    "temperature": "c in exp(-c d^2)",
}
VALUES: dict[str, tuple[float, ...]] = {
    "calibration": (0.0, 0.1),
    "data": (5, 10, 15, 20, 25),
    "temperature": (1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
}


@dataclass(frozen=True)
class Case:
    """One setting of an ablation.   name: of its folder and row.   value: of what is changed."""

    name: str
    value: float
    config: Config


def cases(what: str, base: Config, steps: int, values: Sequence[float] = ()) -> list[Case]:
    """The settings of an ablation. steps: rows that the base run learned from.

    Raises: SkillsError (usage) for an unknown ablation, one of rewards that the run has not, or a value out of range.
    """
    if what not in VALUES:
        raise SkillsError(f"Unknown ablation {what!r}.", nearest(what, VALUES), USAGE)
    if what != "data" and not variants.has_cvaes(base):
        raise SkillsError(
            f"The ablation {what} is of CLUE's rewards: this run learned by {base.policy.name} from "
            f"{base.reward.name if learner_of(base).reads_rewards else 'none'}.",
            "Of any run: skills ablate data",
            USAGE,
        )
    found = []
    for value in values or VALUES[what]:
        if value < 0 or (value == 0 and what in ("data", "temperature")) or (what == "data" and value > 100):
            raise SkillsError(f"{value:g} is no value for the ablation {what} ({WORDS[what]}).", exit_code=USAGE)
        found += _cases(what, base, steps, value)
    return found


def ablate(run: RunFolder, chosen: Sequence[Case], what: str, reporter: Reporter, notify: Notify) -> dict[str, Any]:
    """Trains and measures every case; writes `RUN/evaluation/ablation-WHAT.json` and returns that document.

    What was trained and played before is taken as it is. The caller holds `run.writing()`.
    """
    run.require_skills("An ablation")
    run.require("experts", "rewards", "policy")
    base = Contest(run, reporter, notify)
    rows = []
    for case in chosen:
        folder = run.method(f"ablation-{what}/{case.name}").path
        made = variants.variant(run, folder, case.config, steps=case.config.data.steps)
        with made.writing():
            discover(made, source=run.source, reporter=named(case.name, reporter), notify=unsaid, last="policy")
        measures = _measures(made, base, reporter, notify)
        rows.append({"case": case.name, "value": case.value, "measures": measures})
    document = {
        "schema_version": SCHEMA_VERSION,
        "run": run.path.resolve().name,
        "ablation": what,
        "varies": WORDS[what],
        "cases": rows,
    }
    write_json(run.evaluation_file(f"ablation-{what}.json"), document)
    return document


def _cases(what: str, base: Config, steps: int, value: float) -> list[Case]:
    if what == "temperature":
        return [Case(f"c-{value:g}", value, with_settings(base, {"reward.temperature": float(value)}))]
    if what == "data":
        part = replace(base.data, steps=round(steps * value / 100))
        return [Case(f"{value:g}-percent", value, replace(base, data=part))]
    whole = replace(base, data=replace(base.data, steps=steps))
    changed = with_settings(whole, {"reward.calibration": float(value)})
    return [
        Case(f"lambda-{value:g}-{way}", value, with_settings(changed, {"reward.distance": way}))
        for way in ("sample", "expected")
    ]


def _measures(made: RunFolder, base: Contest, reporter: Reporter, notify: Notify) -> dict[str, Any]:
    """How the rewards rank their classes, and the measures of the skills."""
    contest = Contest(made, named(made.path.name, reporter), notify)
    contest.share(base)
    groups = as_groups(numbers_of(OWN, [contest], made.method(OWN), named(made.path.name, reporter)), contest.measures)
    return {"reward_auc": _ranking(made, contest, reporter), **groups}


def _ranking(made: RunFolder, contest: Contest, reporter: Reporter) -> dict[str, Any]:
    if not learner_of(made.config).reads_rewards:
        return {"median": asdict(Interval(None, None, None)), "lowest": None}
    rewards = Rewards.open(made.rewards_folder, made.manifest["dataset"]["steps"])
    aucs = reward_aucs(contest.classes, rewards, named(made.path.name, reporter))
    median = resampled(lambda values: float(np.median(values)), (aucs,), np.random.default_rng(SEED))
    return {"median": asdict(median), "lowest": float(aucs.min())}
