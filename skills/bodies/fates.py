"""What becomes of a body: one function from its recorded positions to its fate.

Whoever speaks of falls, of survival or of standing still asks here: measures, labels, films, the page.

Letters: T steps of an episode, P size of qpos, M moves over a second.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from skills.bodies import motion
from skills.bodies.body import body_of
from skills.bodies.environments import ENVIRONMENTS

_FOR_GOOD = 0.9  # share of the time since a body first was upside down, from which it lies there
_LIES = 1.0  # s that it has to be so at the end: what is in the middle of a flip does not lie
_UP_AGAIN = 0.25  # s; upright for as long, a body had not come to lie before
_STANDS = 2.0  # s at the end without going or turning anywhere
_STILL = 0.1  # m/s; slower is standing
_TURNING = 10.0  # deg/s; slower is not turning
_JOINTS_REST = 0.05  # rad, standard deviation of the joint that swings most
_CAME = 0.5  # m that a body has come away before it is stuck rather than stepping on the spot
_ROUNDING = 1e-4  # of a range's bounds: positions are recorded in float32


class Outcome(StrEnum):
    """What became of a body, as a table or a label says it."""

    STAYS_UP = "stays up"
    STANDS = "stands still"
    STUCK = "gets stuck"
    LIES = "lies on its back"
    FALLS = "falls"
    TIPS = "tips over"
    LEAPS = "leaps too high"
    LEAVES = "leaves its bounds"


SURVIVES = (Outcome.STAYS_UP, Outcome.STANDS, Outcome.STUCK)  # on its feet, and the episode goes on
DOWN = (Outcome.LIES, Outcome.FALLS, Outcome.TIPS)  # what a person calls a fall; an ant that leapt too high fell not
OUTCOMES = tuple(Outcome)


@dataclass(frozen=True)
class Fate:
    """What became of a body, and the step from which on it is so: the last one of a body that stays up."""

    outcome: Outcome
    step: int

    @property
    def survives(self) -> bool:
        """Whether it is still on its feet at the end, and the environment has not ended the episode."""
        return self.outcome in SURVIVES

    def words(self, seconds_per_step: float) -> str:
        """ "leaps too high at 11.1 s", "gets stuck at 3.0 s"; "" of a body that stays up."""
        if self.outcome is Outcome.STAYS_UP:
            return ""
        at = self.step * seconds_per_step
        if self.outcome is Outcome.LIES:
            return f"{self.outcome} from {at:.1f} s on" if at >= _LIES else str(self.outcome)
        if self.outcome is Outcome.STANDS:
            return f"{self.outcome} from {at:.1f} s on" if at >= _STANDS else str(self.outcome)
        return f"{self.outcome} at {at:.1f} s"


def fate(qpos: motion.Positions, env_id: str, *, ended: bool) -> Fate:
    """The fate of an episode, qpos [T + 1, P].   ended: whether the environment called its last state a failure.

    A body that lies on its back to the end has not survived, although HalfCheetah's episodes and Ant's go on; where it
    came to lie before its episode was ended otherwise, that is its fate.
    """
    last = len(qpos) - 1
    down = lies_from(qpos, env_id)
    if down is not None:
        return Fate(Outcome.LIES, down)
    if ended:
        return Fate(_end(qpos[-1], env_id), last)
    rests = _rests_from(qpos, env_id)
    if rests is None:
        return Fate(Outcome.STAYS_UP, last)
    if float(motion.joints(qpos[rests:]).std(axis=0).max(initial=0.0)) < _JOINTS_REST:
        return Fate(Outcome.STANDS, rests)
    came = np.linalg.norm(motion.ground(qpos[rests : rests + 1]) - motion.ground(qpos[:1]))
    return Fate(Outcome.STUCK, rests) if came > _CAME else Fate(Outcome.STAYS_UP, last)


def fates_of(
    poses: Iterable[motion.Positions], lengths: Iterable[int], ended: Iterable[bool], env_id: str
) -> tuple[Fate, ...]:
    """[N] the fates of episodes.   poses: [N] of [T + 1, P].   lengths: [N] steps played.   ended: [N] as in `fate`."""
    return tuple(
        fate(qpos[: int(length) + 1], env_id, ended=bool(end))
        for qpos, length, end in zip(poses, lengths, ended, strict=True)
    )


def lies_from(qpos: motion.Positions, env_id: str) -> int | None:
    """The state of [T + 1, P] from which on a body is upside down for good; None where it is not, at the end."""
    down = motion.uprightness(qpos) < 0
    step = body_of(env_id).seconds_per_step
    least, stretch = round(_LIES / step), max(1, round(_UP_AGAIN / step))
    if len(down) <= least or down[-least:].mean() < _FOR_GOOD:
        return None
    since = np.cumsum(down[::-1])[::-1] / np.arange(len(down), 0, -1)  # share of the time that is left
    up_again = np.flatnonzero(np.convolve(~down, np.ones(stretch), "valid") > stretch - 0.5)
    after = int(up_again[-1]) + stretch if len(up_again) else 0
    return after + int(np.flatnonzero((down & (since >= _FOR_GOOD))[after:])[0])


def _rests_from(qpos: motion.Positions, env_id: str) -> int | None:
    """The state from which on a body neither goes nor turns anywhere; None where it does so to the end."""
    step = body_of(env_id).seconds_per_step
    window = max(1, round(1.0 / step))
    if len(qpos) * step < _STANDS + 1.0:
        return None
    going = np.linalg.norm(motion.ground(qpos)[window:] - motion.ground(qpos)[:-window], axis=1) >= _STILL
    facing = motion.pitch(qpos) if motion.is_planar(qpos) else motion.heading(qpos)
    turning = np.abs(np.degrees(facing[window:] - facing[:-window])) >= _TURNING
    busy = np.flatnonzero(going | turning)
    first = int(busy[-1]) + 1 if len(busy) else 0
    return first if (len(qpos) - 1 - first) * step >= _STANDS else None


def _end(last: motion.Positions, env_id: str) -> Outcome:
    """Which of the bounds of an environment a last state [P] is beyond, the farthest where it is beyond several."""
    bounds = ENVIRONMENTS.get(env_id)
    if bounds is None:  # what a bound is of is not known
        return Outcome.FALLS if body_of(env_id).travels else Outcome.LEAVES
    height, pitch = float(motion.height(last)), float(motion.pitch(last)) if motion.is_planar(last) else 0.0
    beyond = {
        Outcome.FALLS: bounds.healthy_height[0] - height,
        Outcome.LEAPS: height - bounds.healthy_height[1],
        Outcome.TIPS: max(bounds.healthy_pitch[0] - pitch, pitch - bounds.healthy_pitch[1]),
    }
    found = max(beyond, key=lambda outcome: beyond[outcome])
    return found if beyond[found] > -_ROUNDING else Outcome.LEAVES


def counts(fates: Iterable[Fate]) -> dict[str, int]:
    """How many came to what, the most frequent first: {"stays up": 3, "falls": 2}."""
    found = Counter(str(one.outcome) for one in fates)
    order = [str(outcome) for outcome in OUTCOMES]
    return dict(sorted(found.items(), key=lambda pair: (-pair[1], order.index(pair[0]))))


def counted(found: dict[str, int]) -> str:
    """Those that did not survive, in words: "falls in 1 of 5, leaps too high in 2 of 5"; "" where all did."""
    total = sum(found.values())
    return ", ".join(f"{name} in {number} of {total}" for name, number in found.items() if name not in SURVIVES)


def ended_seconds(fates: Iterable[Fate], seconds_per_step: float) -> float | None:
    """s, mean time of what ended those that did not survive; None where all did."""
    ends = [one.step * seconds_per_step for one in fates if not one.survives]
    return float(np.mean(ends)) if ends else None


def survived(fates: Iterable[Fate], horizon: int) -> NDArray[np.float64]:
    """[R] share of the horizon before a body fell, lay down for good or left its bounds; 1 of one that survives."""
    return np.array([1.0 if one.survives else one.step / horizon for one in fates])
