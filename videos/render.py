"""Renders the videos of a run's skills over worker processes; what is finished stays, what fails is told."""

import hashlib
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from skills.errors import NOT_FOUND, USAGE, SkillsError
from skills.files import read_json, write_json
from skills.progress import Progress, silent
from skills.rollout import Rollouts
from videos.clips import Clip, clip
from videos.encode import write_mp4, write_poster
from videos.renderers import QUALITIES, Renderer, check_choice, construct, resolve

_LOOK = 1  # raised when the pictures change, so that videos of the old look count as stale
_SCHEMA = 1


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


@dataclass(frozen=True)
class Settings:
    """What the videos of one call share. width, height: pixels."""

    env_id: str
    renderer: str
    quality: str
    width: int
    height: int


@dataclass
class _Record:
    """The digests of finished videos, kept beside them in `gallery/videos.json`."""

    path: Path
    digests: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def read(path: Path) -> "_Record":
        document = read_json(path) if path.is_file() else {}
        digests = document.get("digests", {}) if isinstance(document, dict) else {}
        return _Record(path, {str(skill): str(digest) for skill, digest in digests.items()})

    def note(self, skill: int, digest: str) -> None:
        self.digests[str(skill)] = digest
        ordered = dict(sorted(self.digests.items(), key=lambda item: int(item[0])))
        write_json(self.path, {"schema_version": _SCHEMA, "digests": ordered})


def video_path(run_folder: Path, skill: int) -> Path:
    """Where the video of a skill lies."""
    return run_folder / "gallery" / "skills" / f"{skill:03d}.mp4"


def poster_path(run_folder: Path, skill: int) -> Path:
    """Where the still picture of a skill lies."""
    return video_path(run_folder, skill).with_suffix(".webp")


def read_rollouts(run_folder: Path) -> Rollouts:
    """The rollouts of a run. Raises: SkillsError (not found) where there are none."""
    path = run_folder / "rollouts" / "rollouts.npz"
    if not path.is_file():
        raise SkillsError(f"{run_folder} has no rollouts to render.", "Finish the run: skills discover", NOT_FOUND)
    return Rollouts.load(path)


def skill_clips(rollouts: Rollouts, skills: Sequence[int], env_id: str, seconds: float) -> Iterator[tuple[int, Clip]]:
    """(skill, clip) of each skill's rollout that stands for it, in order and once each.

    Raises: SkillsError (usage) for an unknown skill.
    """
    for skill in _checked(skills, len(rollouts.qpos)):
        shown = rollouts.shown[skill]
        yield skill, clip(rollouts.qpos[skill, shown], int(rollouts.lengths[skill, shown]), env_id, seconds)


def render_skills(
    run_folder: Path,
    env_id: str,
    skills: Sequence[int],
    *,
    renderer: str = "auto",
    quality: str = "fast",
    size: tuple[int, int] = (256, 256),
    seconds: float = 8.0,
    force: bool = False,
    workers: int | None = None,
    progress: Progress = silent,
) -> Rendered:
    """Writes `gallery/skills/017.mp4` and its poster `017.webp` for each skill, from the run's recorded rollouts.

    size: (width, height) in pixels.   seconds: of motion at most.   workers: processes; as many as there are cores
    where it is None.   progress: called with (finished skills, all skills).

    A skill whose two files are of the current rollouts and settings is skipped unless `force`. One that fails is
    reported in the result and stops no other.

    Raises: SkillsError for unknown skills, renderers or qualities, and for rollouts that cannot be read.
    """
    check_choice("quality", quality, QUALITIES)
    rollouts = read_rollouts(run_folder)
    record = _Record.read(run_folder / "gallery" / "videos.json")
    clips: dict[int, Clip] = {}
    skipped, stamps, fps = [], {}, 0.0
    for skill, made in skill_clips(rollouts, skills, env_id, seconds):
        fps = made.fps
        stamps[skill] = _digest(made, env_id, quality, size)
        if not force and record.digests.get(str(skill)) == stamps[skill] and _present(run_folder, skill):
            skipped.append(skill)
        else:
            clips[skill] = made
    del rollouts
    total = len(skipped) + len(clips)
    progress(len(skipped), total)
    if not clips:
        return Rendered("", fps, (), tuple(skipped), ())
    settings = Settings(env_id, resolve(renderer, env_id), quality, *size)
    written, failures = [], []
    for done, (skill, reason) in enumerate(_render_all(run_folder, clips, settings, workers), start=1):
        if reason:
            failures.append(Failure(skill, reason))
        else:
            record.note(skill, stamps[skill])
            written.append(skill)
        progress(len(skipped) + done, total)
    ordered = tuple(sorted(failures, key=lambda failure: failure.skill))
    return Rendered(settings.renderer, fps, tuple(sorted(written)), tuple(skipped), ordered)


