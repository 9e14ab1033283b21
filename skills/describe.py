"""Words for what skills do, by fixed rules on measured motion, and families of skills that behave alike.

Letters: K skills, R rollouts of each, T steps, P size of qpos, J joints, D numbers of a behaviour, F families.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster import hierarchy
from scipy.spatial import distance
from sklearn.metrics import silhouette_score

from skills import motion
from skills.rollout import Rollouts

Floats = NDArray[np.float64]

_STILL = 0.1  # m/s; slower is standing
_TURNING = 10.0  # deg/s
_UPSIDE_DOWN = 0.5  # share of the time with the torso's up pointing down
_SOMERSAULT = 1.0  # full turns of a planar body's pitch
_VEERING = 4.0  # deg away from the direction that a label names
_LEANING = 4.0  # deg of a planar body's pitch
_DIRECTIONS = ("forward", "forward left", "left", "back left", "backward", "back right", "right", "forward right")

_SPEED = re.compile(r"[0-9.]+ m/s")

_MOST_FAMILIES = 12
_FLOOR = 1e-6  # a number that no rollout varies in says nothing


def label_skills(rollouts: Rollouts) -> list[str]:
    """[K] labels, of the rollout that stands for each skill. Equal ones are told apart by what else was measured.

    A skill falls if at least half of its rollouts do.
    """
    seconds_per_step = float(rollouts.seconds_per_step)
    played, labels = [], []
    for skill, shown in enumerate(rollouts.shown):
        played.append(rollouts.qpos[skill, shown, : rollouts.lengths[skill, shown] + 1])
        fell = rollouts.terminated[skill]
        falls = float(rollouts.seconds[skill][fell].mean()) if fell.mean() >= 0.5 else None
        labels.append(describe(played[-1], seconds_per_step, falls))
    return tell_apart(labels, played, seconds_per_step)


def describe(qpos: NDArray[np.float32], seconds_per_step: float, fall_seconds: float | None) -> str:
    """The label of one rollout, qpos [T + 1, P]: "forward 4.2 m/s, turns left".

    Directions are the world's: forward is +x, left is +y.   fall_seconds: s until the skill falls, None if it does not.
    """
    words = [_travel(qpos, seconds_per_step), _posture(qpos, seconds_per_step)]
    if fall_seconds is not None:
        words.append(f"falls at {fall_seconds:.1f} s")
    return ", ".join(word for word in words if word)


def tell_apart(labels: list[str], played: list[NDArray[np.float32]], seconds_per_step: float) -> list[str]:
    """The same labels, where several are equal with more behind: how they veer or lean, how fast they step, digits.

    played: the rollout [T + 1, P] that each label is of. Skills that are equal in all of it keep equal labels.
    """
    labels = list(labels)
    more: tuple[Callable[[str, NDArray[np.float32]], str], ...] = (
        lambda label, qpos: ", ".join(words for words in (label, _veer(qpos)) if words),
        lambda label, qpos: ", ".join(words for words in (label, _steps(qpos, seconds_per_step)) if words),
        lambda label, qpos: _SPEED.sub(f"{np.linalg.norm(_velocity(qpos, seconds_per_step)):.2f} m/s", label),
    )
    for qualified in more:
        count = Counter(labels)
        labels = [
            qualified(label, qpos) if count[label] > 1 else label for label, qpos in zip(labels, played, strict=True)
        ]
    return labels


def _travel(qpos: NDArray[np.float32], seconds_per_step: float) -> str:
    x, y = _velocity(qpos, seconds_per_step)
    speed = float(np.hypot(x, y))
    if speed < _STILL:
        return "stays in place"
    eighth = round(float(np.arctan2(y, x)) / (np.pi / 4)) % 8
    return f"{_DIRECTIONS[eighth]} {speed:.1f} m/s"


def _posture(qpos: NDArray[np.float32], seconds_per_step: float) -> str:
    if motion.is_planar(qpos):
        turns = float(motion.pitch(qpos)[-1] - motion.pitch(qpos)[0]) / (2.0 * np.pi)
        if abs(turns) >= _SOMERSAULT:
            return f"somersaults {'forward' if turns > 0 else 'backward'}"
    if float((motion.uprightness(qpos) < 0).mean()) > _UPSIDE_DOWN:
        return "on its back"
    rate = float(np.degrees(motion.heading(qpos)[-1] - motion.heading(qpos)[0])) / _seconds(qpos, seconds_per_step)
    if abs(rate) >= _TURNING:
        return f"turns {'left' if rate > 0 else 'right'} {abs(rate):.0f} deg/s"
    return ""


def _veer(qpos: NDArray[np.float32]) -> str:
    """How a body leaves the direction that its label names, or leans in the plane that it cannot leave."""
    if motion.is_planar(qpos):
        lean = float(np.degrees(motion.pitch(qpos).mean()))
        return f"leans {'forward' if lean > 0 else 'back'} {abs(lean):.0f} deg" if abs(lean) >= _LEANING else ""
    x, y = motion.ground(qpos)[-1] - motion.ground(qpos)[0]
    off = float(np.degrees(np.arctan2(y, x))) % 45.0
    off = off - 45.0 if off > 22.5 else off
    return f"veers {'left' if off > 0 else 'right'}" if abs(off) >= _VEERING else ""


def _steps(qpos: NDArray[np.float32], seconds_per_step: float) -> str:
    rate = motion.step_rate(qpos, seconds_per_step)
    return f"{rate:.1f} steps/s" if rate > 0 else ""


def _velocity(qpos: NDArray[np.float32], seconds_per_step: float) -> Floats:
    """[2] m/s, net displacement over time."""
    ground = motion.ground(qpos)
    return np.asarray((ground[-1] - ground[0]) / _seconds(qpos, seconds_per_step))


def _seconds(qpos: NDArray[np.float32], seconds_per_step: float) -> float:
    return max((len(qpos) - 1) * seconds_per_step, seconds_per_step)


@dataclass(frozen=True)
class Families:
    """Which skills behave alike.

    distances: [K, K] between behaviours.   family: [K] 0..F-1, the largest first.
    representatives: [F] the skill in the middle of each family.   order: [K] skills so that neighbours are alike.
    places: [K, 2] a map of the behaviours, -1..1.   axes: what each of its two directions mostly is, in words.
    """

    distances: Floats
    family: NDArray[np.int64]
    representatives: NDArray[np.int64]
    order: NDArray[np.int64]
    places: Floats
    axes: tuple[str, str]


def find_families(rollouts: Rollouts) -> Families:
    """Clusters skills by behaviour: Ward's linkage, cut where the mean silhouette (Rousseeuw 1987) is largest."""
    behaviours, traits = behaviours_of(rollouts)
    places, axes = _map(behaviours, traits)
    if len(behaviours) < 2:
        return Families(np.zeros((1, 1)), np.zeros(1, int), np.zeros(1, int), np.zeros(1, int), places, axes)
    condensed = distance.pdist(behaviours)
    distances = distance.squareform(condensed)
    tree = hierarchy.optimal_leaf_ordering(hierarchy.ward(behaviours), condensed)
    found = _cut(tree, distances)
    sizes = np.bincount(found)
    by_size = np.argsort(-sizes, kind="stable")
    family = np.argsort(by_size)[found]
    leaves = hierarchy.leaves_list(tree)
    order = leaves[np.argsort(family[leaves], kind="stable")]
    return Families(distances, family, _medoids(family, distances), order, places, axes)


