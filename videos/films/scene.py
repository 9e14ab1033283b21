"""The one look that all renderers share: camera, colours, light, sky and floor.

Letters: T frames, nq generalised positions, G geoms. Lengths in metres, angles in degrees, colours sRGB in 0..1.

The camera translates with the torso and never turns, so every skill of a body is seen from the same side and world +x
points to the right of the picture. It keeps its height, so a jump reads as a jump.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, get_args

import mujoco
import numpy as np
from numpy.typing import NDArray

from skills.arrays import Floats
from skills.bodies.body import Body, body_of
from skills.bodies.environments import ENVIRONMENTS
from skills.choices import Camera
from skills.errors import ENVIRONMENT, SkillsError

CAMERAS: tuple[str, ...] = get_args(Camera)

Singles = NDArray[np.floating[Any]]  # float32 by intent: pictures in the making
Frames = NDArray[np.uint8]

FOLLOW_FRAMES = 5.0  # standard deviation of the camera's smoothing, about a quarter of a second of video
CHECKER_SIZE = 1.0  # m, the side of a floor square: speed can be counted
_FOVY = 30.0  # degrees
_MARGIN = 1.25  # of the distance at which a body just fits into the picture
_ROOM = 1.5  # the same of what stands fast, which is measured more closely, and reaches further than it does at rest
_GROUPS = 3  # of geoms, the first ones, that MuJoCo's own viewer shows
_FAINT = 0.25  # opacity of what is hardly seen there: marks, shapes that only touch
_ALMOST = 1e-3
_PALEST = 0.7  # of the way from a limb's hue to white
FOG_DISTANCE = 26.0  # m at which most of the floor has faded into the horizon


def rgb(text: str) -> Floats:
    """[3] colour of a `#rrggbb` text."""
    return np.array([int(text[i : i + 2], 16) for i in (1, 3, 5)], dtype=np.float64) / 255


SKY_TOP = rgb("#7f9fc0")
SKY_HORIZON = rgb("#e9eef2")
FLOOR_LIGHT = rgb("#d9d5cc")
FLOOR_DARK = rgb("#b3b1ad")
TORSO = rgb("#3f4d73")
TRACE = rgb("#2f4aa0")
STATIC = rgb("#c3bcae")  # what cannot move
LIMBS = tuple(rgb(text) for text in ("#e4674a", "#1f9e8f", "#f0a830", "#7b6bd0"))

# Towards the light: over the viewer's left shoulder, so shadows fall to the right and away, beside the body.
LIGHT = np.array([-0.48, -0.42, 1.0]) / np.linalg.norm([-0.48, -0.42, 1.0])


@dataclass(frozen=True)
class View:
    """Where the camera stands, in the terms of MuJoCo's free camera.

    distance: m from the looked-at point.   height: m, of the looked-at point above the floor.
    azimuth, elevation: degrees, of the viewing direction.   fovy: degrees, the vertical field of view.
    columns: the qpos columns of the torso's x (and y) in the world; none of what stands fast.
    centre: m, (x, y) of what is looked at where these are 0.   floor: m, height of the floor.
    static: whether what cannot move is drawn too: a table, walls.
    """

    distance: float
    height: float
    azimuth: float
    elevation: float
    fovy: float
    columns: tuple[int, ...]
    centre: tuple[float, float] = (0.0, 0.0)
    floor: float = 0.0
    static: bool = False

    @cached_property
    def forward(self) -> Floats:
        """[3] unit viewing direction."""
        azimuth, elevation = np.deg2rad([self.azimuth, self.elevation])
        flat = np.cos(elevation)
        return np.array([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(elevation)])

    @cached_property
    def axes(self) -> Floats:
        """[3, 3] rows right, up, forward in the world; right is level."""
        forward = self.forward
        right = np.cross(forward, [0.0, 0.0, 1.0])
        right /= np.linalg.norm(right)
        return np.stack([right, np.cross(right, forward), forward])


_ANT = View(4.9, 0.48, 76.0, -15.0, 30.0, (0, 1))
VIEWS = {
    "Ant-v5": _ANT,
    "HalfCheetah-v5": View(4.4, 0.52, 76.0, -12.0, 30.0, (0,)),
    "Walker2d-v5": View(4.7, 0.86, 76.0, -11.0, 30.0, (0,)),
    "Hopper-v5": View(4.6, 0.80, 76.0, -11.0, 30.0, (0,)),
}
# In a maze the ant is drawn without the walls, which would stand before the camera.
VIEWS |= {env_id: _ANT for env_id, known in ENVIRONMENTS.items() if known.maze}


def view_of(env_id: str, camera: Camera = "follow") -> View:
    """The view of a body: `follow` from beside and above, `side` level with it, `top` down on it, +x to the right.

    Raises: SkillsError (environment) for a body without a model.
    """
    view = VIEWS[env_id] if env_id in VIEWS else _derived(body_of(env_id))
    if camera == "top":  # not quite straight down: there, which way is up in the picture would be undefined
        return replace(view, azimuth=90.0, elevation=-89.0, distance=1.35 * view.distance)
    return replace(view, azimuth=90.0, elevation=-3.0) if camera == "side" else view


def model_of(env_id: str) -> mujoco.MjModel:
    """What is drawn. Raises: SkillsError (environment) for a body without a model."""
    body = body_of(env_id)
    if body.model is None:
        raise SkillsError(
            f"{body.name} has no model of MuJoCo's to draw.",
            "Its skills are in the gallery without films.",
            ENVIRONMENT,
        )
    return body.model


def _derived(body: Body) -> View:
    """From beside and above, as near as the whole of it stays in sight: what moves at rest, and some room."""
    model = model_of(body.env_id)
    data = mujoco.MjData(model)
    data.qpos[:] = body.rest
    mujoco.mj_forward(model, data)
    drawn = np.flatnonzero(visible(model)).tolist()
    bodies = model.geom_bodyid
    held = [geom for geom in drawn if model.body_mocapid[bodies[geom]] < 0]  # a mark that is put somewhere is no robot
    moving = [geom for geom in held if model.body_weldid[bodies[geom]]] or drawn
    radii = model.geom_rbound[moving, None]
    low = (data.geom_xpos[moving] - radii).min(axis=0)
    high = (data.geom_xpos[moving] + radii).max(axis=0)
    root, flat = body.root, _moves_on_a_table(model)
    columns = () if root is None or root.kind == "fixed" else root.ground
    middle, reach = (low + high) / 2, float(np.linalg.norm(high - low)) / 2
    if root is not None and flat and not columns:  # it reaches all around where it stands
        middle = data.xpos[root.body]
        reach = float((np.linalg.norm(data.geom_xpos[moving] - middle, axis=1) + model.geom_rbound[moving]).max())
    floor = _floor(model, data, float(low[2]))
    found = View(
        distance=_MARGIN * max(reach, 0.05) / float(np.sin(np.deg2rad(_FOVY / 2))),
        height=float(middle[2]),
        azimuth=76.0,
        elevation=-50.0 if flat else -15.0,
        fovy=_FOVY,
        columns=columns,
        centre=(0.0, 0.0) if columns else (float(middle[0]), float(middle[1])),
        floor=floor,
        static=True,
    )
    if root is None or root.kind != "fixed" or flat:
        return found
    near = _fitting(found, data.geom_xpos[moving] - middle, model.geom_rbound[moving])
    return replace(found, distance=min(found.distance, _ROOM * near))


def visible(model: mujoco.MjModel) -> NDArray[np.bool_]:
    """[G] the geoms that are drawn beside the floor: all where there would be none."""
    solid = model.geom_type != mujoco.mjtGeom.mjGEOM_PLANE.value
    shown = solid & (model.geom_group < _GROUPS) & (model.geom_rgba[:, 3] >= _FAINT)
    return np.asarray(shown if shown.any() else solid)


def _fitting(view: View, places: Floats, radii: Floats) -> float:
    """m, how near the camera may be for balls around `places` [G, 3], from what it looks at, to be in the picture."""
    local = places @ view.axes.T
    beside = np.abs(local[:, :2]).max(axis=1) + radii
    return float((beside / np.tan(np.deg2rad(view.fovy / 2)) - local[:, 2]).max())


def _moves_on_a_table(model: mujoco.MjModel) -> bool:
    """Whether every joint slides or turns in the plane of x and y: then a body is seen from above."""
    upright = np.abs(model.jnt_axis[:, 2])
    slides = model.jnt_type == mujoco.mjtJoint.mjJNT_SLIDE.value
    hinges = model.jnt_type == mujoco.mjtJoint.mjJNT_HINGE.value
    return bool(((slides & (upright < _ALMOST)) | (hinges & (upright > 1 - _ALMOST))).all())


def _floor(model: mujoco.MjModel, data: mujoco.MjData, lowest: float) -> float:
    """The height of the highest plane below all that moves, else of the lowest of it."""
    planes = model.geom_type == mujoco.mjtGeom.mjGEOM_PLANE.value
    heights = data.geom_xpos[planes & (model.body_weldid[model.geom_bodyid] == 0), 2]
    return float(heights.max()) if len(heights) else lowest


def sky_colour(rise: Floats) -> Floats:
    """[..., 3] colour of the sky in directions whose sine of the elevation is `rise` [..., 1]."""
    share = np.clip(rise / 0.35, 0, 1) ** 0.7
    return np.asarray(SKY_HORIZON + (SKY_TOP - SKY_HORIZON) * share)


def torso_track(view: View, qpos: NDArray[np.floating]) -> Floats:
    """[T, 2] torso x, y (m) of states [T, nq]; y is 0 for a planar body."""
    track = np.zeros((len(qpos), 2))
    track[:, : len(view.columns)] = qpos[:, list(view.columns)]
    return track if view.columns else track + view.centre


def camera_focus(view: View, qpos: NDArray[np.floating]) -> Floats:
    """[T, 3] the point that the camera looks at in each frame: the torso, smoothed over time, at constant height."""
    track = torso_track(view, qpos)
    reach = int(3 * FOLLOW_FRAMES)
    kernel = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1) / FOLLOW_FRAMES))
    kernel /= kernel.sum()
    padded = np.pad(track, ((reach, reach), (0, 0)), "reflect", reflect_type="odd")  # a steady pace goes on
    smooth = np.stack([np.convolve(padded[:, axis], kernel, mode="valid") for axis in (0, 1)], axis=1)
    return np.concatenate([smooth, np.full((len(track), 1), view.height)], axis=1)


def pixel_focal(view: View, height: int) -> float:
    """Focal length in pixels of a picture that many pixels high."""
    return height / 2 / float(np.tan(np.deg2rad(view.fovy) / 2))


def project(view: View, focus: Floats, points: Floats, width: int, height: int) -> Floats:
    """[..., 3] picture column, row (pixels; centres at .5) and depth (m) of world points, seen with focus [..., 3]."""
    local = (points - focus + view.distance * view.forward) @ view.axes.T
    scale = pixel_focal(view, height) / local[..., 2]
    return np.stack([width / 2 + local[..., 0] * scale, height / 2 - local[..., 1] * scale, local[..., 2]], axis=-1)


def geom_colours(model: mujoco.MjModel) -> Floats:
    """[G, 3] a colour a geom: the torso dark, a hue for each limb, paler towards its end."""
    colours = np.tile(TORSO, (model.ngeom, 1))
    limbs: list[int] = []
    for geom in range(model.ngeom):
        chain = _ancestors(model, int(model.geom_bodyid[geom]))
        if not model.body_weldid[model.geom_bodyid[geom]]:
            colours[geom] = STATIC
            continue
        if len(chain) < 2:
            continue
        if chain[1] not in limbs:
            limbs.append(chain[1])
        hue = LIMBS[limbs.index(chain[1]) % len(LIMBS)]
        paler = min(0.14 * (len(chain) - 2), _PALEST)
        colours[geom] = hue + (1.0 - hue) * paler
    return colours


def _ancestors(model: mujoco.MjModel, body: int) -> list[int]:
    """Bodies from the one below the world down to `body`; empty for the world."""
    chain: list[int] = []
    while body != 0:
        chain.insert(0, body)
        body = int(model.body_parentid[body])
    return chain


def to_linear(colour: Floats) -> Floats:
    """Linear light of sRGB colours."""
    return np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)


def to_display(light: Floats) -> Floats:
    """sRGB of linear light."""
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055)


def check_states(qpos: NDArray[np.floating], columns: int) -> None:
    """Raises: SkillsError where states are not [T, columns] with T > 0, or hold a number that is not finite."""
    if qpos.ndim != 2 or qpos.shape[1] != columns or not len(qpos):
        raise SkillsError(f"States of shape {qpos.shape} cannot be rendered: expected [T, {columns}] with T > 0.")
    broken = ~np.isfinite(qpos).all(axis=1)
    if broken.any():
        raise SkillsError(f"State {int(np.argmax(broken))} of {len(qpos)} is not finite: the simulation diverged.")
