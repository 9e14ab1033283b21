"""Sequences of skills in the simulation: one for some steps, then another.

Letters: N simulations, T steps, R starts, P size of qpos.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skills.arrays import Bools, Float32s, Ids
from skills.bodies.body import body_of
from skills.bodies.fates import Fate, fates_of
from skills.errors import USAGE, SkillsError
from skills.playing.rollout import Started, Transcript, episodes, padded
from skills.playing.trials import STARTS_SEED
from skills.progress import Progress, silent, sparsely

if TYPE_CHECKING:
    from skills.learning.policy import Policy


_PART = re.compile(r"\s*(\d+)\s*\*\s*([\d.]+)\s*s?\s*")
_LONGEST = 600.0  # s of a sequence: it is held in memory


@dataclass(frozen=True)
class Piece:
    """A skill for some seconds."""

    skill: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.skill}*{self.seconds:g}s"


def parse_sequence(text: str, skills: int) -> tuple[Piece, ...]:
    """ "17*3s, 4*2s" -> its parts. Raises: SkillsError (usage) for what is none, or a skill that there is not."""
    parts = []
    for written in text.split(","):
        found = _PART.fullmatch(written)
        try:
            seconds = float(found[2]) if found else 0.0
        except ValueError:
            seconds = 0.0
        if found is None or not seconds > 0:
            raise SkillsError(f"{written.strip()!r} is no part of a sequence.", 'Say it as in: "17*3s, 4*2s"', USAGE)
        if int(found[1]) >= skills:
            raise SkillsError(f"There is no skill {found[1]}.", f"This run has skills 0 to {skills - 1}.", USAGE)
        parts.append(Piece(int(found[1]), seconds))
    total = math.fsum(part.seconds for part in parts)
    if total > _LONGEST:
        raise SkillsError(f"The sequence lasts {total:g} s.", f"It may last {_LONGEST:g} s.", USAGE)
    return tuple(parts)


def schedule_of(parts: Sequence[Piece], env_id: str) -> Ids:
    """[T] the skill of each step; no part is shorter than a step."""
    step = body_of(env_id).seconds_per_step
    return np.concatenate([np.full(max(1, round(part.seconds / step)), part.skill, np.int64) for part in parts])


@dataclass(frozen=True)
class Performance:
    """What was played.

    seen: the transitions.   qpos: [N, T + 1, P] the states; behind the end of one its last is repeated.
    ended: [N] whether the environment called its last state a failure, before the sequence was over.
    poses: [N, T + 1, J] the states as `skills.bodies.motion` reads them.
    """

    seen: Transcript
    qpos: Float32s
    ended: Bools
    poses: Float32s

    def fates(self, env_id: str) -> tuple[Fate, ...]:
        """[N] what became of each."""
        return fates_of(self.poses, self.seen.lengths, self.ended, env_id)

    def rows(self, which: int | slice = slice(None)) -> tuple[Float32s, Float32s, Float32s]:
        """(before, actions, after) of the played steps of some simulations, end to end."""
        played = self.seen.played[which]
        states, actions = self.seen.states[which], self.seen.actions[which]
        return states[..., :-1, :][played], actions[played], states[..., 1:, :][played]


def perform(
    policy: "Policy",
    env_id: str,
    schedule: Ids,
    starts: int,
    *,
    seed: int = STARTS_SEED,
    progress: Progress = silent,
) -> Performance:
    """Plays skill schedule[n, t] at step t of simulation n; simulation n has start n % `starts`.

    schedule: [N, T]. It may be longer than the environment's time limit: a fall ends it, and nothing else.
    """
    count, steps = schedule.shape
    body = body_of(env_id)
    seen = Transcript(count, steps, policy.shape.observation_size, len(body.actions.low))
    qpos = np.empty((count, steps + 1, body.state_size), np.float32)
    poses = np.empty((count, steps + 1, body.state_size if body.leads else body.pose_size), np.float32)
    ended = np.zeros(count, bool)
    progress = sparsely(progress)
    for moment in episodes(policy, env_id, schedule, starts, seed, steps, endless=True):
        if isinstance(moment, Started):
            qpos[moment.playing, 0] = moment.qpos
            poses[moment.playing, 0] = moment.qpos if moment.poses is None else moment.poses
            continue
        seen.add(moment.step, moment)
        qpos[moment.playing, moment.step + 1] = moment.qpos
        poses[moment.playing, moment.step + 1] = moment.qpos if moment.poses is None else moment.poses
        ended[moment.playing] = moment.terminated
        progress(moment.step + 1, steps)
    progress(steps, steps)
    return Performance(seen, padded(qpos, seen.lengths), ended, padded(poses, seen.lengths))


def held(skills: NDArray[np.integer], trials: int, steps: int) -> Ids:
    """[n * trials, steps] the schedule of skills [n] that are each held, `trials` times."""
    return np.broadcast_to(np.repeat(np.asarray(skills, np.int64), trials)[:, None], (len(skills) * trials, steps))
