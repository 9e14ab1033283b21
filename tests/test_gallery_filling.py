"""A page that is open while its films are being made: they come by themselves, from disk and served."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from browsing import numbers, reached, until, visits
from commands import COMMAND, environment, skills
from small import RUN, check, finished

from skills.files import write_text
from skills.runs.layout import Layout
from skills.videos.films.record import Finished
from skills.videos.gallery.filling import state

pytest_plugins = ["browsing"]

_RENDER = ("render", RUN, "--all", "--renderer", "ray", "--size", "64", "--seconds", "0.4")
_PLAYING = "[...document.querySelectorAll('.card video')].filter(v => v.currentTime > 0).length"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of three skills without films."""
    return finished(tmp_path_factory.mktemp("home"))


@contextmanager
def rendering(run: Path) -> Iterator[tuple["subprocess.Popen[str]", Path]]:
    """The command that makes the films, from the moment on when it has said that the page is there."""
    command, home = [*COMMAND, *_RENDER, "--force"], environment(run.parent.parent)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=home) as process:
        assert process.stderr is not None
        said = next((line for line in process.stderr if "fills while you look" in line), "")
        assert Layout(run).page_file.as_uri() in said
        yield process, Layout(run).page_file
        process.stderr.read()
        assert process.wait() == 0


@pytest.mark.parametrize("way", ["from disk", "served"])
def test_films_come_into_an_open_page(browser: Any, run: Path, way: str) -> None:
    with rendering(run) as (process, index), reached(index.parent, way) as base, visits(browser, base) as open_page:
        os.kill(process.pid, signal.SIGSTOP)  # what is there now stays so
        page = open_page("#skill=0")
        until(page, "!document.getElementById('filling').hidden")
        first = page.evaluate("document.querySelectorAll('.card img').length")
        assert 1 <= first < 9
        assert re.match(r"[1-8] of 9 films are there\. The others come", page.text_content("#filling"))
        os.kill(process.pid, signal.SIGCONT)
        until(page, "document.querySelectorAll('#detail video').length === 3")  # the dialog that is open fills too
        page.keyboard.press("Escape")
        until(page, f"{_PLAYING} === 3")
        until(page, "document.getElementById('filling').hidden")
        assert "no video yet" not in page.inner_text("#cards")
        assert sorted(numbers(page)) == [0, 1, 2]
    final = index.read_text(encoding="utf-8")
    assert '"filling":false' in final
    assert final.count('"video":true') == final.count('"data":true') == final.count('"starts":true') == 3


def test_a_page_whose_films_were_stopped_says_so_and_shows_those_that_are_there(browser: Any, run: Path) -> None:
    with rendering(run) as (process, index):
        os.kill(process.pid, signal.SIGSTOP)
        kept = index.read_bytes()
        os.kill(process.pid, signal.SIGCONT)
    layout = Layout(run)
    index.write_bytes(kept)
    begins = {"skills/001.mp4": 7.0}
    write_text(layout.films_state, state(Finished(frozenset(["skills/001.mp4"]), begins, 9), 0.0))
    with visits(browser, f"{index.parent.as_uri()}/") as open_page:
        page = open_page()
        until(page, f"{_PLAYING} === 1")
        assert page.locator(".card:has(img)").get_attribute("data-skill") == "1"
        assert "go on: skills discover" in page.text_content("#filling")
        write_text(layout.films_state, state(Finished(frozenset(["skills/001.mp4"]), begins, 9), 0.0, over=True))
        until(page, "document.getElementById('filling').hidden")  # films that failed do not come


def test_films_of_some_skills_leave_the_page_as_it_is_until_they_are_done(run: Path) -> None:
    check(skills(run.parent.parent, *_RENDER))
    Layout(run).films_state.unlink(missing_ok=True)
    some = check(skills(run.parent.parent, *(*_RENDER[:2], "--skill", "1", *_RENDER[3:]), "--force"))
    assert "fills while you look" not in some.stderr
    assert not Layout(run).films_state.exists()
    assert Layout(run).page_file.read_text(encoding="utf-8").count('"video":true') == 3
