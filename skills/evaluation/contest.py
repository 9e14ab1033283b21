"""A contest: one discovery and everything that it is measured against, played from the same starts, on one judge."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skills import storage
from skills.choices import Unit
from skills.data.transitions import Transitions
from skills.discovery import discover, read_data
from skills.errors import SkillsError
from skills.evaluation import variants
from skills.evaluation.replay import Replay
from skills.files import MAKE_AGAIN, read_arrays, read_json, sha256, write_arrays, write_json
from skills.learning.classes import Classes
from skills.learning.policy import Policy
from skills.measures import intervals, judged
from skills.measures.intervals import SEED, Statistic
from skills.measures.judge import Judge, Played
from skills.measures.truth import inferred, truth
from skills.playing.protocol import Protocol, protocol_of
from skills.playing.rollout import Actor, actor_of
from skills.playing.trials import Trials, play_trials
from skills.progress import Notify, Reporter, unsaid
from skills.runs.folder import RunFolder
from skills.runs.layout import MethodFolder
from skills.runs.reading import read_further
from skills.troubles import reading

OWN = "own"
VERSION = 4  # of the measures; another one measures anew

LAST = "policy"  # the stage that they are trained to
TRAINED = tuple(name for name in variants.NAMES if name not in variants.UNTRAINED)
_HELD_ROWS = 200_000  # at most, for the judge
_FEWEST_HELD = 0.1  # of the rows of discovery; with fewer the judge takes every second episode of discovery instead

Numbers = dict[str, NDArray[np.float64]]  # name -> [1 + draws]: the point estimate, then the draws


class Contest:
    """One discovery and everything that it is measured against, on one judge."""

    def __init__(
        self,
        run: RunFolder,
        reporter: Reporter,
        notify: Notify,
        unit: Unit = "seconds",
        trials: int = Protocol.trials,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        """unit: what of the protocol is the same for all bodies.   trials: of each skill.

        settings: of measures, by dotted name, where not as usual.
        """
        self.run = run
        self.measures = judged.measures(settings)
        self._unit: Unit = unit
        self._count = trials
        self._reporter = reporter
        self._notify = notify
        self.classes = Classes.load(run.experts_file)

    @cached_property
    def discovery(self) -> Transitions:
        return read_data(self.run, "auto", self._reporter, unsaid)

    @cached_property
    def _held(self) -> tuple[Transitions, bool]:
        return held_out(self.run, self.discovery, self._reporter, self._notify)

    @cached_property
    def protocol(self) -> Protocol:
        return protocol_of(self.discovery.env_id, self._unit, self._count)

    @cached_property
    def judge(self) -> Judge:
        seed = self.run.config.seed
        return Judge(self.discovery, self._held[0], self.classes, self.protocol, seed, self._reporter)

    @cached_property
    def statistic(self) -> Callable[[Trials], Statistic]:
        """Any method's trials -> every number, by the choice of trials."""
        return judged.prepare(self.measures, self.judge)

    def share(self, other: "Contest") -> None:
        """Takes over what would be the same: of the same data the rows, of the same classes of them the judge."""
        if self.run.manifest["dataset"]["digest"] != other.run.manifest["dataset"]["digest"]:
            return
        self.discovery, self._held = other.discovery, other._held
        same_seed = self.run.config.seed == other.run.config.seed
        if same_seed and sha256(self.run.experts_file) == sha256(other.run.experts_file):
            self.judge, self.measures, self.statistic = other.judge, other.measures, other.statistic

    @cached_property
    def judged_by(self) -> list[Any]:
        """What the judge follows from; that of other rows, such as a dataset that has grown, measures otherwise."""
        held, independent = self._held
        rows = [self.discovery.digest, self.discovery.rewards_digest, held.digest, independent]
        return [*rows, sha256(self.run.experts_file), self.run.config.seed]

    @property
    def judge_is_independent(self) -> bool:
        return self._held[1]

    def trials(self, name: str) -> Path:
        """The file of a method's trials, played now unless they are there and of the same policy and classes."""
        kept = self.run.method(name)
        made = self._trained(name) if name in TRAINED else self.run
        stages = made.manifest["stages"]
        origin = {stage: stages[stage]["files"] for stage in ("experts", "policy")}
        origin |= {"protocol": asdict(self.protocol), "version": VERSION}
        path, note = kept.trials_file, kept.trials_note
        if not (path.is_file() and note.is_file() and read_json(note) == origin):
            storage.remove(note)
            self._play(name, made).save(path)
            write_json(note, origin)
        return path

    def of_skills(self) -> dict[str, NDArray[np.float64]]:
        """[K] of the run's own skills, by name: what measures say of each."""
        played = Played(Trials.load(self.trials(OWN)), self.judge)
        return {name: values for one in self.measures for name, values in one.of_skills(played).items()}

    def truth(self, behaviours: NDArray[np.integer]) -> dict[str, Any]:
        """The ground truth's numbers."""
        known = truth(self.judge, self.discovery, behaviours, Trials.load(self.trials(OWN)))
        return known | {"inferred": asdict(inferred(self.discovery, behaviours, self.run.config.seed))}

    def variant(self, name: str) -> RunFolder:
        """The run of a null or a baseline that is trained, as far as it has come."""
        return variants.variant(self.run, self.run.method(name).path, variants.config_of(name, self.run.config))

    def _trained(self, name: str) -> RunFolder:
        made = self.variant(name)
        with made.writing():
            discover(made, source=self.run.source, reporter=named(name, self._reporter), notify=unsaid, last=LAST)
        return made

    def _play(self, name: str, made: RunFolder) -> Trials:
        if name == "segments":
            return self.judge.segments
        actor: Actor = Replay(self.discovery, self.classes)
        if name != "replay":
            actor = actor_of(Policy.load(made.policy_folder), made.config.rollout.noise, made.config.seed)
        count, reporter = self.classes.count, named(name, self._reporter)
        return play_trials(actor, count, self.discovery, self.classes, self.protocol, reporter)


