"""What is refused in anybody's data, by name: the wrong type, the wrong shape, NaN, infinity, impossible actions.

Letters: T rows, O observation columns, A action size.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skills.errors import SkillsError

_LARGEST = np.finfo(np.float32).max  # what is larger is infinite once it is read
_ROUNDING = 1e-5  # how far outside its space an action may be, in units of the space's width


def numbers(array: Any, dtype: type[np.generic], shape: tuple[int | None, ...], what: str) -> NDArray[Any]:
    """The array in that dtype. shape: None for an axis of any length.

    Raises: SkillsError for anything but numbers of that shape; for flags and whole numbers that are none, such as NaN.
    """
    found = np.asarray(array)
    if found.dtype.kind not in "fiub":
        raise SkillsError(f"{what} are of the type {found.dtype}, not numbers.")
    if len(found.shape) != len(shape) or any(
        want not in (None, got) for want, got in zip(shape, found.shape, strict=True)
    ):
        expected = tuple("any" if size is None else size for size in shape)
        raise SkillsError(f"{what} have the shape {found.shape}, expected {expected}.")
    if dtype is np.bool_ and found.dtype.kind != "b":
        _check_all(np.isin(found, (0, 1)), found, f"{what} are", "neither 0 nor 1")
    if issubclass(dtype, np.integer) and found.dtype.kind == "f":
        _check_all(np.isfinite(found) & (found == np.floor(found)), found, f"{what} are", "no whole numbers")
    with np.errstate(over="ignore", invalid="ignore"):  # too large for the dtype is infinite, and refused as that
        return found.astype(dtype, copy=False)


def _check_all(allowed: NDArray[np.bool_], found: NDArray[Any], what: str, kind: str) -> None:
    if not allowed.all():
        raise SkillsError(f"{what} {found[~allowed][0]} in {int((~allowed).sum()):,} rows, and {kind}.")


class Checks:
    """Counts what must not be in a dataset while it is read, and refuses it when all has been seen.

    what: the dataset, for the message.   low, high: [A] bounds of the action space.
    """

    def __init__(self, what: str, low: NDArray[Any], high: NDArray[Any]) -> None:
        self._what = what
        if not (np.isfinite(low).all() and np.isfinite(high).all()):
            raise SkillsError(
                f"{what} has an action space without bounds.", "A policy here acts within bounds; give the space some."
            )
        margin = _ROUNDING * (high - low)
        self._low, self._high = low - margin, high + margin
        self._bad: dict[str, NDArray[np.int64] | int] = {"observations": 0, "actions": 0, "rewards": 0}
        self._outside: NDArray[np.int64] | int = 0
        self._extremes = np.array([np.inf, -np.inf])

    def add(self, observations: NDArray[Any], actions: NDArray[Any], rewards: NDArray[Any]) -> None:
        """Looks at some rows: [T, O], [T, A], [T]; the numbers of rows may differ."""
        for name, array in (("observations", observations), ("actions", actions), ("rewards", rewards[:, None])):
            self._bad[name] = self._bad[name] + (~(np.abs(array) <= _LARGEST)).sum(axis=0)  # NaN is no less either
        outside = (actions < self._low) | (actions > self._high)
        if outside.any():
            self._outside = self._outside + outside.sum(axis=0)
            wrong = actions[outside]
            self._extremes = np.array([min(self._extremes[0], wrong.min()), max(self._extremes[1], wrong.max())])

    def finish(self) -> None:
        """Raises: SkillsError with the first column that holds NaN or infinity, or actions outside their space."""
        for name, bad in self._bad.items():
            if not np.any(bad):
                continue
            column = int(np.flatnonzero(bad)[0])
            place = f"column {column} of {name}" if name != "rewards" else name
            raise SkillsError(
                f"{self._what} has NaN or infinity in {place}, in {int(np.atleast_1d(bad)[column])} rows.",
                "Remove those episodes from the dataset; nothing can be learned from them.",
            )
        if np.any(self._outside):
            column = int(np.flatnonzero(self._outside)[0])
            low, high = self._low[column], self._high[column]
            raise SkillsError(
                f"{self._what} has actions outside their space in column {column}, in "
                f"{int(np.atleast_1d(self._outside)[column])} rows: the space is {low:.4g} to {high:.4g}, "
                f"the actions {self._extremes[0]:.4g} to {self._extremes[1]:.4g}.",
                "Rescale them, or cut them off as MuJoCo itself does: skills data import FILE --clip.",
            )
