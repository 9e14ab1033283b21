"""The dialogs and the plots of the gallery in a real Chromium, from disk and served."""

from typing import Any

from browsing import WITH_MORE, Open, hues, players, until

pytest_plugins = ["browsing"]


def test_the_detail_opens_steps_and_closes_by_keyboard(open_page: Open) -> None:
    page = open_page()
    page.focus(".card[data-skill='3'] button")
    page.keyboard.press("Enter")
    assert page.is_visible("#detail")
    assert page.inner_text("#detail-title").startswith("#003")
    assert page.inner_text("#detail-command") == "skills render hopper-medium --skill 3 --force"
    assert page.inner_text("#detail-python") == 'skills.load("hopper-medium").policy.act(observation, skill=3)'
    assert page.inner_text("#detail-export") == "skills export hopper-medium --skill 3"
    assert page.evaluate("document.querySelector('#detail video').controls")
    until(page, "document.querySelector('#detail video').currentTime > 0.05")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#detail-title").startswith("#004")
    assert "skill=4" in page.evaluate("location.hash")
    page.keyboard.press("Escape")
    assert not page.is_visible("#detail")
    assert page.evaluate("document.querySelector('#detail video')") is None
    assert page.evaluate("document.activeElement.closest('.card').dataset.skill") == "3"
    assert open_page("#skill=17").inner_text("#detail-title").startswith("#017")


def test_each_line_is_copied_by_its_own_button(open_page: Open) -> None:
    page = open_page("#skill=3")
    for place, line in enumerate(("detail-command", "detail-python", "detail-export")):
        page.locator(".copy").nth(place).click()
        assert page.evaluate("getSelection().toString()") == page.inner_text(f"#{line}")


def test_an_address_may_open_a_skill_that_its_search_hides(open_page: Open) -> None:
    page = open_page("#search=nothing&skill=5")
    assert page.inner_text("#detail-title").startswith("#005")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#detail-title").startswith("#005")


def test_the_detail_shows_the_class_other_starts_and_similar_skills(open_page: Open) -> None:
    page = open_page(f"#skill={WITH_MORE}")
    films = page.evaluate("[...document.querySelectorAll('#detail video')].map(v => v.src.split('/').pop())")
    assert films == ["003.mp4", "003-data.mp4", "003-starts.mp4"]
    until(page, "[...document.querySelectorAll('#detail video')].every(v => v.currentTime > 0)")
    assert players(page) == 3  # the cards behind the dialog have given theirs back
    assert page.locator("#detail-charts svg").count() == 2
    page.click("#detail-similar button:nth-child(2)")
    assert page.inner_text("#detail-title").startswith("#005")
    assert "no film of the class" in page.inner_text("#detail-data")


def test_paths_over_the_ground_have_the_colours_of_the_map(open_page: Open) -> None:
    page = open_page()
    assert hues(page, "ways") == hues(page, "map")
    assert len({hue for _, hue in hues(page, "ways")}) == 4
    assert page.inner_text("#ways-note").endswith("seen from above; colour is the family, as in the map.")


def test_a_mark_leads_to_its_card(open_page: Open) -> None:
    page = open_page("#search=nothing")
    page.locator("#map-plot").focus()
    page.keyboard.press("ArrowRight")
    chosen = page.get_attribute("#map-plot", "aria-activedescendant").removeprefix("map-plot-")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.closest('.card').dataset.skill") == chosen
    page.locator("#ways-plot path.mark[data-skill='7']").dispatch_event("click")
    assert page.evaluate("document.activeElement.closest('.card').dataset.skill") == "7"
    until(
        page,
        "(r => r.top >= 0 && r.bottom <= innerHeight + 1)(document.querySelector('.found').getBoundingClientRect())",
    )


