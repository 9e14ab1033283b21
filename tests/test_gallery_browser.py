"""The gallery in a real Chromium, from disk and served."""

from pathlib import Path
from typing import Any

import pytest
from browsing import HOSTILE, MISSING, Open, numbers, players, until
from recordings import page_of

from skills.videos.gallery.write import write_gallery

pytest_plugins = ["browsing"]


def test_a_hundred_cards_and_a_video_that_plays(open_page: Open) -> None:
    page = open_page()
    assert numbers(page) == list(range(100))
    until(page, "[...document.querySelectorAll('.card video')].some(v => v.currentTime > 0.1 && !v.paused)")
    assert (
        page.evaluate(
            "[...document.querySelectorAll('img')].filter(i => i.src && i.complete && !i.naturalWidth).length"
        )
        == 0
    )
    assert page.evaluate("[...document.querySelectorAll('.card img')].filter(i => i.src).length") <= 20
    assert "made by this project’s own policies" in page.inner_text("#origin")
    assert "shuffled" in (page.text_content("#evaluation table") or "")


def test_every_video_plays_once_its_card_is_in_sight(open_page: Open) -> None:
    page = open_page()
    seen: set[int] = set()
    for place in range(0, int(page.evaluate("document.body.scrollHeight")) + 400, 400):
        page.evaluate(f"scrollTo(0, {place})")
        page.wait_for_timeout(60)
        seen |= set(page.evaluate("[...document.querySelectorAll('.card:has(video)')].map(c => +c.dataset.skill)"))
    assert seen == set(range(100)) - {MISSING}


def test_at_most_twelve_players_live_while_scrolling(open_page: Open) -> None:
    page = open_page(viewport={"width": 1600, "height": 1400})
    most = 0
    for _ in range(24):
        page.mouse.wheel(0, 700)
        page.wait_for_timeout(60)
        most = max(most, players(page))
    assert 1 <= most <= 12
    page.wait_for_timeout(400)
    visible = "[...document.querySelectorAll('.card:has(video)')].every(c => { const r = c.getBoundingClientRect();"
    assert page.evaluate(visible + " return r.bottom > 0 && r.top < innerHeight; })")


def test_pause_all_ends_every_player(open_page: Open) -> None:
    page = open_page()
    page.wait_for_selector(".card video")
    page.click("#pause")
    assert players(page) == 0
    assert page.get_attribute("#pause", "aria-pressed") == "true"
    page.click("#pause")
    page.wait_for_selector(".card video")


def test_sort_search_and_filter_are_kept_in_the_address(open_page: Open) -> None:
    page = open_page()
    page.select_option("#sort", "displacement")
    assert numbers(page)[:3] == [99, 98, 97]
    page.check("#survives")
    assert all(number % 3 != 2 for number in numbers(page))
    page.fill("#search", "forward 9")
    shown = numbers(page)
    assert shown
    assert set(shown) < set(range(100))
    address = page.evaluate("location.hash")
    again = open_page(address)
    assert numbers(again) == shown
    assert again.input_value("#sort") == "displacement"
    again.fill("#search", "no such skill")
    assert again.is_visible("#none")
    again.click("#clear")
    assert len(numbers(again)) == 100


def test_hostile_labels_are_only_text(open_page: Open) -> None:
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


def test_a_skill_without_a_video_says_so(open_page: Open) -> None:
    page = open_page(f"#search=00{MISSING}")
    assert numbers(page) == [MISSING]
    assert "no video yet" in page.inner_text(".card")
    assert page.evaluate("document.querySelectorAll('.card img').length") == 0


def test_reduced_motion_shows_posters_only(open_page: Open) -> None:
    page = open_page(reduced_motion="reduce")
    page.wait_for_timeout(500)
    assert players(page) == 0
    assert page.evaluate("[...document.querySelectorAll('.card img')].some(i => i.complete && i.naturalWidth === 64)")


def test_without_scripts_stills_link_to_videos(open_page: Open, browser: Any, gallery: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(gallery.as_uri())
    assert page.locator(".stills a").count() == 99
    context.close()


@pytest.mark.parametrize("width", [320, 390, 768, 1360, 1920])
def test_nothing_runs_over_the_edge(open_page: Open, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    over = (
        "[...document.querySelectorAll('.card dl, #summary > div')].filter(e => e.scrollWidth > e.clientWidth).length"
    )
    assert page.evaluate(over) == 0


def test_the_page_itself_is_small(gallery: Path) -> None:
    assert gallery.stat().st_size < 250_000


def test_one_of_each_family(open_page: Open) -> None:
    page = open_page()
    page.check("#families")
    assert numbers(page) == [0, 1, 2, 3]
    assert page.evaluate("document.querySelectorAll('#map-plot .mark:not(.dim)').length") == 4
    assert "families=1" in page.evaluate("location.hash")


def test_a_family_is_chosen_by_its_name_and_kept_in_the_address(open_page: Open) -> None:
    page = open_page()
    page.select_option("#family", label="B (25): forward, about 1.0 m/s")
    assert numbers(page) == list(range(1, 100, 4))
    assert "family=B" in page.evaluate("location.hash")
    again = open_page("#family=B&families=1")
    assert numbers(again) == [1]
    assert again.inner_text(".card .stands") == "Stands for 25 of family B: forward, about 1.0 m/s"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("address", ["", "#skill=3", "#compare=1,2"])
def test_an_accessibility_engine_finds_nothing_serious(open_page: Open, scheme: str, address: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    page = open_page(address, color_scheme=scheme, reduced_motion="reduce")
    found = axe.Axe().run(page).response["violations"]
    serious = [
        (rule["id"], rule["nodes"][0]["html"][:200]) for rule in found if rule["impact"] in ("serious", "critical")
    ]
    assert serious == []
