"""Quality: what the skills return, and what becomes of them.

Letters: K skills, R trials.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import trim_mean

from skills.bodies.body import body_of
from skills.bodies.fates import DOWN, OUTCOMES, SURVIVES, Outcome
from skills.measures import intervals
from skills.measures.intervals import SEED, Choice, Interval, Statistic
from skills.measures.judge import Judge, Played
from skills.measures.judged import Measure, Number
from skills.playing.trials import Trials

_SHARES = {  # what is told of each by its share
    "falls": Outcome.FALLS,
    "tips": Outcome.TIPS,
    "lies": Outcome.LIES,
    "leaps": Outcome.LEAPS,
    "stuck": Outcome.STUCK,
    "stands": Outcome.STANDS,
}


@dataclass(frozen=True)
class SkillQuality(Measure[None]):
    """Normalised scores, survival, and what became of those that did not survive."""

    name = "quality"
    rank = 60

    def numbers(self) -> tuple[Number, ...]:
        """Its numbers."""
        return (
            Number("best", "best skill's score", 1, lowest=-np.inf),
            Number("iqm", "score, IQM of skills", 1, lowest=-np.inf),
            Number("survival", "survival", highest=1.0),
            Number("time_to_fall", "time to fall, s", 2),
            *(Number(name, outcome, highest=1.0, good=False) for name, outcome in _SHARES.items()),
        )

    def prepare(self, judge: Judge) -> None:
        """Nothing: references are the body's."""

    def of(self, played: Played, known: None) -> Statistic:
        """For a method's trials."""
        scores = played.judge.normalise(played.trials.returns)
        body = body_of(played.judge.env_id)
        return lambda choice: quality(scores, played.trials, body.seconds_per_step, body.episode_steps, choice)

    def against(self, judge: Judge) -> dict[str, Interval]:
        """The mean normalised score of the dataset's episodes, bootstrapped over episodes."""
        scores = judge.normalise(judge.returns)
        generator = np.random.default_rng(SEED)
        draws = scores[generator.integers(0, len(scores), (intervals.DRAWS, len(scores)))].mean(axis=1)
        return {"data": intervals.interval(float(scores.mean()), draws)}


def quality(
    scores: NDArray[np.float64], trials: Trials, seconds_per_step: float, episode_steps: int, choice: Choice
) -> dict[str, float]:
    """Of normalised scores [K, R]: the best skill, chosen on the first half of the trials and scored on the second,
    and the inter-quartile mean over skills. Share of an episode that is survived; mean time of the falls, s (NaN where
    nothing falls); share of the trials that came to each end.
    """
    chosen = np.take_along_axis(scores, choice, axis=1)
    half = max(chosen.shape[1] // 2, 1)
    best = int(chosen[:, :half].mean(axis=1).argmax())
    survived = np.take_along_axis(trials.survived, choice, axis=1)
    fates = np.take_along_axis(trials.fates, choice, axis=1)
    ended, fell = ~np.isin(fates, _codes(SURVIVES)), np.isin(fates, _codes(DOWN))
    return {
        "best": float(chosen[best, half:].mean()) if chosen.shape[1] > 1 else float(chosen[best].mean()),
        "iqm": float(trim_mean(chosen.mean(axis=1), 0.25)),
        "survival": float(np.where(ended, survived, episode_steps).mean() / episode_steps),
        "time_to_fall": float(survived[fell].mean() * seconds_per_step) if fell.any() else float("nan"),
        **{name: float((fates == OUTCOMES.index(outcome)).mean()) for name, outcome in _SHARES.items()},
    }


def _codes(outcomes: tuple[Outcome, ...]) -> list[int]:
    return [OUTCOMES.index(outcome) for outcome in outcomes]
