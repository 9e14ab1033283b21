"""Where a single expert comes from: demonstrations of another dataset or file, or a dataset's own successes.

Letters: E episodes, N transitions, O observation columns.
"""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skills.bodies.body import body_of
from skills.bodies.environments import ENVIRONMENTS
from skills.bodies.mazes import GOAL_REWARD
from skills.data.importing import read_file
from skills.data.transitions import Transitions
from skills.errors import USAGE, SkillsError
from skills.progress import Notify, Progress, silent, unsaid
from skills.runs import began
from skills.settings.config import EXPERT_FILES, Config, ExpertsConfig

_STREAM = 3  # tells the draws between equal returns from the seed's others


@dataclass(frozen=True)
class Expert:
    """Some episodes of `source`, which are to be imitated.

    episodes: [n] which, counted from 0, in ascending order.
    """

    source: Transitions
    episodes: NDArray[np.int64]

    @property
    def chosen(self) -> Transitions:
        """The episodes to be imitated."""
        return self.source.episodes(self.episodes)

    @property
    def others(self) -> NDArray[np.int64]:
        """The episodes that were not chosen."""
        return np.setdiff1d(np.arange(len(self.source.episode_starts)), self.episodes)

    @property
    def rows(self) -> NDArray[np.int64]:
        """The rows of `source` to be imitated."""
        return self.source.rows_of(self.episodes)

    @property
    def words(self) -> str:
        """One line that says which episodes they are."""
        numbers, returns = (
            ", ".join(map(str, values)) for values in (self.episodes, self.chosen.returns.round(1).tolist())
        )
        every = len(self.source.episode_starts)
        return f"The expert: of the {every} episodes of {self.source.name} these: {numbers}; they return {returns}."

    def record(self, name: str) -> dict[str, Any]:
        """What a run's manifest says of it.   name: that was asked for."""
        chosen = self.chosen
        return {
            **(began.origin(name, "auto") if self.source.minari_id else {}),
            "name": self.source.name,
            "minari_id": self.source.minari_id or None,
            "made_here": self.source.made_here,
            "steps_read": len(self.source),
            "episodes_read": len(self.source.episode_starts),
            "episodes": self.episodes.tolist(),
            "returns": [float(value) for value in chosen.returns],
            "steps": len(chosen),
            "digest": hashlib.sha256((chosen.digest + str(self.episodes.tolist())).encode()).hexdigest(),
        }


def load(
    config: Config,
    own: Transitions,
    known: began.Noted | None = None,
    progress: Progress = silent,
    notify: Notify = unsaid,
) -> Expert:
    """The expert of a run in imitation mode.

    own: the dataset that is learned from, whose rewards are not looked at.   known: what the manifest says of the
    expert; None before it says anything: as many rows are then read to choose from as of the other.

    Raises: SkillsError where it is of another body or maze, or has not the episodes asked for.
    """
    name = str(config.experts.expert)
    if Path(name).suffix in EXPERT_FILES:
        source = read_file(Path(name), own.env_id, config.data.columns, notify)
    else:
        source = began.load(
            name,
            known,
            steps=known["steps_read"] if known else config.data.steps,
            columns=config.data.columns,
            progress=progress,
            notify=notify,
            env=config.data.env,
        )
    _check_fits(source, own)
    every = np.arange(len(source.episode_starts))
    return Expert(source, choose(source, every, config.experts, config.seed, f"the expert {name}"))


def successes(transitions: Transitions, config: ExpertsConfig, seed: int) -> Expert:
    """The expert of a run in sparse mode: successful episodes of the dataset itself.

    Raises: SkillsError where nothing says what a success is, or there are too few.
    """
    found = successful(transitions)
    what, episodes = transitions.name, len(transitions.episode_starts)
    if len(found) == 0:
        raise SkillsError(
            f"None of the {episodes} episodes of {what} is a success: a return of {GOAL_REWARD:g} or more, "
            "which is paid where the goal is reached.",
            "Use a dataset with successes, or demonstrations of others: --mode imitation --expert NAME",
        )
    return Expert(transitions, choose(transitions, found, config, seed, f"{what}, counting its successes,"))


def successful(transitions: Transitions) -> NDArray[np.int64]:
    """The episodes that return what their environment calls a success.

    Raises: SkillsError (usage) for an environment that calls nothing so.
    """
    if body_of(transitions.env_id).maze is None:
        raise SkillsError(
            f"{transitions.env_id} has no test of success: its reward is not sparse.",
            "Use --mode imitation with --expert, or a dataset of a maze such as antmaze-umaze-play.",
            USAGE,
        )
    return np.flatnonzero(transitions.returns >= GOAL_REWARD)


def choose(
    source: Transitions, candidates: NDArray[np.int64], config: ExpertsConfig, seed: int, what: str
) -> NDArray[np.int64]:
    """[n] the episodes asked for, in ascending order: by number, or the best by return, drawn among equals.

    candidates: [E] which episodes may be chosen.   what: they are of, for messages.
    Raises: SkillsError (usage) where there are too few, or not the ones asked for.
    """
    if config.episodes is not None:
        missing = sorted(set(config.episodes) - set(candidates.tolist()))
        if missing or len(set(config.episodes)) < len(config.episodes):
            numbers = ", ".join(map(str, missing or config.episodes))
            raise SkillsError(
                f"{what} has no such choice of episodes: {numbers}.",
                f"It has {len(candidates)} to choose from, numbered {candidates.min()} to {candidates.max()}.",
                USAGE,
            )
        return np.array(sorted(config.episodes))
    if config.trajectories > len(candidates):
        raise SkillsError(
            f"{what} has {len(candidates)} episodes, and {config.trajectories} are asked for.",
            f"Ask for at most {len(candidates)} with --trajectories.",
            USAGE,
        )
    shuffled = np.random.default_rng([seed, _STREAM]).permutation(candidates)
    best = shuffled[np.argsort(-source.returns[shuffled], kind="stable")[: config.trajectories]]
    return np.sort(best)


def joined(own: Transitions, demonstrations: Transitions) -> Transitions:
    """The dataset with demonstrations behind its rows."""
    return replace(
        own,
        observations=np.concatenate([own.observations, demonstrations.observations]),
        actions=np.concatenate([own.actions, demonstrations.actions]),
        next_observations=np.concatenate([own.next_observations, demonstrations.next_observations]),
        rewards=np.concatenate([own.rewards, demonstrations.rewards]),
        terminated=np.concatenate([own.terminated, demonstrations.terminated]),
        episode_starts=np.concatenate([own.episode_starts, demonstrations.episode_starts + len(own)]),
        labels=None,
        stored_digest="",
        demonstrations=len(demonstrations),
    )


def _check_fits(expert: Transitions, own: Transitions) -> None:
    if own.env_id != expert.env_id and not _same_place(own.env_id, expert.env_id):
        raise SkillsError(
            f"The expert {expert.name} is of {expert.env_id}, and {own.name} of {own.env_id}.",
            "Choose an expert of the same body in the same place.",
            USAGE,
        )
    for what in ("observations", "actions"):
        size, expected = getattr(expert, what).shape[1], getattr(own, what).shape[1]
        if size != expected:
            raise SkillsError(
                f"The {what} of the expert {expert.name} have {size} columns, those of {own.name} {expected}."
            )


def _same_place(one: str, other: str) -> bool:
    """Whether two environments are of one body in one maze: they differ in the starts and goals that they draw."""
    ours, theirs = ENVIRONMENTS.get(one), ENVIRONMENTS.get(other)
    return ours is not None and theirs is not None and (ours.xml, ours.maze) == (theirs.xml, theirs.maze)
