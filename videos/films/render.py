"""Renders the videos of a run's skills over worker processes; what is finished stays, what fails is told."""

import os
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from skills.errors import NOT_FOUND, USAGE, SkillsError
from skills.files import read_json, sha256, swept, write_json
from skills.playing.rollout import Rollouts
from skills.progress import Progress, silent
from skills.runs.exemplars import Exemplars
from skills.runs.folder import open_run
from skills.runs.layout import Layout
from skills.runs.pictures import pictures_of
from skills.runs.shapes import MEASURES
from skills.videos.films.crew import share_out
from skills.videos.films.encode import write_gif, write_mp4, write_poster, write_webp
from skills.videos.films.films import FORMATS, Film, Style, data_film, draw, size_of, skill_film, starts_film
from skills.videos.films.order import heads_first
from skills.videos.films.renderers import QUALITIES, Renderer, check_choice, construct, resolve
from skills.videos.films.scene import CAMERAS

_SCHEMA = 3
_PARTS = ("digests", "begins", "renderers", "files")
_WRITERS = {".mp4": write_mp4, ".gif": write_gif, ".webp": write_webp}
_Done = TypeVar("_Done")


@dataclass(frozen=True)
class Failure:
    """A skill whose video could not be made, and why (one sentence)."""

    skill: int
    reason: str


@dataclass(frozen=True)
class Rendered:
    """What `render_skills` did.

    renderer: the name of the one used; "" where nothing was left to render.
    fps: frames/s of the videos, at true speed.
    written, skipped: skill numbers, in order.   failures: in order of their skills.
    """

    renderer: str
    fps: float
    written: tuple[int, ...]
    skipped: tuple[int, ...]
    failures: tuple[Failure, ...]


@dataclass
class _Record:
    """Of finished films by name, kept beside them in `gallery/videos.json`.

    digests: of what each shows.   begins: the s that it begins at, where that is not 0.   renderers: who drew it.
    files: sha256 of it and of its poster, by their names.
    """

    folder: Path
    digests: dict[str, str] = field(default_factory=dict)
    begins: dict[str, float] = field(default_factory=dict)
    renderers: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def read(layout: Layout) -> "_Record":
        shape = {f"{part}?": {str: float if part == "begins" else str} for part in _PARTS}
        path, hint = layout.films_file, "Delete it: the films are rendered again."
        document = read_json(path, shape, hint) if path.is_file() else {}
        return _Record(layout.gallery_folder, *(dict(document.get(part) or {}) for part in _PARTS))

    def note(self, films: Sequence[Film], style: Style, renderer: str, path: Path) -> None:
        """Films that have just been written.   path: where the record is kept."""
        for film in films:
            self.digests[film.name] = film.digest(style)
            self.begins[film.name] = film.panes[0].shown.begin
            self.renderers[film.name] = renderer
            self.files |= {name: sha256(self.folder / name) for name in film.files}
        parts = {part: dict(sorted(getattr(self, part).items())) for part in _PARTS}
        parts["begins"] = {name: at for name, at in parts["begins"].items() if at}
        write_json(path, {"schema_version": _SCHEMA, **parts})

    def is_current(self, film: Film, style: Style, renderer: str) -> bool:
        """Whether a film is there as it was written, shows what is wanted, and is by the renderer, or "auto" any."""
        if self.digests.get(film.name) != film.digest(style):
            return False
        if renderer not in ("auto", self.renderers.get(film.name)):
            return False
        paths = {name: self.folder / name for name in film.files}
        return all(path.is_file() and self.files.get(name) == sha256(path) for name, path in paths.items())


def read_rollouts(run_folder: Path) -> Rollouts:
    """The rollouts of a run. Raises: SkillsError (not found) where there are none."""
    path = Layout(run_folder).rollouts_file
    if not path.is_file():
        raise SkillsError(f"{run_folder} has no rollouts to render.", "Finish the run: skills discover", NOT_FOUND)
    return Rollouts.load(path)