def behaviours_of(rollouts: Rollouts) -> tuple[Floats, dict[str, Floats]]:
    """[K, D] what each skill does, averaged over its rollouts and scaled; and the traits with a name, [K] each.

    A number is scaled by its standard deviation over all rollouts: what differs between starts as much as between
    skills counts little. Travel, turning, posture, and the joints' means, swings and rates weigh alike.
    """
    count, repeats = rollouts.lengths.shape
    rows = [_behaviour(rollouts, skill, index) for skill in range(count) for index in range(repeats)]
    parts, traits = [], {}
    for name in rows[0]:
        values = np.array([row[name] for row in rows]).reshape(count * repeats, -1)
        scaled = (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), _FLOOR)
        parts.append(scaled.reshape(count, repeats, -1).mean(axis=1) / np.sqrt(values.shape[1]))
        if values.shape[1] == 1:
            traits[name] = values.reshape(count, repeats).mean(axis=1)
    return np.concatenate(parts, axis=1), traits


def _behaviour(rollouts: Rollouts, skill: int, index: int) -> dict[str, Floats]:
    """What one rollout does; a group a name."""
    step = float(rollouts.seconds_per_step)
    length = int(rollouts.lengths[skill, index])
    qpos = rollouts.qpos[skill, index, : length + 1]
    velocity = _velocity(qpos, step)
    joints = motion.joints(qpos)
    turned = motion.pitch(qpos) if motion.is_planar(qpos) else motion.heading(qpos)
    found: dict[str, float | Floats] = {
        "forward speed": velocity[0],
        "turning left": (turned[-1] - turned[0]) / _seconds(qpos, step),
        "height": motion.height(qpos).mean(),
        "bounce": motion.height(qpos).std(),
        "uprightness": motion.uprightness(qpos).mean(),
        "steps per second": motion.step_rate(qpos, step),
        "survival": length / rollouts.qpos.shape[2],
        "joints": joints.mean(axis=0),
        "swings": joints.std(axis=0),
        "rates": np.diff(joints, axis=0).std(axis=0) / step,
    }
    if motion.is_planar(qpos):
        found["turning forward"] = found.pop("turning left")
    else:
        found["leftward speed"] = velocity[1]
    return {name: np.atleast_1d(np.asarray(value, np.float64)) for name, value in found.items()}


