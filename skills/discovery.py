"""The stages of a run in order: dataset -> experts -> rewards -> policy -> rollouts -> measures."""

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from skills import storage
from skills.bodies.body import body_of
from skills.data.transitions import Transitions
from skills.files import write_json
from skills.fleet import Fleet, cores, told, work_off
from skills.learning.classes import Classes, cluster, one_expert
from skills.learning.engine.shares import PATTERN, Share, shares_of
from skills.learning.learners import learner_of
from skills.learning.matrix import Rewards
from skills.learning.policy import Policy
from skills.learning.rewards import maker_of
from skills.measures.expert import measure_expert
from skills.measures.overview import measure
from skills.measures.ranking import rank
from skills.playing.beginnings import Beginnings
from skills.playing.protocol import protocol_of
from skills.playing.rollout import Rollouts, play
from skills.playing.unplayed import UNPLAYED, of_data
from skills.progress import Notify, Reporter
from skills.runs import exemplars
from skills.runs.folder import STAGES, RunFolder, open_run
from skills.runs.reading import Data, read


def discover(
    run: RunFolder,
    *,
    source: str,
    reporter: Reporter,
    notify: Notify,
    last: str = STAGES[-1],
    data: Data | None = None,
    fleet: Fleet | None = None,
) -> None:
    """Brings a run to its end from wherever it stands. The caller holds `run.writing()`.

    A run whose data or settings are refused before anything is finished leaves nothing.

    source: where the data comes from, see `skills.data.sources.load`.   notify: gets a line for each decision taken.
    last: the stage to stop after.   data: what it learns from, where that has been read.
    fleet: whose processes do what can be shared out; the bytes are the same.
    """
    stages = _Stages(run, source, reporter, notify, data, fleet)
    wanted = STAGES[: STAGES.index(last) + 1]
    first = next((index for index, name in enumerate(wanted) if not run.is_done(name)), len(wanted))
    if 0 < first < len(wanted):
        notify(f"Continuing {run.path}: {', '.join(wanted[:first])} done.")
    try:
        for name in wanted[first:]:
            getattr(stages, name)()
    except Exception:  # an interrupt is no refusal
        run.withdraw()
        raise


def read_data(run: RunFolder, source: str, reporter: Reporter, notify: Notify) -> Transitions:
    """The transitions that a run learns from, see `skills.runs.reading`."""
    return read(run, source, reporter, notify).transitions


def make_share(path: str, source: str, stage: str, what: str, share: Share, reporter: Reporter, notify: Notify) -> None:
    """Does a share of a stage of a run, in whatever process, while another one writes that run."""
    stages = _Stages(open_run(Path(path)), source, reporter, notify)
    getattr(stages, f"share_of_{stage}")(what, share)


