"""`skills render`: videos of chosen skills."""

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from skills.choices import Camera, Format, Quality, RendererName
from skills.cli import console
from skills.cli.options import Import, Json, Quiet, RunName, Trust
from skills.cli.reporting import reporter
from skills.errors import INTERRUPTED, PARTLY_DONE, USAGE, SkillsError
from skills.progress import Reporter

if TYPE_CHECKING:
    from skills.runs.exemplars import Exemplars
    from skills.runs.folder import RunFolder
    from skills.videos.films.films import Style
    from skills.videos.films.render import Rendered

SCHEMA_VERSION = 1
_SHEET_COLUMNS = 5
_LARGEST = 4096  # pixels of a side, as many as H.264 players take

# As in renderers.py, scene.py and films.py of videos/films/, which are too slow to import for `skills --help`; a test
# keeps them the same.


def render(
    run: RunName = None,
    skill: Annotated[str | None, typer.Option("--skill", metavar="N[,N...]", help="Skills: 17, or 3,8,17.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every skill of the run.")] = False,
    renderer: Annotated[RendererName, typer.Option(help="ray needs no OpenGL, gl does; auto: the faster.")] = "auto",
    quality: Annotated[Quality, typer.Option(help="good is smoother and slower.")] = "fast",
    size: Annotated[
        str | None, typer.Option(metavar="N|WxH", help="Pixels, in multiples of 16.", show_default="256")
    ] = None,
    seconds: Annotated[float, typer.Option(help="Seconds of motion, at most.")] = 8.0,
    camera: Annotated[Camera, typer.Option(help="From beside and above, straight down, or level.")] = "follow",
    form: Annotated[Format, typer.Option("--format", help="gif and webp, for slides, go to gallery/slides.")] = "mp4",
    trace: Annotated[bool, typer.Option("--trace", help="Draw the way so far on the floor.")] = False,
    caption: Annotated[bool, typer.Option("--caption", help="Write number, label, speed and time on it.")] = False,
    extras: Annotated[bool, typer.Option(help="Also the other starts, and the class in the data.")] = True,
    force: Annotated[bool, typer.Option("--force", help="Render finished videos again.")] = False,
    grid: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Instead: one film of all these skills (mp4, gif, webp).")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Instead: one still picture of all these skills (PNG, WebP).")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    trust: Trust = None,
    imports: Import = None,
) -> None:
    """Render videos of a run's skills from their recorded rollouts."""
    from skills.runs import folder as runs

    pixels = parse_size("256" if size is None else size)
    if not 0 < seconds < math.inf:
        raise SkillsError(f"--seconds {seconds:g} is no length of a video.", "It must be more than 0.", USAGE)
    opened = runs.find(run)
    skills = choose_skills(skill, everything, opened.config.heads)
    opened.require("rollouts", *({"measures"} & {*opened.finished_stages()}))  # whose labels are written under films
    if sheet is not None:
        _draw_sheet(opened, skills, sheet)
        return
    if grid is not None:
        from skills.videos.films.films import Style

        style = Style(opened.env_id, quality, *(pixels if size else (0, 0)), camera=camera, trace=trace)
        _draw_grid(opened, skills, grid, style, renderer, seconds, quiet=quiet)
        return
    options = {
        "renderer": renderer,
        "quality": quality,
        "size": pixels,
        "seconds": seconds,
        "camera": camera,
        "form": form,
        "trace": trace,
        "caption": caption,
        "extras": extras,
        "force": force,
    }
    try:
        with opened.writing(console.teller(quiet)), reporter(quiet) as report:
            rendered, index = _films(opened, skills, report, quiet=quiet, **options)
    except KeyboardInterrupt:
        raise SkillsError(
            "Interrupted. Finished videos are kept.", "The same command renders the rest.", INTERRUPTED
        ) from None
    _report(opened, rendered, index, form, json=json, quiet=quiet)


def _films(
    run: "RunFolder", skills: list[int], report: Reporter, *, quiet: bool, **options: Any
) -> "tuple[Rendered, Path | None]":
    """As `filmed`; without a page where a run has no measures yet."""
    if "measures" in run.finished_stages():
        return filmed(run, skills, report, quiet=quiet, **options)
    from skills.videos.films.render import render_skills

    about = _about(run, skills, report, quiet=quiet, **options)
    return render_skills(run.path, run.env_id, skills, **about, **options), None


def filmed(
    run: "RunFolder", skills: list[int], report: Reporter, *, quiet: bool, **options: Any
) -> "tuple[Rendered, Path]":
    """Renders films of a measured run and writes its page; says where that is as soon as it begins to fill.

    options: as `render_skills` takes them.
    """
    from skills.videos.gallery.filling import fill

    def opened(index: Path) -> None:
        if not quiet:
            console.say(f"The page is there, and fills while you look: {index.resolve().as_uri()}")

    about = _about(run, skills, report, quiet=quiet, **options)
    whole = len(skills) == run.config.heads and options.get("form", "mp4") == "mp4"
    return fill(run, skills, opened=opened if whole else None, **about, **options)