def render_skills(
    run_folder: Path,
    env_id: str,
    skills: Sequence[int],
    *,
    renderer: str = "auto",
    quality: str = "fast",
    size: tuple[int, int] = (256, 256),
    seconds: float = 8.0,
    camera: str = "follow",
    form: str = "mp4",
    trace: bool = False,
    caption: bool = False,
    extras: bool = True,
    exemplars: Exemplars | None = None,
    force: bool = False,
    workers: int | None = None,
    progress: Progress = silent,
) -> Rendered:
    """Writes `gallery/skills/017.mp4` and its poster `017.webp` for each skill, from the run's recorded rollouts.

    size: (width, height) in pixels.   seconds: of motion at most.   form: "gif" and "webp" go to `gallery/slides/`.
    trace: the torso's way on the floor.   caption: number, label, speed and time at the foot of the picture.
    extras: with an mp4, also the films of the other rollouts, and of the class in the data where `exemplars` are given.
    workers: processes; as many as there are cores where it is None.   progress: called with (finished skills, all).

    Those that stand for a behaviour come first. A skill whose files are of the current rollouts and settings, of the
    renderer that is asked for, and as they were written, is skipped unless `force`. One that fails is reported in the
    result and stops no other.

    Raises: SkillsError for unknown skills, renderers, qualities, cameras or formats, and for unreadable rollouts.
    """
    check_choice("quality", quality, QUALITIES)
    check_choice("format", form, FORMATS)
    style = Style(env_id, quality, *size, camera=checked_camera(camera), trace=trace, caption=caption)
    rollouts = read_rollouts(run_folder)
    record = _Record.read(Layout(run_folder))
    labels = _labels(run_folder) if caption else {}
    pictures = pictures_of(open_run(run_folder)) if exemplars else None
    films: dict[int, list[Film]] = {}
    skipped, fps = [], 0.0
    for skill in checked_skills(skills, len(rollouts.qpos)):
        wanted = [skill_film(rollouts, skill, style, seconds, form, labels.get(skill, ""))]
        fps = wanted[0].fps
        if extras and form == "mp4":
            beside = [starts_film(rollouts, skill, style, seconds)]
            beside += [data_film(exemplars, skill, style, pictures)] if exemplars else []
            wanted += [film for film in beside if film]
        missing = [film for film in wanted if force or not record.is_current(film, style, renderer)]
        if missing:
            films[skill] = missing
        else:
            skipped.append(skill)
    order = heads_first(run_folder, env_id, rollouts) if len(films) > 1 else list(films)
    del rollouts
    total = len(skipped) + len(films)
    progress(len(skipped), total)
    if not films:
        return Rendered("", fps, (), tuple(skipped), ())
    name = resolve(renderer, env_id)
    written, failures = [], []
    jobs = {skill: (Layout(run_folder).gallery_folder, films[skill]) for skill in order if skill in films}
    with swept(Layout(run_folder).gallery_folder), in_processes(_write_films, jobs, name, style, workers) as answers:
        for done, (skill, answer) in enumerate(answers, start=1):
            finished, reason = answer if isinstance(answer, tuple) else ([], answer)
            made = [film for film in films[skill] if film.name in finished]
            record.note(made, style, name, Layout(run_folder).films_file)
            if reason:
                failures.append(Failure(skill, reason))
            else:
                written.append(skill)
            progress(len(skipped) + done, total)
    ordered = tuple(sorted(failures, key=lambda failure: failure.skill))
    return Rendered(name, fps, tuple(sorted(written)), tuple(skipped), ordered)


def checked_skills(skills: Sequence[int], count: int) -> list[int]:
    """Skills in order and once each. Raises: SkillsError (usage) for an unknown one."""
    unknown = [skill for skill in skills if not 0 <= skill < count]
    if unknown:
        raise SkillsError(f"There is no skill {unknown[0]}.", f"This run has skills 0 to {count - 1}.", USAGE)
    return sorted(set(skills))


def checked_camera(name: str) -> Any:
    """The camera of that name. Raises: SkillsError (usage) for an unknown one."""
    check_choice("camera", name, CAMERAS)
    return name


def _labels(run_folder: Path) -> dict[int, str]:
    """What the measures call each skill; nothing where a run has no measures yet."""
    path = Layout(run_folder).measures_file
    return {skill["skill"]: skill["label"] for skill in read_json(path, MEASURES)["skills"]} if path.is_file() else {}


def in_processes(
    work: Callable[..., _Done], jobs: Mapping[int, tuple[Any, ...]], renderer: str, style: Style, workers: int | None
) -> "closing[Generator[tuple[int, _Done | str], None, None]]":
    """Yields (key, what `work` returned, or a sentence why it could not) as jobs finish in processes of their own.

    A context manager: the processes end with it.
    """
    count = min(workers or os.cpu_count() or 1, len(jobs))
    return closing(share_out(work, jobs, count, partial(_prepare, renderer, style)))


_name = ""  # in a worker process: the renderer's name, the style, and a renderer for each size of picture
_style = Style("")
_open: dict[tuple[int, int], Renderer] = {}


def _prepare(renderer: str, style: Style) -> None:
    global _name, _style
    _name, _style = renderer, style


def drawn(film: Film) -> Any:
    """[F, H, W, 3] the pictures of a film, in a worker process."""
    size = size_of(film, _style)
    if size not in _open:
        _open[size] = construct(_name, _style.env_id, *size, _style.quality, camera=_style.camera)
    return draw(film, _style, _open[size])


def _write_films(folder: Path, films: Sequence[Film]) -> tuple[list[str], str]:
    """Writes films of one skill; returns the names of those that were written, and why others were not."""
    finished, reasons = [], []
    for film in films:
        try:
            frames = drawn(film)
            if film.poster:
                write_poster(folder / film.still, frames[film.panes[0].shown.poster])
            path = folder / film.name
            _WRITERS[path.suffix](path, frames, film.fps)
            finished.append(film.name)
        except SkillsError as error:
            reasons.append(error.message)
        except (OSError, ValueError, RuntimeError, MemoryError) as error:
            reasons.append(f"{type(error).__name__}: {error}")
    return finished, " ".join(dict.fromkeys(reasons))


def as_document(rendered: Rendered) -> dict[str, Any]:
    """A JSON document of the result."""
    return {
        "renderer": rendered.renderer,
        "fps": rendered.fps,
        "written": list(rendered.written),
        "skipped": list(rendered.skipped),
        "failures": [{"skill": failure.skill, "reason": failure.reason} for failure in rendered.failures],
    }