class _Stages:
    """Each stage reads what the earlier ones wrote into the run folder, and writes its own files there."""

    def __init__(
        self,
        run: RunFolder,
        source: str,
        reporter: Reporter,
        notify: Notify,
        data: Data | None = None,
        fleet: Fleet | None = None,
    ) -> None:
        self._run = run
        self._read = data
        self._config = run.config
        self._source = source
        self._reporter = reporter
        self._notify = notify
        self._fleet = fleet
        self._device = torch.device(run.config.device)

    @cached_property
    def _data(self) -> Data:
        return self._read or read(self._run, self._source, self._reporter, self._notify)

    @property
    def _rewards(self) -> Rewards:
        return Rewards.open(self._run.rewards_folder, len(self._data.transitions))

    def experts(self) -> None:
        """K-means classes, or one expert for every seed -> experts.npz."""
        data, path = self._data, self._run.experts_file
        with self._run.stage("experts", [path]) as notes:
            classes = self._experts(data)
            classes.save(path)
            if len(classes.behaviours):
                notes |= {"skills": classes.count, "behaviours": int(classes.behaviours.max()) + 1}

    def _experts(self, data: Data) -> Classes:
        config, transitions = self._config, data.transitions
        if data.expert is not None:
            return one_expert(len(transitions), data.expert_rows, config.seeds)
        wanted = "a class a behaviour" if config.experts.inferred else f"{config.skills} classes"
        progress = self._reporter(f"cutting {wanted}", "runs")
        classes = cluster(transitions, config.skills, config.experts, config.seed)
        progress(1, 1)
        if len(classes.behaviours):
            stride = int(classes.stride) * body_of(self._run.env_id).seconds_per_step
            number = int(classes.behaviours.max()) + 1
            counted = f"{number} behaviour{'s' if number > 1 else ''}"
            self._notify(f"A stride takes {stride:.2f} s; {classes.count} classes in {counted}.")
        return classes

    def rewards(self) -> None:
        """What the reward maker makes -> rewards/; nothing where the learner reads none."""
        if not learner_of(self._config).reads_rewards:
            with self._run.stage("rewards", []):
                return
        transitions, folder = self._data.transitions, self._run.rewards_folder
        maker = maker_of(self._config)
        with self._run.stage("rewards", [folder / name for name in maker.files]):
            for what in maker.shares if self._fleet else ():
                self._share_out("rewards", folder, what)
            maker.make(
                transitions,
                Classes.load(self._run.experts_file),
                self._device,
                self._generator("rewards"),
                folder,
                self._reporter,
            )
        _remove_all(folder, PATTERN, maker.checkpoints)

    def _share_out(self, stage: str, folder: Path, what: str) -> None:
        """Has a fleet's processes do a part of a stage; what is left of it is done here, by who needs it."""
        assert self._fleet is not None, "nobody else is asked"
        count, place = self._fleet.workers or cores(), str(self._run.path.resolve())
        shares = [] if shares_of(folder, what) else [Share(number, count) for number in range(count)]
        left = [one for one in shares if not one.file(folder, what).is_file()]
        pieces = {
            f"{what} {one.number + 1} of {count}": (make_share, place, self._source, stage, what, one) for one in left
        }
        if pieces:
            work_off(self._fleet, pieces, told(self._notify, self._reporter(f"{what}, by {count} processes", "shares")))

    def share_of_rewards(self, what: str, share: Share) -> None:
        """A share of what the reward maker makes -> a file in rewards/."""
        maker_of(self._config).make_share(
            what,
            share,
            self._data.transitions,
            Classes.load(self._run.experts_file),
            self._device,
            self._generator("rewards"),
            self._run.rewards_folder,
            self._reporter,
        )

    def policy(self) -> None:
        """What the learner learns -> policy/."""
        learner, folder = learner_of(self._config), self._run.policy_folder
        with self._run.stage("policy", [folder / name for name in learner.files]):
            for what in learner.shares if self._fleet else ():
                if not shares_of(folder, what):
                    learner.prepare(what, *self._learned_from(), folder, self._reporter)
                self._share_out("policy", folder, what)
            learner.train(*self._learned_from(), folder, self._reporter)
        _remove_all(folder, PATTERN, learner.checkpoint)

    def share_of_policy(self, what: str, share: Share) -> None:
        """A share of what the learner learns -> a file in policy/."""
        learner = learner_of(self._config)
        learner.make_share(what, share, *self._learned_from(), self._run.policy_folder, self._reporter)

    def _learned_from(self) -> tuple[Transitions, Classes, Rewards | None, torch.device, torch.Generator]:
        """What a learner is given, each time with the draws from their beginning."""
        return (
            self._data.transitions,
            Classes.load(self._run.experts_file),
            self._rewards if learner_of(self._config).reads_rewards else None,
            self._device,
            self._generator("policy"),
        )

    def rollouts(self) -> None:
        """Every skill played -> rollouts/; where nothing can be played, what the data do in its class."""
        run, config = self._run, self._config.rollout
        if not body_of(run.env_id).plays:
            self._notify(UNPLAYED)
            with run.stage("rollouts", [run.rollouts_file]):
                self._stretches().save(run.rollouts_file)
            return
        with run.stage("rollouts", [run.rollouts_file, run.beginnings_file]):
            policy, classes = Policy.load(run.policy_folder), Classes.load(run.experts_file)
            rollouts, seen = play(policy, run.env_id, classes, config, self._config.seed, self._reporter)
            rollouts.save(run.rollouts_file)
            Beginnings.of(seen, config.rollouts, protocol_of(run.env_id).steps).save(run.beginnings_file)

    def _stretches(self) -> Rollouts:
        """Of each class the stretch of the data that has the most of it, as if it had been played."""
        transitions, classes = self._data.transitions, Classes.load(self._run.experts_file)
        found = exemplars.stretches(self._run, transitions, classes.labels, self._config.rollout.horizon + 1)
        return of_data(transitions, classes.labels, found.starts, found.episodes, found.lengths, found.qpos)

    def measures(self) -> None:
        """First measures -> measures.json."""
        data, path = self._data, self._run.measures_file
        with self._run.stage("measures", [path]):
            write_json(path, self._measure(data))

    def _measure(self, data: Data) -> dict[str, Any]:
        classes, rollouts = Classes.load(self._run.experts_file), Rollouts.load(self._run.rollouts_file)
        with_rewards = learner_of(self._config).reads_rewards
        if data.expert is None:
            rewards = self._rewards if with_rewards else None
            return measure(data.transitions, classes, rewards, rollouts, self._reporter)
        ranking = rank(data, maker_of(self._config), self._run.rewards_folder) if with_rewards else None
        return measure_expert(data.transitions, classes, ranking, rollouts, self._config)

    def _generator(self, stage: str) -> torch.Generator:
        """A CPU generator of the stage's own: the same on every device, whatever ran before."""
        seeds = np.random.SeedSequence(self._config.seed, spawn_key=(STAGES.index(stage),))
        return torch.Generator().manual_seed(int(seeds.generate_state(1, np.uint64)[0] >> np.uint64(1)))


def _remove_all(folder: Path, *patterns: str) -> None:
    """What was left on the way to a stage's files, once they are noted as done: until then it is all there is."""
    for left in [file for pattern in patterns if pattern for file in folder.glob(pattern)]:
        storage.remove(left)
