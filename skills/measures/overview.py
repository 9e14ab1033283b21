"""First measures of discovered skills, from their rollouts, the classes and the reward matrix.

Letters: K skills, R rollouts of each, T steps, N transitions.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from skills.bodies import motion
from skills.bodies.body import body_of
from skills.bodies.fates import Fate, counts, ended_seconds, survived
from skills.bodies.references import references_of
from skills.data.transitions import Transitions
from skills.learning.classes import Classes
from skills.learning.matrix import Rewards
from skills.measures.describe import label_skills
from skills.playing.rollout import Rollouts
from skills.progress import Reporter

SCHEMA_VERSION = 1
_PATH_POINTS = 40
_NO_SPREAD = 1e-6  # m/s; less than that between rollouts of one skill is rounding, or there is one rollout only
_OF_PLAYING = (
    "speed", "forward", "speed_within", "displacement", "survival", "ended_seconds", "episode_return", "occupancy",
    "occupancy_ratio", "fates",
)  # fmt: skip  # measures of what a policy does


@dataclass(frozen=True)
class SkillMeasures:
    """One skill, averaged over its rollouts.

    support: share of the data in its class.
    speed: m/s, net displacement over time; signed along x for a planar body.
    forward: m/s, net displacement along x over time.   speed_within: m/s, std of `forward` between its rollouts.
    displacement: m, from start to end.
    survival: share of the horizon before it fell, came to lie on its back for good, or left its bounds.
    episode_return: the environment's own reward, summed over the horizon.
    occupancy: share of its steps in its own class.   occupancy_ratio: that over `support`. None of an expert that was
        given rather than clustered: no step of a rollout is in it.
    reward_auc: how its scaled reward ranks its class above the rest of the data: 0.5 chance, 1 perfect. None where it
        was learned without rewards.
    path: [[x, y], ...] m from the start (x and height for a planar body), of the rollout with the median speed.
    shown: that rollout's index; the one that videos play.
    fates: what became of its rollouts, and of how many: {"stays up": 3, "leaps too high": 2}.
    ended_seconds: s, mean time of what ended those that did not survive; None where all did.
    """

    skill: int
    label: str
    support: float
    speed: float
    forward: float
    speed_within: float
    displacement: float
    survival: float
    episode_return: float
    occupancy: float | None
    occupancy_ratio: float | None
    reward_auc: float | None
    path: list[list[float]]
    shown: int
    fates: dict[str, int] = field(default_factory=dict)
    ended_seconds: float | None = None


def measure(
    transitions: Transitions, classes: Classes, rewards: Rewards | None, rollouts: Rollouts, reporter: Reporter
) -> dict[str, Any]:
    """The document of `measures.json`: every skill's measures and their summary.

    rewards: None where skills were learned without.
    """
    aucs = [None] * classes.count if rewards is None else reward_aucs(classes, rewards, reporter).tolist()
    fates = rollouts.fates(transitions.env_id)
    skills = [
        measure_skill(index, label, classes, rollouts, fates[index], aucs[index])
        for index, label in enumerate(label_skills(rollouts, transitions.env_id, fates))
    ]
    body = body_of(transitions.env_id)
    if not body.plays:
        return {"schema_version": SCHEMA_VERSION, **_unplayed(skills, transitions)}
    whole_episodes = rollouts.rewards.shape[-1] >= body.episode_steps
    summary: dict[str, Any] = _summary(skills, transitions, whole_episodes)
    if body.episode_steps < rollouts.rewards.shape[-1]:
        summary["steps"] = body.episode_steps  # of a rollout, at most: its episodes end sooner than the horizon
    summary["fates"] = counts(fate for of_skill in fates for fate in of_skill)
    documents = [asdict(skill) for skill in skills]
    if len(classes.behaviours):
        summary["behaviours"] = len(np.unique(classes.behaviours))
        summary["stride_seconds"] = float(classes.stride) * body.seconds_per_step
        for document, behaviour in zip(documents, classes.behaviours.tolist(), strict=True):
            document["behaviour"] = behaviour
    return {"schema_version": SCHEMA_VERSION, "summary": summary, "skills": documents}


def _unplayed(skills: list[SkillMeasures], transitions: Transitions) -> dict[str, Any]:
    """Where nothing can be played: what is known of the data alone. Paths and labels are of its own stretches."""
    aucs = [skill.reward_auc for skill in skills if skill.reward_auc is not None]
    return {
        "summary": {
            "played": False,
            "reward_auc_median": float(np.median(aucs)) if aucs else None,
            "reward_auc_min": min(aucs, default=None),
            "return_data_mean": float(transitions.returns.mean()),
        },
        "skills": [asdict(skill) | dict.fromkeys(_OF_PLAYING) for skill in skills],
    }


def reward_aucs(classes: Classes, rewards: Rewards, reporter: Reporter) -> NDArray[np.float64]:
    """[K] area under the ROC curve of each skill's reward for telling its class from the rest of the data."""
    progress = reporter("ranking rewards", "skills")
    aucs = np.empty(classes.count)
    for index in range(classes.count):
        aucs[index] = roc_auc_score(classes.labels == index, rewards.labels[:, index].astype(np.float32))
        progress(index + 1, classes.count)
    return aucs


