"""Rectangles of pixels that surely contain a body's (or its shadow's) picture: one a frame, all of one size.

Letters: n frames, B balls, H x W pixels of a picture, h x w pixels of a window.
"""

from dataclasses import dataclass, replace

import mujoco
import numpy as np
from numpy.typing import NDArray

from skills.arrays import Floats, Places
from skills.videos.films.scene import Singles


@dataclass(frozen=True)
class Crops:
    """A window a frame. top, left: [n] first row and column.  rows, columns: h and w, the same in every frame."""

    top: Places
    left: Places
    rows: int
    columns: int

    @property
    def empty(self) -> bool:
        """Whether no pixel is inside."""
        return self.rows <= 0 or self.columns <= 0

    def below(self, row: int) -> "Crops":
        """The same windows without the rows above `row`; they keep one size, so some move down."""
        bottom = int((self.top + self.rows).max())
        rows = min(self.rows, bottom - row)
        return replace(self, top=np.maximum(self.top, row), rows=rows)

    def rows_columns(self) -> tuple[Places, Places]:
        """Picture rows [n, h, 1] and columns [n, 1, w] of the windows' pixels, to index with."""
        rows = self.top[:, None, None] + np.arange(self.rows)[:, None]
        columns = self.left[:, None, None] + np.arange(self.columns)
        return rows, columns

    def take(self, picture: NDArray[np.floating]) -> NDArray[np.floating]:
        """[n, h, w, ...] cut-outs of one picture [H, W, ...] that all frames share."""
        return np.stack([picture[self._slices(frame)] for frame in range(len(self.top))])

    def cut(self, pictures: Singles) -> Singles:
        """[n, h, w, ...] cut-outs of pictures [n, H, W, ...]."""
        return np.stack([picture[self._slices(frame)] for frame, picture in enumerate(pictures)])

    def put(self, pictures: NDArray[np.generic], values: NDArray[np.generic]) -> None:
        """Writes [n, h, w, ...] into pictures [n, H, W, ...]."""
        for frame, picture in enumerate(pictures):
            picture[self._slices(frame)] = values[frame]

    def subtract(self, pictures: Singles, values: Singles) -> None:
        """Subtracts [n, h, w, ...] from pictures [n, H, W, ...]."""
        for frame, picture in enumerate(pictures):
            picture[self._slices(frame)] -= values[frame]

    def _slices(self, frame: int) -> tuple[slice, slice]:
        top, left = self.top[frame], self.left[frame]
        return slice(top, top + self.rows), slice(left, left + self.columns)


def balls_of(
    model: mujoco.MjModel, positions: Floats, rotations: Floats, shown: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Balls whose convex hull, geom by geom, contains every geom that is shown [G]: centres [n, B, 3] and radii [B].

    positions: [n, G, 3] and rotations: [n, G, 9] of the geoms. A capsule is the hull of the balls at its ends, so the
    bound is exact for spheres and capsules; any other shape gets its bounding sphere.
    """
    centres: list[Floats] = []
    radii: list[float] = []
    for geom in range(model.ngeom):
        if not shown[geom]:
            continue
        if model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_CAPSULE:
            half = rotations[:, geom, 2::3] * model.geom_size[geom, 1]
            centres += [positions[:, geom] - half, positions[:, geom] + half]
            radii += [float(model.geom_size[geom, 0])] * 2
        else:
            centres.append(positions[:, geom])
            radii.append(float(model.geom_rbound[geom]))
    return np.stack(centres, axis=1), np.array(radii)


def window_around(local: Floats, radii: Floats, focal: float, width: int, height: int) -> Crops:
    """Windows that contain the pictures of balls, with a pixel to spare.

    local: [n, B, 3] centres in camera axes (right, up, forward).  radii: [B] or [n, B].  focal: pixels.
    """
    left, right = _extent(local[..., 0], local[..., 2], radii)
    down, up = _extent(local[..., 1], local[..., 2], radii)
    first_column = np.clip(np.floor(width / 2 + focal * left) - 1, 0, width)
    last_column = np.clip(np.ceil(width / 2 + focal * right) + 1, 0, width)
    first_row = np.clip(np.floor(height / 2 - focal * up) - 1, 0, height)
    last_row = np.clip(np.ceil(height / 2 - focal * down) + 1, 0, height)
    rows = int((last_row - first_row).max())
    columns = int((last_column - first_column).max())
    top = np.minimum(first_row, height - rows).astype(np.intp)
    return Crops(top, np.minimum(first_column, width - columns).astype(np.intp), rows, columns)


def _extent(side: Floats, depth: Floats, radii: Floats) -> tuple[Floats, Floats]:
    """[n] least and greatest tangent under which the eye sees any of the balls [n, B], along one picture axis."""
    angle = np.arctan2(side, depth)
    half = np.arcsin(np.clip(radii / np.maximum(np.hypot(side, depth), 1e-9), 0, 1))
    limit = np.pi / 2 - 1e-3  # a ball beside or behind the eye: everything on that side
    least = np.clip(angle - half, -limit, limit).min(axis=1)
    most = np.clip(angle + half, -limit, limit).max(axis=1)
    return np.tan(least), np.tan(most)
