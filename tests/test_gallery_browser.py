"""The gallery in a real Chromium, from disk and served. Skipped, with the reason, where there is none."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from recordings import page_of, random_rollouts, write_rollouts

from skills.files import write_json
from skills.measures.profile import LEVELS
from skills.runs.layout import Layout
from skills.videos.films.render import render_skills
from skills.videos.gallery.index import render_index
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


@pytest.fixture(scope="module")
def served(gallery: Path) -> Iterator[str]:
    """The address of the gallery from a server of its own."""
    command = [sys.executable, "-c", _SERVE, str(gallery.parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()
    assert process.returncode == 0


@pytest.fixture(params=["from disk", "served"])
def base(request: pytest.FixtureRequest) -> str:
    """The address that all of the gallery is below."""
    if request.param == "served":
        return str(request.getfixturevalue("served"))
    return f"{request.getfixturevalue('gallery').parent.as_uri()}/"


@pytest.fixture
def open_page(browser: Any, base: str) -> Iterator[Any]:
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


def _until(page: Any, condition: str) -> None:
    """Waits until it holds: Playwright's own way to wait is `eval` in the page, which a served page may not do."""
    deadline = time.monotonic() + 120
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, condition
        page.wait_for_timeout(50)


def _players(page: Any) -> int:
    return int(page.evaluate("document.querySelectorAll('video').length"))


def _numbers(page: Any) -> list[int]:
    return [
        int(number) for number in page.evaluate("[...document.querySelectorAll('.card')].map(c => c.dataset.skill)")
    ]


def test_a_hundred_cards_and_a_video_that_plays(open_page: Any) -> None:
    page = open_page()
    assert _numbers(page) == list(range(100))
    _until(page, "[...document.querySelectorAll('.card video')].some(v => v.currentTime > 0.1 && !v.paused)")
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
    assert page.inner_text("#detail-python") == 'skills.load("hopper-medium").policy.act(observation, skill=3)'
    assert page.inner_text("#detail-export") == "skills export hopper-medium --skill 3"
    assert page.evaluate("document.querySelector('#detail video').controls")
    _until(page, "document.querySelector('#detail video').currentTime > 0.05")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#detail-title").startswith("#004")
    assert "skill=4" in page.evaluate("location.hash")
    page.keyboard.press("Escape")
    assert not page.is_visible("#detail")
    assert page.evaluate("document.querySelector('#detail video')") is None
    assert page.evaluate("document.activeElement.closest('.card').dataset.skill") == "3"
    assert open_page("#skill=17").inner_text("#detail-title").startswith("#017")


def test_each_line_is_copied_by_its_own_button(open_page: Any) -> None:
    page = open_page("#skill=3")
    for place, line in enumerate(("detail-command", "detail-python", "detail-export")):
        page.locator(".copy").nth(place).click()
        assert page.evaluate("getSelection().toString()") == page.inner_text(f"#{line}")


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
    _until(page, "[...document.querySelectorAll('#detail video')].every(v => v.currentTime > 0)")
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
    _until(
        page,
        "(r => r.top >= 0 && r.bottom <= innerHeight + 1)(document.querySelector('.found').getBoundingClientRect())",
    )


def test_one_of_each_family(open_page: Any) -> None:
    page = open_page()
    page.check("#families")
    assert _numbers(page) == [0, 1, 2, 3]
    assert page.evaluate("document.querySelectorAll('#map-plot .mark:not(.dim)').length") == 4
    assert "families=1" in page.evaluate("location.hash")


