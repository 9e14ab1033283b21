"""The shadow that a body throws on the floor, as polygons: a shadow map would take many times as long.

A body is capsules and balls: the shadow of each is the hull of two ellipses.

Letters: n frames, G geoms, S of them that move, H x W pixels.
"""

import mujoco
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from skills.arrays import Floats
from skills.videos.films import scene
from skills.videos.films.scene import Singles

_NEAREST = 0.3  # m; with a part of it nearer to the eye than this it is not drawn
_AROUND = np.linspace(0, 2 * np.pi, 14, endpoint=False)  # corners of a hull

Part = tuple[slice, slice]


class Shadows:
    """The shadows of one body in pictures of one size."""

    def __init__(self, model: mujoco.MjModel, view: scene.View, width: int, height: int) -> None:
        self._model, self._view, self._size = model, view, (width, height)
        self._data = mujoco.MjData(model)
        self._geoms = np.flatnonzero(model.geom_bodyid > 0)
        capsule = model.geom_type[self._geoms] == mujoco.mjtGeom.mjGEOM_CAPSULE
        size = model.geom_size[self._geoms]
        self._half = np.where(capsule, size[:, 1], 0.0)[:, None]  # a ball's two ends are one
        self._radii = np.where(capsule, size[:, 0], model.geom_rbound[self._geoms])

    def places(self, qpos: NDArray[np.floating], focus: Floats) -> Floats:
        """[n, S, 14, 3] picture column, row and depth (m) of the hulls' corners, of states [n, nq] seen with [n, 3]."""
        starts = np.empty((len(qpos), len(self._geoms), 3))
        ends = np.empty_like(starts)
        for frame, state in enumerate(qpos):
            self._data.qpos[:] = state
            mujoco.mj_kinematics(self._model, self._data)
            centres = self._data.geom_xpos[self._geoms]
            half = self._data.geom_xmat[self._geoms, 2::3] * self._half
            starts[frame], ends[frame] = centres - half, centres + half
        outlines = _outlines(starts, ends, self._radii)
        on_floor = np.concatenate([outlines, np.zeros((*outlines.shape[:-1], 1))], axis=-1)
        return scene.project(self._view, focus[:, None, None], on_floor, *self._size)

    def mask(self, places: Floats) -> tuple[Part, Singles] | None:
        """The part of a picture that a shadow [S, 14, 3] touches, and how dark each of its pixels is, 0 to 1.

        None where it is out of the picture.
        """
        if (places[..., 2] < _NEAREST).any():
            return None
        soft = max(1, round(self._size[1] / 110))
        low = np.floor(places[..., :2].min(axis=(0, 1))).astype(int) - 3 * soft
        high = np.ceil(places[..., :2].max(axis=(0, 1))).astype(int) + 3 * soft
        left, top = np.maximum(low, 0).tolist()
        right, bottom = np.minimum(high, self._size).tolist()
        if right <= left or bottom <= top:
            return None
        image = Image.new("L", (right - left, bottom - top))
        draw = ImageDraw.Draw(image)
        for polygon in (places[..., :2] - (left, top)).reshape(len(places), -1).tolist():
            draw.polygon(polygon, fill=255)
        mask = np.asarray(image.filter(ImageFilter.BoxBlur(soft)), dtype=np.float32) / np.float32(255)
        return (slice(top, bottom), slice(left, right)), mask


def _outlines(starts: Floats, ends: Floats, radii: Floats) -> Floats:
    """[n, S, 14, 2] m, outlines of shadows on the floor under the light's parallel rays.

    starts, ends: [n, S, 3] m, of the geoms' axes.   radii: [S] m.
    """
    flat = scene.LIGHT[:2] / scene.LIGHT[2]
    along = flat / np.linalg.norm(flat)
    across = np.array([-along[1], along[0]])
    stretch = 1 / scene.LIGHT[2]
    first, last = (end[..., :2] - end[..., 2:] * flat for end in (starts, ends))
    circle = np.stack([np.cos(_AROUND), np.sin(_AROUND)], axis=1)  # in units of the ellipse's own axes
    way = last - first
    local = np.stack([way @ along / stretch, way @ across], axis=-1)  # [n, S, 2]
    beyond = local @ circle.T > 0  # [n, S, 14] the side of the hull that belongs to the last ellipse
    rim = circle[:, :1] * stretch * along + circle[:, 1:] * across
    centre = np.where(beyond[..., None], last[..., None, :], first[..., None, :])
    return np.asarray(centre + radii[:, None, None] * rim)
