"""The evaluation of a run: its skills, the nulls and the baselines, played and measured alike.

RUN/evaluation/
  own/               trials.npz, numbers.npz (the point estimate and the draws of each number)
  shuffled/ ...      a variant: config.json, manifest.json and its stages up to the policy, trials.npz, numbers.npz
  seed-2/            the same discovery with another seed (a run), with its own evaluation/ for its variants
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skills import sources, variants
from skills.dataset import Transitions
from skills.errors import USAGE, SkillsError
from skills.experts import Classes
from skills.files import read_arrays, read_json, sha256, write_arrays, write_json
from skills.measures import intervals
from skills.measures.intervals import Interval
from skills.measures.judge import Judge
from skills.pipeline import Notify, discover, read_data, source_of
from skills.policy import Policy
from skills.progress import Reporter
from skills.replay import Replay
from skills.rollout import Actor, actor_of
from skills.run import Run
from skills.trials import STEPS, TRIALS, Trials, play_trials

OWN = "own"
_VERSION = 2  # of the measures; another one measures anew
_HELD_ROWS = 200_000  # at most, for the judge
_FEWEST_HELD = 0.1  # of the rows of discovery; with fewer the judge takes every second episode of discovery instead
_SEED = 20231108

# What a number can be; all others are 0 or more.
_HIGHEST = {"fidelity.top1": 1.0, "fidelity.top5": 1.0, "coverage.recall": 1.0, "coverage.precision": 1.0}
_HIGHEST |= {"quality.survival": 1.0}
_TRAINED = tuple(name for name in variants.NAMES if name not in variants.UNTRAINED)
_SIGNED = ("quality.best", "quality.iqm", "transfer.")

Numbers = dict[str, NDArray[np.float64]]  # name -> [1 + draws]: the point estimate, then the draws


def evaluate(
    run: Run,
    *,
    against: Sequence[str],
    seeds: int = 1,
    behaviours: NDArray[np.integer] | None = None,
    reporter: Reporter,
    notify: Notify,
) -> dict[str, Any]:
    """Measures a finished run against nulls and baselines, writes it all to `measures.json` and returns that document.

    What was played and trained before is taken as it is. The caller holds `run.writing()`.

    against: names of `skills.variants.NAMES`.   seeds: discovery seeds that the intervals are over, 1 or more.
    behaviours: [N] which behaviour made each row of the data, where that is known: adds the ground truth.
    """
    run.require("measures")
    if seeds < 1:
        raise SkillsError(f"--seeds {seeds} is too small.", "It must be 1 or more.", USAGE)
    contests = [_Contest(seeded, reporter, notify) for seeded in _seeded(run, seeds, reporter, notify)]
    found = {name: _numbers(name, contests, run.path / "evaluation" / name, reporter) for name in (OWN, *against)}
    document = read_json(run.measures_file)
    known = document.get("nulls", {}) | document.get("baselines", {}) if _is_same(document, contests[0], seeds) else {}
    groups = known | {name: as_groups(numbers) for name, numbers in found.items()}
    document |= {
        "run": run.path.resolve().name,
        "protocol": _protocol(contests[0], seeds),
        "measures": _with_constants(groups[OWN], contests[0]),
        "nulls": {name: groups[name] for name in variants.NULLS if name in groups},
        "baselines": {name: groups[name] for name in variants.BASELINES if name in groups},
    }
    if behaviours is not None:
        document["truth"] = contests[0].truth(behaviours)
    for skill, fidelity in zip(document["skills"], contests[0].skill_fidelity(), strict=True):
        skill["fidelity"] = float(fidelity)
    with run.amending("measures"):
        write_json(run.measures_file, document)
    return dict(document)


def as_groups(numbers: Numbers) -> dict[str, Any]:
    """{"fidelity": {"top1": {"value", "low", "high"}, ...}, "effective_skills": {"value", ...}, ...}."""
    return _grouped({name: interval_of(name, values) for name, values in numbers.items()})


def differences(first: Numbers, other: Numbers) -> dict[str, Any]:
    """How another run's numbers differ from the first's, grouped likewise; the draws of two runs are independent."""
    shared = [name for name in first if name in other]
    return _grouped({name: intervals.interval(*_difference(first[name], other[name])) for name in shared})


def interval_of(name: str, values: NDArray[np.float64]) -> Interval:
    """The interval of a number from its point estimate and draws."""
    lowest = -np.inf if name.startswith(_SIGNED) else 0.0
    return intervals.interval(values[0], values[1:], lowest=lowest, highest=_HIGHEST.get(name, np.inf))


def _difference(first: NDArray[np.float64], other: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    return float(other[0] - first[0]), other[1:] - first[1:]


def _grouped(found: Mapping[str, Interval]) -> dict[str, Any]:
    groups: dict[str, Any] = {}
    for name, number in found.items():
        group, _, inner = name.partition(".")
        if inner == "value":
            groups[group] = asdict(number)
        else:
            groups.setdefault(group, {})[inner] = asdict(number)
    return groups


def read_numbers(run: Run) -> Numbers:
    """What `evaluate` found for a run's own skills. Raises: SkillsError with the command, where it has not been run."""
    path = run.path / "evaluation" / OWN / "numbers.npz"
    if not path.is_file():
        raise SkillsError(f"{run.path} has not been evaluated.", f"Do it: skills evaluate {run.path}")
    arrays = read_arrays(path)
    arrays.pop("key")
    return arrays


