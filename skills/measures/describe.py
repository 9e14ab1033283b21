"""Words for what skills do, by fixed rules on measured motion.

Letters: K skills, R rollouts of each, T steps, P size of qpos.
"""

import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skills.arrays import Float32s
from skills.bodies import motion
from skills.measures.columns import label_columns
from skills.playing.rollout import Rollouts

_STILL = 0.1  # m/s; slower is standing
_STRAIGHT = 0.5  # share of its way by which a body must have come away from its start, to have a direction
_TURNING = 10.0  # deg/s
_CIRCLE = 300.0  # deg that a course turns in all: about once round
_UPSIDE_DOWN = 0.1  # share of the time with the torso's up pointing down, above which it is said
_FOR_GOOD = 0.9  # share of the time since a body first was upside down, above which it has rolled over
_SOMERSAULT = 1.0  # full turns of a planar body's pitch
_STAYS = "stays in place"
_DIRECTIONS = ("forward", "forward left", "left", "back left", "backward", "back right", "right", "forward right")

_SLIGHT = 2.0  # deg off a direction, or of pitch; less is straight, or level
_MORE = 2  # traits that a label gets at most to tell it from others

_SPEED = re.compile(r"[0-9.]+ m/s")


def label_skills(rollouts: Rollouts, names: Sequence[str] | None = None) -> list[str]:
    """[K] labels, of the rollout that stands for each skill. Equal ones are told apart by what else was measured.

    names: of a body that goes nowhere, what its joints or columns are called (`Body.joint_names`).
    """
    if names is not None:
        return _label_standing(rollouts, names)
    seconds_per_step = float(rollouts.seconds_per_step)
    played, labels = [], []
    for skill, shown in enumerate(rollouts.shown):
        played.append(rollouts.poses[skill, shown, : rollouts.lengths[skill, shown] + 1])
        falls = fall_words(rollouts.terminated[skill], rollouts.seconds[skill], int(shown))
        labels.append(describe(played[-1], seconds_per_step, falls))
    return tell_apart(labels, played, seconds_per_step)


def _label_standing(rollouts: Rollouts, names: Sequence[str]) -> list[str]:
    joints = motion.joints(rollouts.poses)
    shown = [joints[skill, index, : rollouts.lengths[skill, index] + 1] for skill, index in enumerate(rollouts.shown)]
    falls = [
        fall_words(rollouts.terminated[skill], rollouts.seconds[skill], int(index))
        for skill, index in enumerate(rollouts.shown)
    ]
    return [joined(label, fell) for label, fell in zip(label_columns(shown, names), falls, strict=True)]


def fall_words(fell: NDArray[np.bool_], seconds: NDArray[np.float64], shown: int) -> str:
    """ "falls at 2.3 s" if the rollout that is shown falls; "falls in 1 of 5" if only others of [R] do; else ""."""
    if fell[shown]:
        return f"falls at {seconds[shown]:.1f} s"
    return f"falls in {fell.sum()} of {len(fell)}" if fell.any() else ""


def describe(qpos: Float32s, seconds_per_step: float, falls: str = "") -> str:
    """The label of one rollout, qpos [T + 1, P]: "forward 4.2 m/s, turns left 20 deg/s".

    Directions are the world's: forward is +x, left is +y.   falls: what `fall_words` says of the skill.
    """
    where = course(qpos, seconds_per_step)
    travel = where if where == _STAYS else f"{where} {speed(qpos, seconds_per_step):.1f} m/s"
    return joined(travel, posture(qpos, seconds_per_step), falls)


def tell_apart(labels: list[str], played: list[Float32s], seconds_per_step: float) -> list[str]:
    """The same labels, where several are equal with more behind.

    Skills of one label all get the trait that tells most of them apart: how they veer or lean, how high they are and
    bounce, how fast they step; then the one that tells most of the rest; then a digit of the speed. Skills that are
    equal in all of it keep equal labels.   played: the rollout [T + 1, P] that each label is of.
    """
    words = [
        (_veer(qpos, seconds_per_step), _steps(qpos, seconds_per_step), _bounce(qpos), _height(qpos)) for qpos in played
    ]
    chosen: list[set[int]] = [set() for _ in labels]
    full = list(labels)
    for _ in range(_MORE):
        for skills in _equal(full):
            kinds = [len({words[skill][trait] for skill in skills}) for trait in range(len(words[0]))]
            if max(kinds) > 1:
                for skill in skills:
                    chosen[skill].add(int(np.argmax(kinds)))
        full = [
            joined(label, *(its[trait] for trait in sorted(more)))
            for label, its, more in zip(labels, words, chosen, strict=True)
        ]
    for skills in _equal(full):
        for skill in skills:
            exactly = f"{speed(played[skill], seconds_per_step):.2f} m/s"
            full[skill] = _SPEED.sub(exactly, full[skill], count=1)
    return full


