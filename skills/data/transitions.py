"""Transitions: what every stage reads.

Letters: N transitions, O observation columns, A action size, E episodes.
"""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

ACTION_LIMIT = 1.0 - 1e-5  # official IQL clips actions to this: a tanh policy cannot reach the bounds
_STD_FLOOR = 1e-3
_CHUNK = 65_536  # rows looked at at once


@dataclass(frozen=True)
class Transitions:
    """A dataset of logged steps, episode after episode.

    name, minari_id: what was asked for and what was read.   env_id: Gymnasium id.
    made_here: collected by our own policies rather than downloaded.
    observations, next_observations: [N, O] float32.   actions: [N, A] float32 in +-ACTION_LIMIT.
    rewards: [N] float32, the environment's own; skill discovery reports with them and never learns from them.
    terminated: [N] bool, the episode ended in a failure (a time limit does not count).
    episode_starts: [E] int64, the first row of each episode; the first is 0.
    observation_parts: (name, columns) of what the observations put side by side, where the dataset kept them apart
        (a goal and where the robot is); empty otherwise.
    labels: [N] int32, which policy each row came from, where the dataset says so. Nothing learns from them.
    stored_columns: of observations in the dataset, of which the first O are learned from; 0 where it is not said.
    stored_digest: sha256 of these rows as a dataset on this machine stores them, with infos and all, in hex; empty of
        rows that are chosen out of a dataset, or of none.
    demonstrations: D, in imitation mode: the last D rows are the expert's episodes, appended to the dataset's. A reward
        maker learns from all N rows and labels them; a policy's batches are drawn from the first N - D, and those of a
        learner that asks for a share of the expert (`BatchSettings.expert_share`) from the last D as well. 0 elsewhere.
    """

    name: str
    minari_id: str
    env_id: str
    made_here: bool
    observations: NDArray[np.float32]
    actions: NDArray[np.float32]
    next_observations: NDArray[np.float32]
    rewards: NDArray[np.float32]
    terminated: NDArray[np.bool_]
    episode_starts: NDArray[np.int64]
    observation_parts: tuple[tuple[str, int], ...] = ()
    labels: NDArray[np.int32] | None = None
    stored_columns: int = 0
    stored_digest: str = ""
    demonstrations: int = 0

    def __len__(self) -> int:
        return len(self.actions)

    @property
    def bounds(self) -> NDArray[np.int64]:
        """[E + 1] the first row of each episode, and the end of the last."""
        return np.append(self.episode_starts, len(self))

    @property
    def lengths(self) -> NDArray[np.int64]:
        """[E] rows of each episode."""
        return np.diff(self.bounds)

    @property
    def left(self) -> NDArray[np.int64]:
        """[N] rows from each to the end of its episode, itself among them."""
        return np.repeat(self.bounds[1:], self.lengths) - np.arange(len(self))

    @cached_property
    def returns(self) -> NDArray[np.float64]:
        """[E] undiscounted return of each episode."""
        return np.add.reduceat(self.rewards.astype(np.float64), self.episode_starts)

    @cached_property
    def scaling(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(mean, std + 1e-3) of each observation column, [O] each: what the learners standardise with."""
        mean = self.observations.mean(axis=0, dtype=np.float64)
        squares = np.zeros_like(mean)
        for start in range(0, len(self), _CHUNK):  # numpy's std would make a copy of everything in float64
            squares += np.square(self.observations[start : start + _CHUNK] - mean).sum(axis=0)
        std = np.sqrt(squares / len(self)) + _STD_FLOOR
        return mean.astype(np.float32), std.astype(np.float32)

    @cached_property
    def digest(self) -> str:
        """sha256 of everything learned from, in hex: two equal digests are the same data."""
        whole = hashlib.sha256()
        for array in (self.observations, self.actions, self.next_observations, self.terminated, self.episode_starts):
            whole.update(np.ascontiguousarray(array).data)
        return whole.hexdigest()

    @cached_property
    def rewards_digest(self) -> str:
        """sha256 of the environment's rewards, in hex."""
        return hashlib.sha256(np.ascontiguousarray(self.rewards).data).hexdigest()

    def first(self, rows: int) -> "Transitions":
        """The first rows; the episode that this cuts ends as by a time limit."""
        return replace(
            self,
            observations=self.observations[:rows],
            actions=self.actions[:rows],
            next_observations=self.next_observations[:rows],
            rewards=self.rewards[:rows],
            terminated=self.terminated[:rows],
            episode_starts=self.episode_starts[self.episode_starts < rows],
            labels=None if self.labels is None else self.labels[:rows],
            stored_digest="",
            demonstrations=0,
        )

    def rows_of(self, episodes: NDArray[np.integer]) -> NDArray[np.int64]:
        """The rows of some episodes, in the order given."""
        bounds = self.bounds
        return np.concatenate([np.zeros(0, np.int64), *(np.arange(bounds[i], bounds[i + 1]) for i in episodes)])

    def episodes(self, chosen: NDArray[np.integer]) -> "Transitions":
        """Some of the episodes, in the order given."""
        sizes, rows = self.lengths[chosen], self.rows_of(chosen)
        return replace(
            self,
            observations=self.observations[rows],
            actions=self.actions[rows],
            next_observations=self.next_observations[rows],
            rewards=self.rewards[rows],
            terminated=self.terminated[rows],
            episode_starts=np.cumsum(sizes) - sizes,
            labels=None if self.labels is None else self.labels[rows],
            stored_digest="",
            demonstrations=0,
        )
