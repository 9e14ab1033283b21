"""`skills compose`: a sequence of skills as a film."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skills.choices import Camera, Quality, RendererName
from skills.cli import console
from skills.cli.find import labels_of
from skills.cli.options import Json, Quiet, complete_run
from skills.cli.render import parse_size
from skills.cli.reporting import reporter
from skills.errors import PARTLY_DONE, USAGE, SkillsError

if TYPE_CHECKING:
    from skills.bodies.fates import Fate
    from skills.playing.sequence import Piece
    from skills.runs.folder import RunFolder
    from skills.videos.films.films import Style

SCHEMA_VERSION = 1


def compose(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's name or folder.", autocompletion=complete_run)],
    sequence: Annotated[str, typer.Argument(metavar="SEQUENCE", help='Skills and how long: "17*3s, 4*2s, 17*3s".')],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The film (mp4, gif, webp).")] = Path("sequence.mp4"),
    seed: Annotated[int, typer.Option(help="Of the start that it is played from.")] = 0,
    renderer: Annotated[RendererName, typer.Option(help="ray needs no OpenGL, gl does; auto: the faster.")] = "auto",
    quality: Annotated[Quality, typer.Option(help="good is smoother and slower.")] = "fast",
    size: Annotated[str, typer.Option(metavar="N|WxH", help="Pixels, in multiples of 16.")] = "320",
    camera: Annotated[Camera, typer.Option(help="From beside and above, straight down, or level.")] = "follow",
    trace: Annotated[bool, typer.Option("--trace", help="Draw the way so far on the floor.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Play skills one after the other and film it, each named while it acts."""
    from skills.bodies.environments import seconds_per_step
    from skills.playing.sequence import parse_sequence
    from skills.runs import folder as runs
    from skills.videos.films.films import Style
    from skills.videos.films.sequence import check_film

    if seed < 0:
        raise SkillsError(f"--seed {seed} is none.", "It must be 0 or more.", USAGE)
    pixels = parse_size(size)
    check_film(out)
    opened = runs.find(run)
    opened.require("policy")
    parts = parse_sequence(sequence, opened.config.heads)
    style = Style(opened.env_id, quality, *pixels, camera=camera, trace=trace)
    step = seconds_per_step(opened.env_id)
    played = film_parts(opened, parts, style, out, renderer, seed, quiet=quiet)
    if json:
        became = {"fate": str(played.outcome), "seconds": round(played.step * step, 3)}
        document = {"run": str(opened.path), "film": str(out), **became}
        console.document({"schema_version": SCHEMA_VERSION, **document})
    else:
        console.line(str(out))
    if not played.survives:
        raise SkillsError(
            f"The body {played.words(step)}.",
            f"Where one can safely go: skills transitions {opened.path}",
            PARTLY_DONE,
        )


def film_parts(
    run: "RunFolder", parts: "tuple[Piece, ...]", style: "Style", out: Path, renderer: str, seed: int, *, quiet: bool
) -> "Fate":
    """Plays a sequence once and films it; what became of the body."""
    from skills.learning.policy import Policy
    from skills.playing.sequence import perform, schedule_of
    from skills.videos.films.sequence import film_sequence

    schedule = schedule_of(parts, run.env_id)
    with reporter(quiet) as report:
        played = perform(
            Policy.load(run.policy_folder), run.env_id, schedule[None], 1, seed=seed,
            progress=report("playing the sequence", "steps"),
        )  # fmt: skip
        progress = report("filming", "films")
        length = int(played.seen.lengths[0])
        film_sequence(played.qpos[0], length, schedule, dict(enumerate(labels_of(run))), style, out, renderer)
        progress(1, 1)
    return played.fates(run.env_id)[0]
