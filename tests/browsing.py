"""Real pages in a real Chromium, for the tests of the gallery: `pytest_plugins = ["browsing"]`.

Skipped, with the reason, where there is none; REQUIRE_BROWSER makes that a failure.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from recordings import page_of, random_rollouts, write_rollouts

from skills.measures.profile import LEVELS
from skills.runs.layout import Layout
from skills.videos.films.render import render_skills
from skills.videos.gallery.write import write_gallery

_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
_SERVE = (
    "import sys; from pathlib import Path; from skills.videos.gallery import serve;"
    "serve.serve(Path(sys.argv[1]), serve.everything, 0, lambda address: print(address, flush=True))"
)
MISSING = 7  # the skill without a video
WITH_MORE = 3  # the skill that has films of other starts and of its class in the data
HOSTILE = "left <img src=x onerror=alert(1)></script> \"'& \u202eright to left\u202c " + 300 * "long"

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if os.environ.get("REQUIRE_BROWSER"):
        import playwright.sync_api as playwright
    else:
        playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None and not os.environ.get("REQUIRE_BROWSER"):
        pytest.skip("no Chromium: set CHROMIUM to its path")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, args=_FLAGS, timeout=180_000)
        yield chromium
        chromium.close()


@contextmanager
def visits(browser: Any, base: str) -> Iterator[Open]:
    """Opens pages below an address; in the end no error was logged and nothing outside of it was asked for."""
    contexts, complaints, requests = [], [], []

    def open_it(address: str = "", **options: Any) -> Any:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        context.set_default_timeout(120_000)  # a busy machine is slow, not wrong
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "requestfailed", lambda request: requests.append(f"failed: {request.url}") if _is_lost(request) else None
        )
        page.on("request", lambda request: requests.append(request.url))
        page.goto(f"{base}index.html{address}")
        page.wait_for_selector(".card, #none:not([hidden])")
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert complaints == []
    assert [url for url in requests if not url.startswith((base, "data:"))] == []


def _is_lost(request: Any) -> bool:
    return "ERR_ABORTED" not in (request.failure or "")  # a player that leaves the view ends its own request


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address of a folder from a server of its own."""
    command = [sys.executable, "-c", _SERVE, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:  # also where a test has failed, which would wait for the server for ever
            process.terminate()
    assert process.returncode == 0


@contextmanager
def reached(folder: Path, way: str) -> Iterator[str]:
    """The address of a folder, "from disk" or "served"."""
    if way == "served":
        with serving(folder) as address:
            yield address
    else:
        yield f"{folder.as_uri()}/"


def until(page: Any, condition: str) -> None:
    """Waits until it holds: Playwright's own way to wait is `eval` in the page, which a served page may not do."""
    deadline = time.monotonic() + 120
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, condition
        page.wait_for_timeout(50)


def players(page: Any) -> int:
    """Videos that are alive."""
    return int(page.evaluate("document.querySelectorAll('video').length"))


def numbers(page: Any) -> list[int]:
    """The skills of the cards, in order."""
    return [
        int(number) for number in page.evaluate("[...document.querySelectorAll('.card')].map(c => c.dataset.skill)")
    ]


def hues(page: Any, plot: str) -> set[tuple[int, str]]:
    """(skill, colour) of the marks of a plot."""
    marks = f"[...document.querySelectorAll('#{plot}-plot .mark')]"
    found = page.evaluate(f"{marks}.map(m => [+m.dataset.skill, m.style.getPropertyValue('--hue')])")
    return {(skill, hue) for skill, hue in found}


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a hundred skills; real videos of one, shared by all but one skill."""
    folder = tmp_path_factory.mktemp("run")
    write_rollouts(folder, random_rollouts("Hopper-v5", skills=1, rollouts=1, steps=100))
    assert render_skills(folder, "Hopper-v5", [0], renderer="ray", size=(64, 64), workers=1).written == (0,)
    for skill in set(range(1, 100)) - {MISSING}:
        shutil.copy(Layout(folder).film(0), Layout(folder).film(skill))
        shutil.copy(Layout(folder).poster(0), Layout(folder).poster(skill))
    for kind in ("starts", "data"):
        shutil.copy(Layout(folder).film(0), Layout(folder).film(WITH_MORE, kind))
    page = page_of(100)
    page["skills"][42]["label"] = HOSTILE
    page["switches"] = {"seconds": 3.0, "table": "".join(_switch(a, b) for a in range(100) for b in range(100))}
    return write_gallery(folder, page)


def _switch(before: int, after: int) -> str:
    """From skill 3 one comes to 9, then to 5, and to 4 somebody falls; from 8 first to its own family, 12 and 16; 6
    falls by itself; elsewhere nothing is reached."""
    if before == 6:
        return " "
    from_three = {(3, 9): LEVELS[21], (3, 5): LEVELS[42], (3, 4): "-"}
    from_eight = {(8, 12): LEVELS[2], (8, 16): LEVELS[3], (8, 9): LEVELS[50], (8, 13): LEVELS[60]}
    return (from_three | from_eight).get((before, after), "~")


@pytest.fixture(scope="module", params=["from disk", "served"])
def base(request: pytest.FixtureRequest, gallery: Path) -> Iterator[str]:
    """The address that all of the gallery is below."""
    with reached(gallery.parent, request.param) as address:
        yield address


@pytest.fixture
def open_page(browser: Any, base: str) -> Iterator[Open]:
    """Opens the gallery."""
    with visits(browser, base) as open_it:
        yield open_it