def numbers_of(name: str, contests: list[Contest], kept: MethodFolder, reporter: Reporter) -> Numbers:
    """Every number of a method with its draws, measured now unless nothing has changed since."""
    trials = [contest.trials(name) for contest in contests]
    made_from = [VERSION, intervals.DRAWS, asdict(contests[0].protocol), [sha256(path) for path in trials]]
    made_from.append([contest.judged_by for contest in contests])
    made_from.append({one.name: asdict(one) for one in contests[0].measures})
    key = hashlib.sha256(json.dumps(made_from).encode()).hexdigest()
    path = kept.numbers_file
    if path.is_file():
        with reading(path, MAKE_AGAIN):
            arrays = read_arrays(path)
            if str(arrays.pop("key")) == key:
                return arrays
    progress = reporter(f"measuring {name}", "parts")
    statistics, shape = [], (0, 0)
    for contest, file in zip(contests, trials, strict=True):
        loaded = Trials.load(file)
        statistics.append(contest.statistic(loaded))
        shape = loaded.shape
        progress(len(statistics), len(statistics) + len(contests))
    values = intervals.point(statistics, shape)
    draws = intervals.bootstrap(statistics, shape, np.random.default_rng(SEED), intervals.DRAWS)
    numbers = {number: np.concatenate([[value], draws[number]]) for number, value in values.items()}
    progress(1, 1)
    write_arrays(path, {**numbers, "key": np.array(key)})
    return numbers


def held_out(run: RunFolder, discovery: Transitions, reporter: Reporter, notify: Notify) -> tuple[Transitions, bool]:
    """Episodes for the judge, and whether discovery never saw them: those behind discovery's rows in the same dataset.

    Where there are too few, every second episode of discovery's own.
    """
    try:
        longer = read_further(run, min(len(discovery), _HELD_ROWS), reporter)
    except SkillsError as error:
        notify(f"No further data: {error.message}")
        longer = discovery
    behind = np.flatnonzero(longer.episode_starts >= len(discovery))
    if len(behind):
        held = longer.episodes(behind)
        if len(held) >= _FEWEST_HELD * len(discovery):
            return held, True
    notify("The dataset has no rows that discovery did not see: the judge learns from every second episode of them.")
    return discovery.episodes(np.arange(0, len(discovery.episode_starts), 2)), False


def named(name: str, reporter: Reporter) -> Reporter:
    return reporter if name == OWN else lambda task, unit: reporter(f"{name}: {task}", unit)
