"""Pictures from rays alone: no OpenGL, no GPU, no system package; needs nothing but the MuJoCo wheel.

Letters: T frames of a recording, n of them in a chunk, H x W pixels, B balls, M pixels that a body covers.

Only a small part of a picture needs a ray. The camera never turns and keeps its height, so sky, fog and where a pixel
meets the floor (relative to the camera) are computed once. Per frame remain the checker, filtered analytically to each
pixel's footprint, the shadow, cast inside a window around the projected shadow, and the body, cast inside a window
around its projection:

    +----------------------+
    |         sky          |
    |------+--------+------|   body window: one ray a pixel, several more along every outline
    |      |  body  +---+  |   shadow window: one ray a pixel, towards one of 16 points of the light's disc;
    | floor+--------+   |  |     4 x 4 neighbouring pixels use all 16, so a 4 x 4 mean is a soft shadow
    +------+------------+--+
"""

import copy
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
from mujoco.batch import Batch
from numpy.typing import NDArray

from skills.arrays import Floats, Places
from skills.choices import Camera, Quality
from skills.videos.films import scene
from skills.videos.films.floor import Floor, box_mean
from skills.videos.films.marks import trace_masks
from skills.videos.films.scene import Frames, Singles
from skills.videos.films.windows import Crops, balls_of, window_around

_CHUNK = 8  # frames at once: their arrays stay in the processor's cache, and far below 500 MB
_LIFT = 1e-3  # m that a shadow ray starts above a surface, so that it does not hit where it begins
_DISC = 0.075  # radius of the light's disc at distance 1: how fast shadows soften with height
_TILE = 4  # side of the tile of pixels that share the light's disc
_TABLE = 4096  # entries from linear light to display values

_GROUPS = [1, 0, 0, 0, 0, 0]  # of geoms: `_with_statics` puts what is drawn into the first

_SUN = 0.80  # share of the light on a level surface that comes from the sun; the sky gives the rest
_SHADOW_TINT = np.array([1.0, 0.96, 0.88])  # the sky is blue, so is a shadow
_SKY_LIGHT = np.array([0.44, 0.50, 0.60])
_BOUNCE = np.array([0.34, 0.31, 0.27])


@dataclass(frozen=True)
class Sampling:
    """Rays that a quality spends.

    edge: [S, 2] positions within an outline's pixel, in pixels from its centre.   light: shadow rays a pixel.
    """

    edge: Floats
    light: int


def _grid(side: int) -> Floats:
    steps = (np.arange(side) + 0.5) / side - 0.5
    return np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)


_ROTATED = np.array([[-0.125, -0.375], [0.375, -0.125], [0.125, 0.375], [-0.375, 0.125]])
SAMPLINGS: dict[Quality, Sampling] = {"fast": Sampling(_ROTATED, 1), "good": Sampling(_grid(4), 4)}


