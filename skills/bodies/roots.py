"""How a body stands in its world: what its first joints let it do, and which body of the model is followed.

Letters: G geoms.
"""

from dataclasses import dataclass
from typing import Literal

import mujoco
import numpy as np

Kind = Literal["free", "planar", "level", "fixed"]
_SLIDE, _HINGE, _FREE = (
    int(kind) for kind in (mujoco.mjtJoint.mjJNT_SLIDE, mujoco.mjtJoint.mjJNT_HINGE, mujoco.mjtJoint.mjJNT_FREE)
)
_BALL = int(mujoco.mjtJoint.mjJNT_BALL)
_ON_JOINTS = (int(mujoco.mjtTrn.mjTRN_JOINT), int(mujoco.mjtTrn.mjTRN_JOINTINPARENT))
_PLANAR = ((_SLIDE, (1, 0, 0)), (_SLIDE, (0, 0, 1)), (_HINGE, (0, 1, 0)))
_LEVEL = ((_SLIDE, (1, 0, 0)), (_SLIDE, (0, 1, 0)), (_HINGE, (0, 0, 1)))


@dataclass(frozen=True)
class Root:
    """kind: free; planar: it slides in x and z and pitches; level: it slides in x and y, and may turn; fixed: else.

    body: that its joints move; of a fixed one the first of its tree.   first, count: its columns of qpos.
    ground: the columns of qpos that say where on the ground it is.
    """

    kind: Kind
    body: int
    first: int
    count: int
    ground: tuple[int, ...]


def root_of(model: mujoco.MjModel) -> Root:
    """The root of the tree that has the most motors, then the most joints: a robot's, not of what is around it."""
    trees = [int(model.body_rootid[body]) for body in model.jnt_bodyid]
    if not trees:
        return Root("fixed", min(1, model.nbody - 1), 0, 0, ())
    moved = [
        trees[joint]
        for joint, kind in zip(model.actuator_trnid[:, 0], model.actuator_trntype, strict=True)
        if kind in _ON_JOINTS
    ]
    tree = max(dict.fromkeys(trees), key=lambda one: (moved.count(one), trees.count(one)))
    joints = [joint for joint, its in enumerate(trees) if its == tree]
    body = int(model.jnt_bodyid[joints[0]])
    first = int(model.jnt_qposadr[joints[0]])
    own = [joint for joint in joints if model.jnt_bodyid[joint] == body]
    kinds = tuple((int(model.jnt_type[joint]), tuple(np.abs(model.jnt_axis[joint]).tolist())) for joint in own)
    if kinds[0][0] == _FREE:
        return Root("free", body, first, 7, (first, first + 1))
    if kinds == _PLANAR:
        return Root("planar", body, first, 3, (first,))
    if kinds in (_LEVEL, _LEVEL[:2]):
        return Root("level", body, first, len(kinds), (first, first + 1))
    return Root("fixed", body, first, 0, ())


def names_of_joints(model: mujoco.MjModel, root: Root) -> tuple[str, ...]:
    """What the numbers of qpos behind the root's are called: a joint with one by its name, others by theirs and a
    letter or a number."""
    names = names_in_qpos(model)
    return tuple(name for column, name in enumerate(names) if not root.first <= column < root.first + root.count)


def names_in_qpos(model: mujoco.MjModel) -> list[str]:
    """What each number of qpos is called."""
    parts = {_FREE: ("x", "y", "z", "qw", "qx", "qy", "qz"), _BALL: ("qw", "qx", "qy", "qz")}
    return _names(model, parts, "")


def names_in_qvel(model: mujoco.MjModel) -> list[str]:
    """What each number of qvel is called: the velocity of a joint."""
    parts = {_FREE: ("vx", "vy", "vz", "wx", "wy", "wz"), _BALL: ("wx", "wy", "wz")}
    return _names(model, parts, "velocity")


def _names(model: mujoco.MjModel, parts: dict[int, tuple[str, ...]], usual: str) -> list[str]:
    """A name for each number of each joint, in the joints' order.   usual: of a joint with one."""
    found: list[str] = []
    for joint in range(model.njnt):
        name = model.joint(joint).name or f"joint {joint}"
        found += [f"{name} {part}".strip() for part in parts.get(int(model.jnt_type[joint]), (usual,))]
    return found