def measure_skill(
    index: int, label: str, classes: Classes, rollouts: Rollouts, fates: Sequence[Fate], auc: float | None
) -> SkillMeasures:
    """One skill's measures.   fates: [R] of its rollouts."""
    lengths = rollouts.lengths[index]
    seconds, net = rollouts.seconds[index], rollouts.net[index]
    horizon = rollouts.rewards.shape[-1]
    forward = net[:, 0] / seconds
    own = (rollouts.classes[index] == index).sum() / lengths.sum() if len(classes.columns) else None
    support = classes.support[index]
    shown = int(rollouts.shown[index])
    played = rollouts.poses[index, shown, : lengths[shown] + 1]
    return SkillMeasures(
        skill=index,
        label=label,
        support=float(support),
        speed=float(rollouts.speed[index].mean()),
        forward=float(forward.mean()),
        speed_within=float(forward.std()),
        displacement=float(np.linalg.norm(net, axis=-1).mean()),
        survival=float(survived(fates, horizon).mean()),
        episode_return=float(rollouts.rewards[index].sum(axis=-1).mean()),
        occupancy=None if own is None else float(own),
        occupancy_ratio=None if own is None else float(own / support),
        reward_auc=auc,
        path=_path(played),
        shown=shown,
        fates=counts(fates),
        ended_seconds=ended_seconds(fates, float(rollouts.seconds_per_step)),
    )


def _summary(skills: list[SkillMeasures], transitions: Transitions, whole_episodes: bool) -> dict[str, float | None]:
    """What all skills say together.

    The normalised return (0 a random policy's, 100 an expert's, by D4RL's references) is that of whole episodes only,
    and of environments that D4RL has references of.
    """
    between = float(np.std([skill.forward for skill in skills]))
    within = float(np.mean([skill.speed_within for skill in skills]))
    goes = body_of(transitions.env_id).joint_names is None  # how fast a hand goes forward tells nothing
    low, high = references_of(transitions.env_id) or (None, None)
    returns = np.array([skill.episode_return for skill in skills])
    ratios = np.array([skill.occupancy_ratio for skill in skills], float)
    aucs = [skill.reward_auc for skill in skills if skill.reward_auc is not None]
    return {
        "occupancy_ratio_median": float(np.median(ratios)),
        "held_share": float(np.mean(ratios > 1.0)),
        "speed_between": between,
        "speed_within": within,
        "speed_spread_ratio": between / within if within > _NO_SPREAD and goes else None,
        "reward_auc_median": float(np.median(aucs)) if aucs else None,
        "reward_auc_min": min(aucs, default=None),
        "survival_median": float(np.median([skill.survival for skill in skills])),
        "return_median": float(np.median(returns)),
        "return_best": float(returns.max()),
        "return_best_normalised": _score(float(returns.max()), low, high) if whole_episodes else None,
        "return_data_mean": float(transitions.returns.mean()),
        "reference_return_random": low,
        "reference_return_expert": high,
    }


def _score(value: float, low: float | None, high: float | None) -> float | None:
    return None if low is None or high is None else float(100.0 * (value - low) / (high - low))


def _path(qpos: NDArray[np.float32]) -> list[list[float]]:
    """At most 40 points of the torso's way, m."""
    way = motion.ground(qpos)
    if motion.is_planar(qpos):
        way[..., 1] = motion.height(qpos)
    chosen = np.unique(np.linspace(0, len(way) - 1, _PATH_POINTS).round().astype(int))
    return [[round(float(x), 2), round(float(y), 2)] for x, y in way[chosen] - way[0]]
