"""Pictures from MuJoCo's own renderer over EGL: the fast way on a machine with a GPU.

Nothing here touches OpenGL before a `GlRenderer` is made. A broken driver can end the process that makes one, so
`skills.videos.films.renderers` tries it in a process of its own first.
"""

import os
import sys
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from skills.arrays import Floats
from skills.bodies.environments import environment, muted
from skills.choices import Camera, Quality
from skills.errors import ENVIRONMENT, SkillsError
from skills.videos.films import scene
from skills.videos.films.marks import floor_depth, sky_rows, trace_masks
from skills.videos.films.scene import Frames, Singles
from skills.videos.films.shadow import Part, Shadows

_FLOOR_TEXTURE = 512  # pixels, two floor squares wide
_FLOOR_REACH = 80.0  # m; MuJoCo draws an endless floor as 40,000 squares, which takes as long as all the rest
_SHADOW = np.array([0.40, 0.39, 0.36], dtype=np.float32)  # share of the floor's light that a shadow takes away
_COARSE = (256, 16, 8)  # up to so many pixels limbs of so many slices and stacks look round; MuJoCo has twice
_BARELY = 0.003  # share of the floor's distance by which a body must be nearer


class GlRenderer:
    """Renders recordings of one body with OpenGL; the same camera and colours as `RayRenderer`.

    Raises: SkillsError (environment) where no OpenGL context can be made.
    """

    name = "gl"

    def __init__(
        self,
        env_id: str,
        width: int = 256,
        height: int = 256,
        quality: Quality = "fast",
        threads: int = 1,
        camera: Camera = "follow",
    ) -> None:
        os.environ.setdefault("LP_NUM_THREADS", str(threads if threads > 1 else 0))  # software GL: stay on this core
        self._resources: Any = None
        self._view = scene.view_of(env_id, camera)
        self._good = quality == "good"
        self._scale = 2 if self._good else 1
        self.width, self.height = width, height
        self._model = _painted_model(env_id, self._view, width * self._scale, height * self._scale)
        self._data = mujoco.MjData(self._model)
        self._floors = np.flatnonzero(self._model.geom_type == mujoco.mjtGeom.mjGEOM_PLANE)
        self._context = _open_context(self._model.vis.global_.offwidth, self._model.vis.global_.offheight)
        self._resources = mujoco.MjrContext(self._model, mujoco.mjtFontScale.mjFONTSCALE_100.value)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, self._resources)
        self._scene = mujoco.MjvScene(self._model, maxgeom=200)
        for flag in ("mjRND_REFLECTION", "mjRND_SHADOW", "mjRND_SKYBOX", "mjRND_HAZE"):
            self._scene.flags[getattr(mujoco.mjtRndFlag, flag)] = 0
        self._scene.flags[mujoco.mjtRndFlag.mjRND_FOG] = 1
        self._option = mujoco.MjvOption()
        self._camera = mujoco.MjvCamera()
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FREE
        self._camera.distance = self._view.distance
        self._camera.azimuth = self._view.azimuth
        self._camera.elevation = self._view.elevation
        self._shadows = Shadows(self._model, self._view, width * self._scale, height * self._scale)
        depth = floor_depth(self._view, self.height * self._scale)
        self._sky = sky_rows(self._view, depth, _FLOOR_REACH / 2)  # its end is somewhat before the horizon
        extent, planes = self._model.stat.extent, self._model.vis.map
        near, far = planes.znear * extent, planes.zfar * extent
        self._depth_range = 1 - near / far
        self._floor_depth = 1 - (near / (depth * (1 - _BARELY))).clip(0, 1)  # as OpenGL has it, inverted

    def __enter__(self) -> "GlRenderer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives the context back."""
        resources, self._resources = self._resources, None
        if resources is not None and _is_alive():
            self._context.make_current()  # or another renderer's textures, of the same numbers, would be freed
            resources.free()
            self._context.free()

    def __del__(self) -> None:
        self.close()

    def render(self, qpos: NDArray[np.floating], focus: Floats | None = None, *, trace: bool = False) -> Frames:
        """[T, H, W, 3] uint8 pictures of states [T, nq]; see `RayRenderer.render`."""
        scene.check_states(qpos, self._model.nq)
        look_at = scene.camera_focus(self._view, qpos) if focus is None else np.array(focus, dtype=np.float64)
        look_at[:, 2] = self._view.height
        depth = np.empty((self.height * self._scale, self.width * self._scale), dtype=np.float32)
        frames = np.empty((len(qpos), self.height, self.width, 3), dtype=np.uint8)
        shadows = self._shadows.places(qpos, look_at)
        for index, picture in enumerate(self._pictures(qpos, look_at, depth)):
            self._draw_sky(picture, depth[::-1])
            if trace:
                self._draw_trace(picture, depth[::-1], qpos, look_at, index)
            found = self._shadows.mask(shadows[index])
            if found is not None:
                self._darken(picture, depth[::-1], *found)
            frames[index] = _halved(picture) if self._good else picture
        return frames

    def _draw_sky(self, picture: Frames, depth: Singles) -> None:
        """Paints the gradient that the rays paint, where nothing was drawn.

        A sky box of MuJoCo's would spread it over the whole sphere, and has a depth as if it stood there.
        """
        rows = len(self._sky)
        covered = depth[:rows] < 1
        columns = np.flatnonzero(covered.any(axis=0))
        first, last = (columns[0], columns[-1] + 1) if len(columns) else (0, 0)
        for part in (slice(0, first), slice(last, None)):  # where there is nothing else, which is soon done
            picture[:rows, part] = self._sky[:, None]
        body = slice(first, last)
        np.copyto(picture[:rows, body], self._sky[:, None], where=~covered[:, body, None])

    def _is_floor(self, depth: Singles, rows: slice) -> NDArray[np.bool_]:
        """[h, w] which pixels of a part of a picture, in those rows of it, show the floor, by OpenGL's depth."""
        return np.asarray(depth * self._depth_range >= self._floor_depth[rows, None])

    def _draw_trace(
        self, picture: Frames, depth: Singles, qpos: NDArray[np.floating], look_at: Floats, index: int
    ) -> None:
        rows, columns = depth.shape
        mask = trace_masks(self._view, qpos, look_at, slice(index, index + 1), columns, rows)[0]
        rows_columns = np.nonzero((mask > 0) & self._is_floor(depth, slice(None)))
        weight = mask[rows_columns][:, None]
        picture[rows_columns] = picture[rows_columns] * (1 - weight) + 255 * scene.TRACE * weight

    def _darken(self, picture: Frames, depth: Singles, part: Part, mask: Singles) -> None:
        """Takes light from the floor in a part of the picture."""
        darkness = np.where(self._is_floor(depth[part], part[0]), mask, np.float32(0))[..., None] * _SHADOW
        picture[part] = (picture[part] * (1 - darkness)).astype(np.uint8)

    def body_mask(self, qpos: NDArray[np.floating], focus: Floats | None = None) -> NDArray[np.int32]:
        """[T, H, W] the geom at each pixel (fast quality), -1 for the background."""
        for flag in ("mjRND_SEGMENT", "mjRND_IDCOLOR"):
            self._scene.flags[getattr(mujoco.mjtRndFlag, flag)] = 1
        masks = []
        look_at = scene.camera_focus(self._view, qpos) if focus is None else focus
        for picture in self._pictures(qpos, look_at, None):
            segment = picture.astype(np.int32) @ np.array([1, 256, 65536], dtype=np.int32) - 1
            ids = np.full(self._scene.ngeom + 1, -1, dtype=np.int32)
            for geom in self._scene.geoms[: self._scene.ngeom]:
                if geom.segid >= 0 and geom.objid >= 0 and self._model.geom_bodyid[geom.objid] > 0:
                    ids[geom.segid] = geom.objid
            masks.append(ids[segment])
        for flag in ("mjRND_SEGMENT", "mjRND_IDCOLOR"):
            self._scene.flags[getattr(mujoco.mjtRndFlag, flag)] = 0
        return np.stack(masks)

    def _pictures(
        self, qpos: NDArray[np.floating], look_at: Floats, depth: NDArray[np.float32] | None
    ) -> Iterator[Frames]:
        """Pictures, one at a time in one buffer; `depth` is filled with each one's (upside down, as OpenGL has it)."""
        rectangle = mujoco.MjrRect(0, 0, self.width * self._scale, self.height * self._scale)
        picture = np.empty((rectangle.height, rectangle.width, 3), dtype=np.uint8)
        self._context.make_current()
        for state, point in zip(qpos, look_at, strict=True):
            self._data.qpos[:] = state
            mujoco.mj_kinematics(self._model, self._data)
            mujoco.mj_comPos(self._model, self._data)
            mujoco.mj_camlight(self._model, self._data)
            self._camera.lookat[:] = point[0], point[1], self._view.height
            pattern = 2 * scene.CHECKER_SIZE
            self._data.geom_xpos[self._floors, :2] = np.round(point[:2] / pattern) * pattern  # it goes with the body
            everything = mujoco.mjtCatBit.mjCAT_ALL.value
            mujoco.mjv_updateScene(self._model, self._data, self._option, None, self._camera, everything, self._scene)
            mujoco.mjr_render(rectangle, self._scene, self._resources)
            mujoco.mjr_readPixels(picture, depth, rectangle, self._resources)
            yield picture[::-1]