def held_out(run: Run, discovery: Transitions, reporter: Reporter, notify: Notify) -> tuple[Transitions, bool]:
    """Episodes for the judge, and whether discovery never saw them: those behind discovery's rows in the same dataset.

    Where there are too few, every second episode of discovery's own.
    """
    known = run.manifest["dataset"]
    steps = len(discovery) + min(len(discovery), _HELD_ROWS)
    data = run.config.data
    progress = reporter("reading held-out data", "steps")
    try:
        longer = sources.load(
            run.config.dataset, source=source_of(known), steps=steps, columns=data.columns, progress=progress
        )
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


class _Contest:
    """One discovery and everything that it is measured against, on one judge."""

    def __init__(self, run: Run, reporter: Reporter, notify: Notify) -> None:
        self.run = run
        self._reporter = reporter
        self._notify = notify
        self.classes = Classes.load(run.experts_file)

    @cached_property
    def discovery(self) -> Transitions:
        return read_data(self.run, "auto", self._reporter, lambda line: None)

    @cached_property
    def _held(self) -> tuple[Transitions, bool]:
        return held_out(self.run, self.discovery, self._reporter, self._notify)

    @cached_property
    def judge(self) -> Judge:
        return Judge(self.discovery, self._held[0], self.classes, self.run.config.seed, self._reporter)

    @property
    def judge_is_independent(self) -> bool:
        return self._held[1]

    def trials(self, name: str) -> Path:
        """The file of a method's trials, played now unless they are there and of the same policy and classes."""
        folder = self.run.path / "evaluation" / name
        made = self._trained(name, folder) if name in _TRAINED else self.run
        stages = made.manifest["stages"]
        origin = {stage: stages[stage]["files"] for stage in ("experts", "policy")}
        path, note = folder / "trials.npz", folder / "trials.json"
        if not (path.is_file() and note.is_file() and read_json(note) == origin):
            note.unlink(missing_ok=True)
            self._play(name, made).save(path)
            write_json(note, origin)
        return path

    def skill_fidelity(self) -> NDArray[np.float64]:
        """[K] of the run's own skills."""
        return self.judge.skill_fidelity(Trials.load(self.trials(OWN)))

    def truth(self, behaviours: NDArray[np.integer]) -> dict[str, Any]:
        """The ground truth's numbers."""
        return self.judge.truth(self.discovery, self.classes, behaviours, Trials.load(self.trials(OWN)))

    def _trained(self, name: str, folder: Path) -> Run:
        made = variants.variant(self.run, folder, variants.config_of(name, self.run.config))
        with made.writing():
            discover(made, source="auto", reporter=_named(name, self._reporter), notify=_silent, last="policy")
        return made

    def _play(self, name: str, made: Run) -> Trials:
        if name == "segments":
            return self.judge.segments
        actor: Actor = Replay(self.discovery, self.classes)
        if name != "replay":
            actor = actor_of(Policy.load(made.policy_folder), made.config.rollout.noise, made.config.seed)
        return play_trials(actor, self.classes.count, self.discovery, self.classes, _named(name, self._reporter))