@pytest.fixture(scope="module")
def behaviours(gallery: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a hundred skills in four behaviours that the data have told, of a planar body, with the same films.

    What stands for a behaviour is not its first skill, one film begins late, and a number is next to nothing below 0.
    """
    folder = tmp_path_factory.mktemp("behaviours")
    shutil.copytree(gallery.parent / "skills", folder / "gallery" / "skills")
    write_json(Layout(folder).films_file, {"begins": {"skills/010.mp4": 31.0}})
    document = page_of(100) | {"behaviours": True, "representatives": [8, 5, 10, 3], "planar": True}
    for skill in document["skills"]:
        skill["path"] = [[0.0, 0.0], [1.0, 0.5 - (skill["skill"] % 4) / 3]]
    document["skills"][10] |= {"seconds": 50.0, "label": "trots forward 1.0 m/s, leaps too high at 33.0 s"}
    document["skills"][3] |= {
        "speed": -0.004,
        "rollouts": 5,
        "ended": "lies on its back in 2 of 5",
        "ended_seconds": 39.0,
    }
    return write_gallery(folder, document)


@pytest.fixture
def open_behaviours(browser: Any, behaviours: Path) -> Iterator[Any]:
    complaints: list[str] = []
    contexts = []

    def open_it(address: str = "") -> Any:
        contexts.append(browser.new_context(viewport={"width": 1280, "height": 900}))
        contexts[-1].set_default_timeout(120_000)
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(behaviours.as_uri() + address)
        page.wait_for_selector(".card, #none:not([hidden])")
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert complaints == []


def test_one_skill_of_each_behaviour_is_shown_and_the_rest_behind_a_click(open_behaviours: Any) -> None:
    page = open_behaviours()
    assert _numbers(page) == [8, 5, 10, 3]
    assert "100 skills in 4 behaviours" in page.inner_text("#origin")
    page.wait_for_function("document.querySelectorAll('.card video').length === 4")  # the films are of these
    assert page.evaluate("document.querySelectorAll('.mark.dim').length") == 0  # the map and the paths show all
    page.click("#unfold")
    assert _numbers(page)[:6] == [8, 5, 10, 3, 0, 1]
    assert len(_numbers(page)) == 100
    assert not page.is_visible("#rest")
    assert "families=0" in page.evaluate("location.hash")
    assert len(_numbers(open_behaviours("#families=0"))) == 100
    page.check("#families")
    assert _numbers(page) == [8, 5, 10, 3]
    assert page.evaluate("location.hash") == "#families=1"


def test_a_search_is_in_all_skills(open_behaviours: Any) -> None:
    page = open_behaviours()
    page.fill("#search", "falls")
    assert len(_numbers(page)) == 33
    assert len(_numbers(open_behaviours("#search=falls"))) == 33
    page.fill("#search", "")
    page.select_option("#family", "B")
    assert len(_numbers(page)) == 25
    assert _numbers(page)[0] == 5


def test_the_map_and_the_distances_over_time_are_coloured_by_behaviour(open_behaviours: Any) -> None:
    page = open_behaviours()
    hues = {
        plot: page.evaluate(
            f"[...document.querySelectorAll('#{plot}-plot .mark')].map(m => "
            "[+m.dataset.skill % 4, (m.style.getPropertyValue('--hue') * 1).toFixed(0)].join())"
        )
        for plot in ("map", "ways")
    }
    assert set(hues["map"]) == set(hues["ways"])
    assert len(set(hues["map"])) == 4
    assert "colour is the behaviour" in page.inner_text("#ways-note")


def test_a_film_says_which_seconds_it_shows(open_behaviours: Any) -> None:
    page = open_behaviours("#skill=10")
    page.wait_for_function("document.querySelector('#detail-media p').textContent.includes('of 50')")
    text = page.inner_text("#detail-media")
    assert "Seconds 31 to 3" in text
    assert "what the title tells of" in text
    filmed = page.locator("#detail-charts rect.filmed").first
    assert float(filmed.get_attribute("x")) == pytest.approx(62.0)
    assert "leaps too high at 33.0 s" in page.inner_text("#detail-title")


def test_what_became_of_a_skill_is_named_and_nothing_is_minus_nothing(open_behaviours: Any) -> None:
    page = open_behaviours("#skill=3")
    numbers = page.inner_text("#detail-numbers")
    assert "lies on its back in 2 of 5, after 39.0 s on average" in numbers
    assert "0.00 m/s" in numbers
    assert "-0" not in numbers


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
    _until(page, "[...document.querySelectorAll('#side video')].every(v => v.currentTime > 0.1)")
    page.click("#side-play")
    page.evaluate(
        "(t => { t.value = 0.4; t.dispatchEvent(new Event('input')); })(document.getElementById('side-time'))"
    )
    _until(
        page,
        "[...document.querySelectorAll('#side video')].every(v => v.paused && Math.abs(v.currentTime - 0.4) < 0.05)",
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


def test_a_served_page_plays_its_videos_and_runs_nothing_but_its_files(browser: Any, served: str) -> None:
    page = browser.new_page()
    answers, complaints = [], []
    page.on("response", lambda response: answers.append((response.url, response.status)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(served + "#skill=3")
    _until(page, "document.querySelector('#detail video').currentTime > 0.1")
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