def _is_alive() -> bool:
    """Whether EGL can still be called: its module is emptied, or gone, once Python ends."""
    return getattr(sys.modules.get("mujoco.egl"), "EGL_DISPLAY", None) is not None


def _open_context(width: int, height: int) -> Any:
    """A current EGL context. MUJOCO_GL decides only when MuJoCo is imported, so EGL is asked for by name."""
    try:
        from mujoco.egl import GLContext

        context = GLContext(width, height)
        context.make_current()
    except Exception as error:  # PyOpenGL raises whatever its missing libraries provoke
        missing = isinstance(error, AttributeError)  # PyOpenGL calls into a library that it did not find
        reason = "no EGL library was found" if missing else (str(error).splitlines() or [type(error).__name__])[0]
        raise SkillsError(
            f"OpenGL (EGL) does not work here: {reason}.", "Use the ray renderer, which needs none.", ENVIRONMENT
        ) from error
    return context


def _painted_model(env_id: str, view: scene.View, width: int, height: int) -> mujoco.MjModel:
    """The environment's model in this project's colours, with its light, floor and sky."""
    with muted():  # Gymnasium's files use attributes that MuJoCo 4 warns about
        spec = mujoco.MjSpec.from_file(str(environment(env_id).model_path))
        spec.visual.global_.offwidth, spec.visual.global_.offheight = width, height
        _paint(spec, view)
        model = spec.compile()
    for geom, colour in enumerate(scene.geom_colours(model)):
        if model.geom_bodyid[geom] > 0:
            model.geom_matid[geom] = -1
            model.geom_rgba[geom] = [*colour, 1.0]
    return model


