"""What the paper's figure 3 shows, counted from episodes: directions, flips, speeds.

A skill counts for what at least half of its episodes do.

Letters: K skills, R rollouts of each, T steps.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from skills.arrays import Floats
from skills.bodies import motion
from skills.bodies.body import body_of
from skills.bodies.fates import Fate, Outcome
from skills.bodies.rebuilding import rebuilt
from skills.data.transitions import Transitions
from skills.measures.manoeuvres import Recorded, direction
from skills.playing.rollout import Rollouts

_MOSTLY = 0.5  # of a skill's episodes
_SHOWN = 0.01  # of the data's stretches, from which on the data show a thing
_SECONDS = 4.0  # of a stretch of the data
_MOST_STRETCHES = 500
_LONG_ENOUGH = 2.0  # s, for a speed
_APART = 0.5  # m/s between speeds that are different
_UPSIDE_DOWN, _UPRIGHT = -0.5, 0.5  # cosine of the torso's up
_HOLDS = 1.0  # s
_REARED = (np.pi / 4, 3 * np.pi / 4)  # rad of pitch, either way
FORWARD_FLIP, BACKWARD_FLIP = "somersaults forward", "somersaults backward"
GETS_UP, REARS, ROLLS = "flips upright", "rears up", "flips onto its back"


@dataclass(frozen=True)
class Counted:
    """One claim counted.   number: what decides.   found: what it is made of, in words and numbers."""

    number: int
    found: dict[str, float]


Skills = Sequence[Sequence[Recorded]]


def recorded(rollouts: Rollouts, env_id: str) -> list[list[Recorded]]:
    """[K][R] every rollout."""
    return [
        [
            Recorded(rollouts.qpos[skill, index, : rollouts.lengths[skill, index] + 1], env_id, one)
            for index, one in enumerate(of_skill)
        ]
        for skill, of_skill in enumerate(rollouts.fates(env_id))
    ]


def stretches(transitions: Transitions) -> list[Recorded]:
    """Stretches of a dataset, evenly over it: at most 500 of 4 s each, or as long as its episodes last."""
    steps = round(_SECONDS / body_of(transitions.env_id).seconds_per_step)
    rows = np.flatnonzero(transitions.left >= min(steps, int(transitions.left.max())))
    chosen = rows[np.unique(np.linspace(0, len(rows) - 1, _MOST_STRETCHES).astype(int))]
    found = []
    for first in chosen.tolist():
        last = first + min(steps, int(transitions.left[first]))
        qpos = rebuilt(transitions.observations[first:last], transitions.env_id)
        found.append(Recorded(qpos, transitions.env_id, Fate(Outcome.STAYS_UP, len(qpos) - 1)))
    return found


def directions(skills: Skills) -> Counted:
    """In how many of eight directions skills go, and how many skills in each."""
    found = Counter(name for skill in skills for name in _mostly(skill, _goes))
    return Counted(len(found), dict(found.most_common()))


def flips(skills: Skills) -> Counted:
    """How many skills flip upright, from their backs or onto their hind legs; and what else turns them over."""
    done = [_mostly(skill, _turns) for skill in skills]
    found = Counter(name for names in done for name in names)
    return Counted(sum(1 for names in done if {GETS_UP, REARS} & set(names)), dict(found.most_common()))


def speeds(skills: Skills) -> Counted:
    """How many speeds skills keep on their feet that are different: no two of them share a speed in any episode.

    As many as possible, of skills whose means are half a metre a second apart and whose episodes do not overlap.
    """
    kept = [np.array([pace for one in skill if (pace := _pace(one)) is not None]) for skill in skills]
    spans = [paces for paces, skill in zip(kept, skills, strict=True) if len(paces) >= max(1.0, _MOSTLY * len(skill))]
    if not spans:
        return Counted(0, {})
    count, last = 0, np.array([-np.inf])
    for paces in sorted(spans, key=lambda one: float(one.max())):
        if paces.min() > last.max() and paces.mean() - last.mean() >= _APART:
            count, last = count + 1, paces
    means = [float(paces.mean()) for paces in spans]
    return Counted(count, {"skills": len(spans), "slowest, m/s": min(means), "fastest, m/s": max(means)})


CLAIMS: dict[str, Callable[[Skills], Counted]] = {"directions": directions, "flips": flips, "speeds": speeds}


def in_data(name: str, some: Sequence[Recorded]) -> dict[str, float]:
    """What stretches of the data show of a claim: the share of them that does each thing; of speeds, their range."""
    if name == "speeds":
        paces: Floats = np.array([pace for one in some if (pace := _pace(one)) is not None])
        low, high = np.percentile(paces, (5, 95)).tolist() if len(paces) else (float("nan"),) * 2
        return {"5th percentile, m/s": low, "95th percentile, m/s": high} if len(paces) else {}
    of = _goes if name == "directions" else _turns
    found = Counter(what for one in some for what in of(one))
    return {what: number / len(some) for what, number in found.most_common() if number >= _SHOWN * len(some)}


def _mostly(skill: Sequence[Recorded], of: Callable[[Recorded], Iterable[str]]) -> list[str]:
    """What at least half of a skill's episodes do."""
    found = Counter(what for one in skill for what in of(one))
    return [what for what, number in found.items() if number >= _MOSTLY * len(skill)]


def _goes(one: Recorded) -> list[str]:
    if one.fate.outcome is Outcome.LIES and one.is_early:
        return []
    name = direction(one.stretch, one.step)
    return [name] if name else []


def _turns(one: Recorded) -> list[str]:
    """How an episode turns its torso over."""
    up, found = motion.uprightness(one.qpos), []
    least = max(1, round(_HOLDS / one.step))
    down = np.flatnonzero(up < _UPSIDE_DOWN)
    if len(up) > least and len(down) and (up[-least:] > _UPRIGHT).all():
        found.append(GETS_UP)
    if one.fate.outcome is Outcome.LIES and one.fate.step > 0:
        found.append(ROLLS)
    if motion.is_planar(one.qpos):
        pitch = motion.pitch(one.qpos)
        turns = float(pitch[-1] - pitch[0]) / (2 * np.pi)
        if abs(turns) >= 1.0:
            found.append(FORWARD_FLIP if turns > 0 else BACKWARD_FLIP)
        astray = np.abs((pitch + np.pi) % (2 * np.pi) - np.pi)
        if _longest((astray > _REARED[0]) & (astray < _REARED[1])) >= least:
            found.append(REARS)
    return found


def _longest(true: np.ndarray) -> int:
    """States of the longest stretch in which it is so."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], true, [False]]).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def _pace(one: Recorded) -> float | None:
    """m/s of an episode that is on its feet for long enough, forward of a planar body; None of another."""
    states = one.stretch
    if (len(states) - 1) * one.step < _LONG_ENOUGH or motion.uprightness(states).mean() < 0:
        return None
    velocity = motion.velocity(states, one.step)
    return float(velocity[0] if motion.is_planar(states) else np.linalg.norm(velocity))