class RayRenderer:
    """Renders recordings of one body by casting rays with `mujoco.batch.Batch`."""

    name = "ray"

    def __init__(
        self,
        env_id: str,
        width: int = 256,
        height: int = 256,
        quality: Quality = "fast",
        threads: int = 1,
        camera: Camera = "follow",
    ) -> None:
        self.width, self.height = width, height
        self._view = scene.view_of(env_id, camera)
        self._model = scene.model_of(env_id)
        self._shown = self._model.geom_bodyid != 0
        if self._view.static:
            self._model, self._shown = _with_statics(self._model)
        groups = np.array(_GROUPS, np.uint8) if self._view.static else None
        self._which: dict[str, Any] = {"flg_static": self._view.static, "geomgroup": groups}
        self._sampling = SAMPLINGS[quality]
        self._data = mujoco.MjData(self._model)
        self._batch = Batch(self._model, _CHUNK, nthread=threads)
        self._batch.reset()
        self._qpos = self._batch.bind("qpos")
        self._eye_offset = -self._view.distance * self._view.forward
        rows, columns = np.mgrid[:height, :width]
        self._directions = self._rays(np.stack([columns, rows], axis=-1) + 0.5)  # [H, W, 3]
        level = self._view.floor
        self._floor = Floor(self._directions, float(self._view.height + self._eye_offset[2] - level), level)
        self._disc = _light_disc()
        self._albedo = scene.to_linear(scene.geom_colours(self._model)).astype(np.float32)
        self._trace = scene.to_linear(scene.TRACE).astype(np.float32)
        self._table = _display_table()

    def render(self, qpos: NDArray[np.floating], focus: Floats | None = None, *, trace: bool = False) -> Frames:
        """[T, H, W, 3] uint8 pictures of states [T, nq].

        focus: [T, 3] m, what the camera looks at; the smoothed torso where it is None. The third column is ignored:
        the camera keeps its height.   trace: draw the torso's way so far on the floor.

        Raises: SkillsError for states of another shape, or that are not finite.
        """
        scene.check_states(qpos, self._model.nq)
        look_at = scene.camera_focus(self._view, qpos) if focus is None else np.array(focus, dtype=np.float64)
        look_at[:, 2] = self._view.height
        frames = np.empty((len(qpos), self.height, self.width, 3), dtype=np.uint8)
        for start in range(0, len(qpos), _CHUNK):
            part = slice(start, start + _CHUNK)
            ways = trace_masks(self._view, qpos, look_at, part, self.width, self.height) if trace else None
            frames[part] = self._chunk(qpos[part].astype(np.float64), look_at[part] + self._eye_offset, ways)
        return frames

    def body_mask(self, qpos: NDArray[np.floating], focus: Floats | None = None) -> NDArray[np.int32]:
        """[T, H, W] the geom at each pixel's centre, -1 where there is none: what `render` draws, before outlines."""
        look_at = scene.camera_focus(self._view, qpos) if focus is None else focus
        masks = np.full((len(qpos), self.height, self.width), -1, dtype=np.int32)
        for start in range(0, len(qpos), _CHUNK):
            part = slice(start, start + _CHUNK)
            eyes = look_at[part] + self._eye_offset
            balls, radii = self._pose(qpos[part].astype(np.float64))
            window = self._window(balls, radii, eyes)
            window.put(masks[part], self._primary(window, eyes)[1])
        return masks

    def _chunk(self, qpos: Floats, eyes: Floats, ways: Singles | None) -> Frames:
        balls, radii = self._pose(qpos)
        light, albedo = self._floor.unshaded(eyes)
        if ways is not None:
            for floor in (light, albedo):
                floor += ways[..., None] * (self._trace - floor)
        self._shade_floor(light, albedo, balls, radii, eyes)
        self._draw_body(light, self._window(balls, radii, eyes), eyes)
        np.clip(light, 0.0, 1.0, out=light)
        light *= _TABLE - 1
        return self._table[light.astype(np.uint16)]

    def _pose(self, qpos: Floats) -> tuple[Floats, Floats]:
        """Sets the batch to these states; returns the balls that bound the body, [n, B, 3] and radii [B]."""
        self._qpos[: len(qpos)] = qpos
        positions, rotations = [], []
        for state in qpos:
            self._data.qpos[:] = state
            mujoco.mj_kinematics(self._model, self._data)
            positions.append(self._data.geom_xpos.copy())
            rotations.append(self._data.geom_xmat.copy())
        return balls_of(self._model, np.stack(positions), np.stack(rotations), self._shown)

    def _window(self, balls: Floats, radii: Floats, eyes: Floats) -> Crops:
        local = (balls - eyes[:, None]) @ self._view.axes.T
        return window_around(local, radii, scene.pixel_focal(self._view, self.height), self.width, self.height)

    def _rays(self, pixels: Floats) -> Floats:
        """[..., 3] unit directions through picture positions [..., 2] (column, row)."""
        focal = scene.pixel_focal(self._view, self.height)
        sideways = (pixels[..., :1] - self.width / 2) / focal
        upwards = (self.height / 2 - pixels[..., 1:]) / focal
        right, up, forward = self._view.axes
        rays = sideways * right + upwards * up + forward
        return np.asarray(rays / np.linalg.norm(rays, axis=-1, keepdims=True))

    def _cast(self, origins: Floats, directions: Floats) -> tuple[Floats, NDArray[np.int32], Floats]:
        """Distances, geoms (-1: none) and normals of rays [n, R, 3]; the floor is static, hence not hit."""
        ids = np.arange(len(origins))
        distance, geom, normal = self._batch.ray(origins, directions, **self._which, ids=ids, normal=True)
        return distance, geom, normal

    def _blocked(self, origins: Floats, directions: Floats) -> NDArray[np.bool_]:
        """Whether rays [n, R, 3] meet the body."""
        return np.asarray(self._batch.ray(origins, directions, **self._which, ids=np.arange(len(origins)))[1] >= 0)

    def _primary(self, window: Crops, eyes: Floats) -> tuple[Floats, NDArray[np.int32], Floats]:
        rays = np.asarray(window.take(self._directions), np.float64).reshape(len(eyes), -1, 3)
        distance, geom, normal = self._cast(np.broadcast_to(eyes[:, None], rays.shape), rays)
        shape = (len(eyes), window.rows, window.columns)
        return distance.reshape(shape), geom.reshape(shape), normal.reshape(*shape, 3)

    def _towards_light(self, rows: Places, columns: Places, sample: int) -> Floats:
        """[..., 3] directions to the point of the light's disc that a pixel uses."""
        place = (rows % _TILE) * _TILE + (columns + sample * 5) % _TILE
        return np.asarray(self._disc[place, sample % len(self._disc[0])])

    def _shade_floor(self, light: Singles, albedo: Singles, balls: Floats, radii: Floats, eyes: Floats) -> None:
        """Darkens the floor of pictures [n, H, W, 3] by the sun's shadow and by the sky that the body hides."""
        reach = (balls[..., 2] - self._view.floor).clip(0)
        on_floor = balls - reach[..., None] * (scene.LIGHT / scene.LIGHT[2])
        spread = radii / scene.LIGHT[2] + reach * _DISC * 1.5
        window = self._window(on_floor, spread, eyes).below(self._floor.first_row)
        if window.empty:
            return
        rows, columns = window.rows_columns()
        points = self._floor.points(window, eyes)
        flat = points.reshape(len(eyes), -1, 3)
        shade = np.zeros(points.shape[:-1], dtype=np.float32)
        for sample in range(self._sampling.light):
            rays = np.broadcast_to(self._towards_light(rows, columns, sample), points.shape)
            shade += self._blocked(flat, rays.reshape(flat.shape)).reshape(shade.shape)
        shade = box_mean(shade / self._sampling.light, _TILE)
        sky = self._floor.hidden_sky(points, balls, radii)
        dark = 1.0 - (1.0 - _SUN * shade) * (1.0 - (1 - _SUN * 0.6) * sky)
        tinted = dark[..., None] * _SHADOW_TINT.astype(np.float32)
        window.subtract(light, window.cut(albedo) * tinted)

    def _draw_body(self, light: Singles, window: Crops, eyes: Floats) -> None:
        """Paints the body over pictures [n, H, W, 3]."""
        if window.empty:
            return
        distance, geom, normal = self._primary(window, eyes)
        frame, row, column = np.nonzero(geom >= 0)
        if not len(frame):
            return
        picture_row, picture_column = window.top[frame] + row, window.left[frame] + column
        rays = self._directions[picture_row, picture_column]
        points = eyes[frame] + rays * distance[frame, row, column, None]
        normals = normal[frame, row, column]
        sunlit = self._self_shadow(geom >= 0, frame, points + _LIFT * normals, picture_row, picture_column)
        light[frame, picture_row, picture_column] = self._surface(
            geom[frame, row, column], normals, rays, points[:, 2] - self._view.floor, sunlit[frame, row, column]
        )
        self._smooth_outlines(light, window, eyes, geom, sunlit)

    def _self_shadow(
        self, covered: NDArray[np.bool_], frame: Places, points: Floats, row: Places, column: Places
    ) -> Singles:
        """[n, rows, columns] the share of the sun that reaches each covered pixel of the window."""
        place = _rank_in_frame(frame, len(covered))
        origins = np.full((len(covered), int(place.max()) + 1, 3), 1e3)
        directions = np.broadcast_to(scene.LIGHT, origins.shape).copy()
        origins[frame, place] = points
        seen = np.zeros(covered.shape, dtype=np.float32)
        for sample in range(self._sampling.light):
            directions[frame, place] = self._towards_light(row, column, sample)
            seen[covered] += ~self._blocked(origins, directions)[frame, place]
        weight = box_mean(covered.astype(np.float32), _TILE)
        return box_mean(seen / self._sampling.light, _TILE) / np.maximum(weight, 1e-6)

    def _surface(self, geom: NDArray[np.int32], normal: Floats, ray: Floats, height: Floats, sun: Singles) -> Singles:
        """[M, 3] linear light that surfaces send to the eye.

        geom: [M].  normal, ray: [M, 3] unit vectors.  height: [M] m above the floor.  sun: [M] share of the sun seen.
        """
        n, v = normal.astype(np.float32), ray.astype(np.float32)
        towards = scene.LIGHT.astype(np.float32)
        lambert = np.maximum(n @ towards, 0) * sun
        upwards = (0.5 + 0.5 * n[:, 2:]).astype(np.float32)
        near_floor = np.clip(height.astype(np.float32)[:, None] / 0.35, 0, 1) * 0.35 + 0.65
        ambient = (upwards * _SKY_LIGHT + (1 - upwards) * _BOUNCE).astype(np.float32) * near_floor
        half = towards - v
        half /= np.linalg.norm(half, axis=1, keepdims=True)
        gloss = np.maximum((n * half).sum(axis=1), 0) ** 48 * sun
        rim = np.clip(1 + (n * v).sum(axis=1), 0, 1) ** 3
        colour = self._albedo[geom] * (lambert[:, None] * np.float32(0.95) + ambient)
        colour += (0.22 * gloss)[:, None] + (0.16 * rim)[:, None] * upwards * _SKY_LIGHT.astype(np.float32)
        return np.asarray(colour, dtype=np.float32)

    def _smooth_outlines(
        self, light: Singles, window: Crops, eyes: Floats, geom: NDArray[np.int32], sunlit: Singles
    ) -> None:
        """Averages several rays in the pixels where one geom ends and another, or the background, begins."""
        frame, row, column = np.nonzero(_outline(geom))
        if not len(frame):
            return
        place = _rank_in_frame(frame, len(eyes))
        picture_row, picture_column = window.top[frame] + row, window.left[frame] + column
        centres = np.stack([picture_column, picture_row], axis=1) + 0.5
        rays = self._rays(centres[:, None] + self._sampling.edge)  # [M, S, 3]
        samples = len(self._sampling.edge)
        padded = np.broadcast_to(self._view.forward, (len(eyes), int(place.max()) + 1, samples, 3)).copy()
        padded[frame, place] = rays
        directions = padded.reshape(len(eyes), -1, 3)
        distance, hit, normal = self._cast(np.broadcast_to(eyes[:, None], directions.shape), directions)
        shape = padded.shape[:3]
        hit = hit.reshape(shape)[frame, place]
        far = distance.reshape(shape)[frame, place]
        normal = normal.reshape(*shape, 3)[frame, place]
        on = hit >= 0
        height = (eyes[frame, 2][:, None] + rays[..., 2] * far)[on] - self._view.floor
        sun = np.repeat(sunlit[frame, row, column][:, None], samples, axis=1)[on]
        total = np.zeros((*on.shape, 3), dtype=np.float32)
        total[on] = self._surface(hit[on], normal[on], rays[on], height, sun)
        behind = self._behind(light, window, geom, frame, row, column)
        uncovered = (~on).mean(axis=1, dtype=np.float32)[:, None]
        light[frame, picture_row, picture_column] = total.sum(axis=1) / samples + uncovered * behind

    def _behind(
        self, light: Singles, window: Crops, geom: NDArray[np.int32], frame: Places, row: Places, column: Places
    ) -> Singles:
        """[M, 3] the background at outline pixels: a pixel's own colour if no body covers its centre, else that of an
        uncovered neighbour."""
        choice_row, choice_column = row.copy(), column.copy()
        missing = geom[frame, row, column] >= 0
        for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, -1), (1, -1), (-1, 1)):
            near_row = np.clip(row + down, 0, geom.shape[1] - 1)
            near_column = np.clip(column + right, 0, geom.shape[2] - 1)
            better = missing & (geom[frame, near_row, near_column] < 0)
            choice_row[better], choice_column[better] = near_row[better], near_column[better]
            missing &= ~better
        return np.asarray(light[frame, window.top[frame] + choice_row, window.left[frame] + choice_column])


