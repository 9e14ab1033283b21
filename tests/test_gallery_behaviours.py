"""A page of behaviours that the data have told, and one of a single expert, in a real Chromium."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import Open, hues, numbers, visits
from recordings import page_of

from skills.files import write_json
from skills.runs.layout import Layout
from skills.videos.gallery.write import write_gallery

pytest_plugins = ["browsing"]


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
def open_behaviours(browser: Any, behaviours: Path) -> Iterator[Open]:
    with visits(browser, f"{behaviours.parent.as_uri()}/") as open_it:
        yield open_it


def test_one_skill_of_each_behaviour_is_shown_and_the_rest_behind_a_click(open_behaviours: Open) -> None:
    page = open_behaviours()
    assert numbers(page) == [8, 5, 10, 3]
    assert "100 skills in 4 behaviours" in page.inner_text("#origin")
    page.wait_for_function("document.querySelectorAll('.card video').length === 4")  # the films are of these
    assert page.evaluate("document.querySelectorAll('.mark.dim').length") == 0  # the map and the paths show all
    page.click("#unfold")
    assert numbers(page)[:6] == [8, 5, 10, 3, 0, 1]
    assert len(numbers(page)) == 100
    assert not page.is_visible("#rest")
    assert "families=0" in page.evaluate("location.hash")
    assert len(numbers(open_behaviours("#families=0"))) == 100
    page.check("#families")
    assert numbers(page) == [8, 5, 10, 3]
    assert page.evaluate("location.hash") == "#families=1"


def test_a_search_is_in_all_skills(open_behaviours: Open) -> None:
    page = open_behaviours()
    page.fill("#search", "falls")
    assert len(numbers(page)) == 33
    assert len(numbers(open_behaviours("#search=falls"))) == 33
    page.fill("#search", "")
    page.select_option("#family", "B")
    assert len(numbers(page)) == 25
    assert numbers(page)[0] == 5


def test_the_map_and_the_distances_over_time_are_coloured_by_behaviour(open_behaviours: Open) -> None:
    page = open_behaviours()
    assert hues(page, "map") == hues(page, "ways")
    assert len({hue for _, hue in hues(page, "map")}) == 4
    assert "colour is the behaviour" in page.inner_text("#ways-note")


def test_a_film_says_which_seconds_it_shows(open_behaviours: Open) -> None:
    page = open_behaviours("#skill=10")
    page.wait_for_function("document.querySelector('#detail-video p').textContent.includes('of 50')")
    text = page.inner_text("#detail-video")
    assert "Seconds 31 to 3" in text
    assert "what the title tells of" in text
    filmed = page.locator("#detail-charts rect.filmed").first
    assert float(filmed.get_attribute("x")) == pytest.approx(62.0)
    assert "leaps too high at 33.0 s" in page.inner_text("#detail-title")


def test_what_became_of_a_skill_is_named_and_nothing_is_minus_nothing(open_behaviours: Open) -> None:
    page = open_behaviours("#skill=3")
    numbers = page.inner_text("#detail-numbers")
    assert "lies on its back in 2 of 5, after 39.0 s on average" in numbers
    assert "0.00 m/s" in numbers
    assert "-0" not in numbers


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
