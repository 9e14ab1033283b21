"""The checkered floor, the sky above it, and what a body hides from the floor.

Letters: n frames, H x W pixels, F rows of them that show the floor, h x w pixels of a window, B balls.
"""

import numpy as np

from skills.arrays import Floats
from skills.videos.films import scene
from skills.videos.films.scene import Singles
from skills.videos.films.windows import Crops

_HIDDEN_STEP = 4  # the hidden sky varies slowly: computed for every 4th pixel, interpolated between
_NEGLIGIBLE = 0.08  # hidden sky that does not show; cut off, so that none is left at a window's border


class Floor:
    """Floor and sky as seen by a camera that never turns: all that does not depend on where it stands.

    directions: [H, W, 3] unit rays of the pixels, level along each row.   eye_height: m above the floor.
    level: m, the floor's own height.
    """

    def __init__(self, directions: Floats, eye_height: float, level: float = 0.0) -> None:
        self._level = level
        height = directions.shape[0]
        falling = directions[:, 0, 2] < -1e-3
        self.first_row = int(np.argmax(falling)) if falling.any() else height
        rays = directions[self.first_row :]
        reach = eye_height / -rays[..., 2:]
        self._offsets: Floats = rays * reach  # [F, W, 3] from the eye to where a pixel meets the floor
        self._ground = self._offsets[..., :2].astype(np.float32)
        self._footprint = _footprint(self._ground)
        fog = (1 - np.exp(-np.square(reach / scene.FOG_DISTANCE * 1.4))).astype(np.float32)
        horizon, light, dark = (
            scene.to_linear(colour).astype(np.float32)
            for colour in (scene.SKY_HORIZON, scene.FLOOR_LIGHT, scene.FLOOR_DARK)
        )
        self._fogged = fog * horizon
        self._dark = (1 - fog) * dark
        self._contrast = (1 - fog) * (light - dark)
        self._sky = _sky(directions[: self.first_row])

    def unshaded(self, eyes: Floats) -> tuple[Singles, Singles]:
        """Pictures [n, H, W, 3] in linear light without a body, and the part of them that a shadow takes away."""
        count, (rows, width) = len(eyes), self._ground.shape[:2]
        light = np.empty((count, self.first_row + rows, width, 3), dtype=np.float32)
        albedo = np.zeros_like(light)
        for frame, eye in enumerate(eyes):
            share = self._checker(eye)[..., None]
            lit = albedo[frame, self.first_row :]
            np.multiply(share, self._contrast, out=lit)
            lit += self._dark
            light[frame, : self.first_row] = self._sky
            np.add(lit, self._fogged, out=light[frame, self.first_row :])
        return light, albedo

    def points(self, window: Crops, eyes: Floats) -> Floats:
        """[n, h, w, 3] m, where the pixels of windows (on floor rows only) meet the floor."""
        lowered = Crops(window.top - self.first_row, window.left, window.rows, window.columns)
        points = np.asarray(lowered.take(self._offsets) + eyes[:, None, None])
        points[..., 2] = self._level
        return points

    def hidden_sky(self, points: Floats, balls: Floats, radii: Floats) -> Singles:
        """[n, h, w] the share of the sky that balls [n, B, 3] hide from floor points: the soft dark under a body."""
        coarse = points[:, ::_HIDDEN_STEP, ::_HIDDEN_STEP].astype(np.float32)
        total = np.zeros(coarse.shape[:-1], dtype=np.float32)
        for ball, radius in enumerate(radii):
            centre = balls[:, ball].astype(np.float32)[:, None, None]
            apart = coarse - centre
            away = np.einsum("...i,...i", apart, apart)
            high = np.maximum(centre[..., 2] - np.float32(self._level), radius)
            total += radius**2 * high / np.maximum(away, radius**2) ** 1.5
        hidden = 1 - np.exp(-np.maximum(total - _NEGLIGIBLE, 0))
        return _enlarge(hidden, points.shape[1], points.shape[2])

    def _checker(self, eye: Floats) -> Singles:
        """[F, W] the share of light squares in each pixel's footprint (exact for a box along the axes)."""
        sides = []
        for axis in (0, 1):
            size = self._footprint[axis]
            place = self._ground[..., axis] / scene.CHECKER_SIZE + np.float32(eye[axis] / scene.CHECKER_SIZE % 2)
            sides.append((_triangle(place - size / 2) - _triangle(place + size / 2)) * (2 / size))
        return np.asarray(0.5 - 0.5 * sides[0] * sides[1], dtype=np.float32)


def box_mean(values: Singles, side: int) -> Singles:
    """[n, h, w] the mean over side x side neighbours; values beyond the border repeat it."""
    before, after = side // 2, side - 1 - side // 2
    height, width = values.shape[1:]
    padded = np.pad(values, ((0, 0), (before, after), (before, after)), mode="edge")
    down = np.asarray(sum(padded[:, shift : shift + height] for shift in range(side)) / side)
    return np.asarray(sum(down[:, :, shift : shift + width] for shift in range(side)) / side)


def _triangle(place: Singles) -> Singles:
    """The integral of a square wave of period 2, up to a constant and scale."""
    half = place * np.float32(0.5)
    return np.asarray(np.abs(half - np.floor(half) - np.float32(0.5)))


def _footprint(ground: Singles) -> Singles:
    """[2, F, W] m, how much floor a pixel covers along x and y."""
    sizes = []
    for axis in (0, 1):
        down, across = np.gradient(ground[..., axis])
        sizes.append(np.abs(down) + np.abs(across))
    return np.maximum(np.stack(sizes) / scene.CHECKER_SIZE, 1e-4).astype(np.float32)


def _sky(directions: Floats) -> Singles:
    """[rows, W, 3] linear light of rays that miss the floor: a gradient from horizon to top."""
    return np.asarray(scene.to_linear(scene.sky_colour(directions[..., 2:])), dtype=np.float32)


def _enlarge(coarse: Singles, rows: int, columns: int) -> Singles:
    """[n, rows, columns] bilinear interpolation of every `_HIDDEN_STEP`th pixel."""

    def along(values: Singles, length: int, axis: int) -> Singles:
        place = np.arange(length, dtype=np.float32) / _HIDDEN_STEP
        low = np.minimum(place.astype(np.intp), values.shape[axis] - 1)
        high = np.minimum(low + 1, values.shape[axis] - 1)
        shape = [1, 1, 1]
        shape[axis] = length
        weight = (place - low).reshape(shape)
        return np.asarray(np.take(values, low, axis) * (1 - weight) + np.take(values, high, axis) * weight)

    return along(along(coarse, rows, 1), columns, 2).astype(np.float32)
