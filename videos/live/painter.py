"""One picture after the other of a body that somebody plays: the films' renderers, and a camera that follows."""

import io
import math

import numpy as np
from PIL import Image

from skills.arrays import Floats
from skills.videos.films.films import Style
from skills.videos.films.renderers import construct
from skills.videos.films.scene import torso_track, view_of

SIZES = {"gl": (480, 352), "ray": (320, 240)}  # that less than two thirds of a core paint 30 times a second
_FOLLOW = 0.15  # s in which the camera makes up for most of what it is behind
_QUALITY = 80  # of JPEG


class Painter:
    """Pictures of one size. Made and used in one thread: OpenGL belongs to the thread that opened it."""

    def __init__(self, style: Style, renderer: str) -> None:
        """renderer: ray or gl."""
        self._renderer = construct(
            renderer, style.env_id, style.width, style.height, style.quality, camera=style.camera
        )
        self._view = view_of(style.env_id, style.camera)
        self._focus: Floats | None = None

    def cut(self) -> None:
        """The next picture is of another place: the camera is there at once."""
        self._focus = None

    def paint(self, qpos: Floats, seconds: float) -> bytes:
        """A JPEG of a state [P].   seconds: since the one before, as the body has it."""
        torso = torso_track(self._view, qpos[None])[0]
        if self._focus is None:
            self._focus = torso
        self._focus = torso + (self._focus - torso) * math.exp(-seconds / _FOLLOW)
        focus = np.array([[*self._focus, self._view.height]])
        picture = io.BytesIO()
        Image.fromarray(self._renderer.render(qpos[None], focus)[0]).save(picture, "JPEG", quality=_QUALITY)
        return picture.getvalue()
