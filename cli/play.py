"""`skills play`: a body that is played by hand, in the browser."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skills.choices import Camera, RendererName
from skills.cli import console
from skills.cli.find import labels_of
from skills.cli.gallery import open_address
from skills.cli.options import RunName
from skills.cli.render import parse_size
from skills.errors import USAGE, SkillsError

if TYPE_CHECKING:
    from skills.measures.steering import Steering
    from skills.runs.folder import RunFolder


def play(
    run: RunName = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    port: Annotated[int, typer.Option(help="Of the page; 0 takes a free one.", min=0, max=65535)] = 0,
    films: Annotated[Path, typer.Option(metavar="DIR", help="Where what is recorded goes: play-1.mp4.")] = Path(),
    seed: Annotated[int, typer.Option(help="Of the starts, a new one at every reset.")] = 0,
    renderer: Annotated[RendererName, typer.Option(help="ray needs no OpenGL, gl does; auto: the faster.")] = "auto",
    size: Annotated[
        str | None, typer.Option(metavar="N|WxH", help="Pixels.", show_default="480x352, drawn by rays 320x240")
    ] = None,
    camera: Annotated[Camera, typer.Option(help="From beside and above, straight down, or level.")] = "follow",
) -> None:
    """Play a run's skills by hand in the browser (needs the extra `play`): Ctrl-C ends it.

    Number keys, clicks and a list switch skills; arrow keys or a gamepad order a velocity, and the skill whose measured
    velocity is nearest acts. Slow motion, reset, and a film of what was played. Only this machine can open the page.
    """
    from skills.bodies.body import body_of
    from skills.learning.policy import Policy
    from skills.runs import folder as runs
    from skills.videos.films.films import Style
    from skills.videos.films.renderers import resolve
    from skills.videos.films.scene import model_of
    from skills.videos.live.painter import SIZES
    from skills.videos.live.serve import check_installed, serve_session
    from skills.videos.live.session import Cast, Session

    check_installed()
    if seed < 0:
        raise SkillsError(f"--seed {seed} is none.", "It must be 0 or more.", USAGE)
    opened = runs.find(run)
    opened.require("policy")
    body = body_of(opened.env_id)
    if not body.plays:
        raise SkillsError(
            f"{opened.path} is of logs that nothing simulates: there is no body to play.",
            f"Look at its classes instead: skills gallery {opened.path}",
            USAGE,
        )
    model_of(opened.env_id)
    drawn_by = resolve(renderer, opened.env_id)
    width, height = parse_size(size) if size else SIZES[drawn_by]
    cast = Cast(
        Policy.load(opened.policy_folder),
        tuple(labels_of(opened)),
        _steering(opened),
        Style(opened.env_id, "fast", width, height, camera=camera),
        drawn_by,
        films,
        seed,
    )

    def ready(address: str) -> None:
        console.line(address)
        sys.stdout.flush()
        console.say(f"Playing {opened.path} for this machine. Ctrl-C ends it.")
        if open_page:
            open_address(address)

    serve_session(Session(cast), port, ready)


def _steering(run: "RunFolder") -> "Steering | None":
    """What its skills do, as measured; None of a run that has not been played yet."""
    from skills.measures.steering import steering_of
    from skills.playing.rollout import Rollouts

    if not run.is_done("rollouts"):
        return None
    return steering_of(Rollouts.load(run.rollouts_file), run.env_id)
