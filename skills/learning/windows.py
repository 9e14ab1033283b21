"""What a body does around a step: means over windows of steps, cut where its episode ends.

Letters: N rows, E episodes, C columns.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_COLUMNS = 16  # averaged at once: sums need float64


def means(values: Floats, lengths: NDArray[np.integer], window: int) -> Floats:
    """[N, C] the mean of `values` over the window of steps around each row, of episodes [E] end to end."""
    total = len(values)
    after = np.cumsum(lengths)
    first, last = np.repeat(after - lengths, lengths), np.repeat(after, lengths)
    rows = np.arange(total)
    low, high = np.maximum(rows - (window - 1) // 2, first), np.minimum(rows + window // 2 + 1, last)
    averaged = np.empty_like(values)
    for start in range(0, values.shape[1], _COLUMNS):
        part = slice(start, start + _COLUMNS)
        sums = np.zeros((total + 1, averaged[:, part].shape[1]))
        np.cumsum(values[:, part], axis=0, dtype=np.float64, out=sums[1:])
        averaged[:, part] = (sums[high] - sums[low]) / (high - low)[:, None]
    return averaged


def moments(values: Floats, lengths: NDArray[np.integer], window: int) -> Floats:
    """[N, 2 C] means of values and of their squares: where a body is around a step and how much it moves there, but not
    in which phase of its stride it is."""
    return np.concatenate([means(values, lengths, window), means(np.square(values), lengths, window)], axis=1)
