"""A contact sheet that moves: many skills side by side as one film, and a still of it.

Letters: F frames, H x W pixels of the whole sheet, h x w of a tile.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from skills.errors import SkillsError
from skills.progress import Progress, silent
from skills.videos.films import marks
from skills.videos.films.encode import write_gif, write_mp4, write_poster, write_webp
from skills.videos.films.films import Film, Style, skill_film
from skills.videos.films.render import checked_skills, drawn, in_processes, read_rollouts
from skills.videos.films.renderers import resolve
from skills.videos.films.scene import Frames

FORMATS = {".mp4": write_mp4, ".gif": write_gif, ".webp": write_webp}
_WIDEST = 1280  # pixels of a whole sheet
_BLOCK = 16  # an encoder's: the sides of a tile are multiples of it, so those of any sheet are


def tile_side(columns: int) -> int:
    """Pixels of a square tile, so that so many fill a sheet that still fits a screen."""
    return max(_BLOCK * 4, min(256, _WIDEST // columns // _BLOCK * _BLOCK))


def columns_for(count: int) -> int:
    """Tiles side by side that make a sheet of `count` about as wide as high: 10 for 100."""
    return int(np.ceil(np.sqrt(count)))


def still_path(path: Path) -> Path:
    """Where the still of a sheet lies."""
    return path.with_name(f"{path.stem}-still.webp")


def write_grid(
    run_folder: Path,
    style: Style,
    skills: Sequence[int],
    path: Path,
    *,
    renderer: str = "auto",
    seconds: float = 8.0,
    workers: int | None = None,
    progress: Progress = silent,
) -> list[str]:
    """Writes the film of a sheet in the path's format, and its still; returns a sentence for each tile that failed.

    style: its size is a tile's. A skill whose rollout is shorter rests on its last frame.

    Raises: SkillsError for unknown skills, and where no tile at all could be drawn.
    """
    rollouts = read_rollouts(run_folder)
    chosen = checked_skills(skills, len(rollouts.qpos))
    style = replace(style, caption=False)
    films = {skill: skill_film(rollouts, skill, style, seconds, "mp4", "") for skill in chosen}
    length = max(len(film.panes[0].shown.qpos) for film in films.values())
    middle = max(film.panes[0].shown.poster for film in films.values())
    columns = columns_for(len(chosen))
    rows = -(-len(chosen) // columns)
    shape = (length, rows * style.height, columns * style.width, 3)
    failures = []
    with tempfile.TemporaryFile() as room:  # on disk: a hundred tiles of eight seconds are most of a gigabyte
        sheet: Frames = np.memmap(room, np.uint8, "w+", shape=shape)
        sheet[:] = marks.PAPER
        jobs = {skill: (film, f"{skill:03d}") for skill, film in films.items()}
        with in_processes(_draw_tile, jobs, resolve(renderer, style.env_id), style, workers) as tiles:
            for count, (skill, tile) in enumerate(tiles, start=1):
                progress(count, len(chosen))
                if isinstance(tile, str):
                    failures.append(f"{skill}: {tile}")
                    continue
                place = chosen.index(skill)
                top, left = place // columns * style.height, place % columns * style.width
                part = sheet[:, top : top + style.height, left : left + style.width]
                part[: len(tile)], part[len(tile) :] = tile, tile[-1]
        if len(failures) == len(chosen):
            raise SkillsError(f"No tile could be drawn: {failures[0]}")
        FORMATS[path.suffix.lower()](path, sheet, films[chosen[0]].fps)
        write_poster(still_path(path), np.asarray(sheet[min(middle, length - 1)]))
    return failures


def _draw_tile(film: Film, text: str) -> Frames:
    return marks.tagged(drawn(film), text)
