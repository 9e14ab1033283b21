"""What a run's skills are measured against: each a setting of the same pipeline, or a player that needs no training."""

import shutil
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

from skills.errors import USAGE, SkillsError, nearest
from skills.files import replacing
from skills.learning.learners import learner_of
from skills.learning.learners.bc import Bc
from skills.learning.learners.clone import Clone
from skills.learning.rewards.clue import Clue
from skills.plugins import Plugin
from skills.runs.folder import RunFolder, open_or_create, open_run
from skills.settings.change import with_settings
from skills.settings.config import Config

NULLS = ("shuffled", "clone", "segments")
BASELINES = ("bc_per_class", "uncalibrated", "replay")
NAMES = (*NULLS, *BASELINES)
UNTRAINED = ("segments", "replay")

# What each is, for tables and help.
WORDS = {
    "shuffled": "class labels dealt out at random",
    "clone": "one noisy behaviour clone for every skill",
    "segments": "random segments of the data",
    "bc_per_class": "behaviour cloning of each class",
    "uncalibrated": "the CVAE without calibration (lambda = 0)",
    "replay": "the action of the nearest transition of the class",
}


def choose(names: str) -> tuple[str, ...]:
    """The variants of a comma-separated list, in the usual order; "none" for none, "all" for all.

    Raises: SkillsError (usage) for an unknown name.
    """
    asked = [name.strip() for name in names.split(",") if name.strip()]
    if asked in (["all"], ["none"]):
        return NAMES if asked == ["all"] else ()
    for name in asked:
        if name not in NAMES:
            raise SkillsError(f"Unknown null or baseline {name!r}.", nearest(name, [*NAMES, "all", "none"]), USAGE)
    return tuple(name for name in NAMES if name in asked)


def has_cvaes(config: Config) -> bool:
    """Whether a run learns from CLUE's models: what can be calibrated, or not."""
    return isinstance(config.reward, Clue) and learner_of(config).reads_rewards


def those_of(names: Sequence[str], config: Config) -> tuple[str, ...]:
    """Those that a run can be held against: without CVAEs it would be itself that is "uncalibrated"."""
    return tuple(name for name in names if name != "uncalibrated" or has_cvaes(config))


def config_of(name: str, base: Config) -> Config:
    """The run's configuration with what makes it the variant."""
    if name == "clone":
        return replace(base, policy=_cloning(Clone, base.policy), rollout=replace(base.rollout, noise=True))
    if name == "bc_per_class":
        return replace(base, policy=_cloning(Bc, base.policy))
    changes = {"reward.calibration": 0.0} if name == "uncalibrated" else {"experts.labels": "shuffled"}
    return with_settings(base, changes)


def _cloning(learner: type[Bc], policy: Plugin) -> Bc:
    """A learner that clones, with those of a policy's settings that it has."""
    known = {one.name for one in fields(learner)}
    return learner(**{one.name: getattr(policy, one.name) for one in fields(policy) if one.name in known})


def variant(base: RunFolder, folder: Path, config: Config, steps: int | None = None) -> RunFolder:
    """The run of a variant, inside its base's folder; begins with the stages that its base or another variant of that
    has in common with it.

    It learns from the rows that the base learned from, whatever the dataset's name stands for by now.
    steps: from how many of them, the first ones; None: all.
    Raises: SkillsError where the folder holds a variant of other settings, or of other data.
    """
    manifest = base.manifest
    data = manifest["dataset"]  # what it has grown by since is left out
    steps = steps or data["steps"]
    run = open_or_create(folder, replace(config, data=replace(config.data, steps=steps)))
    run.record_dataset(data, "dataset" if steps == data["steps"] else "part_of")
    if "expert" in manifest:
        run.record_dataset(manifest["expert"], "expert")
    beside = [open_run(path) for path in base.inner_runs()]
    for other in (base, *(other for other in beside if other.path != run.path)):
        _begin_with(run, other)
    return run


def _begin_with(run: RunFolder, other: RunFolder) -> None:
    """Takes the finished stages of another run, as far as both have the same settings and learn from the same rows."""
    ours, theirs = run.config, other.config
    if (ours.skills, ours.seeds, ours.seed) != (theirs.skills, theirs.seeds, theirs.seed):
        return
    if not _same_rows(run, other):
        return
    run.record_dataset(other.manifest["dataset"])
    # The stage of rewards is empty where the learner reads none.
    same_kind = learner_of(ours).reads_rewards == learner_of(theirs).reads_rewards
    for stage, settings in (("experts", "experts"), ("rewards", "reward"), ("policy", "policy")):
        if getattr(ours, settings) != getattr(theirs, settings) or (stage == "rewards" and not same_kind):
            return
        if stage in run.finished_stages():
            continue
        if not other.is_done(stage):
            return
        _copy_stage(other, run, stage)


def _same_rows(run: RunFolder, other: RunFolder) -> bool:
    """Whether another run has learned from the rows that a variant is to learn from."""
    ours, theirs = run.manifest, other.manifest
    if "dataset" not in theirs:
        return False
    if "dataset" in ours:
        return bool(ours["dataset"]["digest"] == theirs["dataset"]["digest"])
    same_whole = ours["part_of"]["digest"] == theirs.get("part_of", {}).get("digest")
    return bool(same_whole and run.config.data.steps == theirs["dataset"]["steps"])


def _copy_stage(base: RunFolder, run: RunFolder, stage: str) -> None:
    names = list(base.manifest["stages"][stage]["files"])
    with run.stage(stage, [run.path / name for name in names]):
        for name in names:
            with replacing(run.path / name) as temporary:
                shutil.copyfile(base.path / name, temporary)
