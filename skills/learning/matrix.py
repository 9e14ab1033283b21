"""The reward matrix, which reward makers write and learners read: labels, and the scale that multiplies them.

Letters: N transitions, K skills, E episodes.

labels.f16: [N, K] float16, row-major, no header: the reward of transition n for skill k, before scaling.
scales.npz: `scale` [K] float32; the learner's reward is label times scale.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skills.data.transitions import Transitions
from skills.errors import SkillsError
from skills.files import MAKE_AGAIN, read_arrays, replacing, write_arrays
from skills.progress import Progress
from skills.troubles import DamagedError, reading

LABELS = "labels.f16"
SCALES = "scales.npz"
LARGEST = 512.0  # of a label: a hundred and more of them still add up to a float16, as learners' discounted sums do
_EPISODE_SPREAD = 1000.0  # each skill's episode sums are scaled to span this much, as IQL does for locomotion


@dataclass(frozen=True)
class Rewards:
    """The reward matrix, on disk.

    labels: [N, K] float16 memory map.   scale: [K] float32.
    """

    labels: NDArray[np.float16]
    scale: NDArray[np.float32]

    @property
    def count(self) -> int:
        """K."""
        return len(self.scale)

    @staticmethod
    def open(folder: Path, transitions: int) -> "Rewards":
        """Maps the matrix of `transitions` rows. Raises: SkillsError where a file is damaged, of another size say."""
        with reading(folder / SCALES, MAKE_AGAIN):
            scale = read_arrays(folder / SCALES)["scale"]
            expected = transitions * len(scale) * np.dtype(np.float16).itemsize
        path = folder / LABELS
        with reading(path, MAKE_AGAIN):
            if path.stat().st_size != expected:
                raise DamagedError(f"{path.stat().st_size} bytes, not {expected}")
            return Rewards(np.memmap(path, np.float16, mode="r", shape=(transitions, len(scale))), scale)


def write(
    folder: Path,
    blocks: Iterable[NDArray[np.float32]],
    transitions: Transitions,
    progress: Progress,
    *,
    scaled: bool,
    unit: float = 1.0,
) -> None:
    """Writes `labels.f16` and `scales.npz` into `folder` (see above).

    blocks: the labels of all rows in order, some rows at a time, [n, K] each.   progress: in rows.
    scaled: by `scales` of the dataset's own episodes, else by `unit`, what a label of 1 stands for.
        Demonstrations behind them are left out: the expert's own steps earn up to a hundred times what others do, and
        dividing by the spread that they would add would leave differences between the dataset's episodes of about 1
        where the learner's temperature expects 1000.
    Raises: SkillsError for labels that float16 cannot keep.
    """
    total, episode_starts = len(transitions), transitions.episode_starts
    own = int(np.searchsorted(episode_starts, total - transitions.demonstrations))
    sums, done = np.zeros((len(episode_starts), 0)), 0
    with replacing(folder / LABELS) as temporary, temporary.open("wb") as file:
        for labels in blocks:
            if not sums.size:
                sums = np.zeros((len(episode_starts), labels.shape[1]))
            file.write(_half(labels).tobytes())
            _add_by_episode(sums, labels, done, episode_starts)
            done += len(labels)
            progress(done, total)
    write_arrays(folder / SCALES, {"scale": scales(sums[:own]) if scaled else np.full(sums.shape[1], unit, np.float32)})


def _half(labels: NDArray[np.float32]) -> NDArray[np.float16]:
    """Labels as they are kept. Raises: SkillsError for one that is too large, or no number."""
    with np.errstate(over="ignore"):
        half = labels.astype(np.float16)
    if not np.isfinite(half).all():
        wrong = labels[~np.isfinite(half)][0]
        raise SkillsError(f"A reward of {wrong:.6g} cannot be kept: they are numbers of at most 65,504 (float16).")
    return half


def scales(sums: NDArray[np.float64]) -> NDArray[np.float32]:
    """[K] 1000 / (max - min over episodes of the summed reward, [E, K]); 1 where every episode sums to the same.

    Without this the advantages are of order 0.01 and every skill becomes the same behaviour clone.
    """
    spread = sums.max(axis=0) - sums.min(axis=0)
    return np.where(spread > 0, _EPISODE_SPREAD / np.where(spread > 0, spread, 1.0), 1.0).astype(np.float32)


def _add_by_episode(
    sums: NDArray[np.float64], labels: NDArray[np.float32], start: int, episode_starts: NDArray[np.int64]
) -> None:
    """Adds the labels of the rows from `start` on to the sums of their episodes."""
    first = int(np.searchsorted(episode_starts, start, side="right")) - 1
    last = int(np.searchsorted(episode_starts, start + len(labels), side="left"))
    cuts = np.maximum(episode_starts[first:last] - start, 0)
    sums[first:last] += np.add.reduceat(labels, cuts, axis=0, dtype=np.float64)
