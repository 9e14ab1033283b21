"""Running in any direction with a policy that runs along +x: the ant looks the same after a quarter turn.

Letters: N ants. Angles in rad, counter-clockwise; directions are the world's, 0 along +x.

An ant that faces `yaw` and shall run towards `direction` is seen by the policy as an ant that shall run towards +x.
Of its four legs, that one is called the first which makes this the smallest turn (at most an eighth of a circle): a
quarter turn of the body and a new numbering of the legs give the same ant. The rest is a turn of the whole world about
the vertical, which changes nothing on open ground. Columns are those of `Ant-v5`'s pose and motion:

    0 height | 1-4 orientation (w, x, y, z) | 5-12 joints, legs 1-4: hip, ankle
    13-15 velocity, in the world | 16-18 spin, in the torso | 19-26 speeds of the joints
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skills.arrays import Floats, Places

_QUARTER = np.pi / 2
_LEGS = np.arange(4)
_ANKLE_SIGNS = np.array([1.0, -1.0, -1.0, 1.0])  # in `ant.xml` an ankle of legs 2 and 3 bends the other way
_ACTUATED = np.array([3, 0, 1, 2])  # actions come in pairs for the legs 4, 1, 2, 3


@dataclass(frozen=True)
class Numbering:
    """Which legs the policy takes for its legs 1 to 4.

    legs: [N, 4] the real leg that stands for each.   signs: [N, 4] +-1, of the ankles.
    """

    legs: Places
    signs: Floats

    def seen(self, joints: Floats) -> Floats:
        """Joint columns [N, 8] as the policy sees them."""
        pairs = np.take_along_axis(joints.reshape(-1, 4, 2), self.legs[:, :, None], axis=1)
        pairs[:, :, 1] *= self.signs
        return pairs.reshape(-1, 8)

    def done(self, actions: NDArray[np.floating]) -> NDArray[np.floating]:
        """The policy's actions [N, 8] as the real legs must do them."""
        seen = np.empty((len(actions), 4, 2), dtype=actions.dtype)
        seen[:, _ACTUATED] = actions.reshape(-1, 4, 2)
        seen[:, :, 1] *= self.signs.astype(actions.dtype)
        real = np.empty_like(seen)
        np.put_along_axis(real, self.legs[:, :, None], seen, axis=1)
        return real[:, _ACTUATED].reshape(-1, 8)


def facing(observations: Floats) -> Floats:
    """[N] yaw of ants [N, 27 or more]."""
    w, x, y, z = observations[:, 1:5].T
    return np.asarray(np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z)))


def seen_along_x(observations: Floats, directions: Floats, quarters: Places | None = None) -> tuple[Floats, Numbering]:
    """Ants [N, 27 or more] that shall run in `directions` [N], as ants [N, 27] that shall run along +x.

    Also the numbering of their legs, which turns the policy's actions into theirs.

    quarters: [N] by how many quarter turns to the left of its own an ant's first leg is looked for; None: by as many as
    leave the smallest turn.
    """
    if quarters is None:
        quarters = np.rint((directions - facing(observations)) / _QUARTER).astype(np.intp)
    legs = (_LEGS + quarters[:, None]) % 4
    numbering = Numbering(legs, _ANKLE_SIGNS[legs] * _ANKLE_SIGNS)
    turned = np.asarray(quarters * _QUARTER, np.float64)
    orientation = _product(_product(_about_z(-directions), observations[:, 1:5]), _about_z(turned))
    orientation *= np.where(orientation[:, :1] < 0, -1.0, 1.0)
    seen = [
        observations[:, :1],
        orientation,
        numbering.seen(observations[:, 5:13]),
        _rotated(observations[:, 13:16], -directions),
        _rotated(observations[:, 16:19], -turned),
        numbering.seen(observations[:, 19:27]),
    ]
    return np.concatenate(seen, axis=1), numbering


def _about_z(angles: Floats) -> Floats:
    """[N, 4] quaternions of turns about the vertical."""
    zeros = np.zeros_like(angles)
    return np.stack([np.cos(angles / 2), zeros, zeros, np.sin(angles / 2)], axis=1)


def _product(left: Floats, right: Floats) -> Floats:
    """[N, 4] Hamilton products of quaternions (w, x, y, z)."""
    a, b, c, d = left.T
    w, x, y, z = right.T
    return np.stack(
        [a * w - b * x - c * y - d * z, a * x + b * w + c * z - d * y, a * y - b * z + c * w + d * x,
         a * z + b * y - c * x + d * w],
        axis=1,
    )  # fmt: skip


def _rotated(vectors: Floats, angles: Floats) -> Floats:
    """[N, 3] vectors turned about the vertical."""
    cosine, sine = np.cos(angles), np.sin(angles)
    x, y, z = vectors.T
    return np.stack([cosine * x - sine * y, sine * x + cosine * y, z], axis=1)
