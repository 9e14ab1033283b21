"""Films of what has no model to draw: the columns that were observed, over time, and a line that says when.

Letters: T states, O columns, H x W pixels, S columns that are shown.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from skills.arrays import Floats
from skills.videos.films.scene import LIMBS, Frames, check_states

_MOST = 12  # columns that a picture has room for
_PAPER, _GRID, _NOW = (250, 249, 247), (223, 221, 216), (29, 34, 48)
_PADDING = 0.04  # of the picture's width
_FLAT = 1e-9  # a column that changes less is a level line


class ChartRenderer:
    """Draws states as lines over time, one below the other; of many columns those that change most."""

    name = "chart"

    def __init__(self, width: int = 256, height: int = 256) -> None:
        self.width, self.height = width, height

    def render(self, qpos: NDArray[np.floating], focus: Floats | None = None, *, trace: bool = False) -> Frames:
        """[T, H, W, 3] uint8 pictures of states [T, O].   focus, trace: say nothing here."""
        check_states(qpos, qpos.shape[-1])
        whole = self._lines(np.asarray(qpos, np.float64))
        frames = np.repeat(np.asarray(whole)[None], len(qpos), axis=0)
        left, right = self._span()
        for frame, picture in enumerate(frames):
            column = round(left + (right - left) * frame / max(1, len(qpos) - 1))
            picture[:, column : column + 2] = _NOW
        return frames

    def _span(self) -> tuple[float, float]:
        return _PADDING * self.width, (1 - _PADDING) * self.width - 2

    def _lines(self, states: Floats) -> Image.Image:
        image = Image.new("RGB", (2 * self.width, 2 * self.height), _PAPER)
        draw = ImageDraw.Draw(image)
        left, right = (2 * side for side in self._span())
        across = np.linspace(left, right, len(states))
        chosen = np.sort(np.argsort(-states.std(axis=0), kind="stable")[:_MOST])
        row = 2 * self.height / len(chosen)
        for place, column in enumerate(chosen):
            values = states[:, column]
            share = (values - values.min()) / max(float(np.ptp(values)), _FLAT)
            down = row * (place + 0.9 - 0.8 * share)
            draw.line((left, row * (place + 1), right, row * (place + 1)), fill=_GRID, width=2)
            colour = tuple(np.round(255 * LIMBS[place % len(LIMBS)]).astype(int).tolist())
            points = np.stack([across, down], axis=1).ravel().tolist()
            draw.line(points if len(states) > 1 else points * 2, fill=colour, width=3, joint="curve")
        return image.reduce(2)
