"""A page that fills while its films are being made: it is there with the first of them, and looks for more by itself.

A page from disk may fetch nothing, but it may take in another script: it takes in `state.js` again and again, which
calls the page with what is there by now. What it names is done, poster, record and all.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skills.files import write_text
from skills.progress import Progress
from skills.runs.exemplars import Exemplars
from skills.runs.folder import RunFolder
from skills.videos.films.record import Finished
from skills.videos.films.render import Rendered, render_skills, unheard
from skills.videos.gallery.page import whole_page
from skills.videos.gallery.write import write_gallery

CALLED = "skillsFilmed"  # the function of the page that `state.js` calls


def fill(
    run: RunFolder,
    skills: Sequence[int],
    *,
    exemplars: Exemplars | None,
    progress: Progress,
    opened: Callable[[Path], None] | None,
    **options: Any,
) -> tuple[Rendered, Path]:
    """Renders films and writes the page that shows them; returns what was done, and the page.

    The skills that stand for a behaviour come first. Where films are missing the page is there from the first film on.
    It says so until all are done; where this is interrupted it goes on saying which are there.

    opened: is told the page once there is a film to see; None where the page is to wait for the end, as for films of
    some skills alone.   options: as `render_skills` takes them.
    Raises: SkillsError as `whole_page` and `render_skills` do.
    """
    page = whole_page(run)
    filling = _Filling(run, page, opened) if opened else None
    rendered = render_skills(
        run.path,
        run.env_id,
        skills,
        exemplars=exemplars,
        first=page["representatives"],
        progress=progress,
        finished=filling or unheard,
        **options,
    )
    if filling:
        filling.end()
    return rendered, write_gallery(run.path, page)


@dataclass
class _Filling:
    """Keeps the page and what it asks up to date.   last: what it was told last; None before there was a page."""

    run: RunFolder
    page: Mapping[str, Any]
    opened: Callable[[Path], None]
    last: Finished | None = None

    def __call__(self, films: Finished) -> None:
        if self.last is None and len(films.names) in (0, films.total):
            return  # nothing to see yet, or nothing to wait for
        write_text(self.run.films_state, state(films, time.time()))
        if self.last is None:
            self.opened(write_gallery(self.run.path, self.page, filling=True))
        self.last = films

    def end(self) -> None:
        """No more films will come."""
        if self.last is not None:
            write_text(self.run.films_state, state(self.last, time.time(), over=True))


def state(films: Finished, at: float, *, over: bool = False) -> str:
    """The script that tells the page what is there.   at: s since 1970.   over: whether no more will come."""
    known = {"films": sorted(films.names), "begins": films.begins, "total": films.total, "at": round(at), "over": over}
    return f"{CALLED}({json.dumps(known)});\n"