def test_skills_are_compared_in_step(open_page: Open) -> None:
    page = open_page()
    for skill in (2, 0):
        page.hover(f".card[data-skill='{skill}']")
        page.click(f".card[data-skill='{skill}'] .pick")
    page.click("#compare")
    assert page.inner_text("#side-title") == "Compare #002, #000"
    assert "compare=2%2C0" in page.evaluate("location.hash")
    until(page, "[...document.querySelectorAll('#side video')].every(v => v.currentTime > 0.1)")
    page.click("#side-play")
    page.evaluate(
        "(t => { t.value = 0.4; t.dispatchEvent(new Event('input')); })(document.getElementById('side-time'))"
    )
    until(
        page,
        "[...document.querySelectorAll('#side video')].every(v => v.paused && Math.abs(v.currentTime - 0.4) < 0.05)",
    )
    page.keyboard.press("Escape")
    assert not page.is_visible("#side")
    assert page.evaluate("document.querySelectorAll('#side video').length") == 0
    again = open_page("#compare=4,5,6,8")
    assert again.evaluate("document.querySelectorAll('#side video').length") == 4


def squares(page: Any, plot: str) -> tuple[float, float, float]:
    """(left, top, side) of the first of a hundred squares of a plot, in pixels; letters stand before it."""
    found = page.evaluate(
        """(plot => {
            const svg = document.getElementById(plot), matrix = svg.getScreenCTM();
            const first = new DOMPoint(0, 0).matrixTransform(matrix);
            return [first.x, first.y, matrix.a];
        })""",
        plot,
    )
    return found[0], found[1], found[2]


def test_the_squares_of_a_large_family_have_its_letter_before_them(open_page: Open) -> None:
    page = open_page()
    sizes = page.evaluate("JSON.parse(document.getElementById('data').textContent).skills.map(one => one.family)")
    large = [chr(65 + family) for family in sorted(set(sizes)) if sizes.count(family) >= 5]
    assert large
    for plot in ("matrix-plot", "switches-plot"):
        assert sorted(page.locator(f"#{plot} text.edge").all_text_contents()) == sorted(2 * large)


def test_a_cell_of_the_distances_compares_two(open_page: Open) -> None:
    page = open_page()
    left, top, side = squares(page, "matrix-plot")
    page.mouse.click(left + 1.5 * side, top + 0.5 * side)  # the first two of the first family
    assert page.inner_text("#side-title") == "Compare #000, #004"


def test_a_detail_says_where_one_can_safely_go_the_quickest_first(open_page: Open) -> None:
    page = open_page(f"#skill={WITH_MORE}")
    assert [one.split(" ")[0] for one in page.locator("#detail-next button").all_inner_texts()] == ["#009", "#005"]
    assert page.locator("#detail-next button").first.inner_text().endswith("; there after 1.0 s")
    assert page.inner_text("#next-note").startswith("2 of 99 skills")
    page.click("#detail-next button:nth-child(2)")
    assert page.inner_text("#detail-title").startswith("#005")
    assert page.inner_text("#next-note").startswith("Nowhere")


def test_where_to_go_names_one_of_each_other_family_before_more_of_the_same(open_page: Open) -> None:
    """Of a hundred skills the quickest to be reached are those that do the same."""
    page = open_page("#skill=8")
    named = [one.split(" ")[0] for one in page.locator("#detail-next button").all_inner_texts()]
    assert named == ["#009", "#012", "#016", "#013"]


def test_a_square_of_the_switches_says_what_happens(open_page: Open) -> None:
    page = open_page()
    assert page.is_visible("#switches-plot")
    page.locator("#switches-plot").scroll_into_view_if_needed()
    left, top, side = squares(page, "switches-plot")
    order = page.evaluate("JSON.parse(document.getElementById('data').textContent).order")
    for after, words in ((9, "reached after 1.0 s"), (4, "somebody falls"), (7, "not reached")):
        page.mouse.move(left + (order.index(after) + 0.5) * side, top + (order.index(3) + 0.5) * side)
        said = page.locator("#switches").locator("xpath=..").locator(".readout").inner_text()
        assert said == f"From #003 to #{after:03d}: {words}"
    page.mouse.move(left + 0.5 * side, top + (order.index(6) + 0.5) * side)
    said = page.locator("#switches").locator("xpath=..").locator(".readout").inner_text()
    assert said == "From #006 to #000: falls before it can give way"
    drawn = page.evaluate(
        "[...document.querySelectorAll('#switches-plot .cell')].map(one => one.getAttribute('d')).join('')"
    )
    assert drawn.count("M") == 99 * 100  # blank where there is nothing to say
