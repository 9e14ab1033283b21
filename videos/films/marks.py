"""What is drawn onto the floor and over finished pictures: the torso's way, a caption, a dot.

Letters: T frames of a recording, n of them in a part, H x W pixels.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from skills.arrays import Floats
from skills.videos.films import scene
from skills.videos.films.scene import Frames, Singles

_TRACE_SOLID = 0.8
_TRACE_WIDTH = 0.011  # share of a picture's height
_NEAREST = 0.3  # m; nothing on the floor nearer to the eye is drawn
PAPER, _INK = (250, 249, 247), (29, 34, 48)
_MARK = (228, 103, 74)


def trace_masks(
    view: scene.View, qpos: NDArray[np.floating], focus: Floats, part: slice, width: int, height: int
) -> Singles:
    """[n, H, W] how much of each pixel the line of the torso's way covers, up to each frame of a part of [T, nq]."""
    track = scene.torso_track(view, qpos)
    ground = np.concatenate([track, np.full((len(track), 1), view.floor)], axis=1)
    return np.stack(
        [
            _line_mask(scene.project(view, focus[frame], ground[: frame + 1], width, height), width, height)
            for frame in range(len(qpos))[part]
        ]
    )


def _line_mask(places: Floats, width: int, height: int) -> Singles:
    """[H, W] a line through picture places [T, 3] (column, row, depth), smooth at its edges."""
    image = Image.new("L", (2 * width, 2 * height))
    draw = ImageDraw.Draw(image)
    visible = places[:, 2] > _NEAREST
    for stretch in np.split(places[:, :2] * 2, np.flatnonzero(np.diff(visible)) + 1):
        if len(stretch) > 1 and np.isfinite(stretch).all():
            line = np.clip(stretch, -8 * width, 8 * width).ravel().tolist()
            draw.line(line, fill=255, width=max(2, round(2 * _TRACE_WIDTH * height)), joint="curve")
    small = image.reduce(2)
    return np.asarray(small, dtype=np.float32) * np.float32(_TRACE_SOLID / 255)


def floor_depth(view: scene.View, rows: int) -> Floats:
    """[rows] m along the viewing direction to the floor, by row of the picture; infinity above the horizon."""
    eye_height = view.height - view.distance * view.forward[2]
    upwards = (rows / 2 - np.arange(rows) - 0.5) / scene.pixel_focal(view, rows)
    fall = -(upwards * view.axes[1, 2] + view.axes[2, 2])
    return np.where(fall > 1e-6, eye_height / np.maximum(fall, 1e-6), np.inf)


def sky_rows(view: scene.View, floor: Floats, reach: float) -> Frames:
    """[rows, 3] the sky's colour in the rows that show no floor nearer than `reach`, m.

    floor: what `floor_depth` gives.
    """
    rows = int((floor > reach).sum())
    upwards = (len(floor) / 2 - np.arange(rows) - 0.5) / scene.pixel_focal(view, len(floor))
    rise = (upwards * view.axes[1, 2] + view.axes[2, 2]) / np.hypot(1, upwards)
    return np.asarray(np.round(255 * scene.sky_colour(rise[:, None])), dtype=np.uint8)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def caption(frame: Frames, lines: list[str]) -> Frames:
    """[H, W, 3] the picture with lines of text on a band at its foot.

    A line that is too long goes on in a second one, and ends in an ellipsis where that is not enough.
    """
    image = Image.fromarray(frame)
    draw = ImageDraw.Draw(image, "RGBA")
    size = max(9, round(frame.shape[0] / 20))
    font, step = _font(size), round(1.35 * size)
    room = frame.shape[1] - size
    lines = [part for text in lines for part in _in_two(draw, text, font, room)]
    top = frame.shape[0] - step * len(lines) - size // 2
    draw.rectangle((0, top, frame.shape[1], frame.shape[0]), fill=(*PAPER, 215))
    for row, text in enumerate(lines):
        draw.text((size // 2, top + size // 4 + row * step), text, font=font, fill=_INK)
    return np.asarray(image)


def tagged(frames: Frames, text: str, marked: NDArray[np.bool_] | None = None) -> Frames:
    """[T, H, W, 3] pictures with a small label in their corner, and a coloured dot and frame where `marked` [T].

    A label covers every picture alike: it is drawn on black and on white, which tells how it mixes with any colour.
    """
    some = np.zeros(len(frames), bool) if marked is None else marked
    found = np.empty_like(frames)
    for dotted in np.unique(some):
        dark, bright = (_tag(np.full(frames.shape[1:], level, np.uint8), text, bool(dotted)) for level in (0, 255))
        left = bright.astype(np.uint16) - dark
        found[some == dotted] = dark + (frames[some == dotted] * left + 127) // 255
    return found


def _tag(frame: Frames, text: str, marked: bool) -> Frames:
    """[H, W, 3] a picture with its label."""
    image = Image.fromarray(frame)
    draw = ImageDraw.Draw(image, "RGBA")
    height, width = frame.shape[:2]
    size = max(9, round(height / 11))
    font = _font(size)
    box = draw.textbbox((0, 0), text, font=font)
    pad = size // 3
    right = 2 * pad + box[2] + (size if marked else 0)
    draw.rounded_rectangle((pad, pad, pad + right, 2 * pad + round(1.15 * size)), radius=pad, fill=(*PAPER, 225))
    draw.text((2 * pad, pad + pad // 2), text, font=font, fill=_INK)
    if marked:
        middle = pad + pad // 2 + round(0.62 * size)
        radius = 0.3 * size
        right -= size // 2
        draw.ellipse((pad + right - radius, middle - radius, pad + right + radius, middle + radius), fill=_MARK)
        draw.rectangle((0, 0, width - 1, height - 1), outline=_MARK, width=max(2, height // 64))
    return np.asarray(image)


def tiled(films: list[Frames], columns: int, rows: int) -> Frames:
    """[T, rows x H, columns x W, 3] films [T_i, H, W, 3] side by side; shorter ones rest on their last frame."""
    length, (height, width) = max(map(len, films)), films[0].shape[1:3]
    whole = np.full((length, rows * height, columns * width, 3), PAPER, dtype=np.uint8)
    for place, film in enumerate(films):
        top, left = place // columns * height, place % columns * width
        whole[: len(film), top : top + height, left : left + width] = film
        whole[len(film) :, top : top + height, left : left + width] = film[-1]
    return whole


def _in_two(
    draw: ImageDraw.ImageDraw, text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int
) -> list[str]:
    """One line, or two that break at a space."""
    words = text.split(" ")
    fitting = [count for count in range(1, len(words) + 1) if draw.textlength(" ".join(words[:count]), font) <= width]
    first = fitting[-1] if fitting else len(words)
    parts = (" ".join(words[:first]), " ".join(words[first:]))
    return [_fitted(draw, part, font, width) for part in parts if part]


def _fitted(
    draw: ImageDraw.ImageDraw, text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int
) -> str:
    if draw.textlength(text, font=font) <= width:
        return text
    while text and draw.textlength(text + "…", font=font) > width:
        text = text[:-1]
    return text + "…"
