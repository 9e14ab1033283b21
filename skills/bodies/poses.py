"""One layout for the pose of any body, for words and measures: where it is, how it is turned, its joints.

    x, y, z (m)     quaternion w, x, y, z     joints (rad or m)
    |- of the body that is followed -----|     |- what qpos holds behind the root's columns, or what is observed -|

It is how qpos of a free body begins anyway. Some bodies move in a plane and have few joints: theirs is x, z, pitch,
joints (`skills.bodies.motion`), told apart by its size. So a pose has room for three joints at least; 0 where there is
none.

Letters: J numbers of a pose.
"""

import numpy as np
from numpy.typing import ArrayLike

from skills.arrays import Floats, Ids
from skills.bodies.physics import Physics
from skills.bodies.roots import Root

_ROOT = 7
_FEWEST_JOINTS = 3
_UPRIGHT = (1.0, 0.0, 0.0, 0.0)


def pose_size(joints: int) -> int:
    """J."""
    return _ROOT + max(joints, _FEWEST_JOINTS)


def joint_columns(root: Root, size: int) -> Ids:
    """The columns of qpos [size] behind the root's."""
    return np.delete(np.arange(size), np.arange(root.first, root.first + root.count))


def pose_of(root: Root | None, tracked: int, physics: Physics | None, observation: Floats) -> Floats:
    """[J] of a state.   tracked: the body that is followed. What stands fast is not turned; without a simulator it is
    nowhere, and what is observed stands in for the joints.
    """
    if physics is None or root is None:
        return _laid((0.0, 0.0, 0.0), _UPRIGHT, observation)
    data = physics.data
    turn = _UPRIGHT if root.kind == "fixed" else data.xquat[tracked]
    return _laid(data.xpos[tracked], turn, data.qpos[joint_columns(root, len(data.qpos))])


def standing(observations: Floats) -> Floats:
    """[T, J] of what goes nowhere, from what is observed of it [T, O]."""
    return np.stack([_laid((0.0, 0.0, 0.0), _UPRIGHT, one) for one in observations])


def _laid(place: ArrayLike, turn: ArrayLike, joints: Floats) -> Floats:
    pose = np.zeros(pose_size(len(joints)))
    pose[:3], pose[3:_ROOT], pose[_ROOT : _ROOT + len(joints)] = place, turn, joints
    return pose
