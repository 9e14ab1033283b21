"""Films and still pictures as files: written whole or not at all."""

import errno
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skills.errors import ENVIRONMENT, SkillsError
from skills.files import replacing
from skills.troubles import disk_of, unwritten

REMEDY = "pip install imageio-ffmpeg, or put an ffmpeg on the PATH that has libx264; unset IMAGEIO_FFMPEG_EXE"
_ENCODER = "libx264"
_PATIENCE = 30  # s for ffmpeg to say what it has
_LITTLE = 1 << 20  # bytes: a disk with less is full
_CRF = 28  # H.264 constant rate factor: about 90 KiB for ten seconds of 256 x 256
# Two thirds of the time of "veryfast", files a sixth larger, as good; "superfast" alone makes them half as large again.
_EFFORT = ["-preset", "superfast", "-x264-params", "mbtree=1:rc-lookahead=10"]
_BLOCK = 16  # H.264 codes squares of this side
_POSTER_QUALITY = 82

Pictures = NDArray[np.uint8]


def write_mp4(path: Path, frames: Pictures, fps: float) -> None:
    """Writes frames [T, H, W, 3] as H.264 (yuv420p, index at the front), to be played at `fps` frames/s.

    Raises: SkillsError for sides that are not multiples of 16, or (environment) where there is no ffmpeg.
    """
    height, width = _checked(frames)
    if width % _BLOCK or height % _BLOCK:
        raise SkillsError(
            f"A video of {width} x {height} pixels cannot be encoded without resizing.",
            f"Choose sides that are multiples of {_BLOCK}, such as 256 x 256.",
        )
    with replacing(path) as temporary:
        _encode(temporary, frames, fps, width, height)


def write_poster(path: Path, frame: Pictures) -> None:
    """Writes one frame [H, W, 3] as a picture of the path's format, WebP for a poster."""
    with replacing(path) as temporary:
        Image.fromarray(frame).save(temporary, quality=_POSTER_QUALITY, method=6)


def write_webp(path: Path, frames: Pictures, fps: float) -> None:
    """Writes frames [T, H, W, 3] as an animated, endlessly repeating WebP."""
    _write_animation(path, frames, fps, {"quality": _POSTER_QUALITY - 12, "method": 4})


def write_gif(path: Path, frames: Pictures, fps: float) -> None:
    """Writes frames [T, H, W, 3] as an endlessly repeating GIF; the format keeps hundredths of a second."""
    _write_animation(path, frames, fps, {"optimize": True})


def _write_animation(path: Path, frames: Pictures, fps: float, options: dict[str, Any]) -> None:
    _checked(frames)
    pictures: Sequence[Image.Image] = [Image.fromarray(frame) for frame in frames]
    with replacing(path) as temporary:
        pictures[0].save(
            temporary, save_all=True, append_images=pictures[1:], duration=round(1000 / fps), loop=0, **options
        )


def _checked(frames: Pictures) -> tuple[int, int]:
    """Height and width. Raises: SkillsError for arrays that are not films."""
    if frames.ndim != 4 or frames.shape[3] != 3 or frames.dtype != np.uint8 or not len(frames):
        raise SkillsError(f"Expected frames [T, H, W, 3] of uint8 with T > 0, got {frames.shape} of {frames.dtype}.")
    return frames.shape[1], frames.shape[2]


def _encode(path: Path, frames: Pictures, fps: float, width: int, height: int) -> None:
    import imageio_ffmpeg

    # Colours are converted and tagged as BT.709, so that a player shows what the poster shows.
    options = ["-crf", str(_CRF), "-threads", "1", "-movflags", "+faststart", "-vf", "scale=out_color_matrix=bt709"]
    options += ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", *_EFFORT]
    try:
        writer = imageio_ffmpeg.write_frames(
            str(path),
            (width, height),
            fps=fps,
            codec=_ENCODER,
            pix_fmt_in="rgb24",
            pix_fmt_out="yuv420p",
            quality=None,
            macro_block_size=_BLOCK,
            ffmpeg_log_level="error",
            output_params=options,
        )
        writer.send(None)
        for frame in frames:
            writer.send(np.ascontiguousarray(frame))
        writer.close()
    except (RuntimeError, OSError) as error:  # there is no ffmpeg, or it has ended before the film did
        raise _reason(path) from error
    if not path.is_file() or not path.stat().st_size:
        raise _reason(path)


def lack() -> str:
    """What keeps films from being encoded on this machine: no ffmpeg, or one without the encoder; "" for nothing."""
    import imageio_ffmpeg

    try:
        ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
        answer = subprocess.run([ffmpeg, "-encoders"], capture_output=True, timeout=_PATIENCE, check=True).stdout
    except OSError as error:
        return f"{error.filename}: {error.strerror}"
    except (RuntimeError, subprocess.SubprocessError) as error:  # imageio-ffmpeg's way to say that there is none
        return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
    return "" if _ENCODER.encode() in answer else f"{ffmpeg} has no encoder {_ENCODER} (H.264)"


def _reason(path: Path) -> SkillsError:
    """Why ffmpeg wrote no film."""
    if disk_of(path)[1] < _LITTLE:
        return unwritten(OSError(errno.ENOSPC, ""), path)
    if missing := lack():
        return SkillsError(f"Videos cannot be encoded here: {missing}.", REMEDY, ENVIRONMENT)
    return SkillsError(f"ffmpeg wrote no video to {path.parent}.", "Is the disk full?", ENVIRONMENT)
