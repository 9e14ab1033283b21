"""What the plots of a run show: learned against true rewards, and latents with and without calibration.

Both are of one expert (CLUE, figures 7 and 2): in imitation and sparse mode the run's own; in skill discovery, where
there are many and none is the task's, the best twentieth of the dataset's episodes.

Letters: N transitions, E episodes, M rows, Z latent size.
"""

import warnings
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ConstantInputWarning, spearmanr
from sklearn.decomposition import PCA

from skills.arrays import Floats
from skills.data.transitions import Transitions
from skills.discovery import discover
from skills.evaluation.contest import named
from skills.evaluation.variants import variant
from skills.files import write_json
from skills.learning.classes import Classes
from skills.learning.matrix import Rewards
from skills.learning.rewards import clue
from skills.measures.intervals import SEED, Interval, resampled
from skills.progress import Reporter, unsaid
from skills.runs.folder import RunFolder
from skills.runs.reading import read, read_own, require_rewards
from skills.settings.change import with_settings

SCHEMA_VERSION = 1
WINDOW = 25  # steps of the moving mean of the rewards along an episode

_BANDS = 20  # in skill discovery the expert is the best twentieth of the episodes
_SHOWN = 500  # rows of the expert, and twice as many of the rest, whose latents are shown
_EXPERTS = {
    "skills": "the best twentieth of the episodes",
    "imitation": "the demonstrations",
    "sparse": "the successful episodes",
}
_EPISODES = (("lowest return", 0.0), ("median return", 0.5), ("highest return", 1.0))


@dataclass(frozen=True)
class RewardCase:
    """Rewards for being like the expert, made in one way.

    name: "calibrated", "uncalibrated", or the reward maker's.   made: the run that has them, up to its rewards.
    """

    name: str
    made: RunFolder

    @property
    def column(self) -> int:
        """Of the reward matrix: the expert's; of several seeds the first."""
        return self.made.config.skills - 1


def make(run: RunFolder, reporter: Reporter) -> dict[str, Any]:
    """Trains what the plots need inside the run; writes `RUN/evaluation/plots.json` and returns that document.

    What was trained before is taken as it is. The caller holds `run.writing()`.

    Raises: SkillsError where the run has no rewards, yet or at all.
    """
    config = run.config
    require_rewards(run)
    run.require("experts")
    transitions = read(run, "auto", reporter, unsaid).transitions
    own = transitions if config.mode != "imitation" else _with_rewards(run, reporter)
    rows = {}
    for case in _cases(run, reporter):
        members = _expert(case)
        learned = Rewards.open(case.made.rewards_folder, len(transitions)).labels[:, case.column].astype(np.float64)
        rows[case.name] = {
            "calibration": getattr(case.made.config.reward, "calibration", None),
            **_agreement(learned[: len(own)], own, members),
            "latents": _latents(case, transitions, members) if isinstance(config.reward, clue.Clue) else None,
        }
    document = {
        "schema_version": SCHEMA_VERSION,
        "run": run.path.resolve().name,
        "expert": _EXPERTS[config.mode],
        "window": WINDOW,
        "cases": rows,
    }
    write_json(run.evaluation_file("plots.json"), document)
    return document


def agreement(run: RunFolder, reporter: Reporter) -> dict[str, Any]:
    """How the learned rewards of a run with one expert agree with the true ones (figure 7), see `_agreement`."""
    rows = len(read(run, "auto", reporter, unsaid).transitions)
    case, own = RewardCase(run.config.reward.name, run), _with_rewards(run, reporter)
    learned = Rewards.open(run.rewards_folder, rows).labels[: len(own), case.column]
    return _agreement(learned.astype(np.float64), own, _expert(case))


def _cases(run: RunFolder, reporter: Reporter) -> list[RewardCase]:
    """The rewards that are plotted, made now unless they are there."""
    base = run.config
    if not isinstance(base.reward, clue.Clue):
        return [RewardCase(base.reward.name, run)]
    weights = {"calibrated": base.reward.calibration or clue.Clue.calibration, "uncalibrated": 0.0}
    discovery = base.mode == "skills"
    if discovery:
        bands = max(2, min(_BANDS, run.manifest["dataset"]["episodes"]))
        base = replace(base, skills=bands, experts=replace(base.experts, labels="returns"))
    cases = []
    for name, weight in weights.items():
        config = with_settings(base, {"reward.calibration": weight})
        made = run
        if config != run.config:
            made = variant(run, run.method(f"returns-{name}" if discovery else name).path, config)
            with made.writing():
                discover(made, source=run.source, reporter=named(name, reporter), notify=unsaid, last="rewards")
        cases.append(RewardCase(name, made))
    return cases


def _with_rewards(run: RunFolder, reporter: Reporter) -> Transitions:
    """The dataset of a run that imitates, with the rewards that the run has never read; without the expert's rows."""
    return read_own(run, "auto", reporter, unsaid, rewards=True)


