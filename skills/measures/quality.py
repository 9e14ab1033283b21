"""Quality: what the skills return, and whether they stay on their feet.

Letters: K skills, R trials.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import trim_mean

from skills.bodies.environments import EPISODE_STEPS
from skills.measures.intervals import Choice
from skills.playing.trials import Trials


def quality(scores: NDArray[np.float64], trials: Trials, seconds_per_step: float, choice: Choice) -> dict[str, float]:
    """Of normalised scores [K, R]: the best skill, chosen on the first half of the trials and scored on the second,
    and the inter-quartile mean over skills. Share of an episode that is survived; mean time of the falls, s (NaN where
    nothing falls).
    """
    chosen = np.take_along_axis(scores, choice, axis=1)
    half = max(chosen.shape[1] // 2, 1)
    best = int(chosen[:, :half].mean(axis=1).argmax())
    survived = np.take_along_axis(trials.survived, choice, axis=1)
    fell = np.take_along_axis(trials.fell, choice, axis=1)
    return {
        "best": float(chosen[best, half:].mean()) if chosen.shape[1] > 1 else float(chosen[best].mean()),
        "iqm": float(trim_mean(chosen.mean(axis=1), 0.25)),
        "survival": float(np.where(fell, survived, EPISODE_STEPS).mean() / EPISODE_STEPS),
        "time_to_fall": float(survived[fell].mean() * seconds_per_step) if fell.any() else float("nan"),
    }