def _equal(labels: list[str]) -> list[list[int]]:
    """The skills of each label that more than one has."""
    groups = defaultdict(list)
    for skill, label in enumerate(labels):
        groups[label].append(skill)
    return [skills for skills in groups.values() if len(skills) > 1]


def joined(*words: str) -> str:
    """The words that are not empty, with commas."""
    return ", ".join(word for word in words if word)


def course(qpos: Float32s, seconds_per_step: float) -> str:
    """Where a rollout [T + 1, P] goes, in a word: "forward", "circles left", "stays in place"."""
    x, y = motion.velocity(qpos, seconds_per_step)
    if speed(qpos, seconds_per_step) < _STILL:
        return _STAYS
    if _has_direction(qpos, seconds_per_step):
        return _DIRECTIONS[round(float(np.arctan2(y, x)) / (np.pi / 4)) % 8]
    if motion.is_planar(qpos):
        return "back and forth"
    turn = motion.course_turn(qpos, seconds_per_step)
    return f"circles {_side(turn)}" if abs(turn) >= _CIRCLE else "wanders"


def speed(qpos: Float32s, seconds_per_step: float) -> float:
    """m/s of net displacement where a rollout [T + 1, P] has a direction, else along its way."""
    if _has_direction(qpos, seconds_per_step):
        return float(np.linalg.norm(motion.velocity(qpos, seconds_per_step)))
    return motion.way_speed(qpos, seconds_per_step)


def _has_direction(qpos: Float32s, seconds_per_step: float) -> bool:
    """Whether a body moves, and comes away from where it was."""
    on_way = motion.way_speed(qpos, seconds_per_step)
    return bool(np.linalg.norm(motion.velocity(qpos, seconds_per_step)) >= max(_STILL, _STRAIGHT * on_way))


def posture(qpos: Float32s, seconds_per_step: float) -> str:
    """How a rollout [T + 1, P] holds or turns its torso, where that is remarkable: "on its back", or ""."""
    if motion.is_planar(qpos):
        turns = float(motion.pitch(qpos)[-1] - motion.pitch(qpos)[0]) / (2.0 * np.pi)
        if abs(turns) >= _SOMERSAULT:
            return f"somersaults {'forward' if turns > 0 else 'backward'}"
    down = motion.uprightness(qpos) < 0
    if down.mean() > _UPSIDE_DOWN:
        first = int(np.argmax(down))
        if down[first:].mean() < _FOR_GOOD:
            return f"on its back {100 * down.mean():.0f} % of the time"
        return f"rolls over at {first * seconds_per_step:.1f} s" if first else "on its back"
    rate = motion.turn_rate(qpos, seconds_per_step)
    return f"turns {_side(rate)} {abs(rate):.0f} deg/s" if abs(rate) >= _TURNING else ""


def _side(angle: float) -> str:
    return "left" if angle > 0 else "right"


def _veer(qpos: Float32s, seconds_per_step: float) -> str:
    """How a body leaves the direction that its label names, or leans in the plane that it cannot leave."""
    if motion.is_planar(qpos):
        lean = float(np.degrees(motion.pitch(qpos).mean()))
        return f"leans {'forward' if lean > 0 else 'back'} {abs(lean):.0f} deg" if abs(lean) >= _SLIGHT else "level"
    if not _has_direction(qpos, seconds_per_step):
        return ""
    x, y = motion.velocity(qpos, seconds_per_step)
    off = float(np.degrees(np.arctan2(y, x))) % 45.0
    off = off - 45.0 if off > 22.5 else off
    return f"veers {_side(off)} {abs(off):.0f} deg" if abs(off) >= _SLIGHT else "straight"


def _steps(qpos: Float32s, seconds_per_step: float) -> str:
    rate = motion.step_rate(qpos, seconds_per_step)
    return f"{rate:.1f} steps/s" if rate > 0 else ""


def _bounce(qpos: Float32s) -> str:
    """The torso's rise and fall, from the lowest to the highest of a wave of its standard deviation."""
    swing = round(100 * 2 * np.sqrt(2) * float(motion.height(qpos).std()))
    return f"bounces {swing} cm" if swing else ""


def _height(qpos: Float32s) -> str:
    """Of a free body; where a planar body's height counts from differs from model to model."""
    return "" if motion.is_planar(qpos) else f"torso {100 * motion.height(qpos).mean():.0f} cm high"
