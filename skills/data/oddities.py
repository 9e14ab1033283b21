"""What is odd in data that can be learned from all the same: it is said, and left to whoever knows them.

Letters: N transitions, O observation columns.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skills.data import physics
from skills.data.transitions import Transitions
from skills.progress import Notify

_ROWS = 10_000  # from which it is told what is usual
_CHUNK = 65_536  # rows looked at at once
_TAIL, _NORMAL = 5.0, 3.29  # %; how many standard deviations of a normal column lie between its tails
_LEAST = 0.02  # what counts as a spread at all: a contact is mostly 0
# Measured: in the sets made here no value is farther than 50 spreads, of a contact force, and 22 of all else.
_FAR = 100.0  # spreads from the middle
_FLAT = 3.0  # spreads that the standard deviation comes to, by which learners divide


def notify_if_odd(transitions: Transitions, notify: Notify) -> None:
    """Gives `notify` a line where the body moves otherwise than it should, and where a few rows flatten a column."""
    physics.notify_if_strange(transitions, notify)
    found = flattened(transitions.observations)
    if found:
        worst = found[0]
        rows = "1 row" if worst.rows == 1 else f"{worst.rows:,} rows"
        more = f", as others ({len(found)} in all)," if len(found) > 1 else ""
        notify(
            f"{transitions.name}: column {worst.column} of the observations{more} is {worst.value:.3g} in row "
            f"{worst.row:,}, and mostly within {worst.spread:.2g} of its middle. Learners divide by its standard "
            f"deviation, so that it looks the same in all but {rows}. If such values are not real, leave their "
            "episodes out."
        )


@dataclass(frozen=True)
class Flattened:
    """A column that a few rows stretch so much that the rest of it is flat.

    value, row: the farthest off, and where.   rows: how many are far off.   spread: of the rest, about its middle.
    """

    column: int
    value: float
    row: int
    rows: int
    spread: float


def flattened(observations: NDArray[np.float32]) -> list[Flattened]:
    """Such columns of observations [N, O], the worst first."""
    looked = observations[np.unique(np.linspace(0, len(observations) - 1, _ROWS).astype(np.int64))]
    low, middle, high = np.percentile(looked, [_TAIL, 50.0, 100.0 - _TAIL], axis=0)
    spread = np.maximum((high - low) / _NORMAL, _LEAST)
    squares, rows, farthest = (np.zeros(observations.shape[1]) for _ in range(3))
    place = np.zeros(observations.shape[1], np.int64)
    for start in range(0, len(observations), _CHUNK):
        off = np.abs(observations[start : start + _CHUNK] - middle)
        squares += np.square(off).sum(axis=0)
        rows += (off > _FAR * spread).sum(axis=0)
        place = np.where(off.max(axis=0) > farthest, start + off.argmax(axis=0), place)
        farthest = np.maximum(farthest, off.max(axis=0))
    flat = np.flatnonzero((rows > 0) & (np.sqrt(squares / len(observations)) > _FLAT * spread))
    return [
        Flattened(one, float(observations[place[one], one]), int(place[one]), int(rows[one]), float(spread[one]))
        for one in flat[np.argsort(-farthest[flat] / spread[flat], kind="stable")].tolist()
    ]
