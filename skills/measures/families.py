"""Families of skills that behave alike: their members, their representatives, their names, and a map of them.

Letters: K skills, R rollouts of each, T steps, P size of qpos, J joints, D numbers of a behaviour, F families.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster import hierarchy
from scipy.spatial import distance
from sklearn.metrics import silhouette_score

from skills.arrays import Floats, Ids
from skills.bodies import motion
from skills.bodies.body import body_of
from skills.bodies.fates import Fate
from skills.measures.columns import label_columns
from skills.measures.describe import joined, shown, tell_apart
from skills.measures.manoeuvres import Recorded, manoeuvre
from skills.playing.rollout import Rollouts

_MOST_FAMILIES = 8
_ALMOST = 0.75  # of the best silhouette: a finer cut that is nearly as clear shows more kinds of behaviour
_NUMBERS = re.compile(r"( at)? [0-9].*")
_MOSTLY = 0.5  # share of a family's rollouts that do not survive, from which on its name says so
_STILL = 0.1  # m/s; slower is standing
_REMARKABLE = 0.7  # standard deviations from the mean of all skills
_MORE_AND_LESS = {  # words for much and for little of a trait
    "height": ("torso high", "torso low"),
    "bounce": ("bouncy", "smooth"),
    "steps per second": ("quick steps", "slow steps"),
    "survival": ("stays up", "ends early at times"),
    "leaning forward": ("leans forward", "leans back"),
}
_FLOOR = 1e-6  # a number that no rollout varies in says nothing


@dataclass(frozen=True)
class Families:
    """Which skills behave alike.

    distances: [K, K] between behaviours.   family: [K] 0..F-1, the largest first.
    names: [F] what most members do, "forward, about 3.6 m/s"; of what stands fast what the one does that stands for it.
    representatives: [F] the skill that stands for each family.   order: [K] skills so that neighbours are alike.
    places: [K, 2] a map of the behaviours, -1..1.   axes: what each of its two directions mostly is, in words.
    """

    distances: Floats
    family: NDArray[np.int64]
    names: list[str]
    representatives: NDArray[np.int64]
    order: NDArray[np.int64]
    places: Floats
    axes: tuple[str, str]


def find_families(rollouts: Rollouts, env_id: str, of_classes: Ids | None = None) -> Families:
    """The families of skills: the behaviours that their classes are of, or clusters of what they do.

    of_classes: [K] the behaviour of each skill's class, where the data have told (`Classes.behaviours`); then a family
    is a behaviour, and the skill that stands for it is the one that performs it for most of its time. None or empty:
    Ward's linkage of what the skills do, cut by the mean silhouette (Rousseeuw 1987): the finest cut whose silhouette
    is nearly the largest of all, and the skill in the middle of each stands for it. None that is seen to end otherwise
    than most of a family's rollouts (to fall, to come to a stand) stands for it.
    """
    known = None if of_classes is None or not len(of_classes) else of_classes
    fates = rollouts.fates(env_id)
    behaviours, traits = behaviours_of(rollouts, fates)
    places, axes = _map(behaviours, traits)
    count = len(behaviours)
    if count < 2:
        distances, family, order = np.zeros((1, 1)), np.zeros(1, np.int64), np.zeros(1, np.int64)
    else:
        condensed = distance.pdist(behaviours)
        distances = distance.squareform(condensed)
        tree = hierarchy.optimal_leaf_ordering(hierarchy.ward(behaviours), condensed)
        found = _cut(tree, distances) if known is None else np.unique(known, return_inverse=True)[1]
        by_size = np.argsort(-np.bincount(found), kind="stable")
        family = np.argsort(by_size)[found]
        leaves = hierarchy.leaves_list(tree)
        order = leaves[np.argsort(family[leaves], kind="stable")]
    members = [
        _fit_to_stand_for(np.flatnonzero(family == one), fates, rollouts) for one in range(int(family.max()) + 1)
    ]
    heads = _medoids(members, family, distances) if known is None else _performers(members, family, rollouts)
    played = shown(rollouts, env_id, fates)
    if body_of(env_id).joint_names is None:
        names = _names(played, fates, family, heads, traits)
    else:  # it goes nowhere: what stands for a family says what it is, beside the others that do
        stand_for = [played[head] for head in heads]
        names = tell_apart(label_columns([motion.joints(one.qpos) for one in stand_for], env_id), stand_for)
    return Families(distances, family, names, heads, order, places, axes)


def _names(
    played: Sequence[Recorded],
    fates: Sequence[Sequence[Fate]],
    family: NDArray[np.int64],
    heads: NDArray[np.int64],
    traits: dict[str, Floats],
) -> list[str]:
    """[F] the manoeuvre that is the most frequent in each family, its median speed, and what is peculiar; no two equal.

    played: [K] the rollout that stands for each skill.   fates: [K][R].
    """
    done = [manoeuvre(one) for one in played]
    names = []
    for index in range(len(heads)):
        members = np.flatnonzero(family == index).tolist()
        does = _most_frequent([_NUMBERS.sub("", done[skill].does) for skill in members])
        how = _most_frequent([_NUMBERS.sub("", done[skill].how) for skill in members])
        speed = float(np.median([done[skill].speed for skill in members if done[skill].does.startswith(does)]))
        ends = _most_frequent([str(fate.outcome) for skill in members for fate in fates[skill] if not fate.survives])
        ended = np.mean([not fate.survives for skill in members for fate in fates[skill]]) >= _MOSTLY
        travel = does if speed < _STILL else f"{does}, about {speed:.1f} m/s"
        peculiar = (
            "" if ended and "on its back" in does else ends if ended else "" if how else _peculiar(members, traits)
        )
        names.append(joined(travel, how, peculiar))
    return tell_apart(names, [played[head] for head in heads])


def _peculiar(members: list[int], traits: dict[str, Floats]) -> str:
    """How a family differs most from all skills in what its speed does not say, in words; "" where it hardly does."""
    differences = {
        name: float((values[members].mean() - values.mean()) / max(values.std(), _FLOOR))
        for name, values in traits.items()
        if name in _MORE_AND_LESS
    }
    name = max(differences, key=lambda each: abs(differences[each]))
    more, less = _MORE_AND_LESS[name]
    return "" if abs(differences[name]) < _REMARKABLE else more if differences[name] > 0 else less


def _most_frequent(words: list[str]) -> str:
    return Counter(words).most_common(1)[0][0] if words else ""


def behaviours_of(rollouts: Rollouts, fates: Sequence[Sequence[Fate]]) -> tuple[Floats, dict[str, Floats]]:
    """[K, D] what each skill does, averaged over its rollouts and scaled; and the traits with a name, [K] each.

    A number is scaled by its standard deviation over all rollouts: what differs between starts as much as between
    skills counts little. Travel, turning, posture, and the joints' means, swings and rates weigh alike.
    """
    count, repeats = rollouts.lengths.shape
    rows = [
        _behaviour(rollouts, skill, index, fates[skill][index]) for skill in range(count) for index in range(repeats)
    ]
    parts, traits = [], {}
    for name in rows[0]:
        values = np.array([row[name] for row in rows]).reshape(count * repeats, -1)
        scaled = (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), _FLOOR)
        parts.append(scaled.reshape(count, repeats, -1).mean(axis=1) / np.sqrt(values.shape[1]))
        if values.shape[1] == 1:
            traits[name] = values.reshape(count, repeats).mean(axis=1)
    return np.concatenate(parts, axis=1), traits


def _behaviour(rollouts: Rollouts, skill: int, index: int, fate: Fate) -> dict[str, Floats]:
    """What one rollout does; a group a name."""
    step = float(rollouts.seconds_per_step)
    length = int(rollouts.lengths[skill, index])
    qpos = rollouts.poses[skill, index, : length + 1]
    velocity = motion.velocity(qpos, step)
    joints = motion.joints(qpos)
    turned = motion.pitch(qpos) if motion.is_planar(qpos) else motion.heading(qpos)
    found: dict[str, float | Floats] = {
        "forward speed": velocity[0],
        "turning left": (turned[-1] - turned[0]) / motion.seconds(qpos, step),
        "height": motion.height(qpos).mean(),
        "bounce": motion.height(qpos).std(),
        "uprightness": motion.uprightness(qpos).mean(),
        "steps per second": motion.step_rate(qpos, step),
        "survival": 1.0 if fate.survives else fate.step / rollouts.qpos.shape[2],
        "joints": joints.mean(axis=0),
        "swings": joints.std(axis=0),
        "rates": np.diff(joints, axis=0).std(axis=0) / step,
    }
    if motion.is_planar(qpos):
        found["turning forward"] = found.pop("turning left")
        found["leaning forward"] = motion.pitch(qpos).mean()
    else:
        found["leftward speed"] = velocity[1]
    return {name: np.atleast_1d(np.asarray(value, np.float64)) for name, value in found.items()}


def _cut(tree: Floats, distances: Floats) -> NDArray[np.int64]:
    """[K] the cluster of each skill, from 0."""
    count = len(distances)
    cuts, scores = [np.zeros(count, np.int64)], [0.0]  # the score of a single family: better than a bad cut
    for wanted in range(2, min(_MOST_FAMILIES, count - 1) + 1):
        clusters = hierarchy.fcluster(tree, wanted, "maxclust").astype(np.int64) - 1
        if len(np.unique(clusters)) == wanted:
            cuts.append(clusters)
            scores.append(float(silhouette_score(distances, clusters, metric="precomputed")))
    return cuts[int(np.flatnonzero(np.array(scores) >= _ALMOST * max(scores))[-1])]


def _fit_to_stand_for(members: Ids, fates: Sequence[Sequence[Fate]], rollouts: Rollouts) -> Ids:
    """Those of a family that may stand for it: those that are seen to end as most of its rollouts do."""
    usual = _most_frequent([fate.outcome for skill in members for fate in fates[skill]])
    seen = [skill for skill in members.tolist() if fates[skill][int(rollouts.shown[skill])].outcome == usual]
    return np.array(seen, np.int64) if seen else members


def _performers(members: Sequence[Ids], family: NDArray[np.int64], rollouts: Rollouts) -> NDArray[np.int64]:
    """[F] of the members of each family the skill whose steps are the most in classes of that family."""
    classes = rollouts.classes
    inside = (classes >= 0) & (family[classes] == family[:, None, None])
    share = inside.sum(axis=(1, 2)) / rollouts.lengths.sum(axis=1)
    return np.array([own[np.argmax(share[own])] for own in members], np.int64)


def _medoids(members: Sequence[Ids], family: NDArray[np.int64], distances: Floats) -> NDArray[np.int64]:
    """[F] of the members of each family the one that is nearest to all of it."""
    whole = [np.flatnonzero(family == index) for index in range(len(members))]
    return np.array(
        [own[np.argmin(distances[np.ix_(own, all_)].sum(axis=1))] for own, all_ in zip(members, whole, strict=True)],
        np.int64,
    )


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
