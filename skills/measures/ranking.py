"""How a reward ranks an expert's transitions above the rest of the data, also those of episodes that it never saw.

Letters: N transitions, K heads, n rows.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from skills.choices import Distance
from skills.data.transitions import Transitions
from skills.learning.matrix import Rewards
from skills.learning.rewards import RewardMaker, clue
from skills.runs.demonstrations import successful
from skills.runs.reading import Data

Aucs = NDArray[np.float64]

_MOST = 100_000  # rows of a kind that are ranked


@dataclass(frozen=True)
class Ranking:
    """[K] areas under the ROC curve, by head: 0.5 chance, 1 perfect.

    chosen: of the expert's rows against the rest of the data.   held_out: of the expert's other episodes against the
    rest; None where it has none, or the reward cannot be worked out for rows that it was not made for.
    spread: of the expert's latents about their mean (root of the mean square), None without a latent space.
    """

    chosen: Aucs
    held_out: Aucs | None
    spread: Aucs | None


def rank(data: Data, maker: RewardMaker, folder: Path) -> Ranking:
    """Of a run's own rewards, with one expert.   folder: where they are."""
    rows = groups(data)
    labels = Rewards.open(folder, len(data.transitions)).labels
    chosen = aucs(labels[rows.chosen].astype(np.float32), labels[rows.rest].astype(np.float32))
    if not isinstance(maker, clue.Clue):
        return Ranking(chosen, None, None)
    models = clue.Models(folder, data.transitions, maker)
    held_out = by_models(models, data, rows, maker.distance)[1]
    return Ranking(chosen, held_out, models.spread(rows.chosen, data.transitions))


def by_models(models: clue.Models, data: Data, rows: "Groups", distance: Distance) -> tuple[Aucs, Aucs | None]:
    """(chosen, held out) as in `Ranking`, with a distance of one's own choice.   rows: `groups(data)`."""
    rest = models.rewards(rows.rest, data.transitions, distance)
    chosen = aucs(models.rewards(rows.chosen, data.transitions, distance), rest)
    if not len(rows.held_out):
        return chosen, None
    return chosen, aucs(models.rewards(rows.held_out, expert_source(data), distance), rest)


@dataclass(frozen=True)
class Groups:
    """Rows of the expert and of the rest of the data, both of the transitions; and of the expert's other episodes,
    which are rows of its source. In sparse mode the rest has no successful episode."""

    chosen: NDArray[np.int64]
    rest: NDArray[np.int64]
    held_out: NDArray[np.int64]


def groups(data: Data) -> Groups:
    """What is to be told apart; of the rest and of the held-out rows at most a hundred thousand, evenly."""
    expert = data.expert
    assert expert is not None, "a run with one expert"
    if data.mode == "imitation":
        held_out = expert.source.rows_of(expert.others)
        return Groups(data.expert_rows, _some(np.arange(len(data.own))), _some(held_out))
    held_out = expert.source.rows_of(np.intersect1d(expert.others, successful(expert.source)))
    rest = np.setdiff1d(np.arange(len(data.own)), np.concatenate([expert.rows, held_out]))
    return Groups(expert.rows, _some(rest), _some(held_out))


def expert_source(data: Data) -> Transitions:
    """Where the expert's episodes come from."""
    assert data.expert is not None, "a run with one expert"
    return data.expert.source


def _some(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    return rows[np.unique(np.linspace(0, len(rows) - 1, _MOST).astype(int))] if len(rows) > _MOST else rows


def aucs(expert: NDArray[np.float32], rest: NDArray[np.float32]) -> Aucs:
    """[K] from rewards [n, K] each; NaN where there is no rest."""
    if not len(rest):
        return np.full(expert.shape[1], np.nan)
    truth = np.repeat([1, 0], [len(expert), len(rest)])
    both = np.concatenate([expert, rest])
    return np.array([roc_auc_score(truth, both[:, head]) for head in range(both.shape[1])])