def _expert(case: RewardCase) -> NDArray[np.int64]:
    """The rows of the expert."""
    rows, starts = Classes.load(case.made.experts_file).members()
    return rows[starts[case.column] : starts[case.column + 1]]


def _agreement(learned: Floats, own: Transitions, members: NDArray[np.int64]) -> dict[str, Any]:
    """How the learned reward [N] of the dataset's own rows agrees with the true one, which it never saw (figure 7)."""
    true, starts = own.rewards.astype(np.float64), own.episode_starts
    sums, lengths = np.add.reduceat(learned, starts), own.lengths
    return {
        "sums_spearman": asdict(_rank_correlation(sums, own.returns)),
        "means_spearman": asdict(_rank_correlation(sums / lengths, own.returns / lengths)),
        "steps_pearson": asdict(_correlation_of_steps(learned, true, starts)),
        "episodes": np.stack([own.returns, sums], axis=1).round(3).tolist(),
        "of_expert": np.isin(starts, members).tolist(),
        "along": _along(learned, true, own),
    }


def _rank_correlation(ours: Floats, true: Floats) -> Interval:
    """Spearman's, of episodes."""

    def statistic(ours: Floats, true: Floats) -> float:
        return float(spearmanr(ours, true).statistic)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConstantInputWarning)  # of equal returns there is none
        return resampled(statistic, (ours, true), np.random.default_rng(SEED))


def _correlation_of_steps(ours: Floats, true: Floats, starts: NDArray[np.int64]) -> Interval:
    """Pearson's, of steps; its interval is drawn over episodes, for the steps of one are alike."""
    x, y = ours - ours.mean(), true - true.mean()
    sums = [np.add.reduceat(values, starts) for values in (np.ones_like(x), x, y, x * x, y * y, x * y)]
    return resampled(_pearson, sums, np.random.default_rng(SEED))


def _pearson(*moments: Floats) -> float:
    """Of sums by episode, [E] each: of 1, x, y, x^2, y^2 and x y."""
    count, x, y, xx, yy, xy = (float(one.sum()) for one in moments)
    spread = (xx - x * x / count) * (yy - y * y / count)
    return (xy - x * y / count) / spread**0.5 if spread > 0 else float("nan")


def _along(learned: Floats, true: Floats, own: Transitions) -> list[dict[str, Any]]:
    """Both rewards along the episodes of the lowest, the median and the highest return.

    Each in standard deviations from its mean over the dataset, so that levels can be compared between episodes.
    """
    order = np.argsort(own.returns, kind="stable")
    bounds = own.bounds
    found = []
    for words, share in _EPISODES:
        episode = int(order[round(share * (len(order) - 1))])
        steps = slice(bounds[episode], bounds[episode + 1])
        found.append(
            {
                "words": words,
                "episode": episode,
                "return": round(float(own.returns[episode]), 3),
                "learned": _smooth(_standardised(learned)[steps]),
                "true": _smooth(_standardised(true)[steps]),
            }
        )
    return found


def _standardised(values: Floats) -> Floats:
    return np.asarray((values - values.mean()) / max(float(values.std()), 1e-12))


def _smooth(values: Floats) -> list[float]:
    """The moving mean over `WINDOW` steps; of all of them where there are fewer."""
    width = min(WINDOW, len(values))
    return np.convolve(values, np.full(width, 1.0 / width), "valid").round(4).tolist()  # type: ignore[no-any-return]


def _latents(case: RewardCase, transitions: Transitions, members: NDArray[np.int64]) -> dict[str, Any]:
    """Draws of z from the posteriors of some rows, on their first two principal components (figure 2).

    z is drawn, not its mean shown: what calibration does is mostly to sigma. The components are those of both groups
    together, and the centre z_e is shown as they show it.
    """
    generator = np.random.default_rng(SEED)
    maker = case.made.config.reward
    assert isinstance(maker, clue.Clue), "has latents"
    models = clue.Models(case.made.rewards_folder, transitions, maker)
    rest = np.setdiff1d(np.arange(len(transitions)), members)
    groups = {"expert": _some(members, _SHOWN, generator), "rest": _some(rest, 2 * _SHOWN, generator)}
    found = {name: models.latents(rows, transitions, case.column) for name, rows in groups.items()}
    drawn = [one.mean + one.std * generator.standard_normal(one.mean.shape) for one in found.values()]
    pca = PCA(2, svd_solver="full").fit(np.concatenate(drawn))
    shown = {
        name: {"sigma": float(one.std.mean()), "points": pca.transform(latents).round(3).tolist()}
        for (name, one), latents in zip(found.items(), drawn, strict=True)
    }
    centre = pca.transform(found["expert"].centre[None])[0].round(3).tolist()
    return {**shown, "centre": centre, "explained": pca.explained_variance_ratio_.round(4).tolist()}


def _some(rows: NDArray[np.int64], most: int, generator: np.random.Generator) -> NDArray[np.int64]:
    return np.sort(generator.choice(rows, min(most, len(rows)), replace=False))
