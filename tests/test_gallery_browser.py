"""The gallery in a real Chromium, opened from disk. Skipped, with the reason, where there is none."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from recordings import page_of, random_rollouts, write_rollouts

from skills.measures.profile import LEVELS
from skills.runs.layout import Layout
from skills.videos.films.render import render_skills
from skills.videos.gallery.write import write_gallery

if os.environ.get("REQUIRE_BROWSER"):
    import playwright.sync_api as playwright
else:
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
_MISSING = 7  # the skill without a video
_SERVE = (
    "import sys; from pathlib import Path; from skills.videos.gallery import serve;"
    "serve.serve(Path(sys.argv[1]), serve.everything, 0, lambda address: print(address, flush=True))"
)
_WITH_MORE = 3  # the skill that has films of other starts and of its class in the data
HOSTILE = "left <img src=x onerror=alert(1)></script> \"'& \u202eright to left\u202c " + 300 * "long"


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a hundred skills; real videos of one, shared by all but one skill."""
    folder = tmp_path_factory.mktemp("run")
    write_rollouts(folder, random_rollouts("Hopper-v5", skills=1, rollouts=1, steps=100))
    assert render_skills(folder, "Hopper-v5", [0], renderer="ray", size=(64, 64), workers=1).written == (0,)
    for skill in set(range(1, 100)) - {_MISSING}:
        shutil.copy(Layout(folder).film(0), Layout(folder).film(skill))
        shutil.copy(Layout(folder).poster(0), Layout(folder).poster(skill))
    for kind in ("starts", "data"):
        shutil.copy(Layout(folder).film(0), Layout(folder).film(_WITH_MORE, kind))
    page = page_of(100)
    page["skills"][42]["label"] = HOSTILE
    page["switches"] = {"seconds": 3.0, "table": "".join(_switch(a, b) for a in range(100) for b in range(100))}
    return write_gallery(folder, page)


def _switch(before: int, after: int) -> str:
    """From skill 3 one comes to 9, then to 5; to 4 somebody falls; elsewhere nothing is reached."""
    return {(3, 9): LEVELS[21], (3, 5): LEVELS[42], (3, 4): "-"}.get((before, after), "~")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None and not os.environ.get("REQUIRE_BROWSER"):
        pytest.skip("no Chromium: set CHROMIUM to its path")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, args=_FLAGS, timeout=180_000)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Any, gallery: Path) -> Iterator[Any]:
    """Opens the gallery; afterwards no error was logged and nothing outside its folder was asked for."""
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
        page.goto(gallery.as_uri() + address)
        page.wait_for_selector(".card, #none:not([hidden])")
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert complaints == []
    base = gallery.parent.as_uri()
    assert [url for url in requests if not url.startswith((base, "data:"))] == []


def _is_lost(request: Any) -> bool:
    return "ERR_ABORTED" not in (request.failure or "")  # a player that leaves the view ends its own request


def _players(page: Any) -> int:
    return int(page.evaluate("document.querySelectorAll('video').length"))


def _numbers(page: Any) -> list[int]:
    return [
        int(number) for number in page.evaluate("[...document.querySelectorAll('.card')].map(c => c.dataset.skill)")
    ]


def test_a_hundred_cards_and_a_video_that_plays(open_page: Any) -> None:
    page = open_page()
    assert _numbers(page) == list(range(100))
    page.wait_for_function("[...document.querySelectorAll('.card video')].some(v => v.currentTime > 0.1 && !v.paused)")
    assert (
        page.evaluate(
            "[...document.querySelectorAll('img')].filter(i => i.src && i.complete && !i.naturalWidth).length"
        )
        == 0
    )
    assert page.evaluate("[...document.querySelectorAll('.card img')].filter(i => i.src).length") <= 20
    assert "made by this project’s own policies" in page.inner_text("#origin")
    assert "shuffled" in (page.text_content("#evaluation table") or "")


def test_every_video_plays_once_its_card_is_in_sight(open_page: Any) -> None:
    page = open_page()
    seen: set[int] = set()
    for place in range(0, int(page.evaluate("document.body.scrollHeight")) + 400, 400):
        page.evaluate(f"scrollTo(0, {place})")
        page.wait_for_timeout(60)
        seen |= set(page.evaluate("[...document.querySelectorAll('.card:has(video)')].map(c => +c.dataset.skill)"))
    assert seen == set(range(100)) - {_MISSING}


