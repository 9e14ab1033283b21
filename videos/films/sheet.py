"""A contact sheet: many skills as one still picture, each with its number and a strobe of its motion.

Letters: P poses of a strobe, H x W pixels of a tile.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from skills.arrays import Floats
from skills.bodies.body import body_of
from skills.errors import USAGE, SkillsError
from skills.videos.films.clips import Clip
from skills.videos.films.encode import write_poster
from skills.videos.films.films import Style, skill_film
from skills.videos.films.render import checked_skills, read_rollouts
from skills.videos.films.renderers import Renderer, construct, resolve
from skills.videos.films.scene import Frames, torso_track, view_of

_TILE = (240, 176)  # pixels, width and height
_GAP = 6
_PAPER = (250, 249, 247)
_INK = (38, 43, 54)
_GHOSTS = (0.30, 0.55, 1.0)  # how solid the poses are, the first one earliest
_STROBE_TRAVEL = 0.62  # m between poses
_STROBE_SECONDS = 0.5  # at most between poses, for skills that hardly travel
_FAR = 1e3  # m, where a body is out of the picture


def contact_sheet(
    run_folder: Path, env_id: str, skills: Sequence[int], columns: int, path: Path, seconds: float = 8.0
) -> None:
    """Writes a grid of skills, `columns` wide, as a picture of the path's format (PNG, WebP).

    Each tile strobes three poses around the middle of the motion, seen from one place: earlier poses are fainter. Of
    what stands fast it shows where that ends, of what has no model its columns over time.

    Raises: SkillsError for no skills, unknown skills or less than one column.
    """
    rollouts = read_rollouts(run_folder)
    if not skills or columns < 1:
        raise SkillsError(f"No contact sheet of {len(skills)} skills in {columns} columns.", "Name some skills.", USAGE)
    renderer = construct(resolve("ray", env_id), env_id, *_TILE, "good")
    rows = -(-len(skills) // columns)
    width, height = _TILE[0] + _GAP, _TILE[1] + _GAP
    sheet = Image.new("RGB", (columns * width + _GAP, rows * height + _GAP), _PAPER)
    for place, skill in enumerate(checked_skills(skills, len(rollouts.qpos))):
        made = skill_film(rollouts, skill, Style(env_id), seconds, "mp4", "").panes[0].shown
        tile = _labelled(_drawn(renderer, made, env_id), f"{skill:03d}")
        sheet.paste(tile, (_GAP + place % columns * width, _GAP + place // columns * height))
    write_poster(path, np.asarray(sheet))


def _drawn(renderer: Renderer, made: Clip, env_id: str) -> Frames:
    """[H, W, 3] the picture of a skill."""
    moving = made.qpos[: made.moving]
    if body_of(env_id).model is None:
        return np.asarray(renderer.render(moving)[-1])  # a chart fills as time goes by
    return strobe(renderer, made, env_id) if view_of(env_id).columns else np.asarray(renderer.render(moving[-1:])[0])


def strobe(renderer: Renderer, made: Clip, env_id: str) -> Frames:
    """[H, W, 3] three poses of a clip in one picture."""
    view = view_of(env_id)
    chosen = _poses(torso_track(view, made.qpos[: made.moving]), made.fps)
    poses = made.qpos[chosen]
    middle = torso_track(view, poses)[[0, -1]].mean(axis=0)
    away = poses[:1].copy()
    away[:, view.columns[0]] += _FAR
    focus = np.tile([*middle, view.height], (len(poses) + 1, 1))
    pictures = renderer.render(np.concatenate([away, poses]), focus).astype(np.float32)
    empty = pictures[0]
    blended = empty.copy()
    for picture, solid in zip(pictures[1:], _GHOSTS, strict=True):
        change = np.abs(picture - empty).max(axis=-1, keepdims=True)
        weight = solid * np.clip((change - 2) / 6, 0, 1)
        blended += weight * (picture - blended)
    return np.asarray(np.round(blended).astype(np.uint8))


def _poses(track: Floats, fps: float) -> list[int]:
    """Three frames around the middle of a track [T, 2] (m), far enough apart to be told from each other."""
    middle = len(track) // 2
    most = max(1, round(_STROBE_SECONDS * fps))

    def step(direction: int) -> int:
        for away in range(1, most + 1):
            frame = middle + direction * away
            if not 0 <= frame < len(track):
                break
            if np.linalg.norm(track[frame] - track[middle]) >= _STROBE_TRAVEL:
                return frame
        return int(np.clip(middle + direction * most, 0, len(track) - 1))

    return [step(-1), middle, step(1)]


def _labelled(picture: Frames, text: str) -> Image.Image:
    tile = Image.fromarray(picture)
    draw = ImageDraw.Draw(tile, "RGBA")
    font = ImageFont.load_default(17)
    box = draw.textbbox((0, 0), text, font=font)
    draw.rounded_rectangle((7, 7, 7 + box[2] + 14, 7 + 25), radius=7, fill=(*_PAPER, 225))
    draw.text((14, 9), text, font=font, fill=_INK)
    return tile
