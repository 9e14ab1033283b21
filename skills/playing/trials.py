"""Trials: every skill played for the measures, by whatever method, from the same starts.

Letters: K skills, R trials of each, T steps that are looked at, O observation columns.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skills.bodies.body import body_of
from skills.data.transitions import Transitions
from skills.errors import SkillsError
from skills.files import read_arrays, write_arrays
from skills.learning.classes import Classes
from skills.playing.protocol import Protocol
from skills.playing.rollout import Actor, Moment, Transcript, lockstep
from skills.progress import Reporter

_SEED = 20231107  # of the starts: the same for every method and run


@dataclass(frozen=True)
class Trials:
    """What the measures see of a method.

    observations: [K, R, T, O] float32, the state before each step; 0 in the padding.
    lengths: [K, R] int64, steps of these that were played.
    classes: [K, R, T] int16, the class of the data that each transition is nearest to; -1 in the padding.
    returns: [K, R] float64, the environment's reward over a whole episode.
    survived: [K, R] int64, steps of that episode that were played.   fell: [K, R] bool, it ended in a failure.
    """

    observations: NDArray[np.float32]
    lengths: NDArray[np.int64]
    classes: NDArray[np.int16]
    returns: NDArray[np.float64]
    survived: NDArray[np.int64]
    fell: NDArray[np.bool_]

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
        try:
            return Trials(**read_arrays(path))
        except TypeError as error:
            raise SkillsError(f"{path} is damaged: {error}.", "Delete it to have it made again.") from error


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
    survived = np.zeros(len(skills), np.int64)
    fell = np.zeros(len(skills), bool)
    progress = reporter(f"playing {count} skills, {trials} times each", "steps")
    for moment in lockstep(actor, transitions.env_id, skills, trials, _SEED, horizon):
        if not isinstance(moment, Moment):
            continue
        playing = moment.playing
        if moment.step < noted:
            seen.add(moment)
        returns[playing] += moment.rewards
        survived[playing] += 1
        fell[playing] = moment.failed
        progress(moment.step + 1, horizon)
    progress(horizon, horizon)
    by_skill = (count, trials)
    return Trials(
        observations=(seen.states[:, :steps] * seen.played[:, :steps, None]).reshape(*by_skill, steps, columns),
        lengths=np.minimum(seen.lengths, steps).reshape(by_skill),
        classes=seen.classify(classes)[:, :steps].reshape(*by_skill, steps),
        returns=returns.reshape(by_skill),
        survived=survived.reshape(by_skill),
        fell=fell.reshape(by_skill),
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
    ended = begins + left[begins] - 1
    by_skill = (count, trials)
    return Trials(
        observations=(transitions.observations[taken] * inside[..., None]).reshape(*by_skill, steps, -1),
        lengths=lengths.reshape(by_skill),
        classes=np.where(inside, classes.labels[taken], -1).astype(np.int16).reshape(*by_skill, steps),
        returns=transitions.returns[episode[begins]].reshape(by_skill),
        survived=sizes[episode[begins]].reshape(by_skill),
        fell=transitions.terminated[ended].reshape(by_skill),
    )


def _roomy(left: NDArray[np.int64], wanted: int, protocol: Protocol) -> NDArray[np.int64]:
    """The rows with enough steps left in their episodes [N] for a segment, if there are as many as wanted."""
    for enough in (protocol.steps, protocol.window):
        rows = np.flatnonzero(left >= enough)
        if len(rows) >= wanted:
            return rows
    return np.arange(len(left))
