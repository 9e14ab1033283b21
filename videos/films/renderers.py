"""Renderers by name, and which of them works and is fastest on this machine."""

import json
import subprocess
import sys
import time
from functools import cache
from typing import Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from skills.arrays import Floats
from skills.bodies.body import body_of
from skills.choices import Camera, Quality, RendererName
from skills.errors import ENVIRONMENT, USAGE, SkillsError, nearest
from skills.videos.films import children
from skills.videos.films.chart import ChartRenderer
from skills.videos.films.scene import VIEWS, Frames, model_of

NAMES: tuple[str, ...] = get_args(RendererName)
QUALITIES: tuple[str, ...] = get_args(Quality)

CHART = "chart"  # what draws a body without a model, whatever is asked for
_PROBE_SECONDS = 60
_PROBE_FRAMES = 24


class Renderer(Protocol):
    """Turns recorded states of one body into pictures.

    name: the renderer's name.   width, height: of its pictures, pixels.
    """

    name: str
    width: int
    height: int

    def render(self, qpos: NDArray[np.floating], focus: Floats | None = None, *, trace: bool = False) -> Frames:
        """[T, H, W, 3] uint8 pictures of states [T, nq]; `focus` [T, 3] replaces the point that the camera follows.

        trace: draw the torso's way so far on the floor.
        """
        ...


def construct(
    name: str, env_id: str, width: int, height: int, quality: str, threads: int = 1, camera: Camera = "follow"
) -> Renderer:
    """The renderer `ray` or `gl`, untried: `resolve` says which works, for a process that must not crash."""
    if name == CHART:
        return ChartRenderer(width, height)
    level: Quality = "good" if quality == "good" else "fast"
    if name == "gl":
        from skills.videos.films.gl import GlRenderer

        return GlRenderer(env_id, width, height, level, threads, camera)
    from skills.videos.films.ray import RayRenderer

    return RayRenderer(env_id, width, height, level, threads, camera)


def check_choice(what: str, value: str, known: tuple[str, ...]) -> None:
    """Raises: SkillsError (usage) where `value` is not one of the known names."""
    if value not in known:
        raise SkillsError(f"Unknown {what} {value!r}.", nearest(value, known), USAGE)


def resolve(name: str, env_id: str = "Ant-v5") -> str:
    """`ray` or `gl`: what `auto` means on this machine; checks that a renderer asked for by name works.

    Raises: SkillsError for an unknown name (usage), or a renderer that does not work here (environment).
    """
    check_choice("renderer", name, NAMES)
    if body_of(env_id).model is None:
        return CHART
    if name == "ray":
        return name
    if env_id not in VIEWS:
        if name == "gl":
            raise SkillsError(f"The gl renderer does not draw {env_id}.", "Use --renderer ray.", USAGE)
        return "ray"
    measured = available(env_id)
    if name == "gl":
        speed = measured["gl"]
        if isinstance(speed, str):
            raise SkillsError(f"The gl renderer does not work here: {speed}", "Use --renderer ray.", ENVIRONMENT)
        return name
    speeds = {renderer: speed for renderer, speed in measured.items() if not isinstance(speed, str)}
    return max(speeds, key=lambda renderer: speeds[renderer], default="ray")


@cache
def available(env_id: str = "Ant-v5") -> dict[str, float | str]:
    """For each renderer its frames/s on one core (256 x 256, fast), or the reason why it does not work here.

    Each is tried in a process of its own, so a driver that crashes takes nothing with it.
    """
    return {name: _probe(name, env_id) for name in NAMES if name != "auto"}


def frames_per_second(renderer: Renderer, env_id: str, frames: int = _PROBE_FRAMES) -> float:
    """Frames/s of a renderer on its body in the rest pose, after one warm-up."""
    qpos = np.tile(model_of(env_id).qpos0, (frames, 1))
    renderer.render(qpos[:2])
    start = time.perf_counter()
    renderer.render(qpos)
    return frames / (time.perf_counter() - start)


def _probe(name: str, env_id: str) -> float | str:
    """Measures in a subprocess: frames/s, or the reason for none."""
    try:
        with children.lifeline() as ours:
            ended = subprocess.run(
                [sys.executable, "-m", "skills.videos.films.probe", name, env_id],
                stdin=ours,
                capture_output=True,
                text=True,
                timeout=_PROBE_SECONDS,
                env=children.environment(),
                check=False,
            )
    except subprocess.TimeoutExpired:
        return f"gave no picture within {_PROBE_SECONDS} s"
    if ended.returncode < 0:
        return f"crashed the process (signal {-ended.returncode})"
    try:
        answer = json.loads(ended.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        last = (ended.stderr.strip().splitlines() or [f"exit status {ended.returncode}"])[-1]
        return f"failed: {last}"
    return float(answer["frames_per_second"]) if "frames_per_second" in answer else str(answer["reason"])
