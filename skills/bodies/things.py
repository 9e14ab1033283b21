"""What stands around a body that stands fast and can be moved: a door, a nail, a box. No motor drives it.

Letters: T states, J numbers of a state's joints, see `Body.joint_names`.
"""

from dataclasses import dataclass

import mujoco
import numpy as np

from skills.arrays import Floats, Ids
from skills.bodies.body import body_of

_SLIDE, _FREE = int(mujoco.mjtJoint.mjJNT_SLIDE), int(mujoco.mjtJoint.mjJNT_FREE)
_HINGE = int(mujoco.mjtJoint.mjJNT_HINGE)


@dataclass(frozen=True)
class Thing:
    """name: of its body in the model.   turns, slides: the numbers that are its angles, rad, and its places, m."""

    name: str
    turns: Ids
    slides: Ids

    def turned(self, joints: Floats) -> float:
        """rad, how far it gets from how it stands at first, of joints [T, J]; of several angles the one most turned."""
        return float(np.abs(joints[:, self.turns] - joints[0, self.turns]).max(initial=0.0))

    def moved(self, joints: Floats) -> float:
        """m, how far it gets from where it is at first."""
        return float(np.linalg.norm(joints[:, self.slides] - joints[0, self.slides], axis=1).max())


def things_of(env_id: str) -> tuple[Thing, ...]:
    """The things around what stands fast: the bodies with joints of every tree but its own; none of what goes about."""
    body = body_of(env_id)
    model, root = body.model, body.root
    if model is None or root is None or root.kind != "fixed" or not body.plays:
        return ()
    found: dict[int, tuple[list[int], list[int]]] = {}
    for joint in range(model.njnt):
        its, first, kind = int(model.jnt_bodyid[joint]), int(model.jnt_qposadr[joint]), int(model.jnt_type[joint])
        if model.body_rootid[its] == model.body_rootid[root.body]:
            continue
        turns, slides = found.setdefault(its, ([], []))
        turns += [first] * (kind == _HINGE)
        slides += {_SLIDE: [first], _FREE: [first, first + 1, first + 2]}.get(kind, [])
    return tuple(
        Thing(model.body(its).name or f"body {its}", np.array(turns, np.int64), np.array(slides, np.int64))
        for its, (turns, slides) in found.items()
    )


def own_joints(env_id: str) -> Ids:
    """The numbers of a state's joints that are the body's own."""
    body = body_of(env_id)
    names = body.joint_names or ()
    model, root = body.model, body.root
    if not things_of(env_id) or model is None or root is None:
        return np.arange(len(names))
    own = model.body_rootid[model.jnt_bodyid] == model.body_rootid[root.body]
    joints = np.searchsorted(model.jnt_qposadr, np.arange(model.nq), side="right") - 1  # of each number
    return np.flatnonzero(own[joints])
