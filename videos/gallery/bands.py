"""The page of a log: a band an episode, coloured by behaviour, unusual episodes first. It needs no script to be read.

Letters: N rows, E episodes, B behaviours.
"""

import html
import itertools
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skills.bodies.body import body_of
from skills.files import write_text
from skills.measures.segments import Segments
from skills.runs.folder import RunFolder
from skills.videos.gallery.template import filled

_MOST = 300  # bands on a page: the most unusual, and the most usual one for comparison
_FINEST = 600  # pieces of a band
_UNUSUAL = 3.0  # spreads, from which a piece is marked


def write_bands(run: RunFolder, name: str, lengths: NDArray[np.integer], found: Segments, path: Path) -> Path:
    """Writes the page; returns it.   name: of the log.   lengths: [E] rows of each episode."""
    step = body_of(run.env_id).seconds_per_step
    ends = np.cumsum(lengths)
    order = found.order.tolist()
    shown = order if len(order) <= _MOST else [*order[: _MOST - 1], order[-1]]
    longest = int(lengths[shown].max())
    bands = [_band(found, int(ends[one] - lengths[one]), int(lengths[one]), one, longest, step) for one in shown]
    left_out = f" Of {len(order):,} episodes the {_MOST - 1} most unusual and the most usual one are shown." * (
        len(order) > len(shown)
    )
    values = {
        "hues": "\n".join(f".b{one} {{ --hue: {hue(one):.0f}; }}" for one in range(len(found.names))),
        "note": html.escape(
            f"{ends[-1]:,} steps in {len(order):,} episodes, cut by the behaviours of {run.path.resolve().name}. "
            f"The most unusual episode comes first; dark marks are steps unusual for their behaviour.{left_out}"
        ),
        "legend": "\n".join(_legend(run, found, behaviour, path.parent) for behaviour in range(len(found.names))),
        "bands": "\n".join(bands),
    }
    write_text(path, filled("bands.html", html.escape(f"Behaviours in {name}"), values))
    return path


def _band(found: Segments, first: int, length: int, episode: int, longest: int, step: float) -> str:
    """An episode: a coloured piece for each time that it stays in a behaviour, and marks where it is unusual."""
    pieces, marks = [], []
    for start, stop in _runs(found.behaviours[first : first + length]):
        behaviour = int(found.behaviours[first + start])
        title = html.escape(f"{_called(found, behaviour)}, {start * step:.1f} to {stop * step:.1f} s")
        pieces.append(
            f'<rect x="{start}" width="{stop - start}" height="20" class="piece b{behaviour}" '
            f'data-behaviour="{behaviour}"><title>{title}</title></rect>'
        )
    fine = max(1, -(-length // _FINEST))
    padded = np.pad(found.surprise[first : first + length], (0, -length % fine), constant_values=0.0)
    strange = padded.reshape(-1, fine).mean(axis=1) >= _UNUSUAL
    for start, stop in _runs(strange):
        if strange[start]:
            marks.append(f'<rect x="{start * fine}" y="15" width="{(stop - start) * fine}" height="5" class="mark"/>')
    score = f"{found.unusual[episode]:.1f}"
    return (
        f'<tr><th scope="row">{episode}</th><td>{score}</td><td>{length * step:.1f} s</td><td class="band">'
        f'<svg viewBox="0 0 {longest} 20" preserveAspectRatio="none" role="img" '
        f'aria-label="Episode {episode}">{"".join(pieces)}{"".join(marks)}</svg></td></tr>'
    )


def _runs(values: NDArray[np.generic]) -> Sequence[tuple[int, int]]:
    """(start, stop) of each stretch of equal values."""
    changes = np.flatnonzero(values[1:] != values[:-1]) + 1
    bounds = [0, *changes.tolist(), len(values)]
    return list(itertools.pairwise(bounds))


def _called(found: Segments, behaviour: int) -> str:
    return f"{found.names[behaviour]} (like #{found.heads[behaviour]:03d})"


def hue(behaviour: int) -> float:
    """As the gallery colours it."""
    return (25 + behaviour * 137.5) % 360


def _legend(run: RunFolder, found: Segments, behaviour: int, folder: Path) -> str:
    """A behaviour: its colour, its name, its share of the steps, and the film of the skill that stands for it."""
    share = float((found.behaviours == behaviour).mean())
    film = run.film(found.heads[behaviour])
    source = f' data-film="{html.escape(os.path.relpath(film, folder))}"' if film.is_file() else ""
    return (
        f'<li data-behaviour="{behaviour}"{source}><span class="dot b{behaviour}"></span>'
        f"{html.escape(_called(found, behaviour))}, {share:.1%} of the steps</li>"
    )