def test_at_most_twelve_players_live_while_scrolling(open_page: Any) -> None:
    page = open_page(viewport={"width": 1600, "height": 1400})
    most = 0
    for _ in range(24):
        page.mouse.wheel(0, 700)
        page.wait_for_timeout(60)
        most = max(most, _players(page))
    assert 1 <= most <= 12
    page.wait_for_timeout(400)
    visible = "[...document.querySelectorAll('.card:has(video)')].every(c => { const r = c.getBoundingClientRect();"
    assert page.evaluate(visible + " return r.bottom > 0 && r.top < innerHeight; })")


def test_pause_all_ends_every_player(open_page: Any) -> None:
    page = open_page()
    page.wait_for_selector(".card video")
    page.click("#pause")
    assert _players(page) == 0
    assert page.get_attribute("#pause", "aria-pressed") == "true"
    page.click("#pause")
    page.wait_for_selector(".card video")


def test_sort_search_and_filter_are_kept_in_the_address(open_page: Any) -> None:
    page = open_page()
    page.select_option("#sort", "displacement")
    assert _numbers(page)[:3] == [99, 98, 97]
    page.check("#survives")
    assert all(number % 3 != 2 for number in _numbers(page))
    page.fill("#search", "forward 9")
    shown = _numbers(page)
    assert shown
    assert set(shown) < set(range(100))
    address = page.evaluate("location.hash")
    again = open_page(address)
    assert _numbers(again) == shown
    assert again.input_value("#sort") == "displacement"
    again.fill("#search", "no such skill")
    assert again.is_visible("#none")
    again.click("#clear")
    assert len(_numbers(again)) == 100


def test_the_detail_opens_steps_and_closes_by_keyboard(open_page: Any) -> None:
    page = open_page()
    page.focus(".card[data-skill='3'] button")
    page.keyboard.press("Enter")
    assert page.is_visible("#detail")
    assert page.inner_text("#detail-title").startswith("#003")
    assert page.inner_text("#detail-command") == "skills render hopper-medium --skill 3 --force"
    assert page.evaluate("document.querySelector('#detail video').controls")
    page.wait_for_function("document.querySelector('#detail video').currentTime > 0.05")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#detail-title").startswith("#004")
    assert "skill=4" in page.evaluate("location.hash")
    page.keyboard.press("Escape")
    assert not page.is_visible("#detail")
    assert page.evaluate("document.querySelector('#detail video')") is None
    assert page.evaluate("document.activeElement.closest('.card').dataset.skill") == "3"
    assert open_page("#skill=17").inner_text("#detail-title").startswith("#017")


def test_an_address_may_open_a_skill_that_its_search_hides(open_page: Any) -> None:
    page = open_page("#search=nothing&skill=5")
    assert page.inner_text("#detail-title").startswith("#005")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#detail-title").startswith("#005")


def test_hostile_labels_are_only_text(open_page: Any) -> None:
    page = open_page("#skill=42")
    assert page.text_content("#detail-title") == f"#042 {HOSTILE}"
    assert page.evaluate("document.querySelectorAll('[onerror]').length") == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_a_hostile_dataset_is_only_text(browser: Any, tmp_path: Path) -> None:
    document = page_of(2)
    document["dataset"]["name"] = document["run"] = document["axes"][0] = document["command"] = HOSTILE
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(write_gallery(tmp_path, document).as_uri() + "#skill=1")
    assert page.text_content("h1") == f"Skills of {HOSTILE}"
    assert HOSTILE in (page.text_content("#detail-command") or "")
    assert page.evaluate("document.querySelectorAll('[onerror]').length") == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


def test_a_skill_without_a_video_says_so(open_page: Any) -> None:
    page = open_page(f"#search=00{_MISSING}")
    assert _numbers(page) == [_MISSING]
    assert "no video yet" in page.inner_text(".card")
    assert page.evaluate("document.querySelectorAll('.card img').length") == 0


def test_reduced_motion_shows_posters_only(open_page: Any) -> None:
    page = open_page(reduced_motion="reduce")
    page.wait_for_timeout(500)
    assert _players(page) == 0
    assert page.evaluate("[...document.querySelectorAll('.card img')].some(i => i.complete && i.naturalWidth === 64)")


