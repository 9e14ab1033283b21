"""The gallery as a server gives it to a real Chromium: as from disk, and nothing that is not its own may act."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import serving, until

from skills.videos.gallery.index import render_index

pytest_plugins = ["browsing"]


@pytest.fixture(scope="module")
def served(gallery: Path) -> Iterator[str]:
    """The address of the gallery from a server of its own."""
    with serving(gallery.parent) as address:
        yield address


def test_a_served_page_plays_its_videos_and_runs_nothing_but_its_files(browser: Any, served: str) -> None:
    page = browser.new_page()
    answers, complaints = [], []
    page.on("response", lambda response: answers.append((response.url, response.status)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(served + "#skill=3")
    until(page, "document.querySelector('#detail video').currentTime > 0.1")
    assert {status for url, status in answers if url.endswith(".mp4")} == {206}
    assert all(url.startswith(served) for url, _ in answers)
    assert complaints == []
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), { text: 'window.ran = 1' }))")
    page.evaluate("document.body.setAttribute('style', 'color: red')")
    assert page.evaluate("window.ran") is None
    assert page.evaluate("getComputedStyle(document.body).color") != "rgb(255, 0, 0)"
    assert [text for text in complaints if "Content Security Policy" in text] == complaints != []
    page.close()


@pytest.mark.parametrize("page_name", ["index.html", "all.html"])
def test_a_served_page_looks_as_from_disk(browser: Any, gallery: Path, served: str, page_name: str) -> None:
    (gallery.parent / "all.html").write_text(render_index([]))
    look = "(s => s.color + s.fill + s.stroke + s.backgroundColor + s.display)(getComputedStyle(e))"
    looks = f"[...document.querySelectorAll('body, body *:not(script)')].map(e => {look})"
    seen = []
    for base in (f"{gallery.parent.as_uri()}/", served):
        page = browser.new_page(reduced_motion="reduce")
        page.goto(base + page_name)
        page.wait_for_load_state("load")
        seen.append(page.evaluate(looks))
        page.close()
    assert seen[0] == seen[1]
    assert len(set(seen[0])) > 3


def test_without_scripts_a_served_page_shows_stills_only(browser: Any, served: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(served)
    assert page.locator(".stills li").count() == 100
    assert not page.locator("main").is_visible()
    context.close()
