"""Effective skills: how many of the K can be told apart by what they do (DIAYN; DISDAIN).

Letters: K skills, R trials, D descriptor size.
"""

import warnings
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from skills.measures.intervals import Choice, Statistic
from skills.measures.judge import Judge, Played
from skills.measures.judged import ONLY, Measure, Number

# Inverse regularisation. The weakest model is chance. The strongest is scikit-learn's usual one: descriptors are
# whitened, so skills count as two by differences of the size of the data's own, not by any that a computer can tell.
_STRENGTHS = (1e-4, 1e-2, 1.0)


@dataclass(frozen=True)
class EffectiveSkills(Measure[None]):
    """exp of the mean gain in log q(k | trial) over a guess."""

    name = "effective_skills"
    rank = 30

    folds: Annotated[int, "of the cross-validation over reset seeds"] = 5
    floor: Annotated[float, "of a probability: one surprise cannot undo all others"] = 1e-6

    def numbers(self) -> tuple[Number, ...]:
        """Its only number."""
        return (Number(ONLY, "effective skills", 1, lowest=1.0),)

    def prepare(self, judge: Judge) -> None:
        """Nothing: it is of the skills alone."""

    def of(self, played: Played, known: None) -> Statistic:
        """For a method's trials."""
        log_q = held_out_log_probabilities(played.means, self.folds, self.floor)
        return lambda choice: effective_skills(log_q, choice)


def held_out_log_probabilities(
    described: NDArray[np.float64], folds: int = EffectiveSkills.folds, floor: float = EffectiveSkills.floor
) -> NDArray[np.float64]:
    """[K, R, D] what each trial does, whitened -> [K, R] log q(k | trial) of the skill that it is of.

    q is a multinomial logistic regression that has not seen the trial nor any other from its start (GroupKFold over
    reset seeds), of the regularisation, out of three, that predicts held-out trials best.
    """
    count, trials, size = described.shape
    rows = described.reshape(-1, size)
    skills, starts = np.repeat(np.arange(count), trials), np.tile(np.arange(trials), count)
    splits = list(GroupKFold(min(folds, trials)).split(rows, skills, starts))
    found = [np.log(np.maximum(_cross_validate(rows, skills, splits, one), floor)) for one in _STRENGTHS]
    return max(found, key=lambda scores: float(scores.mean())).reshape(count, trials)


def effective_skills(log_probabilities: NDArray[np.float64], choice: Choice) -> dict[str, float]:
    """exp(mean[log q(k | trial) - log 1/K]), 1 to K."""
    gain = np.take_along_axis(log_probabilities, choice, axis=1).mean() + np.log(len(log_probabilities))
    return {"value": float(np.exp(max(gain, 0.0)))}


def _cross_validate(
    rows: NDArray[np.float64],
    skills: NDArray[np.int64],
    splits: list[tuple[NDArray[np.int64], NDArray[np.int64]]],
    strength: float,
) -> NDArray[np.float64]:
    """The probability of each row's skill, from a model that has not seen its fold."""
    found = np.empty(len(rows))
    for train, test in splits:
        model = LogisticRegression(C=strength, max_iter=100, tol=1e-3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # stopping early regularises; it is scored held out
            model.fit(rows[train], skills[train])
        found[test] = model.predict_proba(rows[test])[np.arange(len(test)), skills[test]]
    return found