def _cut(tree: Floats, distances: Floats) -> NDArray[np.int64]:
    """[K] the cluster of each skill, from 0."""
    count = len(distances)
    best, chosen = -1.0, np.zeros(count, np.int64)
    for wanted in range(2, min(_MOST_FAMILIES, count - 1) + 1):
        clusters = hierarchy.fcluster(tree, wanted, "maxclust").astype(np.int64) - 1
        if len(np.unique(clusters)) < 2:
            continue
        score = float(silhouette_score(distances, clusters, metric="precomputed"))
        if score > best + 1e-9:
            best, chosen = score, clusters
    return chosen


def _medoids(family: NDArray[np.int64], distances: Floats) -> NDArray[np.int64]:
    """[F] the member of each family that is nearest to its others."""
    found = []
    for index in range(int(family.max()) + 1):
        members = np.flatnonzero(family == index)
        found.append(members[np.argmin(distances[np.ix_(members, members)].sum(axis=1))])
    return np.array(found, np.int64)


def _map(behaviours: Floats, traits: dict[str, Floats]) -> tuple[Floats, tuple[str, str]]:
    """Principal components of behaviours [K, D] as places [K, 2] in -1..1, and the trait that each goes with most."""
    centred = behaviours - behaviours.mean(axis=0)
    left, scale, _ = np.linalg.svd(centred, full_matrices=False)
    places = np.zeros((len(behaviours), 2))
    names = []
    for axis in range(2):
        values = left[:, axis] * scale[axis] if axis < left.shape[1] else places[:, axis]
        agreement = {name: _correlation(values, trait) for name, trait in traits.items()}
        name = max(agreement, key=lambda each: abs(agreement[each]))
        places[:, axis] = values * (-1 if agreement[name] < 0 else 1)
        names.append(name if abs(agreement[name]) > 0.4 else "mixed traits")
    return places / max(float(np.abs(places).max()), _FLOOR), (names[0], names[1])


def _correlation(one: Floats, other: Floats) -> float:
    if min(one.std(), other.std()) < _FLOOR:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])
