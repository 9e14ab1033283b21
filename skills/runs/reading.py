"""Reads what a run learns from, and notes it in the run's manifest.

Letters: N transitions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skills.bodies.body import body_of
from skills.data.transitions import Transitions
from skills.errors import USAGE, SkillsError
from skills.learning.learners import learner_of
from skills.progress import Notify, Reporter
from skills.runs import began, demonstrations
from skills.runs.demonstrations import Expert
from skills.runs.folder import RunFolder, check_same
from skills.settings.config import Config


def require_rewards(run: RunFolder) -> None:
    """Raises: SkillsError where a run's rewards are not made yet, or (usage) where its learner reads none."""
    if not learner_of(run.config).reads_rewards:
        raise SkillsError(
            f"{run.path} has no rewards: {run.config.policy.name} learns from none.",
            "Discover with a learner that reads them, such as --learner reach.",
            USAGE,
        )
    run.require("rewards")


@dataclass(frozen=True)
class Data:
    """own: the run's dataset.   expert: None in skills mode, where there are many.   mode: the run's.

    notes: what the run's manifest is to say of them.
    """

    own: Transitions
    expert: Expert | None
    mode: str
    notes: Mapping[str, Mapping[str, Any]]

    @cached_property
    def transitions(self) -> Transitions:
        """What is learned from, [N]: the dataset, and in imitation mode the demonstrations behind it."""
        if self.expert is None or self.mode != "imitation":
            return self.own
        return demonstrations.joined(self.own, self.expert.chosen)

    @property
    def expert_rows(self) -> NDArray[np.int64]:
        """The expert's rows of `transitions`."""
        if self.expert is None:
            return np.zeros(0, np.int64)
        return self.expert.rows if self.mode == "sparse" else np.arange(len(self.own), len(self.transitions))


def read(run: RunFolder, source: str, reporter: Reporter, notify: Notify) -> Data:
    """The data of a run.

    Raises: SkillsError where they are not what the run began with, or could not be played afterwards; where the expert
    does not fit or there is none.
    """
    data = look(run.config, run.manifest, source, reporter, notify)
    note(run, data)
    return data


def note(run: RunFolder, data: Data) -> None:
    """Notes in a run's manifest what it learns from. Raises: SkillsError where it has learned from other data."""
    for kind, said in data.notes.items():
        run.record_dataset(said, kind)


def look(config: Config, manifest: Mapping[str, Any], source: str, reporter: Reporter, notify: Notify) -> Data:
    """The data of a run that there is, or is to be.   manifest: as far as there is one.

    Raises: SkillsError as `read` does.
    """
    own, said = _own(config, manifest, source, reporter, notify)
    expert = _expert(config, manifest, own, reporter, notify)
    notes = {"dataset": said}
    if expert is not None:
        notes["expert"] = expert.record(config.experts.expert or config.dataset)
        if "expert" not in manifest:
            notify(expert.words)
    return Data(own, expert, config.mode, notes)


def read_own(
    run: RunFolder, source: str, reporter: Reporter, notify: Notify, *, rewards: bool | None = None
) -> Transitions:
    """The dataset of a run.

    rewards: whether they are read; None: not in imitation mode, unless they are what is learned from.
    Raises: SkillsError where it is not what the run began with, or could not be played afterwards.
    """
    own, said = _own(run.config, run.manifest, source, reporter, notify, rewards)
    run.record_dataset(said)
    return own


def _own(
    config: Config,
    manifest: Mapping[str, Any],
    source: str,
    reporter: Reporter,
    notify: Notify,
    rewards: bool | None = None,
) -> tuple[Transitions, dict[str, Any]]:
    """The dataset and what the manifest is to say of it, as `read_own` reads it."""
    whole = manifest.get("part_of")
    known = manifest.get("dataset") or whole  # a set that has grown since the run began still begins the same
    with_rewards = config.mode != "imitation" or config.reward.name == "true" if rewards is None else rewards
    transitions = began.load(
        config.dataset,
        known,
        source,
        steps=known["steps"] if known else config.data.steps,
        columns=config.data.columns,
        rewards=with_rewards,
        progress=reporter("reading data", "steps"),
        notify=notify,
        env=config.data.env,
    )
    if whole is not None and "dataset" not in manifest:
        check_same(began.record(transitions, config.dataset, source, with_rewards=with_rewards), whole)
        transitions = transitions.first(int(config.data.steps or len(transitions)))
    body_of(transitions.env_id)  # refuses here, before hours of training, what could not be played afterwards
    return transitions, began.record(transitions, config.dataset, source, with_rewards=with_rewards)


def read_further(run: RunFolder, rows: int, reporter: Reporter) -> Transitions:
    """The dataset of a run with as many rows behind it as there are, at most `rows`, in the set that it began with.

    Raises: SkillsError where the set cannot be read, or does not begin with the run's rows any more.
    """
    known = run.manifest["dataset"]
    found = began.load(
        run.config.dataset,
        known,
        steps=known["steps"] + rows,
        columns=run.config.data.columns,
        progress=reporter("reading held-out data", "steps"),
        env=run.config.data.env,
    )
    check_same(began.record(found.first(known["steps"]), run.config.dataset, "auto", with_rewards=True), known)
    return found


def _expert(
    config: Config, manifest: Mapping[str, Any], own: Transitions, reporter: Reporter, notify: Notify
) -> Expert | None:
    """The expert of a run on this dataset; None in skills mode, where there are many.

    Raises: SkillsError where there is none.
    """
    if config.mode == "skills":
        return None
    if config.mode == "sparse":
        return demonstrations.successes(own, config.experts, config.seed)
    return demonstrations.load(config, own, manifest.get("expert"), reporter("reading the expert", "steps"), notify)
