"""Frames per second of each renderer against Gymnasium's `rgb_array`, on one core, in one run.

    python bench/render.py [Ant-v5] [256]

Prints a line a renderer and quality: frames/s, and how many times Gymnasium's rate that is; and what a hundred films of
eight seconds, drawn and encoded, take of two cores (in processor time, which other programs on the machine hardly
change). OpenGL, Gymnasium's too, is skipped with the reason where it does not work; rays are measured everywhere.

With OMP_NUM_THREADS=1 rates are by processor time too: for a busy machine without a GPU, whose OpenGL is software.

What each draws: Gymnasium the model's own look, with a shadow map, a reflecting floor and four samples a pixel. `gl`
fast the body, the floor with its fog, the sky and the shadow, one sample a pixel, the shadow as polygons; good the same
at four samples. `ray` fast a soft sun's shadow and a smooth outline, good the same with four times the rays.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("LP_NUM_THREADS", "0")  # software OpenGL on this core only, as everything else here

import numpy as np
from timing import clock, record

from skills.bodies.fast import Simulation
from skills.videos.films.encode import write_mp4
from skills.videos.films.renderers import available, construct

_FRAMES = 96
_ROUNDS = 3


def recorded(env_id: str, frames: int) -> np.ndarray:
    """[frames, nq] states of a body that acts at random."""
    simulation = Simulation(env_id, 1, threads=1)
    generator = np.random.default_rng(0)
    simulation.reset([generator])
    states = []
    for _ in range(frames):
        simulation.step(generator.uniform(-1, 1, (1, simulation.action_size)))
        states.append(simulation.qpos[0].copy())
    return np.stack(states)


def best_rate(draw: Callable[[], object], frames: int) -> float:
    """Frames/s of the fastest of some rounds, after a warm-up: the least disturbed one."""
    draw()
    seconds = []
    for _ in range(_ROUNDS):
        start = clock()
        draw()
        seconds.append(clock() - start)
    return frames / min(seconds)


def gymnasium_rate(env_id: str, size: int) -> float:
    """Frames/s of Gymnasium's own pictures of a body that acts at random; only `render` is timed."""
    import gymnasium

    environment = gymnasium.make(env_id, render_mode="rgb_array", width=size, height=size)
    environment.reset(seed=0)
    environment.render()
    seconds = 0.0
    for _ in range(_FRAMES):
        environment.step(environment.action_space.sample())
        start = clock()
        environment.render()
        seconds += clock() - start
    return _FRAMES / seconds


def gymnasium_in_its_own_process(env_id: str, size: int) -> float:
    """As `gymnasium_rate`; Gymnasium takes its OpenGL from the variable MUJOCO_GL when it is imported."""
    command = [sys.executable, __file__, "--gymnasium", env_id, str(size)]
    ended = subprocess.run(command, env={**os.environ, "MUJOCO_GL": "egl"}, capture_output=True, text=True, check=True)
    return float(ended.stdout.split()[-1])


def film_seconds(draw: Callable[[np.ndarray], np.ndarray], states: np.ndarray) -> float:
    """Processor time of one film of 8 s at 20 frames/s, ffmpeg's included, s."""
    qpos = states[np.arange(160) % len(states)]
    with tempfile.TemporaryDirectory() as folder:
        before = os.times()
        write_mp4(Path(folder) / "film.mp4", draw(qpos), 20.0)
        after = os.times()
    return sum(after[:4]) - sum(before[:4])


def main(env_id: str = "Ant-v5", size: int = 256) -> None:
    """Measures, prints and records."""
    speeds = available(env_id)
    states = recorded(env_id, _FRAMES)
    works = not isinstance(speeds["gl"], str)
    base = gymnasium_in_its_own_process(env_id, size) if works else None
    lines = [f"{env_id}, {size} x {size}, one core (python bench/render.py {env_id} {size})"]
    lines.append("gymnasium rgb_array    " + (f"{base:7.1f} frames/s" if base else f"skipped: {speeds['gl']}"))
    for name in ("ray", "gl"):
        for quality in ("fast", "good"):
            if isinstance(speeds[name], str):
                lines.append(f"{name} {quality:<18} skipped: {speeds[name]}")
                continue
            renderer = construct(name, env_id, size, size, quality)
            rate = best_rate(lambda drawer=renderer: drawer.render(states), _FRAMES)  # type: ignore[misc]
            against = f"   {rate / base:5.2f} x gymnasium" if base else ""
            hundred = 100 * film_seconds(renderer.render, states) / 2 / 60
            lines.append(
                f"{name} {quality:<18} {rate:7.1f} frames/s{against}   100 films {hundred:4.1f} min on two cores"
            )
    record("render", "\n".join(lines))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--gymnasium"]:
        print(gymnasium_rate(sys.argv[2], int(sys.argv[3])))
    else:
        main(*sys.argv[1:2], *map(int, sys.argv[2:3]))  # type: ignore[arg-type]
