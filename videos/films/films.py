"""What each film shows, ready to be drawn by any process.

    skills/017.mp4          the rollout that stands for the skill
    skills/017-starts.mp4   the same skill from other starts, side by side
    skills/017-data.mp4     the class's own stretches of the dataset, side by side
    slides/017.gif          the first one in another format

Letters: F frames, nq generalised positions, H x W pixels.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skills.arrays import Ids
from skills.bodies.body import body_of
from skills.bodies.fates import fate
from skills.choices import Camera
from skills.playing.rollout import Rollouts
from skills.runs.exemplars import Exemplars
from skills.runs.layout import film_name
from skills.runs.pictures import RecordedPictures
from skills.videos.films import marks
from skills.videos.films.clips import Clip, clip, stride_of
from skills.videos.films.renderers import Renderer
from skills.videos.films.scene import Frames, torso_track, view_of

LOOK = 4  # raised when the pictures change, so that films of the old look count as stale
FORMATS = ("mp4", "gif", "webp")
_COLUMNS = 2  # panes side by side
_PANES = 4
_STARTS_SECONDS = 3.0  # at most, of each other rollout, as of each stretch of the data
_SPEED_SECONDS = 0.5  # over which a caption's speed is measured


@dataclass(frozen=True)
class Style:
    """What all films of one call share. width, height: pixels of a whole film."""

    env_id: str
    quality: str = "fast"
    width: int = 256
    height: int = 256
    camera: Camera = "follow"
    trace: bool = False
    caption: bool = False


@dataclass(frozen=True)
class Footage:
    """Pictures that stand where states would be drawn.   steps: [F] of the episode."""

    pictures: RecordedPictures
    episode: int
    steps: Ids

    def drawn(self, width: int, height: int) -> Frames:
        """[F, H, W, 3], as large as fits."""
        frames = np.full((len(self.steps), height, width, 3), marks.PAPER, np.uint8)
        for frame, picture in zip(frames, self.pictures.of(self.episode, self.steps), strict=True):
            scale = min(width / picture.shape[1], height / picture.shape[0])
            size = (max(1, int(scale * picture.shape[1])), max(1, int(scale * picture.shape[0])))
            left, top = (width - size[0]) // 2, (height - size[1]) // 2
            frame[top : top + size[1], left : left + size[0]] = np.asarray(Image.fromarray(picture).resize(size))
        return frames


@dataclass(frozen=True)
class Pane:
    """One picture of a film. shown: its states.   text: in its corner.   own: [F] frames to be marked, or None.

    recorded: pictures of these states, where there are some.
    """

    shown: Clip
    text: str = ""
    own: NDArray[np.bool_] | None = None
    recorded: Footage | None = None


@dataclass(frozen=True)
class Film:
    """A file to be made. name: its path inside the gallery.   panes: one, or up to four at half the size.

    poster: whether a still picture lies beside it.   title: the first line of a caption, the number and label.
    titles: [F] of each frame, where they change; a film that has them is captioned.
    """

    name: str
    panes: tuple[Pane, ...]
    poster: bool = False
    title: str = ""
    titles: tuple[str, ...] = ()

    @property
    def fps(self) -> float:
        """Frames/s at true speed."""
        return self.panes[0].shown.fps

    @property
    def still(self) -> str:
        """The path of its poster inside the gallery."""
        return str(Path(self.name).with_suffix(".webp"))

    @property
    def files(self) -> tuple[str, ...]:
        """The paths of what is written, inside the gallery."""
        return (self.name, self.still) if self.poster else (self.name,)

    def digest(self, style: Style) -> str:
        """Says whether a file is current; the renderer, and the bytes that it wrote, are noted beside it."""
        whole = hashlib.sha256(repr((LOOK, style, self.name, self.title if style.caption else "")).encode())
        for pane in self.panes:
            about = (pane.text, pane.shown.fps, pane.shown.moving, pane.shown.begin, pane.shown.qpos.shape)
            whole.update(repr(about).encode() + pane.shown.qpos.tobytes())
            whole.update(b"" if pane.own is None else pane.own.tobytes())
            whole.update(b"" if pane.recorded is None else repr(pane.recorded).encode())
        return whole.hexdigest()


def skill_film(rollouts: Rollouts, skill: int, style: Style, seconds: float, form: str, label: str) -> Film:
    """The rollout that stands for a skill, as a film of that format."""
    shown = int(rollouts.shown[skill])
    made, _ = _episode(rollouts, skill, shown, style, seconds)
    name = film_name(skill, form=form)
    return Film(name, (Pane(made),), poster=form == "mp4", title=f"#{skill:03d} {label}".strip())


def starts_film(rollouts: Rollouts, skill: int, style: Style, seconds: float) -> Film | None:
    """The other rollouts of a skill; None where there is no other."""
    others = [index for index in range(rollouts.qpos.shape[1]) if index != rollouts.shown[skill]][:_PANES]
    panes = []
    for index in others:
        made, became = _episode(rollouts, skill, index, style, min(seconds, _STARTS_SECONDS))
        panes.append(Pane(made, f"start {index + 1}" + (f", {became}" if became else "")))
    return Film(film_name(skill, "starts"), tuple(panes)) if panes else None


def _episode(rollouts: Rollouts, skill: int, index: int, style: Style, seconds: float) -> tuple[Clip, str]:
    """The clip of a rollout, with what its label tells of it in sight; and that in words, "" where nothing is told."""
    length, ended = int(rollouts.lengths[skill, index]), bool(rollouts.terminated[skill, index])
    qpos = rollouts.qpos[skill, index]
    became = fate(rollouts.poses[skill, index, : length + 1], style.env_id, ended=ended)
    told = became.words(body_of(style.env_id).seconds_per_step)
    return clip(qpos, length, style.env_id, seconds, became.step if told else 0), told


def data_film(exemplars: Exemplars, skill: int, style: Style, pictures: RecordedPictures | None = None) -> Film | None:
    """The class's own stretches of the dataset, with its steps marked; None for a class without any.

    pictures: that are shown rather than drawings of states.
    """
    stride = stride_of(style.env_id)
    step = body_of(style.env_id).seconds_per_step
    panes = []
    for place, length in enumerate(exemplars.lengths[skill]):
        if length and (pictures or exemplars.shows(skill, place)):
            frames = np.arange(0, length, stride)
            qpos = exemplars.qpos[skill, place, frames].astype(np.float64)
            first, episode = int(exemplars.starts[skill, place]), int(exemplars.episodes[skill, place])
            recorded = None if pictures is None else Footage(pictures, episode, first + frames)
            shown = Clip(qpos, 1 / (step * stride), len(frames))
            own = exemplars.own[skill, place, frames]
            panes.append(Pane(shown, f"ep. {episode}, {first * step:.1f} s", own, recorded))
    return Film(film_name(skill, "data"), tuple(panes)) if panes else None


def draw(film: Film, style: Style, renderer: Renderer) -> Frames:
    """[F, H, W, 3] the pictures of a film. renderer: of the whole size for one pane, of half of it for several."""
    if len(film.panes) == 1 and not film.panes[0].text:
        return _captioned(renderer.render(film.panes[0].shown.qpos, trace=style.trace), film, style)
    drawn = [marks.tagged(_frames(pane, renderer, style), pane.text, pane.own) for pane in film.panes]
    return marks.tiled(drawn, _COLUMNS, _PANES // _COLUMNS)


def _frames(pane: Pane, renderer: Renderer, style: Style) -> Frames:
    if pane.recorded is not None:
        return pane.recorded.drawn(renderer.width, renderer.height)
    return renderer.render(pane.shown.qpos, trace=style.trace)


def size_of(film: Film, style: Style) -> tuple[int, int]:
    """(width, height) that its renderer draws, pixels."""
    parts = 1 if len(film.panes) == 1 and not film.panes[0].text else _COLUMNS
    return style.width // parts, style.height // parts


def _captioned(frames: Frames, film: Film, style: Style) -> Frames:
    if not style.caption and not film.titles:
        return frames
    titles = film.titles or (film.title,) * len(frames)
    shown = film.panes[0].shown
    moves = body_of(style.env_id).model is not None
    track = torso_track(view_of(style.env_id), shown.qpos) if moves else np.zeros((len(frames), 2))
    back = max(1, round(_SPEED_SECONDS * shown.fps))
    lines = []
    for frame in range(len(frames)):
        earlier, now = max(0, frame - back), min(frame, shown.moving - 1)
        speed = np.linalg.norm(track[now] - track[earlier]) * shown.fps / max(1, frame - earlier)
        lines.append([titles[frame], f"{speed:.1f} m/s    {shown.begin + now / shown.fps:.1f} s"])
    return np.stack([marks.caption(frame, text) for frame, text in zip(frames, lines, strict=True)])
