"""`skills play` in a real Chromium: keys, clicks, the list, a gamepad. Skipped, with the reason, without one."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

if os.environ.get("REQUIRE_BROWSER"):
    import playwright.sync_api as playwright
else:
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

SKILLS = 20
LABEL = "turns left <b>10</b> deg/s"
# An ant whose skills hold still, and are said to go: of the first ten skill k forward at k / 10 m/s, the others left.
_PLAY = f"""
import sys
from pathlib import Path
import numpy as np
from constant import constant_policy
from skills.measures.steering import Steering
from skills.videos.films.films import Style
from skills.videos.live.serve import serve_session
from skills.videos.live.session import Cast, Session

ways = np.zeros(({SKILLS}, 3))
ways[:10, 0] = ways[10:, 1] = np.arange(10) / 10
labels = tuple(f"trots {{k}}" for k in range({SKILLS} - 1)) + ({LABEL!r},)
policy = constant_policy("Ant-v5", np.linspace(-0.1, 0.1, {SKILLS}))
cast = Cast(policy, labels, Steering(ways, ways[:, 2] == 0), Style("Ant-v5", width=96, height=64), "ray", Path(), 0)
serve_session(Session(cast), 0, lambda address: print(address, flush=True))
"""
_PAD = """() => {
  window.stick = [0, 0, 0, 0];
  window.held = [];
  navigator.getGamepads = () => [{ axes: window.stick, buttons: [0, 1, 2, 3, 4, 5].map(
    (one) => ({ pressed: window.held.includes(one) })) }];
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("films")


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    tests = Path(__file__).parent
    paths = os.pathsep.join([str(tests), str(tests.parent), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", _PLAY]
    environment = {**os.environ, "PYTHONPATH": paths}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder, env=environment) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()
    assert process.returncode == 0


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None and not os.environ.get("REQUIRE_BROWSER"):
        pytest.skip("no Chromium: set CHROMIUM to its path")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--no-first-run"], timeout=180_000
        )
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """The page with a picture on it; afterwards no error was logged and nothing from elsewhere was asked for."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    context.set_default_timeout(120_000)
    page, complaints, requests = context.new_page(), [], []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(address)
    until(page, "window.play && play.drawn > 2")
    yield page
    context.close()
    assert complaints == []
    assert [url for url in requests if not url.startswith((address, address.replace("http", "ws")))] == []


def until(page: Any, what: str, seconds: float = 120.0) -> None:
    """Asks the page until it is so. A function that waits in the page would need 'unsafe-eval'."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(what):
        assert time.monotonic() < deadline, (what, page.evaluate("now"), page.inner_text("body"))
        time.sleep(0.02)


def test_pictures_come_and_are_drawn(page: Any) -> None:
    drawn = page.evaluate("play.drawn")
    until(page, f"play.drawn > {drawn + 5}")
    colours = page.evaluate(
        "new Set(new Uint32Array(view.getImageData(0, 0, 96, 64).data.buffer)).size"
    )  # sky, floor and an ant
    assert colours > 100


def test_number_keys_play_a_skill_at_once_and_a_second_digit_goes_on(page: Any) -> None:
    page.keyboard.press("7")
    until(page, "now.skill === 7")
    page.wait_for_timeout(1000)
    page.keyboard.press("1")
    page.keyboard.press("4")
    until(page, "now.skill === 14")
    assert page.evaluate("play.given.length") == 3  # 7, 1, 14: none waits for another
    page.keyboard.press("9")  # there is no skill 149: it begins anew
    until(page, "now.skill === 9")
    assert page.inner_text("#now") == "#009 trots 9"
    page.keyboard.press("n")
    until(page, "now.skill === 10")
    page.keyboard.press("b")
    until(page, "now.skill === 9")


def test_an_order_is_heeded_before_the_next_step_would_be(page: Any) -> None:
    """Of many orders the quickest is heeded within 50 ms; how long they take without other work bench/play.py says."""
    for key in "12345678":
        page.keyboard.press(key)
        page.wait_for_timeout(900)
    until(page, "play.given.every((one) => one.seen)")
    waits = page.evaluate("play.given.map((one) => [one.acted - one.given, one.seen - one.given])")
    assert len(waits) == 8
    assert 0 < min(acted for acted, _ in waits) < 50
    assert all(acted <= seen for acted, seen in waits)


def test_the_list_is_searched_and_clicked(page: Any) -> None:
    page.keyboard.press("/")
    page.keyboard.type("turns LEFT")
    assert page.locator("#skills li:visible").count() == 1
    assert page.inner_text("#skills li:visible") == f"#019{LABEL}"  # words, not markup
    page.keyboard.press("Enter")
    until(page, "now.skill === 19")
    page.fill("#search", "trots 1")
    assert page.locator("#skills li:visible").count() == 10
    page.click("#skills li:visible >> nth=2")
    until(page, "now.skill === 11")
    assert page.locator('[aria-current="true"]').inner_text().startswith("#011")


def test_arrows_order_a_speed_and_the_nearest_skill_acts(page: Any) -> None:
    page.keyboard.press("ArrowRight")  # a sixth of 0.9 m/s
    until(page, "now.command && Math.abs(now.command[0] - 0.15) < 1e-6")
    for _ in range(8):
        page.keyboard.press("ArrowRight")
    until(page, "now.skill === 9")
    assert page.inner_text("#ordered") == "0.9, 0.0 m/s"
    page.keyboard.press(" ")
    until(page, "now.skill === 0")
    for _ in range(4):
        page.keyboard.press("ArrowUp")
    until(page, "now.skill === 16")
    page.keyboard.press("a")  # nobody turns
    page.keyboard.press("5")
    until(page, "now.skill === 5 && now.command === null")


def test_a_gamepad_orders_a_speed_and_its_buttons_switch(page: Any) -> None:
    page.evaluate(_PAD)
    page.evaluate("window.stick = [0.56, 0.02, 0, 0]")
    until(page, "now.skill === 5")
    page.evaluate("window.stick = [0, -1, 0, 0]")  # away from whoever looks: to the left of the world
    until(page, "now.skill === 19")
    page.evaluate("window.stick = [0, 0, 0, 0]")
    until(page, "now.skill === 0")
    page.evaluate("window.held = [5]")
    until(page, "now.skill === 1")
    page.evaluate("window.held = []")


def test_reset_slow_motion_pause_and_a_film(page: Any, folder: Path) -> None:
    until(page, "now.seconds > 0.3")
    page.keyboard.press("r")
    until(page, "now.seconds < 0.3")
    page.click("#slower")
    until(page, "now.rate === 0.5")
    assert "0.5 of true speed" in page.inner_text("#time")
    page.keyboard.press("p")
    until(page, "now.rate === 0 && document.getElementById('pause').getAttribute('aria-pressed') === 'true'")
    page.keyboard.press("p")
    until(page, "now.rate === 1")
    page.keyboard.press("f")
    until(page, "now.recorded > 0.4")
    page.click("#record")
    until(page, "now.said.includes('is there')")
    assert "play-1.mp4" in page.inner_text("#said")
    assert (folder / "play-1.mp4").stat().st_size > 1000


def test_the_page_can_be_used_without_a_mouse_and_says_what_it_is(page: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    context = page.context.browser.new_context(bypass_csp=True)  # its own script is not the page's
    other = context.new_page()
    other.goto(page.url)
    until(other, "window.play && play.drawn > 2")
    found = axe.Axe().run(other).response["violations"]
    context.close()
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