def _seeded(run: Run, seeds: int, reporter: Reporter, notify: Notify) -> list[Run]:
    """The run and the same discovery with the seeds that follow its own, brought to a policy each."""
    found = [run]
    for seed in range(run.config.seed + 1, run.config.seed + seeds):
        folder = run.path / "evaluation" / f"seed-{seed}"
        other = variants.variant(run, folder, replace(run.config, seed=seed))
        with other.writing():
            discover(other, source="auto", reporter=_named(f"seed {seed}", reporter), notify=_silent, last="policy")
        found.append(other)
    return found


def _numbers(name: str, contests: list[_Contest], folder: Path, reporter: Reporter) -> Numbers:
    """Every number of a method with its draws, measured now unless nothing has changed since."""
    trials = [contest.trials(name) for contest in contests]
    made_from = [_VERSION, intervals.DRAWS, [sha256(path) for path in trials]]
    made_from.append([sha256(contest.run.experts_file) for contest in contests])
    key = hashlib.sha256(json.dumps(made_from).encode()).hexdigest()
    path = folder / "numbers.npz"
    if path.is_file():
        arrays = read_arrays(path)
        if str(arrays.pop("key")) == key:
            return arrays
    progress = reporter(f"measuring {name}", "parts")
    statistics, shape = [], (0, 0)
    for contest, file in zip(contests, trials, strict=True):
        loaded = Trials.load(file)
        statistics.append(contest.judge.statistic(loaded))
        shape = loaded.shape
        progress(len(statistics), len(statistics) + len(contests))
    values = intervals.point(statistics, shape)
    draws = intervals.bootstrap(statistics, shape, np.random.default_rng(_SEED))
    numbers = {number: np.concatenate([[value], draws[number]]) for number, value in values.items()}
    progress(1, 1)
    write_arrays(path, {**numbers, "key": np.array(key)})
    return numbers


def _with_constants(groups: dict[str, Any], contest: _Contest) -> dict[str, Any]:
    """Adds what the measures are read against: chance, and the data's own score."""
    chance = 1.0 / contest.classes.count
    groups["fidelity"]["chance"] = asdict(Interval(chance, chance, chance))
    groups["quality"]["data"] = asdict(_data_score(contest))
    return groups


def _data_score(contest: _Contest) -> Interval:
    """The mean normalised score of the dataset's episodes, bootstrapped over episodes."""
    scores = contest.judge.normalise(contest.discovery.returns)
    generator = np.random.default_rng(_SEED)
    draws = scores[generator.integers(0, len(scores), (intervals.DRAWS, len(scores)))].mean(axis=1)
    return intervals.interval(float(scores.mean()), draws)


def _protocol(contest: _Contest, seeds: int) -> dict[str, Any]:
    return {
        "version": _VERSION,
        "trials": TRIALS,
        "steps": STEPS,
        "seeds": seeds,
        "draws": intervals.DRAWS,
        "held_out": contest.judge_is_independent,
        "policy": contest.run.manifest["stages"]["policy"]["files"],
    }


def _is_same(document: Mapping[str, Any], contest: _Contest, seeds: int) -> bool:
    """Whether what the document says of nulls and baselines was found under this protocol."""
    return "protocol" in document and document["protocol"] == _protocol(contest, seeds)


def _named(name: str, reporter: Reporter) -> Reporter:
    return reporter if name == OWN else lambda task, unit: reporter(f"{name}: {task}", unit)


def _silent(line: str) -> None:
    """What a variant says of its own data, the base has said."""
