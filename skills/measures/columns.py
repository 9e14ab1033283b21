"""Words for what stands fast, or has no place: which of its numbers are high or low, and which move.

Letters: K skills, T states, J numbers of a state.
"""

from collections.abc import Sequence

import numpy as np

from skills.arrays import Floats

_REMARKABLE = 0.5  # standard deviations from the mean of all skills
_MOST = 2  # traits in a label
_FLOOR = 1e-9  # a number in which no skill differs says nothing
_ORDINARY = "as most"


def label_columns(played: Sequence[Floats], names: Sequence[str]) -> list[str]:
    """[K] a label a skill, of states [T, J] each: "high wrist, elbow moves much".

    names: [J] of the numbers; "" for a column that has none. What differs most from the mean of all skills is said.
    """
    shown = [name or f"column {number}" for number, name in enumerate(names)]
    means = _scores(np.stack([states[:, : len(names)].mean(axis=0) for states in played]))
    swings = _scores(np.stack([states[:, : len(names)].std(axis=0) for states in played]))
    return [_label(*both, shown) for both in zip(means, swings, strict=True)]


def _scores(values: Floats) -> Floats:
    """[K, J] in standard deviations from the mean of all skills."""
    spread = values.std(axis=0)
    return np.where(spread > _FLOOR, (values - values.mean(axis=0)) / np.maximum(spread, _FLOOR), 0.0)


def _label(mean: Floats, swing: Floats, names: Sequence[str]) -> str:
    scores = np.concatenate([mean, swing])
    words = [f"high {name}" if score > 0 else f"low {name}" for score, name in zip(mean, names, strict=True)]
    words += [
        f"{name} moves much" if score > 0 else f"{name} moves little" for score, name in zip(swing, names, strict=True)
    ]
    chosen = np.argsort(-np.abs(scores), kind="stable")[:_MOST]
    return ", ".join(words[place] for place in chosen if abs(scores[place]) >= _REMARKABLE) or _ORDINARY
