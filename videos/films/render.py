"""Renders the videos of a run's skills over worker processes; what is finished stays, what fails is told."""

import os
from collections.abc import Callable, Generator, Hashable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeVar

from skills.errors import NOT_FOUND, USAGE, SkillsError
from skills.files import read_json, swept
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
from skills.videos.films.record import Finished, Record
from skills.videos.films.renderers import QUALITIES, Renderer, check_choice, construct, resolve
from skills.videos.films.scene import CAMERAS

_WRITERS = {".mp4": write_mp4, ".gif": write_gif, ".webp": write_webp}
_Done = TypeVar("_Done")
_Key = TypeVar("_Key", bound=Hashable)


def unheard(finished: Finished) -> None:
    """Nobody listens."""


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
    first: Sequence[int] = (),
    progress: Progress = silent,
    finished: Callable[[Finished], None] = unheard,
) -> Rendered:
    """Writes `gallery/skills/017.mp4` and its poster `017.webp` for each skill, from the run's recorded rollouts.

    size: (width, height) in pixels.   seconds: of motion at most.   form: "gif" and "webp" go to `gallery/slides/`.
    trace: the torso's way on the floor.   caption: number, label, speed and time at the foot of the picture.
    extras: with an mp4, also the films of the other rollouts, and of the class in the data where `exemplars` are given.
    workers: processes; as many as there are cores where it is None.   first: skills whose films come before others'.
    progress: called with (finished films, all).   finished: called before the first film, and after each.

    Of every skill the film of itself comes first, then of every skill that of its class, then that of other starts. A
    film that is of the current rollouts and settings, by the renderer that is asked for, and as it was written, is
    skipped unless `force`. A skill whose film fails is reported in the result and stops no other.

    Raises: SkillsError for unknown skills, renderers, qualities, cameras or formats, and for unreadable rollouts.
    """
    check_choice("quality", quality, QUALITIES)
    check_choice("format", form, FORMATS)
    style = Style(env_id, quality, *size, camera=checked_camera(camera), trace=trace, caption=caption)
    rollouts = read_rollouts(run_folder)
    chosen = checked_skills(skills, len(rollouts.qpos))
    labels = _labels(run_folder) if caption else {}
    pictures = pictures_of(open_run(run_folder)) if exemplars else None
    wanted: dict[int, list[Film | None]] = {}
    for skill in dict.fromkeys([*(skill for skill in first if skill in chosen), *chosen]):
        wanted[skill] = [skill_film(rollouts, skill, style, seconds, form, labels.get(skill, ""))]
        if extras and form == "mp4":
            wanted[skill].append(data_film(exemplars, skill, style, pictures) if exemplars else None)
            wanted[skill].append(starts_film(rollouts, skill, style, seconds))
    del rollouts
    layout = Layout(run_folder)
    record = Record.read(layout)
    films = {film.name: (skill, film) for skill, film in _in_order(wanted)}
    done = [name for name, (_, film) in films.items() if not force and record.is_current(film, style, renderer)]
    jobs = {name: (layout.gallery_folder, film) for name, (_, film) in films.items() if name not in done}
    unfinished = {films[name][0] for name in jobs}
    failures: dict[int, str] = {}
    progress(len(done), len(films))
    finished(Finished.of(record, done, len(films)))
    name = resolve(renderer, env_id) if jobs else ""
    with swept(layout.gallery_folder), in_processes(_write_film, jobs, name, style, workers) as answers:
        for count, (made, problem) in enumerate(answers, start=len(done) + 1):
            skill, film = films[made]
            if problem is None:
                record.note(film, style, name, layout.films_file)
                done.append(made)
                finished(Finished.of(record, done, len(films)))
            else:
                failures.setdefault(skill, problem)
            progress(count, len(films))
    return Rendered(
        name,
        next((film.fps for _, film in films.values()), 0.0),
        tuple(sorted(unfinished - failures.keys())),
        tuple(skill for skill in chosen if skill not in unfinished),
        tuple(Failure(skill, failures[skill]) for skill in sorted(failures)),
    )


def _in_order(wanted: Mapping[int, Sequence[Film | None]]) -> Iterator[tuple[int, Film]]:
    """(skill, film): of each the film of itself, then of each the next that it has."""
    for of_one_kind in zip_longest(*wanted.values()):
        for skill, film in zip(wanted, of_one_kind, strict=True):
            if film is not None:
                yield skill, film


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
    work: Callable[..., _Done], jobs: Mapping[_Key, tuple[Any, ...]], renderer: str, style: Style, workers: int | None
) -> "closing[Generator[tuple[_Key, _Done | str], None, None]]":
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


def _write_film(folder: Path, film: Film) -> None:
    """Writes a film and its poster."""
    frames = drawn(film)
    if film.poster:
        write_poster(folder / film.still, frames[film.panes[0].shown.poster])
    path = folder / film.name
    _WRITERS[path.suffix](path, frames, film.fps)


def as_document(rendered: Rendered) -> dict[str, Any]:
    """A JSON document of the result."""
    return {
        "renderer": rendered.renderer,
        "fps": rendered.fps,
        "written": list(rendered.written),
        "skipped": list(rendered.skipped),
        "failures": [{"skill": failure.skill, "reason": failure.reason} for failure in rendered.failures],
    }
