"""A run as people use it from Python.

Letters: B rows, T steps of an episode, O observation columns, A action size, K skills.
"""

import hashlib
from collections.abc import Mapping
from functools import cached_property
from os import PathLike, fspath
from pathlib import Path
from types import MappingProxyType
from typing import Any

import minari
import numpy as np
from numpy.typing import ArrayLike, NDArray

from skills.api.performer import Performer, flat
from skills.api.shown import Shown, shown_by
from skills.api.skill import Behaviour, Skill, group, read_skills
from skills.bodies.body import body_of
from skills.data.minari import open_dataset
from skills.data.minari_root import is_local
from skills.data.transitions import ACTION_LIMIT
from skills.errors import PARTLY_DONE, USAGE, SkillsError
from skills.learning.classes import Classes
from skills.learning.matrix import Rewards
from skills.learning.policy import Policy
from skills.learning.rewards import RewardModel, maker_of
from skills.measures.handbook import export_with_handbook
from skills.playing.rollout import Rollouts
from skills.progress import silent_reporter, unsaid
from skills.runs import exemplars, folder
from skills.runs.export import export
from skills.runs.folder import RunFolder
from skills.runs.reading import read, require_rewards
from skills.runs.relabel import relabel
from skills.settings.config import Config


def load(run: str | PathLike[str] | None = None) -> "Run":
    """A run that is on this machine.

    run: its folder, or its name in `runs/` (or in the folder that SKILLS_RUNS names); None: the newest finished one
        there.
    Raises: SkillsError (not found) with the nearest names.
    """
    return Run(folder.find(None if run is None else fspath(run)))