def _paint(spec: Any, view: scene.View) -> None:
    for light in list(spec.lights):
        spec.delete(light)
    for texture in list(spec.textures):
        if texture.type == mujoco.mjtTexture.mjTEXTURE_SKYBOX:
            spec.delete(texture)
    spec.add_texture(
        name="squares",
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        rgb1=scene.FLOOR_LIGHT,
        rgb2=scene.FLOOR_DARK,
        width=_FLOOR_TEXTURE,
        height=_FLOOR_TEXTURE,
    )
    material = spec.add_material(name="squares", texuniform=True, texrepeat=[1 / scene.CHECKER_SIZE] * 2)
    textures = [""] * int(mujoco.mjtTextureRole.mjNTEXROLE)
    textures[int(mujoco.mjtTextureRole.mjTEXROLE_RGB)] = "squares"
    material.textures = textures
    for geom in spec.worldbody.geoms:
        if geom.type == mujoco.mjtGeom.mjGEOM_PLANE:
            geom.material = "squares"
            geom.rgba = [1, 1, 1, 1]
            geom.size = [_FLOOR_REACH, _FLOOR_REACH, _FLOOR_REACH]  # four squares; it is never simulated with
    spec.worldbody.add_light(
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
        dir=-scene.LIGHT,
        pos=scene.LIGHT * 10,
        castshadow=False,
        mode=mujoco.mjtCamLight.mjCAMLIGHT_TRACKCOM,
        targetbody="torso",
        diffuse=[0.62] * 3,
        specular=[0.25] * 3,
        ambient=[0.0] * 3,
    )
    visual = spec.visual
    visual.headlight.active = 1
    visual.headlight.ambient = [0.46] * 3
    visual.headlight.diffuse = [0.08] * 3
    visual.headlight.specular = [0.0] * 3
    visual.global_.fovy = view.fovy
    visual.quality.offsamples = 0  # the good quality averages 2 x 2 pixels instead
    if spec.visual.global_.offheight <= _COARSE[0]:
        visual.quality.numslices, visual.quality.numstacks = _COARSE[1:]
    visual.rgba.fog = [*scene.SKY_HORIZON, 1.0]
    extent = spec.stat.extent if np.isfinite(spec.stat.extent) and spec.stat.extent > 0 else 3.0
    spec.stat.extent = extent
    visual.map.znear = 0.05 / extent
    visual.map.zfar = _FLOOR_REACH / extent
    visual.map.fogstart = 6.0 / extent
    visual.map.fogend = 45.0 / extent


def _halved(picture: Frames) -> Frames:
    """[H, W, 3] the 2 x 2 means of [2H, 2W, 3]."""
    rows, columns = picture.shape[0] // 2, picture.shape[1] // 2
    wide = picture.reshape(rows, 2, columns, 2, 3).astype(np.uint16).sum(axis=(1, 3), dtype=np.uint16)
    return np.asarray((wide // 4).astype(np.uint8))
