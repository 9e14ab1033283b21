"""The behaviour descriptor: what a body does over a window of steps, in its own frame.

No global x or y and no contact forces. It is read from observations alone, so that the rows of any dataset and the
trials of any skill are described alike.

Letters: M rows (steps), O observation columns, F features of a step, N windows, W steps of a window, D descriptor size.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skills.arrays import Floats, Ids
from skills.bodies.body import body_of

_EXPLAINED = 0.99  # of the variance; whitening the rest would turn rounding into behaviour
_CHUNK = 131_072  # rows described at once; bounds memory


@dataclass(frozen=True)
class Steps:
    """The motion of a body, step by step.

    features: [M, F] torso height (m), gravity in the body frame, body-frame linear (m/s) and angular (rad/s) velocity,
        joint angles (rad) and velocities (rad/s).
    velocity: [M, 3] m/s, in the world.   yaw_rate: [M] rad/s, about the world's up.   height: [M] m.
    axes: [M, 3, 3] the body's axes in the world, as columns.   seconds: of a step.
    """

    features: Floats
    velocity: Floats
    yaw_rate: Floats
    height: Floats
    axes: Floats
    seconds: float

    def __len__(self) -> int:
        return len(self.features)

    @property
    def upright(self) -> Floats:
        """[M] the cosine between the torso's up and the world's: 1 upright, -1 on its back."""
        return self.axes[:, 2, 2]


@dataclass(frozen=True)
class Windows:
    """Which rows each window holds: rows starts[n] to starts[n] + lengths[n], none across the end of an episode.

    starts, lengths: [N].   whole: W, the length of one that was not cut short.
    """

    starts: Ids
    lengths: Ids
    whole: int

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def middles(self) -> Ids:
        """[N] the row in the middle of each window."""
        return self.starts + self.lengths // 2

    def take(self, chosen: Ids | slice) -> "Windows":
        """Some of them."""
        return Windows(self.starts[chosen], self.lengths[chosen], self.whole)


def read_steps(observations: NDArray[np.floating], env_id: str) -> Steps:
    """Reads the motion from observations [M, O] of pose and velocity; further columns are ignored.

    A maze's goal, which is observed too, is no part of the motion. What does not travel, or whose observations do not
    tell how, is described by all that is observed: its features are the columns, and it goes nowhere.
    """
    body = body_of(env_id)
    if not body.travels or body.root is None:
        return _read_columns(observations, body.seconds_per_step)
    pose = np.asarray(observations[:, body.pose], np.float64)  # a column that is not observed is not used
    rates = np.asarray(observations[:, body.rates], np.float64)
    height = pose[:, 1 if body.planar else 2].copy()  # or it would keep all of the pose in memory
    if not body.planar:
        turn = Rotation.from_quat(pose[:, 3:7], scalar_first=True)
        velocity, spin = rates[:, :3], rates[:, 3:6]
        angles, joint_rates = pose[:, 7:], rates[:, 6:]
    else:
        turn = Rotation.from_rotvec(pose[:, 2, None] * np.array([0.0, 1.0, 0.0]))
        velocity = np.stack([rates[:, 0], np.zeros(len(rates)), rates[:, 1]], axis=1)
        spin = rates[:, 2, None] * np.array([0.0, 1.0, 0.0])
        angles, joint_rates = pose[:, 3:], rates[:, 3:]
    axes = turn.as_matrix()
    gravity = -axes[:, 2]
    body_velocity = np.einsum("mwb,mw->mb", axes, velocity)
    features = np.concatenate([height[:, None], gravity, body_velocity, spin, angles, joint_rates], axis=1)
    yaw_rate = np.einsum("mb,mb->m", axes[:, 2], spin)
    return Steps(features, velocity, yaw_rate, height, axes, body.seconds_per_step)


def _read_columns(observations: NDArray[np.floating], seconds: float) -> Steps:
    count = len(observations)
    axes = np.broadcast_to(np.eye(3), (count, 3, 3))
    features = np.asarray(observations, np.float64)
    return Steps(features, np.zeros((count, 3)), np.zeros(count), np.zeros(count), axes, seconds)


def cut_windows(starts: Ids, lengths: Ids, window: int, *, stride: int | None = None) -> Windows:
    """The windows of sequences of rows that begin at `starts` and are `lengths` long (any shape, flattened).

    A sequence shorter than a window is one short window: a fall is behaviour too.
    stride: steps from one to the next; None: they do not overlap.
    """
    found: list[tuple[int, int]] = []
    for start, length in zip(np.ravel(starts).tolist(), np.ravel(lengths).tolist(), strict=True):
        last = max(length - window, 0)
        found += [(start + offset, min(window, length)) for offset in range(0, last + 1, stride or window)]
    pairs = np.array(found, np.int64).reshape(-1, 2)
    return Windows(pairs[:, 0], pairs[:, 1], window)


def window_means(values: Floats, windows: Windows) -> Floats:
    """[M, G] -> [N, G], the mean over each window."""
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    return np.asarray((sums[windows.starts + windows.lengths] - sums[windows.starts]) / windows.lengths[:, None])


def describe(steps: Steps, windows: Windows) -> Floats:
    """[N, D]: mean and std of the features, net displacement in the body's first frame (m), change of heading (rad).

    The last two are integrals of the velocity and the yaw rate; those of a window that is cut short are scaled up to a
    whole one's.
    """
    some = max(_CHUNK // windows.whole, 1)
    parts = [_describe(steps, windows.take(slice(at, at + some))) for at in range(0, len(windows), some)]
    return np.concatenate(parts)


def _describe(steps: Steps, windows: Windows) -> Floats:
    starts, lengths = windows.starts, windows.lengths
    offsets = np.arange(int(lengths.max()))
    rows = starts[:, None] + np.minimum(offsets, lengths[:, None] - 1)
    weight = (offsets < lengths[:, None]) / lengths[:, None]
    features = steps.features[rows]
    mean = np.einsum("nw,nwf->nf", weight, features)
    spread = np.sqrt(np.einsum("nw,nwf->nf", weight, np.square(features - mean[:, None])))
    duration = windows.whole * steps.seconds
    travel = np.einsum("nw,nwx->nx", weight, steps.velocity[rows]) * duration
    displacement = np.einsum("nxb,nx->nb", steps.axes[starts], travel)
    turned = np.einsum("nw,nw->n", weight, steps.yaw_rate[rows]) * duration
    return np.concatenate([mean, spread, displacement, turned[:, None]], axis=1)


def fit_whitening(rows: Floats) -> Pipeline:
    """Standardises, then decorrelates to unit variance the directions that hold 99 % of the variance."""
    return make_pipeline(StandardScaler(), PCA(_EXPLAINED, whiten=True, svd_solver="full")).fit(rows)
