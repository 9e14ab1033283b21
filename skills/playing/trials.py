"""Trials: every skill played for the measures, by whatever method, from the same starts.

Letters: K skills, R trials of each, T steps that are looked at, O observation columns.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skills.bodies.body import body_of
from skills.bodies.fates import OUTCOMES, Fate, fate
from skills.bodies.rebuilding import poses_rebuilt
from skills.data.transitions import Transitions
from skills.files import MAKE_AGAIN, read_arrays, write_arrays
from skills.learning.classes import Classes
from skills.playing.protocol import Protocol
from skills.playing.rollout import Actor, Started, Transcript, episodes
from skills.progress import Reporter
from skills.troubles import reading

STARTS_SEED = 20231107  # of the starts: the same for every method and run


@dataclass(frozen=True)
class Trials:
    """What the measures see of a method.

    observations: [K, R, T, O] float32, the state before each step; 0 in the padding.
    lengths: [K, R] int64, steps of these that were played.
    classes: [K, R, T] int16, the class of the data that each transition is nearest to; -1 in the padding.
    returns: [K, R] float64, the environment's reward over a whole episode.
    survived: [K, R] int64, steps of that episode before its fate.   fates: [K, R] int8, which of `fates.OUTCOMES`.
    """

    observations: NDArray[np.float32]
    lengths: NDArray[np.int64]
    classes: NDArray[np.int16]
    returns: NDArray[np.float64]
    survived: NDArray[np.int64]
    fates: NDArray[np.int8]

    @property
    def shape(self) -> tuple[int, int]:
        """(K, R)."""
        return self.lengths.shape[0], self.lengths.shape[1]

    def save(self, path: Path) -> None:
        """Writes `trials.npz`."""
        write_arrays(path, vars(self))

    @staticmethod
    def load(path: Path) -> "Trials":
        """Reads `trials.npz`. Raises: SkillsError where it is damaged."""
        with reading(path, MAKE_AGAIN):
            return Trials(**read_arrays(path))


def play_trials(
    actor: Actor,
    count: int,
    transitions: Transitions,
    classes: Classes,
    protocol: Protocol,
    reporter: Reporter,
    *,
    horizon: int | None = None,
) -> Trials:
    """Plays `count` skills in lock-step, each as often as the protocol says, for `horizon` steps.

    horizon: None: a whole episode, as long as the environment lets it last.
    """
    trials = protocol.trials
    columns = transitions.observations.shape[1]
    skills = np.repeat(np.arange(count), trials)
    body = body_of(transitions.env_id)
    horizon = body.episode_steps if horizon is None else horizon
    steps = min(protocol.steps, horizon)
    noted = min(steps + int(classes.window) // 2, horizon)  # the class of a step looks as far ahead
    seen = Transcript(len(skills), noted, columns, len(body.actions.low))
    returns = np.zeros(len(skills))
    states = np.empty((len(skills), horizon + 1, body.state_size if body.leads else body.pose_size), np.float32)
    lengths = np.zeros(len(skills), np.int64)
    ended = np.zeros(len(skills), bool)
    progress = reporter(f"playing {count} skills, {trials} times each", "steps")
    for moment in episodes(actor, transitions.env_id, skills, trials, STARTS_SEED, horizon):
        playing = moment.playing
        now = moment.qpos if moment.poses is None else moment.poses
        if isinstance(moment, Started):
            states[playing, 0] = now
            continue
        states[playing, moment.step + 1] = now
        if moment.step < noted:
            seen.add(moment.step, moment)
        returns[playing] += moment.rewards
        lengths[playing] += 1
        ended[playing] = moment.terminated
        progress(moment.step + 1, horizon)
    progress(horizon, horizon)
    by_skill = (count, trials)
    found = [
        fate(of_one[: length + 1], transitions.env_id, ended=bool(end))
        for of_one, length, end in zip(states, lengths.tolist(), ended, strict=True)
    ]
    return Trials(
        observations=(seen.states[:, :steps] * seen.played[:, :steps, None]).reshape(*by_skill, steps, columns),
        lengths=np.minimum(seen.lengths, steps).reshape(by_skill),
        classes=seen.classify(classes)[:, :steps].reshape(*by_skill, steps),
        returns=returns.reshape(by_skill),
        survived=np.array([one.step for one in found], np.int64).reshape(by_skill),
        fates=np.array([OUTCOMES.index(one.outcome) for one in found], np.int8).reshape(by_skill),
    )


def take_segments(
    transitions: Transitions, classes: Classes, count: int, generator: np.random.Generator, protocol: Protocol
) -> Trials:
    """Random segments of a dataset in the place of trials: `count` skills that have nothing of their own.

    Segments come from where a whole one fits into its episode; where there are fewer such rows than segments, from
    where a window fits; else from anywhere. Return and survival are those of the episode that a segment is cut from.
    """
    trials, steps = protocol.trials, protocol.steps
    sizes, left = transitions.lengths, transitions.left
    episode = np.repeat(np.arange(len(sizes)), sizes)
    begins = generator.choice(_roomy(left, count * trials, protocol), size=count * trials)
    lengths = np.minimum(left[begins], steps)
    offsets = np.arange(steps)
    inside = offsets < lengths[:, None]
    taken = begins[:, None] + np.minimum(offsets, lengths[:, None] - 1)
    chosen, which = np.unique(episode[begins], return_inverse=True)
    found = [_fate_in_data(transitions, number) for number in chosen.tolist()]
    by_skill = (count, trials)
    return Trials(
        observations=(transitions.observations[taken] * inside[..., None]).reshape(*by_skill, steps, -1),
        lengths=lengths.reshape(by_skill),
        classes=np.where(inside, classes.labels[taken], -1).astype(np.int16).reshape(*by_skill, steps),
        returns=transitions.returns[episode[begins]].reshape(by_skill),
        survived=np.array([one.step for one in found], np.int64)[which].reshape(by_skill),
        fates=np.array([OUTCOMES.index(one.outcome) for one in found], np.int8)[which].reshape(by_skill),
    )


def _fate_in_data(transitions: Transitions, episode: int) -> Fate:
    """What became of the body in an episode of a dataset, whose states are rebuilt from what was observed."""
    first = int(transitions.episode_starts[episode])
    last = first + int(transitions.lengths[episode]) - 1
    seen = np.concatenate([transitions.observations[first : last + 1], transitions.next_observations[last : last + 1]])
    return fate(poses_rebuilt(seen, transitions.env_id), transitions.env_id, ended=bool(transitions.terminated[last]))


def _roomy(left: NDArray[np.int64], wanted: int, protocol: Protocol) -> NDArray[np.int64]:
    """The rows with enough steps left in their episodes [N] for a segment, if there are as many as wanted."""
    for enough in (protocol.steps, protocol.window):
        rows = np.flatnonzero(left >= enough)
        if len(rows) >= wanted:
            return rows
    return np.arange(len(left))
