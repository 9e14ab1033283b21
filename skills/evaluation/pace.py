"""How fast a learner is here, and so how long it may learn for: every method the same minutes.

What comes before it (classes, rewards) counts; the learner gets what is left. It is tried for a few updates, and the
seconds of one say how many there are time for. Where it has parts, all grow alike.

A minute is one of a processor's core, on however many cores it was: a machine that does other things beside gives the
same. On a GPU it is one on the wall.
"""

import itertools
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from skills.data.transitions import Transitions
from skills.discovery import discover
from skills.errors import SkillsError
from skills.learning.classes import Classes
from skills.learning.learners import Learner, learner_of
from skills.learning.matrix import Rewards
from skills.progress import Notify, Progress, Reporter
from skills.runs.folder import RunFolder
from skills.runs.reading import read
from skills.settings.config import Config

_LENGTHS = ("value_steps", "common_steps", "steps")  # settings of learners, in the order in which they learn
_TRIED = 60  # updates
_LEAST = 2  # reports, between which there is a time


@dataclass(frozen=True)
class Allowance:
    """prepared: seconds that classes and rewards took.   updates: {setting: how many there are time for}."""

    prepared: float
    updates: dict[str, int]


class Watch:
    """A reporter that notes when it was told of updates, and passes all on.   loops: each one's (update, second)."""

    def __init__(self, reporter: Reporter, clock: Callable[[], float]) -> None:
        self._reporter, self._clock = reporter, clock
        self.loops: list[list[tuple[int, float]]] = []

    def __call__(self, task: str, unit: str) -> Progress:
        told = self._reporter(task, unit)
        if unit != "steps":
            return told
        marks: list[tuple[int, float]] = []
        self.loops.append(marks)

        def progress(done: int, total: int) -> None:
            marks.append((done, self._clock()))
            told(done, total)

        return progress

    def seconds(self, config: Config) -> list[float]:
        """Of an update of each part of a learner: the median between two reports. What was read before is none."""
        return [_median(marks) for marks in self.loops[-len(lengths(config)) :]]


def _median(marks: list[tuple[int, float]]) -> float:
    if len(marks) < _LEAST:
        return 0.0
    pairs = itertools.pairwise(marks)
    return float(np.median([(after - before) / (done - was) for (was, before), (done, after) in pairs]))


def lengths(config: Config) -> dict[str, int]:
    """How many updates a learner makes, by setting."""
    return {name: getattr(config.policy, name) for name in _LENGTHS if hasattr(config.policy, name)}


def find(run: RunFolder, minutes: float, reporter: Reporter, notify: Notify) -> Allowance:
    """The pace of a run that is brought to its rewards. The caller holds `run.writing()`.

    Raises: SkillsError where classes and rewards have taken all of the minutes.
    """
    data, clock = read(run, "auto", reporter, notify), clock_of(run.config)
    prepared = 0.0
    for name in ("experts", "rewards"):
        before, began = run.is_done(name), clock()
        discover(run, source="auto", reporter=reporter, notify=notify, last=name, data=data)
        # Of what was done before it was interrupted there is no more than the time on the wall.
        prepared += run.manifest["stages"][name]["seconds"] if before else clock() - began
    left = 60.0 * minutes - prepared
    if left <= 0:
        raise SkillsError(
            f"Classes and rewards took {prepared / 60.0:.1f} of {minutes:g} minutes: none are left to learn in.",
            "Give more with --minutes.",
        )
    usual = lengths(run.config)
    seconds = _tried(run, data.transitions, reporter)
    whole = sum(each * count for each, count in zip(seconds, usual.values(), strict=True))
    factor = left / max(whole, 1e-9)
    return Allowance(prepared, {name: max(1, round(factor * count)) for name, count in usual.items()})


def clock_of(config: Config) -> Callable[[], float]:
    """What gives the seconds that count."""
    return time.process_time if config.device == "cpu" else time.perf_counter


def _tried(run: RunFolder, transitions: Transitions, reporter: Reporter) -> list[float]:
    """Seconds of an update of each part of the run's learner."""
    config = run.config
    learner = learner_of(config)
    short: Any = replace(learner, **dict.fromkeys(lengths(config), _TRIED))
    assert isinstance(short, Learner), "the same, with fewer updates"
    rewards = Rewards.open(run.rewards_folder, len(transitions)) if learner.reads_rewards else None
    watch = Watch(reporter, clock_of(config))
    with tempfile.TemporaryDirectory(dir=run.path) as folder:
        short.train(
            transitions,
            Classes.load(run.experts_file),
            rewards,
            torch.device(config.device),
            torch.Generator().manual_seed(config.seed),
            Path(folder),
            watch,
        )
    return watch.seconds(config)
