"""Effective skills: how many of the K can be told apart by what they do (DIAYN; DISDAIN).

Letters: K skills, R trials, D descriptor size.
"""

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from skills.measures.intervals import Choice

_FOLDS = 5
_LOWEST = 1e-6  # of a probability: one surprise cannot undo all others
# Inverse regularisation. The weakest model is chance. The strongest is scikit-learn's usual one: descriptors are
# whitened, so skills count as two by differences of the size of the data's own, not by any that a computer can tell.
_STRENGTHS = (1e-4, 1e-2, 1.0)


def held_out_log_probabilities(behaviour: NDArray[np.float64]) -> NDArray[np.float64]:
    """[K, R, D] the whitened behaviour of each trial -> [K, R] log q(k | trial) of the skill that it is of.

    q is a multinomial logistic regression that has not seen the trial nor any other from its start (GroupKFold over
    reset seeds), of the regularisation, out of three, that predicts held-out trials best.
    """
    count, trials, size = behaviour.shape
    rows = behaviour.reshape(-1, size)
    skills, starts = np.repeat(np.arange(count), trials), np.tile(np.arange(trials), count)
    found = [_cross_validate(rows, skills, starts, strength) for strength in _STRENGTHS]
    return max(found, key=lambda scores: float(scores.mean())).reshape(count, trials)


def effective_skills(log_probabilities: NDArray[np.float64], choice: Choice) -> dict[str, float]:
    """exp(mean[log q(k | trial) - log 1/K]), 1 to K."""
    gain = np.take_along_axis(log_probabilities, choice, axis=1).mean() + np.log(len(log_probabilities))
    return {"value": float(np.exp(max(gain, 0.0)))}


def _cross_validate(
    rows: NDArray[np.float64], skills: NDArray[np.int64], starts: NDArray[np.int64], strength: float
) -> NDArray[np.float64]:
    scores = np.empty(len(rows))
    for train, test in GroupKFold(min(_FOLDS, len(np.unique(starts)))).split(rows, skills, starts):
        model = LogisticRegression(C=strength, max_iter=100, tol=1e-3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # stopping early regularises; it is scored held out
            model.fit(rows[train], skills[train])
        probabilities = model.predict_proba(rows[test])
        scores[test] = np.log(np.maximum(probabilities[np.arange(len(test)), skills[test]], _LOWEST))
    return scores