def _with_statics(model: mujoco.MjModel) -> tuple[mujoco.MjModel, NDArray[np.bool_]]:
    """A model whose floors no ray meets, and [G] what is drawn: all but these, and shapes that are for collisions only.

    By MuJoCo's custom those are in groups above the second. A model with nothing else shows them.
    """
    drawn = copy.copy(model)
    visible = scene.visible(model)
    drawn.geom_group[visible] = 0
    drawn.geom_group[~visible] = mujoco.mjNGROUP - 1
    return drawn, visible


def _outline(geom: NDArray[np.int32]) -> NDArray[np.bool_]:
    """[n, rows, columns] pixels that differ from a neighbour (above, below, left or right)."""
    edge = np.zeros(geom.shape, dtype=bool)
    across = geom[:, :, 1:] != geom[:, :, :-1]
    down = geom[:, 1:] != geom[:, :-1]
    edge[:, :, 1:] |= across
    edge[:, :, :-1] |= across
    edge[:, 1:] |= down
    edge[:, :-1] |= down
    return edge


def _rank_in_frame(frame: Places, count: int) -> Places:
    """[M] how many earlier entries have the same frame; `frame` is sorted."""
    firsts = np.searchsorted(frame, np.arange(count))
    return np.arange(len(frame)) - firsts[frame]


def _light_disc() -> Floats:
    """[16, 4, 3] unit directions to the light's disc: for each place in a tile of pixels, four samples.

    The points spiral outwards evenly (a sunflower), shuffled so that neighbouring pixels look to different parts.
    """
    count = _TILE * _TILE * 4
    order = np.random.default_rng(0).permutation(count)
    radius = _DISC * np.sqrt((order + 0.5) / count)
    angle = order * np.pi * (3 - np.sqrt(5))
    side = np.cross(scene.LIGHT, [0.0, 0.0, 1.0])
    side /= np.linalg.norm(side)
    other = np.cross(scene.LIGHT, side)
    disc = scene.LIGHT + radius[:, None] * (np.cos(angle)[:, None] * side + np.sin(angle)[:, None] * other)
    disc /= np.linalg.norm(disc, axis=1, keepdims=True)
    return np.asarray(disc.reshape(_TILE * _TILE, 4, 3))


def _display_table() -> Frames:
    """[4096] display values of linear light, 0 to 1."""
    return np.round(255 * scene.to_display(np.linspace(0, 1, _TABLE))).astype(np.uint8)
