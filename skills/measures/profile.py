"""What the page's plots show of the rollouts: ways, speed and height over time, scores, families, distances.

Letters: K skills, R rollouts of each, T steps, P size of qpos.
"""

import string
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from skills.arrays import Ids
from skills.bodies import motion
from skills.bodies.fates import counted, counts, ended_seconds
from skills.measures.families import find_families
from skills.measures.switches import Switches
from skills.playing.rollout import Rollouts

_WAY_POINTS = 30
_CHART_POINTS = 48
_SPEED_SECONDS = 0.5  # over which the charts' speed is measured
_SIMILAR = 5
_CONFIDENCE = 0.95
LEVELS = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"  # a distance is one of these letters


def behaviour(rollouts: Rollouts, env_id: str, of_classes: Ids) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What the page says of all skills together, and of each.   of_classes: as `find_families` takes them."""
    fates, step = rollouts.fates(env_id), float(rollouts.seconds_per_step)
    families = find_families(rollouts, env_id, of_classes)
    nearest = np.argsort(families.distances + np.diag(np.full(len(families.distances), np.inf)), axis=1, kind="stable")
    overview = {
        "planar": motion.is_planar(rollouts.poses),
        "representatives": families.representatives.tolist(),
        "families": families.names,
        "behaviours": len(of_classes) > 0,
        "order": families.order.tolist(),
        "axes": list(families.axes),
        "distances": _in_letters(families.distances),
    }
    skills = []
    for skill in range(len(rollouts.qpos)):
        alike = nearest[skill, :_SIMILAR][: len(nearest) - 1]
        skills.append(
            {
                **_motion(rollouts, skill),
                "rollouts": len(fates[skill]),
                "ended": counted(counts(fates[skill])),
                "ended_seconds": ended_seconds(fates[skill], step),
                "return_interval": _interval(rollouts.rewards[skill].sum(axis=-1, dtype=np.float64)),
                "family": int(families.family[skill]),
                "place": [round(float(value), 3) for value in families.places[skill]],
                "similar": alike.tolist(),
                "distinctness": round(float(families.distances[skill, alike[0]]), 2) if len(alike) else None,
            }
        )
    return overview, skills


def _motion(rollouts: Rollouts, skill: int) -> dict[str, Any]:
    """Of the rollout that stands for a skill: its way, and its speed (cm/s) and height (cm) over time.

    The way is (x, y) in m from the start; of a planar body it is (time in s, x).
    """
    shown = rollouts.shown[skill]
    step = float(rollouts.seconds_per_step)
    qpos = rollouts.poses[skill, shown, : rollouts.lengths[skill, shown] + 1]
    ground = motion.ground(qpos)
    way = ground - ground[0]
    if motion.is_planar(qpos):
        way = np.stack([np.arange(len(way)) * step, way[:, 0]], axis=1)
    window = max(1, min(round(_SPEED_SECONDS / step), len(qpos) - 1))
    speed = np.linalg.norm(ground[window:] - ground[:-window], axis=1) / (window * step)
    return {
        "path": [[round(float(x), 2), round(float(y), 2)] for x, y in _sampled(way, _WAY_POINTS)],
        "seconds": round((len(qpos) - 1) * step, 2),
        "speeds": np.round(100 * _sampled(speed, _CHART_POINTS)).astype(int).tolist(),
        "heights": np.round(100 * _sampled(motion.height(qpos), _CHART_POINTS)).astype(int).tolist(),
    }


def _sampled(values: NDArray[np.float64], most: int) -> NDArray[np.float64]:
    """At most that many of the values, evenly over time, the first and last among them."""
    return np.asarray(values[np.unique(np.linspace(0, len(values) - 1, most).round().astype(int))])


def _interval(values: NDArray[np.float64]) -> list[float] | None:
    """The mean's 95 % interval by Student's t over the rollouts of a skill; None for a single one."""
    if len(values) < 2:
        return None
    half = float(stats.t.ppf((1 + _CONFIDENCE) / 2, len(values) - 1) * stats.sem(values))
    return [round(float(values.mean()) - half, 1), round(float(values.mean()) + half, 1)]


def _in_letters(distances: NDArray[np.float64]) -> str:
    """[K x K] letters, row by row: the distance in 64 even steps of the largest."""
    top = max(float(distances.max()), 1e-9)
    steps = np.minimum(np.floor(distances / top * len(LEVELS)), len(LEVELS) - 1).astype(int)
    return "".join(LEVELS[step] for step in steps.ravel())


def in_switch_letters(switches: Switches) -> str:
    """[K x K] letters, row by row: of a safe switch its time in 64 steps of what was looked at; "-" somebody fell, "~"
    the new behaviour was not reached, " " the skill fell before it could give way."""
    steps = np.nan_to_num(switches.times / float(switches.seconds[1]) * (len(LEVELS) - 1)).round().astype(int)
    letters = np.array(list(LEVELS))[np.minimum(steps, len(LEVELS) - 1)]
    sure = (switches.survived == 1.0) & (switches.times >= 0) & (switches.safe | np.eye(len(steps), dtype=bool))
    others = np.where(switches.survived == 1.0, "~", np.where(np.isnan(switches.survived), " ", "-"))
    return "".join(np.where(sure, letters, others).ravel())