def _checked(skills: Sequence[int], count: int) -> list[int]:
    unknown = [skill for skill in skills if not 0 <= skill < count]
    if unknown:
        raise SkillsError(f"There is no skill {unknown[0]}.", f"This run has skills 0 to {count - 1}.", USAGE)
    return sorted(set(skills))


def _present(run_folder: Path, skill: int) -> bool:
    return video_path(run_folder, skill).is_file() and poster_path(run_folder, skill).is_file()


def _digest(made: Clip, env_id: str, quality: str, size: tuple[int, int]) -> str:
    """Says whether a video is current; the renderer is left out, for either may have made it."""
    text = repr((_LOOK, env_id, quality, size, made.fps, made.moving, made.qpos.shape))
    return hashlib.sha256(text.encode() + made.qpos.tobytes()).hexdigest()


def _render_all(
    run_folder: Path, clips: dict[int, Clip], settings: Settings, workers: int | None
) -> Iterator[tuple[int, str]]:
    """Yields (skill, reason of failure or "") as skills finish."""
    count = min(workers or os.cpu_count() or 1, len(clips))
    pool = ProcessPoolExecutor(count, get_context("spawn"), initializer=_start_worker, initargs=(settings,))
    try:
        futures = {
            pool.submit(_render_one, made, video_path(run_folder, skill), poster_path(run_folder, skill)): skill
            for skill, made in clips.items()
        }
        for future in as_completed(futures):
            yield futures[future], _reason(future)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _reason(future: "Future[str]") -> str:
    try:
        return future.result()
    except BrokenProcessPool:
        return "the process that rendered it died (out of memory, or a graphics driver that crashed)"
    except Exception as error:  # noqa: BLE001  # whatever a renderer raises, the other skills' videos go on
        return f"{type(error).__name__}: {error}"


_open: Renderer | None = None  # the worker process's renderer, or why it has none
_broken = ""


def _start_worker(settings: Settings) -> None:
    global _open, _broken
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl-C and ends its workers after their skill
    try:
        _open = construct(settings.renderer, settings.env_id, settings.width, settings.height, settings.quality)
    except SkillsError as error:
        _broken = error.message


def _render_one(made: Clip, video: Path, poster: Path) -> str:
    """Writes both files; returns the reason where it cannot."""
    if _open is None:
        return _broken
    try:
        frames = _open.render(made.qpos)
        write_poster(poster, frames[made.poster])
        write_mp4(video, frames, made.fps)
    except SkillsError as error:
        return error.message
    except (OSError, ValueError, RuntimeError, MemoryError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def describe(rendered: Rendered) -> dict[str, Any]:
    """A JSON document of the result."""
    return {
        "renderer": rendered.renderer,
        "fps": rendered.fps,
        "written": list(rendered.written),
        "skipped": list(rendered.skipped),
        "failures": [{"skill": failure.skill, "reason": failure.reason} for failure in rendered.failures],
    }
