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
from skills.data import catalog, sources
from skills.data.transitions import Transitions
from skills.plugins import SOURCES
from skills.progress import Notify, Reporter
from skills.runs import demonstrations
from skills.runs.demonstrations import Expert
from skills.runs.folder import RunFolder


@dataclass(frozen=True)
class Data:
    """own: the run's dataset.   expert: None in skills mode, where there are many.   mode: the run's."""

    own: Transitions
    expert: Expert | None
    mode: str

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
    own = _read_dataset(run, source, reporter, notify)
    return Data(own, _read_expert(run, own, reporter, notify), run.config.mode)


def _read_dataset(run: RunFolder, source: str, reporter: Reporter, notify: Notify) -> Transitions:
    """The dataset of a run. In imitation mode its rewards stay unread, unless they are what is learned from."""
    data = run.config.data
    known = run.manifest.get("dataset")  # a set that has grown since the run began still begins the same
    source = source if known is None or source != "auto" else source_of(known)
    with_rewards = run.config.mode != "imitation" or run.config.reward.name == "true"
    transitions = sources.load(
        run.config.dataset,
        source=source,
        steps=known["steps"] if known else data.steps,
        columns=data.columns,
        rewards=with_rewards,
        progress=reporter("reading data", "steps"),
        notify=notify,
        env=data.env,
    )
    body_of(transitions.env_id)  # refuses here, before hours of training, what could not be played afterwards
    run.record_dataset(
        {
            "name": transitions.name,
            "minari_id": transitions.minari_id,
            "env_id": transitions.env_id,
            "made_here": transitions.made_here,
            **_origin(run.config.dataset, source),
            "steps": len(transitions),
            "episodes": len(transitions.episode_starts),
            "return_mean": float(transitions.returns.mean()) if with_rewards else None,
            "digest": transitions.digest,
        }
    )
    return transitions


def _read_expert(run: RunFolder, own: Transitions, reporter: Reporter, notify: Notify) -> Expert | None:
    """The expert of a run on this dataset, noted in its manifest; None in skills mode, where there are many.

    Raises: SkillsError where it is not what the run began with, or there is none.
    """
    config = run.config
    if config.mode == "skills":
        return None
    if config.mode == "sparse":
        expert = demonstrations.successes(own, config.experts, config.seed)
    else:
        known = run.manifest.get("expert")
        progress = reporter("reading the expert", "steps")
        expert = demonstrations.load(config, own, known and known["steps_read"], progress, notify)
    if "expert" not in run.manifest:
        notify(expert.words)
    run.record_dataset(expert.record(), "expert")
    return expert


def source_of(dataset: Mapping[str, Any]) -> str:
    """Where the data of a run came from, so that `auto` finds the same when it continues.

    Raises: SkillsError where that source is not installed.
    """
    if "source" in dataset:
        SOURCES.require(dataset["source"], dataset["package"])
        return str(dataset["source"])
    return "embedded" if dataset["made_here"] else "local"


def _origin(name: str, asked: str) -> dict[str, str]:
    """What a run notes of a source that another package adds."""
    source = sources.choose(catalog.resolve(name), asked)
    package = SOURCES.package(source)
    return {"source": source, "package": package} if package else {}
