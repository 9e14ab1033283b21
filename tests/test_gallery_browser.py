"""The gallery in a real browser, opened from disk as a user opens it."""

import os
import shutil

import numpy as np
import pytest
from test_gallery import page

from videos.encode import write_mp4, write_poster
from videos.gallery import write_gallery

BROWSER = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
if not BROWSER and not os.environ.get("REQUIRE_BROWSER"):
    pytest.skip("Chromium is not installed here: no browser to open the page in", allow_module_level=True)

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
# Without these Chromium itself calls home, which a test of "no request off the page" would see.
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync",
    "--disable-component-update",
]  # fmt: skip
SKILLS = 100


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    """A hundred skills with one small real video between them, copied."""
    folder = tmp_path_factory.mktemp("run")
    frames = np.zeros((40, 64, 64, 3), np.uint8)
    frames[:, :, :, 1] = np.linspace(0, 255, 40, dtype=np.uint8)[:, None, None]
    skills = folder / "gallery" / "skills"
    write_mp4(skills / "000.mp4", frames, 20.0)
    write_poster(skills / "000.webp", frames[20])
    for index in range(1, SKILLS):
        shutil.copy(skills / "000.mp4", skills / f"{index:03d}.mp4")
        shutil.copy(skills / "000.webp", skills / f"{index:03d}.webp")
    return write_gallery(folder, page(SKILLS)).as_uri()


@pytest.fixture(scope="module")
def chromium():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium, gallery):
    """The page, with everything it asked for and complained about."""
    tab = chromium.new_page(viewport={"width": 1300, "height": 900})
    tab.asked, tab.complaints = [], []
    tab.on("request", lambda request: tab.asked.append(request.url))
    tab.on("console", lambda message: tab.complaints.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
    tab.goto(gallery)
    tab.wait_for_selector(".card")
    yield tab
    assert tab.complaints == []
    assert all(url.startswith(("file://", "data:")) for url in tab.asked)
    tab.close()


def numbers(tab):
    return [int(text) for text in tab.eval_on_selector_all(".card", "cards => cards.map(c => c.dataset.skill)")]


def players(tab):
    return tab.locator(".card video").count()


def test_a_hundred_cards_and_never_more_than_twelve_players(opened):
    assert numbers(opened) == list(range(SKILLS))
    opened.wait_for_function("document.querySelectorAll('.card video').length > 3")
    assert sum(url.endswith(".webp") for url in set(opened.asked)) <= 20
    seen = set()
    height = opened.evaluate("document.body.scrollHeight")
    for place in range(0, height + 400, 400):
        opened.evaluate(f"scrollTo(0, {place})")
        opened.wait_for_timeout(60)
        assert players(opened) <= 12
        seen |= set(opened.eval_on_selector_all(".card:has(video)", "cards => cards.map(c => c.dataset.skill)"))
    assert len(seen) == SKILLS


def test_a_video_really_plays(opened):
    opened.wait_for_function("[...document.querySelectorAll('.card video')].some(v => v.currentTime > 0.2)")


def test_pause_all_and_play_again(opened):
    opened.wait_for_function("document.querySelectorAll('.card video').length > 3")
    opened.click("#pause")
    assert players(opened) == 0
    opened.click("#pause")
    opened.wait_for_function("document.querySelectorAll('.card video').length > 3")


def test_sort_search_and_filter_are_kept_in_the_address(opened, gallery):
    opened.select_option("#sort", "speed")
    assert numbers(opened)[0] == SKILLS - 1
    opened.check("#survives")
    assert all(number % 2 == 0 for number in numbers(opened))
    opened.uncheck("#survives")
    opened.fill("#search", "017")
    assert numbers(opened) == [17]
    address = opened.url
    assert "sort=speed" in address
    opened.goto("about:blank")
    opened.goto(address)
    opened.wait_for_selector(".card")
    assert numbers(opened) == [17]
    opened.fill("#search", "no such skill")
    assert numbers(opened) == []
    opened.click("#clear")
    assert len(numbers(opened)) == SKILLS


def test_the_dialog_by_keyboard(opened):
    opened.focus(".card[data-skill='2'] button")
    opened.keyboard.press("Enter")
    assert opened.inner_text("#detail-title").startswith("#002")
    assert "skills render hopper-medium --skill 2" in opened.inner_text("#detail-command")
    opened.wait_for_function("document.querySelector('#detail video').currentTime > 0")
    opened.focus("#next")
    opened.keyboard.press("ArrowRight")
    assert opened.inner_text("#detail-title").startswith("#003")
    assert "falls at 2.3 s" in opened.inner_text("#detail-numbers")
    opened.keyboard.press("Escape")
    assert not opened.evaluate("document.querySelector('#detail').open")
    assert opened.locator("#detail video").count() == 0


def test_reduced_motion_shows_posters_only(chromium, gallery):
    tab = chromium.new_page(viewport={"width": 1300, "height": 900}, reduced_motion="reduce")
    tab.goto(gallery)
    tab.wait_for_function("document.querySelector('.card img').complete")
    tab.wait_for_timeout(300)
    assert players(tab) == 0
    tab.close()


def test_without_javascript_there_are_stills_that_link_to_videos(chromium, gallery):
    context = chromium.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(gallery)
    assert tab.locator("noscript a").count() == SKILLS or tab.locator(".stills a").count() == SKILLS
    context.close()
