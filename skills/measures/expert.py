"""Measures of a run with one expert: the score over seeds, and how the reward ranks the expert.

Letters: S seeds, R rollouts of each.
"""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skills.bodies.body import body_of
from skills.bodies.fates import counts
from skills.bodies.references import references_of
from skills.data.transitions import Transitions
from skills.learning.classes import Classes
from skills.measures.describe import label_skills
from skills.measures.intervals import Interval, student
from skills.measures.overview import SCHEMA_VERSION, measure_skill
from skills.playing.rollout import Rollouts
from skills.settings.config import Config

if TYPE_CHECKING:
    from skills.measures.ranking import Ranking


def measure_expert(
    transitions: Transitions,
    classes: Classes,
    ranking: "Ranking | None",
    rollouts: Rollouts,
    config: Config,
) -> dict[str, Any]:
    """The document of `measures.json`: every seed's measures, as of a skill each, and their summary.

    transitions: what the run learned from.   ranking: None where it learned without rewards.
    """
    aucs = ranking.chosen.tolist() if ranking else [None] * classes.count
    fates = rollouts.fates(transitions.env_id)
    skills = [
        measure_skill(index, f"seed {index + 1}: {label}", classes, rollouts, fates[index], aucs[index])
        for index, label in enumerate(label_skills(rollouts, transitions.env_id, fates))
    ]
    return {
        "schema_version": SCHEMA_VERSION,
        "summary": {"mode": config.mode, "rewards": config.reward.name, "learner": config.policy.name}
        | scores(rollouts, transitions.env_id)
        | {"survival_median": float(np.median([skill.survival for skill in skills]))}
        | {"fates": counts(fate for of_seed in fates for fate in of_seed)}
        | _of_ranking(ranking)
        | {"expert_steps": int(classes.sizes[0]), "return_data_mean": _mean_return(transitions)},
        "skills": [asdict(skill) for skill in skills],
    }


def scores(rollouts: Rollouts, env_id: str) -> dict[str, Any]:
    """The normalised score 100 (R - random) / (expert - random) and the return R: means over seeds, with intervals over
    seeds by Student's t (none of one seed), and of each seed.

    In a maze the score is the share of the episodes that reach the goal, in percent. Only whole episodes have one, and
    only those of environments that D4RL has references of.
    """
    low, high = references_of(env_id) or (None, None)
    returns = rollouts.rewards.sum(axis=-1, dtype=np.float64).mean(axis=1)
    known = low is not None and high is not None
    found = returns if low is None or high is None else 100.0 * (returns - low) / (high - low)
    body = body_of(env_id)
    maze = body.maze is not None
    whole = known and rollouts.rewards.shape[-1] >= body.episode_steps
    bounds = {"lowest": 0.0, "highest": 100.0} if maze else {}
    score = student(found.tolist(), **bounds) if whole else Interval(None, None, None)
    return {
        "score": asdict(score),
        "score_of_seeds": found.tolist() if whole else None,
        "score_is": "success rate" if maze else "normalised return",
        "episodes_per_seed": int(rollouts.rewards.shape[1]),
        "return": asdict(student(returns.tolist())),
        "return_of_seeds": returns.tolist(),
        "reference_return_random": low,
        "reference_return_expert": high,
    }


def _of_ranking(ranking: "Ranking | None") -> dict[str, float | None]:
    found = (ranking.chosen, ranking.held_out, ranking.spread) if ranking else (None, None, None)
    names = ("reward_auc", "reward_auc_held_out", "latent_spread")
    return {name: _mean(values) for name, values in zip(names, found, strict=True)}


def _mean(values: NDArray[np.float64] | None) -> float | None:
    return None if values is None or np.isnan(values).any() else float(values.mean())


def _mean_return(transitions: Transitions) -> float | None:
    """Of the episodes that were learned from; None where the dataset's rewards were left unread."""
    mean = float(transitions.returns.mean())
    return mean if np.isfinite(mean) else None
