"""Ground truth: where the data is a mixture of known behaviours, do the classes follow them, and are they recovered?

Letters: M rows, P behaviours, K skills, R trials, N windows, D descriptor size.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score, homogeneity_score, normalized_mutual_info_score

from skills.data.transitions import Transitions
from skills.learning import behaviours as of_data
from skills.measures.judge import Judge, Played
from skills.measures.nearby import is_reached, reach
from skills.playing.trials import Trials


@dataclass(frozen=True)
class Agreement:
    """How classes agree with the behaviours that made the rows.

    ari: adjusted Rand index (Hubert and Arabie 1985), 0 chance, 1 the same cut; more classes than behaviours lower it
        even where no class is mixed.   nmi: normalised mutual information, 0 to 1.
    homogeneity: 1 where every class is of a single behaviour, however many classes (Rosenberg and Hirschberg 2007).
    """

    ari: float
    nmi: float
    homogeneity: float


@dataclass(frozen=True)
class Inferred:
    """What is found in the data without the truth in sight.

    number: of behaviours.   ari, nmi: of their rows, see `Agreement`.   seconds: that finding them took.
    """

    number: int
    ari: float
    nmi: float
    seconds: float


def inferred(discovery: Transitions, behaviours: NDArray[np.integer], seed: int) -> Inferred:
    """How the behaviours that `skills.learning.behaviours` finds agree with those [M] that made the rows."""
    began = time.perf_counter()
    found = of_data.find(discovery, seed)
    seconds = time.perf_counter() - began
    scores = agreement(found.labels, behaviours)
    return Inferred(found.count, scores.ari, scores.nmi, seconds)


def agreement(labels: NDArray[np.integer], sources: NDArray[np.integer]) -> Agreement:
    """Of classes [M] with behaviours [M]."""
    scores = (adjusted_rand_score, normalized_mutual_info_score, homogeneity_score)
    return Agreement(*(float(score(sources, labels)) for score in scores))


def truth(judge: Judge, discovery: Transitions, behaviours: NDArray[np.integer], trials: Trials) -> dict[str, Any]:
    """How classes agree with the behaviours [M] that made the rows of discovery, and which ones skills recover.

    behaviours: by any whole numbers, which they keep; one that made no row of discovery is none of these.
    """
    found = agreement(judge.classes.labels, behaviours)
    present, numbers = np.unique(behaviours, return_inverse=True)
    windows, middles = judge.windows_of(discovery)
    played = Played(trials, judge)
    owners = played.owners // trials.shape[1]
    shares = match(windows, numbers[middles], played.windows, owners, (judge.count, len(present)))
    skills = shares.argmax(axis=0)
    return {
        "ari": found.ari,
        "nmi": found.nmi,
        "recovered": float(recovered(shares).mean()),
        "behaviours": [
            {"behaviour": int(name), "rows": float((behaviours == name).mean()), "skill": int(skill), "share": share}
            for name, skill, share in zip(present, skills, shares.max(axis=0).tolist(), strict=True)
        ],
    }


def match(
    windows: NDArray[np.float64],
    sources: NDArray[np.integer],
    played: NDArray[np.float64],
    owners: NDArray[np.integer],
    shape: tuple[int, int],
) -> NDArray[np.float64]:
    """[K, P] share of each skill's windows that match each behaviour.

    A window [D] of a skill matches the behaviour of the dataset window nearest to it, if it lies within that window's
    reach (see `skills.measures.nearby`), and no behaviour otherwise.

    windows: [N, D] of the data, of behaviours sources [N].   played: [V, D] of skills owners [V].   shape: (K, P).
    """
    distance = np.square(played).sum(axis=1)[:, None] - 2.0 * played @ windows.T + np.square(windows).sum(axis=1)
    nearest = distance.argmin(axis=1)
    inside = is_reached(played, windows, reach(windows))[np.arange(len(played)), nearest]
    shares = np.zeros(shape)
    np.add.at(shares, (owners[inside], sources[nearest[inside]]), 1.0)
    return np.asarray(shares / np.maximum(np.bincount(owners, minlength=shape[0]), 1)[:, None])


def recovered(shares: NDArray[np.float64]) -> NDArray[np.bool_]:
    """[K, P] -> [P] whether some skill spends at least half of its windows in the behaviour."""
    return np.asarray(shares.max(axis=0) >= 0.5)
