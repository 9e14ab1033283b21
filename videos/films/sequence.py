"""A film of a sequence of skills, each named while it acts.

Letters: T steps, F frames.
"""

from collections.abc import Mapping
from pathlib import Path

from skills.arrays import Float32s, Ids
from skills.errors import USAGE, SkillsError
from skills.videos.films.clips import clip, stride_of
from skills.videos.films.films import Film, Pane, Style, draw, size_of
from skills.videos.films.grid import FORMATS
from skills.videos.films.renderers import construct, resolve

_NO_END = 1e9  # s: all of it is shown


def check_film(path: Path) -> None:
    """Raises: SkillsError (usage) for the name of a file that is of no format known."""
    if path.suffix.lower() not in FORMATS:
        raise SkillsError(f"{path} is of no known format.", f"End its name in {', '.join(FORMATS)}.", USAGE)


def film_sequence(
    qpos: Float32s, length: int, schedule: Ids, labels: Mapping[int, str], style: Style, path: Path, renderer: str
) -> None:
    """Films what was played, with the number and the label of the skill of each frame.

    qpos: [T + 1, nq] the states, of which the first `length` + 1 were played.   schedule: [T] the skill of each step.
    """
    check_film(path)
    shown = clip(qpos, length, style.env_id, _NO_END)
    stride = stride_of(style.env_id)
    last = min(length, len(schedule)) - 1
    titles = []
    for frame in range(len(shown.qpos)):
        skill = int(schedule[min(frame * stride, last)])
        titles.append(f"#{skill:03d} {labels.get(skill, '')}".strip() if frame < shown.moving else "fell")
    film = Film(path.name, (Pane(shown),), titles=tuple(titles))
    drawn_by = construct(
        resolve(renderer, style.env_id), style.env_id, *size_of(film, style), style.quality, camera=style.camera
    )
    FORMATS[path.suffix.lower()](path, draw(film, style, drawn_by), film.fps)
