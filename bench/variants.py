"""Policies of other settings learned from one run's rewards: what the benchmarks of trunks and of presets share.

An interrupted benchmark continues: each policy is a folder with its checkpoints, its time and its trials.
"""

import argparse
import itertools
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import bootstrap
from timing import clock, parser_of

from skills.evaluation.contest import Contest
from skills.files import read_json, write_json
from skills.learning.learners import Learner
from skills.learning.matrix import Rewards
from skills.learning.policy import Policy
from skills.measures.judge import Played
from skills.measures.judged.fidelity import Fidelity, ranks
from skills.measures.judged.occupancy import own_class_shares
from skills.playing.rollout import Actor
from skills.playing.trials import Trials, play_trials
from skills.plugins import LEARNERS
from skills.progress import Progress, silent_reporter
from skills.runs.configure import make_config
from skills.runs.folder import open_run

SEED = 1


def parser_of_variants(about: str | None) -> argparse.ArgumentParser:
    """The command line: the runs, and where the policies that are learned from their rewards are kept."""
    parser = parser_of(about)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--into", type=Path, default=Path(__file__).parent / "runs")
    return parser


class Base:
    """A finished run, whose classes, rewards and judge serve every variant. Its folder is only read."""

    def __init__(self, path: Path, folder: Path) -> None:
        """folder: where the variants are kept."""
        self.run = open_run(path)
        self.run.require("measures")
        self.folder = folder / path.resolve().name
        self.contest = Contest(self.run, silent_reporter, print)
        self.rewards = Rewards.open(self.run.rewards_folder, len(self.contest.discovery))

    @property
    def count(self) -> int:
        """K."""
        return self.run.config.skills

    def at_percentiles(self, percentiles: tuple[int, ...]) -> np.ndarray:
        """The skills at these percentiles of the run's own-class occupancy over base."""
        ratios = [skill["occupancy_ratio"] for skill in read_json(self.run.measures_file)["skills"]]
        places = np.array(percentiles) / 100.0 * (len(ratios) - 1)
        return np.asarray(np.argsort(ratios, kind="stable")[places.round().astype(int)])

    def learned(
        self, name: str, settings: dict[str, Any], skills: np.ndarray | None = None, kind: str = "iql"
    ) -> tuple[Trials, float]:
        """The trials of all skills of a policy with other settings, and the minutes that it learned for.

        kind: the learner, with the run's own settings, or with the preset's where the run has another.
        skills: learns from these columns of the reward matrix alone; all others then are random segments of the data.
        """
        folder = self.folder / re.sub(r"[^\w.-]+", "-", name)
        learner = self.learner(kind, settings)
        note = folder / "minutes.json"
        if not note.is_file():
            write_json(note, {"minutes": self._train(learner, skills, folder)})
        trials, protocol = folder / "trials.npz", asdict(self.contest.protocol)
        if not trials.is_file() or read_json(folder / "trials.json") != protocol:
            self._play(Policy.load(folder), skills).save(trials)
            write_json(folder / "trials.json", protocol)
        return Trials.load(trials), read_json(note)["minutes"]

    def learner(self, kind: str, settings: dict[str, Any]) -> Learner:
        """The learner of that name, with some settings changed."""
        config, plugin = self.run.config, LEARNERS.load(kind)
        own = config.policy
        if own.name != kind:  # cloning is no way to discover skills: no preset speaks of it
            usual = config.mode in plugin.modes
            own = make_config(config.dataset, preset=config.preset, learner=kind).policy if usual else plugin()
        assert isinstance(own, Learner), "what the registry gives"
        return replace(own, **settings)

    def _train(self, learner: Learner, skills: np.ndarray | None, folder: Path) -> float:
        rewards, parts = self.rewards, []
        if skills is not None:
            rewards = Rewards(np.ascontiguousarray(rewards.labels[:, skills]), rewards.scale[skills])

        def reporter(task: str, unit: str) -> Progress:
            marks = [(0, clock())]
            parts.append(marks)
            return lambda done, total: marks.append((done, clock()))

        folder.mkdir(parents=True, exist_ok=True)
        learner.train(
            self.contest.discovery, self.contest.classes, rewards, torch.device("cpu"),
            torch.Generator().manual_seed(SEED), folder, reporter,
        )  # fmt: skip
        (folder / learner.checkpoint).unlink(missing_ok=True)
        return sum(map(_seconds, parts)) / 60.0

    def _play(self, actor: Actor, skills: np.ndarray | None) -> Trials:
        discovery, classes = self.contest.discovery, self.contest.classes
        count = self.count if skills is None else len(skills)
        protocol = self.contest.protocol
        played = play_trials(actor, count, discovery, classes, protocol, silent_reporter, horizon=protocol.steps)
        if skills is None:
            return played
        whole = {name: array.copy() for name, array in vars(self.contest.judge.segments).items()}
        for name, array in vars(played).items():
            whole[name][skills] = array
        return Trials(**whole)

    def by_skill(self, trials: Trials) -> dict[str, np.ndarray]:
        """[K] of each skill: `occupancy` over base, and how often the judge has its class first and among five."""
        judge = self.contest.judge
        rank = ranks(Played(trials, judge).log_probabilities)
        shares = own_class_shares(trials.classes, trials.lengths).mean(axis=1)
        return {
            "occupancy": shares / judge.support,
            "top1": (rank == 0).mean(axis=1),
            "top5": (rank < Fidelity.top).mean(axis=1),
        }


def _seconds(marks: list[tuple[int, float]]) -> float:
    """Of all steps of a part of a training, of which some may have run earlier: at the usual rate of what ran now."""
    rates = [(after - before) / (done - was) for (was, before), (done, after) in itertools.pairwise(marks[1:])]
    return float(np.median(rates)) * marks[-1][0] if rates else 0.0


def mean_with_interval(values: np.ndarray) -> str:
    """ "0.21 [0.10, 0.34]": the mean over skills and its 95 % bootstrap interval."""
    if np.ptp(values) == 0:
        return f"{values.mean():.2f} (all alike)"
    interval = bootstrap((values,), np.mean, method="percentile", rng=np.random.default_rng(1)).confidence_interval
    return f"{values.mean():.2f} [{interval.low:.2f}, {interval.high:.2f}]"