def test_without_scripts_stills_link_to_videos(open_page: Any, browser: Any, gallery: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(gallery.as_uri())
    assert page.locator(".stills a").count() == 99
    context.close()


@pytest.mark.parametrize("width", [320, 390, 768, 1360, 1920])
def test_nothing_runs_over_the_edge(open_page: Any, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    over = (
        "[...document.querySelectorAll('.card dl, #summary > div')].filter(e => e.scrollWidth > e.clientWidth).length"
    )
    assert page.evaluate(over) == 0


def test_the_page_itself_is_small(gallery: Path) -> None:
    assert gallery.stat().st_size < 250_000


def test_the_detail_shows_the_class_other_starts_and_similar_skills(open_page: Any) -> None:
    page = open_page(f"#skill={_WITH_MORE}")
    films = page.evaluate("[...document.querySelectorAll('#detail video')].map(v => v.src.split('/').pop())")
    assert films == ["003.mp4", "003-data.mp4", "003-starts.mp4"]
    page.wait_for_function("[...document.querySelectorAll('#detail video')].every(v => v.currentTime > 0)")
    assert _players(page) == 3  # the cards behind the dialog have given theirs back
    assert page.locator("#detail-charts svg").count() == 2
    page.click("#detail-similar button:nth-child(2)")
    assert page.inner_text("#detail-title").startswith("#005")
    assert "no film of the class" in page.inner_text("#detail-data")


def test_a_mark_leads_to_its_card(open_page: Any) -> None:
    page = open_page("#search=nothing")
    page.locator("#map-plot").focus()
    page.keyboard.press("ArrowRight")
    chosen = page.get_attribute("#map-plot", "aria-activedescendant").removeprefix("map-plot-")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.closest('.card').dataset.skill") == chosen
    page.locator("#ways-plot path.mark[data-skill='7']").dispatch_event("click")
    assert page.evaluate("document.activeElement.closest('.card').dataset.skill") == "7"
    page.wait_for_function(
        "(r => r.top >= 0 && r.bottom <= innerHeight + 1)(document.querySelector('.found').getBoundingClientRect())"
    )


def test_one_of_each_family(open_page: Any) -> None:
    page = open_page()
    page.check("#families")
    assert _numbers(page) == [0, 1, 2, 3]
    assert page.evaluate("document.querySelectorAll('#map-plot .mark:not(.dim)').length") == 4
    assert "families=1" in page.evaluate("location.hash")


def test_a_family_is_chosen_by_its_name_and_kept_in_the_address(open_page: Any) -> None:
    page = open_page()
    page.select_option("#family", label="B (25): forward, about 1.0 m/s")
    assert _numbers(page) == list(range(1, 100, 4))
    assert "family=B" in page.evaluate("location.hash")
    again = open_page("#family=B&families=1")
    assert _numbers(again) == [1]
    assert again.inner_text(".card .stands") == "Stands for 25 of family B: forward, about 1.0 m/s"


def test_skills_are_compared_in_step(open_page: Any) -> None:
    page = open_page()
    for skill in (2, 0):
        page.hover(f".card[data-skill='{skill}']")
        page.click(f".card[data-skill='{skill}'] .pick")
    page.click("#compare")
    assert page.inner_text("#side-title") == "Compare #002, #000"
    assert "compare=2%2C0" in page.evaluate("location.hash")
    page.wait_for_function("[...document.querySelectorAll('#side video')].every(v => v.currentTime > 0.1)")
    page.click("#side-play")
    page.evaluate(
        "(t => { t.value = 0.4; t.dispatchEvent(new Event('input')); })(document.getElementById('side-time'))"
    )
    page.wait_for_function(
        "[...document.querySelectorAll('#side video')].every(v => v.paused && Math.abs(v.currentTime - 0.4) < 0.05)"
    )
    page.keyboard.press("Escape")
    assert not page.is_visible("#side")
    assert page.evaluate("document.querySelectorAll('#side video').length") == 0
    again = open_page("#compare=4,5,6,8")
    assert again.evaluate("document.querySelectorAll('#side video').length") == 4


def test_a_cell_of_the_distances_compares_two(open_page: Any) -> None:
    page = open_page()
    box = page.locator("#matrix-plot").bounding_box()
    side = min(box["width"], box["height"]) / 100
    left, top = box["x"] + (box["width"] - 100 * side) / 2, box["y"] + (box["height"] - 100 * side) / 2
    page.mouse.click(left + 1.5 * side, top + 0.5 * side)  # the first two of the first family
    assert page.inner_text("#side-title") == "Compare #000, #004"


def test_a_detail_says_where_one_can_safely_go_the_quickest_first(open_page: Any) -> None:
    page = open_page(f"#skill={_WITH_MORE}")
    assert [one.split(" ")[0] for one in page.locator("#detail-next button").all_inner_texts()] == ["#009", "#005"]
    assert page.locator("#detail-next button").first.inner_text().endswith(", 1.0 s")
    assert page.inner_text("#next-note").startswith("2 of 99 skills")
    page.click("#detail-next button:nth-child(2)")
    assert page.inner_text("#detail-title").startswith("#005")
    assert page.inner_text("#next-note").startswith("Nowhere")


def test_a_square_of_the_switches_says_what_happens(open_page: Any) -> None:
    page = open_page()
    assert page.is_visible("#switches-plot")
    page.locator("#switches-plot").scroll_into_view_if_needed()
    box = page.locator("#switches-plot").bounding_box()
    side = min(box["width"], box["height"]) / 100
    left, top = box["x"] + (box["width"] - 100 * side) / 2, box["y"] + (box["height"] - 100 * side) / 2
    order = page.evaluate("JSON.parse(document.getElementById('data').textContent).order")
    for after, words in ((9, "reached after 1.0 s"), (4, "somebody falls"), (7, "not reached")):
        page.mouse.move(left + (order.index(after) + 0.5) * side, top + (order.index(3) + 0.5) * side)
        said = page.locator("#switches").locator("xpath=..").locator(".readout").inner_text()
        assert said == f"From #003 to #{after:03d}: {words}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("address", ["", "#skill=3", "#compare=1,2"])
def test_an_accessibility_engine_finds_nothing_serious(open_page: Any, scheme: str, address: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    page = open_page(address, color_scheme=scheme, reduced_motion="reduce")
    found = axe.Axe().run(page).response["violations"]
    serious = [
        (rule["id"], rule["nodes"][0]["html"][:200]) for rule in found if rule["impact"] in ("serious", "critical")
    ]
    assert serious == []


def test_a_served_page_plays_its_videos(browser: Any, gallery: Path) -> None:
    command = [sys.executable, "-c", _SERVE, str(gallery.parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        address = process.stdout.readline().strip() if process.stdout else ""
        context = browser.new_context()
        page = context.new_page()
        answers = []
        page.on("response", lambda response: answers.append((response.url, response.status)))
        page.goto(address + "#skill=3")
        page.wait_for_function("document.querySelector('#detail video').currentTime > 0.1")
        context.close()
        process.terminate()
    assert {status for url, status in answers if url.endswith(".mp4")} == {206}
    assert all(url.startswith(address) for url, _ in answers if not url.startswith("data:"))
    assert process.returncode == 0


@pytest.mark.parametrize("seeds", [1, 2])
def test_one_expert_has_a_card_a_seed_and_says_nothing_of_families(browser: Any, tmp_path: Path, seeds: int) -> None:
    document = page_of(seeds)
    document |= {"mode": "imitation", "expert": "The expert: of demos.npz the episodes 3, which return 6,100.0."}
    for skill in document["skills"]:
        skill |= {"occupancy": None, "occupancy_ratio": None, "fidelity": None, "data_share": None}
    complaints: list[str] = []
    page = browser.new_page()
    page.set_default_timeout(120_000)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(write_gallery(tmp_path, document).resolve().as_uri())
    assert page.locator("#origin").inner_text().startswith(f"One skill, {seeds} seed")
    assert "The expert: of demos.npz" in page.locator("#origin").inner_text()
    assert page.locator(".card").count() == seeds
    assert [page.locator(f"#{plot}").is_visible() for plot in ("ways", "map", "matrix")] == [True, False, False]
    assert page.locator("#count").inner_text() == f"{seeds} of {seeds} seeds"
    page.locator(".card .open").first.click()
    numbers = page.locator("#detail-numbers").inner_text()
    assert "Return" in numbers
    assert "family" not in (numbers + page.locator(".card").first.inner_text()).lower()
    page.close()
    assert complaints == []