class Run:
    """What was discovered in a dataset: K skills, what they do, and the policy and the rewards of each.

    `load` and `discover` make it. What it says is read from its folder when it is first asked for.
    """

    def __init__(self, on_disk: RunFolder) -> None:
        self._folder = on_disk

    def __repr__(self) -> str:
        return f"<Run {self.path}: {len(self)} skills of {self.config.dataset}>"

    def __len__(self) -> int:
        """K."""
        return self.config.heads

    @property
    def path(self) -> Path:
        """Its folder."""
        return self._folder.path

    @property
    def config(self) -> Config:
        """Every setting that it was made with."""
        return self._folder.config

    @property
    def env_id(self) -> str:
        """The Gymnasium id of the environment that its data are of."""
        return self._folder.env_id

    @property
    def summary(self) -> Mapping[str, Any]:
        """What all skills say together: "speed_spread_ratio", "occupancy_ratio_median", ... (docs/measures.md)."""
        return MappingProxyType(self._measures["summary"])

    @cached_property
    def skills(self) -> tuple[Skill, ...]:
        """[K] every skill, its label and its measures; `skills[17].number` is 17."""
        return read_skills(self._measures)

    @cached_property
    def behaviours(self) -> tuple[Behaviour, ...]:
        """The skills in groups that behave alike, the largest first."""
        self._folder.require("rollouts", "experts")
        return group(Rollouts.load(self._folder.rollouts_file), self.env_id, self._classes.behaviours)

    @cached_property
    def policy(self) -> Performer:
        """What performs the skills."""
        self._folder.require("policy")
        policy, body = Policy.load(self._folder.policy_folder), body_of(self.env_id)
        return Performer(policy, body.actions, self.env_id, body.observation_size)

    def reward(self, observations: ArrayLike, actions: ArrayLike, skill: int) -> NDArray[np.float32]:
        """[B] the reward of a skill for steps that need not be of the dataset, as its policy learned from it.

        observations: [B, O] before each step.   actions: [B, A] in the environment's bounds.
        Needs the dataset on this machine, whose observations say how to standardise these.

        Raises: SkillsError where the run's reward maker gives rewards of whole episodes only, or for another size.
        """
        self._folder.require_skill(skill)
        rows, acted = self._steps(observations, actions)
        labels = self._reward_model.of_steps(rows, acted, skill)
        return np.asarray(labels * self._scale[skill], np.float32)

    def classify(self, observations: ArrayLike, actions: ArrayLike, next_observations: ArrayLike) -> NDArray[np.int32]:
        """[T] the class of the data that each step of an episode is nearest to: "which skill is this?"

        observations, next_observations: [T, O] before and after each step.   actions: [T, A].
        Raises: SkillsError (usage) for a run of one expert, which has nothing to tell apart, or for another size.
        """
        self._folder.require_skills("The class of a step")
        rows, acted = self._steps(observations, actions)
        after, _ = self._steps(next_observations, actions)
        return self._classes.classify(rows, acted, after, np.array([len(rows)]))

    def dataset(self, skill: int) -> minari.MinariDataset:
        """The dataset that the run learned from, rewarded for one skill: for any offline RL library.

        It is written once, into the Minari folder, under an id that says the run and the skill; the environment's own
        rewards are in its infos, as `environment_reward`.
        """
        self._folder.require_skill(skill)
        require_rewards(self._folder)
        minari_id = self._dataset_id(skill)
        if not is_local(minari_id):
            relabel(self._folder, skill, minari_id)
        return open_dataset(minari_id)

    def export(self, skill: int | None = None, path: str | PathLike[str] | None = None, *, force: bool = False) -> Path:
        """Writes ONNX, `observation` [B, O] in, `action` [B, A] in +-1 out; returns the file.

        skill: None: all of them, and the file has `skill` [B] int64 as a second input; behaviours.json beside it says
            what each does and where one can safely go from it.
        path: None: export/017.onnx or skills.onnx in the run's folder.   force: write over a file that is there.
        """
        where = None if path is None else Path(path)
        if skill is None:
            return export_with_handbook(self._folder, where, force=force)[0].path
        return export(self._folder, skill, where, force=force).path

    def gallery(self, progress: Shown = True) -> Path:
        """Films of every skill that has none yet, and the page that shows them; returns the page, to open in a browser.

        Raises: SkillsError (partly done) where a film cannot be rendered; the page is there, without it.
        """
        from skills.videos.gallery.filling import fill

        self._folder.require("measures")
        count = len(self)
        with self._folder.writing(), shown_by(progress) as (reporter, notify):
            try:
                in_data = exemplars.find(self._folder)
            except SkillsError as error:
                notify(f"No films of the classes in the data: {error.message}")
                in_data = None
            shown = reporter(f"rendering {count} videos", "films")
            done, page = fill(
                self._folder,
                range(count),
                exemplars=in_data,
                progress=shown,
                opened=lambda index: notify(f"The page is there, and fills while you look: {index}"),
            )
        if done.failures:
            first = done.failures[0]
            raise SkillsError(
                f"{len(done.failures)} of {count} videos could not be rendered; of skill {first.skill}: {first.reason}",
                exit_code=PARTLY_DONE,
            )
        return page

    @cached_property
    def _measures(self) -> dict[str, Any]:
        return self._folder.measures

    @cached_property
    def _classes(self) -> Classes:
        self._folder.require("experts")
        return Classes.load(self._folder.experts_file)

    @cached_property
    def _reward_model(self) -> RewardModel:
        require_rewards(self._folder)
        learned_from = read(self._folder, "auto", silent_reporter, unsaid).transitions
        return maker_of(self.config).model(self._folder.rewards_folder, learned_from)

    @cached_property
    def _scale(self) -> NDArray[np.float32]:
        """[K] what the learner multiplied each label with."""
        return Rewards.open(self._folder.rewards_folder, self._folder.rows).scale

    def _steps(self, observations: ArrayLike, actions: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """([B, o], [B, A]): the columns that were learned from, and actions as they were learned from."""
        rows, acted = self.policy.columns(flat(observations)), self.policy.inward(actions)
        if len(rows) != len(acted):
            raise SkillsError(f"{len(rows)} observations and {len(acted)} actions are no steps.", exit_code=USAGE)
        return rows, acted.clip(-ACTION_LIMIT, ACTION_LIMIT)

    def _dataset_id(self, skill: int) -> str:
        """Says which rewards these are, so that another run of the same name gets another."""
        files = self._folder.manifest["stages"]["rewards"]["files"]
        rewards = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()[:8]
        return f"skills/labelled/{self.path.resolve().name}-{rewards}-{skill:03d}-v0"
