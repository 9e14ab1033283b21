"""The stride of data: how many steps a body takes until it is back where it was in its gait.

Letters: N rows, E episodes, D columns, P leading components.
"""

import numpy as np
from numpy.typing import NDArray

_COMPONENTS = 4
_FITTED = 20_000  # rows that the components are found in
_EPISODES = 300  # looked at
_LONGEST = 2_000  # steps of an episode that are looked at
_SHORTEST = 8
_PEAK = 0.15  # of the autocorrelation at lag 0: a maximum lower than this is noise
_OFTEN = 0.1  # share of episodes that must show a stride
_QUARTERS = 4  # a movement that decays without coming back has moved by about a quarter of its period


def stride(values: NDArray[np.float32], lengths: NDArray[np.integer]) -> int:
    """The stride in steps, at least 2: the median over episodes [E] of standardised rows [N, D].

    That of an episode is the first maximum of the autocorrelation of its leading components after it has been negative.
    Where hardly any episode has one (standing, reaching, noise), four times the steps until the autocorrelation has
    fallen to 1 / e.
    """
    axes = _axes(values)
    starts = np.cumsum(lengths) - lengths
    long_enough = np.flatnonzero(np.asarray(lengths) >= _SHORTEST)
    chosen = long_enough[:: max(1, len(long_enough) // _EPISODES)]
    correlations = [
        _autocorrelation(values[starts[one] : starts[one] + min(int(lengths[one]), _LONGEST)] @ axes) for one in chosen
    ]
    found = [lag for lag in map(_first_return, correlations) if lag]
    if len(found) > _OFTEN * len(correlations):
        return max(2, int(np.median(found)))
    decays = [int(np.argmax(one < np.exp(-1.0))) for one in correlations if (one < np.exp(-1.0)).any()]
    return max(2, _QUARTERS * int(np.median(decays))) if decays else 2


def _axes(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """[D, P] the leading principal components."""
    rows = values[:: max(1, len(values) // _FITTED)]
    _, axes = np.linalg.eigh(np.cov(rows, rowvar=False).reshape(values.shape[1], -1))
    return np.asarray(axes[:, -_COMPONENTS:], np.float32)


def _autocorrelation(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Of an episode's components together, from lag 0 (where it is 1) to half the episode; of nothing else but zeros
    where the episode stands still."""
    centred = rows - rows.mean(axis=0)
    length = len(rows)
    spectrum = np.square(np.abs(np.fft.rfft(centred, 2 * length, axis=0))).sum(axis=1)
    sums = np.fft.irfft(spectrum)[: max(2, length // 2)]
    if sums[0] <= 1e-9 * length:
        return np.ones(1)
    return np.asarray(sums / sums[0] * (length / (length - np.arange(len(sums)))))


def _first_return(correlation: NDArray[np.float64]) -> int:
    """The lag of the first maximum after the autocorrelation has been negative; 0 where there is none."""
    below = np.flatnonzero(correlation < 0)
    if not len(below):
        return 0
    after = correlation[below[0] :]
    peaks = np.flatnonzero((after[1:-1] > after[:-2]) & (after[1:-1] >= after[2:]) & (after[1:-1] > _PEAK)) + 1
    return int(below[0] + peaks[0]) if len(peaks) else 0