def _about(run: "RunFolder", skills: list[int], report: Reporter, *, quiet: bool, **options: Any) -> dict[str, Any]:
    """What films are made of beside the rollouts, and who hears of it."""
    in_data = options.get("extras", True) and options.get("form", "mp4") == "mp4"
    return {
        "exemplars": exemplars_of(run, quiet=quiet) if in_data else None,
        "progress": report(f"rendering {len(skills)} video{'s' if len(skills) > 1 else ''}", "films"),
    }


def exemplars_of(run: "RunFolder", *, quiet: bool) -> "Exemplars | None":
    """What the data show of each class; None, and a word why, where they cannot be shown."""
    from skills.runs import exemplars

    try:
        return exemplars.find(run)
    except SkillsError as error:
        if not quiet:
            console.say(f"No films of the classes in the data: {error.message}")
        return None


def _draw_grid(
    run: "RunFolder", skills: list[int], path: Path, style: "Style", renderer: str, seconds: float, *, quiet: bool
) -> None:
    from skills.videos.films.grid import FORMATS, columns_for, still_path, tile_side, write_grid

    if path.suffix.lower() not in FORMATS:
        raise SkillsError(f"--grid {path} is of no known format.", f"End its name in {', '.join(FORMATS)}.", USAGE)
    side = tile_side(columns_for(len(skills)))
    style = style if style.width else replace(style, width=side, height=side)
    with reporter(quiet) as report:
        progress = report(f"rendering {len(skills)} tiles", "tiles")
        failures = write_grid(run.path, style, skills, path, renderer=renderer, seconds=seconds, progress=progress)
    console.line(str(path))
    console.line(str(still_path(path)))
    if failures:
        raise SkillsError("Some tiles could not be drawn:\n  " + "\n  ".join(failures), exit_code=PARTLY_DONE)


def _draw_sheet(run: "RunFolder", skills: list[int], path: Path) -> None:
    from skills.videos.films.sheet import contact_sheet

    if path.suffix.lower() not in (".png", ".webp"):
        raise SkillsError(f"--sheet {path} is of no known format.", "End its name in .png or .webp.", USAGE)
    contact_sheet(run.path, run.env_id, skills, _SHEET_COLUMNS, path)
    console.line(str(path))


def choose_skills(listed: str | None, everything: bool, count: int) -> list[int]:
    """The skill numbers of `--skill 3,8,17` or `--all`. Raises: SkillsError (usage) with the valid range."""
    valid = f"This run has skills 0 to {count - 1}."
    if (listed is None) != everything:
        raise SkillsError("Say which skills to render: either --skill or --all.", f"{valid} Try: --skill 0,1", USAGE)
    if listed is None:
        return list(range(count))
    skills = []
    for text in listed.split(","):
        if not text.strip().isdecimal():
            raise SkillsError(f"--skill {listed!r} is not a list of numbers.", f"{valid} Try: --skill 0,1", USAGE)
        skills.append(int(text))
    unknown = [number for number in skills if number >= count]
    if unknown:
        raise SkillsError(f"There is no skill {unknown[0]}.", valid, USAGE)
    return sorted(set(skills))


def parse_size(text: str) -> tuple[int, int]:
    """(width, height) of "256" or "320x240". Raises: SkillsError (usage) where an encoder would have to resize."""
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.isdecimal() for part in parts):
        raise SkillsError(f"--size {text!r} is not a size.", "Say 256, or 320x240 (width x height).", USAGE)
    width, height = int(parts[0]), int(parts[-1])
    if min(width, height) < 16 or max(width, height) > _LARGEST or width % 16 or height % 16:
        hint = f"Choose multiples of 16 up to {_LARGEST}, such as 256 or 320x240."
        raise SkillsError(f"--size {text} cannot be encoded.", hint, USAGE)
    return width, height


def _report(run: "RunFolder", rendered: "Rendered", index: Path | None, form: str, *, json: bool, quiet: bool) -> None:
    from skills.videos.films.render import as_document

    if not quiet:
        console.say(what_was_done(rendered))
    made = sorted([*rendered.written, *rendered.skipped])
    paths = [str(run.film(skill, form=form)) for skill in made]
    if json:
        result = {"schema_version": SCHEMA_VERSION, "run": str(run.path), **as_document(rendered)}
        console.document({**result, "videos": paths, "gallery": index and str(index)})
    else:
        for path in paths:
            console.line(path)
    if rendered.failures:
        reasons = "\n".join(f"  {failure.skill}: {failure.reason}" for failure in rendered.failures)
        raise SkillsError(f"Some videos could not be rendered:\n{reasons}", exit_code=PARTLY_DONE)


def what_was_done(rendered: "Rendered") -> str:
    """ "Videos: 2 rendered (with ray, 20 frames/s at true speed), 98 were there already"."""
    parts = []
    if rendered.written:
        look = f"with {rendered.renderer}, {rendered.fps:g} frames/s at true speed"
        parts.append(f"{len(rendered.written)} rendered ({look})")
    if rendered.skipped:
        parts.append(f"{len(rendered.skipped)} were there already")
    if rendered.failures:
        parts.append(f"{len(rendered.failures)} failed")
    return "Videos: " + ", ".join(parts)
