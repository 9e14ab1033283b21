"""Labels: what each skill does, in words that no two skills share.

Letters: K skills, R rollouts of each, T steps, P size of qpos.
"""

import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from skills.arrays import Float32s
from skills.bodies import gaits, motion
from skills.bodies.body import body_of
from skills.bodies.fates import Fate, Outcome, counted, counts
from skills.measures.columns import label_columns
from skills.measures.manoeuvres import Recorded, manoeuvre, speed, veer
from skills.playing.rollout import Rollouts

_SLIGHT = 2.0  # deg off a direction, or of pitch; less is straight, or level
_AT_ONCE = 1.0  # s
_MORE = 2  # traits that a label gets at most to tell it from others

_SPEED = re.compile(r"[0-9.]+ m/s")


def shown(rollouts: Rollouts, env_id: str, fates: Sequence[Sequence[Fate]]) -> list[Recorded]:
    """[K] the rollout that stands for each skill."""
    return [
        Recorded(rollouts.poses[skill, index, : rollouts.lengths[skill, index] + 1], env_id, fates[skill][index])
        for skill, index in enumerate(rollouts.shown.tolist())
    ]


def label_skills(rollouts: Rollouts, env_id: str, fates: Sequence[Sequence[Fate]]) -> list[str]:
    """[K] labels, of the rollout that stands for each skill; no two are equal.   fates: [K][R].

    What goes nowhere is labelled by what it moves and by its joints, or what is observed of it.
    """
    played = shown(rollouts, env_id, fates)
    if body_of(env_id).joint_names is not None:
        return _label_standing(played, fates, env_id)
    labels = [describe(one, fate_words(one, of_skill)) for one, of_skill in zip(played, fates, strict=True)]
    return tell_apart(labels, played)


def _label_standing(played: Sequence[Recorded], fates: Sequence[Sequence[Fate]], env_id: str) -> list[str]:
    labels = label_columns([motion.joints(one.qpos) for one in played], env_id)
    ends = ["" if one.fate.survives else fate_words(one, of_skill) for one, of_skill in zip(played, fates, strict=True)]
    return tell_apart([joined(label, end) for label, end in zip(labels, ends, strict=True)], played)


def fate_words(one: Recorded, fates: Sequence[Fate]) -> str:
    """ "falls at 2.3 s" if that becomes of the rollout that is shown; "falls in 1 of 5" if only of others; else "".

    What a rollout is of, lying or standing, is said without that: only from when on, where it is not so at once.
    """
    step = one.step
    if one.fate.outcome in (Outcome.LIES, Outcome.STANDS) and one.is_early:
        at = one.fate.step * step
        return f"from {at:.1f} s on" if at >= _AT_ONCE else ""
    return one.fate.words(step) or counted(counts(fates))


def describe(one: Recorded, fate: str = "") -> str:
    """The label of one rollout: "trots forward 4.2 m/s, turns left 20 deg/s".   fate: what `fate_words` says."""
    return joined(manoeuvre(one).words, fate)


def tell_apart(labels: list[str], played: Sequence[Recorded]) -> list[str]:
    """The same labels, where several are equal with more behind; no two are equal.

    Skills of one label all get the trait that tells most of them apart: how they veer or lean, how high they are and
    bounce, how fast they step; then the one that tells most of the rest; then a digit of the speed. Skills that are
    equal in all of it are numbered.   played: the rollout that each label is of.
    """
    words = [_traits(one) for one in played]
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
            one = played[skill]
            pace = speed(one.stretch, one.step)
            full[skill] = _SPEED.sub(f"{pace:.2f} m/s", full[skill], count=1)
    for skills in _equal(full):
        for place, skill in enumerate(skills, start=1):
            full[skill] += f" ({place} of {len(skills)} alike)"
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


def _traits(one: Recorded) -> tuple[str, ...]:
    """What tells a rollout from others of the same words; of one that holds still, only how it stands."""
    qpos, step = one.settled, one.step
    if gaits.rests(qpos):
        return _veer(qpos, step), "", "", _height(qpos)
    return _veer(qpos, step), _steps(qpos, step), _bounce(qpos), _height(qpos)


def _veer(qpos: Float32s, step: float) -> str:
    """How a body leaves the direction that its label names, or leans in the plane that it cannot leave."""
    if motion.is_planar(qpos):
        lean = float(np.degrees(motion.pitch(qpos).mean()))
        lean = (lean + 180.0) % 360.0 - 180.0
        return f"leans {'forward' if lean > 0 else 'back'} {abs(lean):.0f} deg" if abs(lean) >= _SLIGHT else "level"
    off = veer(qpos, step)
    if np.isnan(off):
        return ""
    return f"veers {'left' if off > 0 else 'right'} {abs(off):.0f} deg" if abs(off) >= _SLIGHT else "straight"


def _steps(qpos: Float32s, step: float) -> str:
    rate = motion.step_rate(qpos, step)
    return f"{rate:.1f} steps/s" if rate > 0 else ""


def _bounce(qpos: Float32s) -> str:
    """The torso's rise and fall, from the lowest to the highest of a wave of its standard deviation."""
    swing = round(100 * 2 * np.sqrt(2) * float(motion.height(qpos).std()))
    return f"bounces {swing} cm" if swing else ""


def _height(qpos: Float32s) -> str:
    """Of a free body; where a planar body's height counts from differs from model to model."""
    return "" if motion.is_planar(qpos) else f"torso {100 * motion.height(qpos).mean():.0f} cm high"
