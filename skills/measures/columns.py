"""Words for what stands fast, or has no place: what it moves, which of its numbers are high or low, and which move.

Letters: K skills, T states, J numbers of a state.
"""

import re
from collections.abc import Sequence

import numpy as np

from skills.arrays import Floats
from skills.bodies.body import body_of
from skills.bodies.things import Thing, own_joints, things_of
from skills.printable import printable

ORDINARY = "as most"
_REMARKABLE = 0.5  # standard deviations from the mean of all skills
_MOST = 2  # traits in a label
_FLOOR = 1e-9  # a number in which no skill differs says nothing
_TURNED, _MOVED = 5.0, 2.0  # deg, cm; less is not said
# The joints of Shadow's hand, which Adroit and Gymnasium-Robotics have, are named by two letters of the limb.
_LIMBS = {
    "WR": "wrist", "TH": "thumb", "FF": "first finger", "MF": "middle finger", "RF": "ring finger",
    "LF": "little finger", "ART": "arm", "ARR": "arm turn",
}  # fmt: skip
_SHADOW = re.compile(r"(WR|TH|FF|MF|RF|LF)J(\d)|(ART|ARR)([xyz])")


def label_columns(played: Sequence[Floats], env_id: str) -> list[str]:
    """[K] a label a skill, of joints [T, J] each: "turns door 85 deg, thumb joint 1 moves much".

    What it moves of what is around it comes first; then in what its own joints differ most from the mean of all skills.
    """
    names, own, things = body_of(env_id).joint_names or (), own_joints(env_id), things_of(env_id)
    shown = [spoken(names[number]) or f"column {number}" for number in own.tolist()]
    means = _scores(np.stack([states[:, own].mean(axis=0) for states in played]))
    swings = _scores(np.stack([states[:, own].std(axis=0) for states in played]))
    labels = []
    for states, mean, swing in zip(played, means, swings, strict=True):
        moved = [words for thing in things if (words := _handled(thing, states))][:_MOST]
        traits = _traits(mean, swing, shown)[: max(1, _MOST - len(moved))]
        labels.append(", ".join([*moved, *traits]) or ORDINARY)
    return labels


def spoken(name: str) -> str:
    """A joint's name as one would say it: "thumb joint 1" of "robot0:THJ1", "shoulder pan" of "shoulder_pan_joint"."""
    plain = printable(name).rpartition(":")[2]
    shadow = _SHADOW.fullmatch(plain)
    if shadow is not None:
        limb, number, arm, axis = shadow.groups()
        return f"{_LIMBS[limb]} joint {number}" if limb else f"{_LIMBS[arm]} {axis}"
    return plain.removesuffix("_joint").replace("_", " ")


def _handled(thing: Thing, states: Floats) -> str:
    """ "turns door 85 deg", "moves box 12 cm"; "" of what is hardly moved."""
    turned, moved = np.degrees(thing.turned(states)), 100 * thing.moved(states)
    if turned >= _TURNED:
        return f"turns {spoken(thing.name)} {turned:.0f} deg"
    return f"moves {spoken(thing.name)} {moved:.0f} cm" if moved >= _MOVED else ""


def _scores(values: Floats) -> Floats:
    """[K, J] in standard deviations from the mean of all skills."""
    spread = values.std(axis=0)
    return np.where(spread > _FLOOR, (values - values.mean(axis=0)) / np.maximum(spread, _FLOOR), 0.0)


def _traits(mean: Floats, swing: Floats, names: Sequence[str]) -> list[str]:
    """What is remarkable, each of another number, the most remarkable first."""
    scores = np.concatenate([mean, swing])
    found: dict[str, str] = {}
    for place in np.argsort(-np.abs(scores), kind="stable").tolist():
        name, much = names[place % len(names)], scores[place] > 0
        if len(found) == _MOST or abs(scores[place]) < _REMARKABLE:
            break
        words = ("high", "low") if place < len(names) else ("moves much", "moves little")
        word = words[0 if much else 1]
        found.setdefault(name, f"{word} {name}" if place < len(names) else f"{name} {word}")
    return list(found.values())
