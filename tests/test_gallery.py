"""The gallery page as text: whole, self-contained, and deaf to what a dataset calls itself."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from recordings import page_of

from skills.runs.layout import Layout
from skills.videos.gallery.write import render_page, write_gallery

HOSTILE = "</script><script>alert('x')</script><img src=x onerror=alert(1)> \"' & \u2028\u2029 <!-- 🦿"


class _Outline(HTMLParser):
    """Notes every element, its attributes and what scripts hold."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag == "script"

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.scripts.append(data)


@pytest.fixture
def with_videos(tmp_path: Path) -> Path:
    """A run folder with (empty) videos of skills 0 and 2."""
    for skill in (0, 2):
        for path in (Layout(tmp_path).film(skill), Layout(tmp_path).poster(skill)):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
    return tmp_path


def test_the_page_and_its_manifest_hold_the_same_data(with_videos: Path) -> None:
    index = write_gallery(with_videos, page_of(3))
    assert index == with_videos / "gallery" / "index.html"
    manifest = json.loads((with_videos / "gallery" / "manifest.json").read_text())
    outline = _Outline(index.read_text(encoding="utf-8"))
    assert json.loads(outline.scripts[0]) == manifest
    assert [skill["video"] for skill in manifest["skills"]] == [True, False, True]
    assert manifest["skills"][1]["label"] == page_of(3)["skills"][1]["label"]


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    page = page_of(2, label=HOSTILE)
    page["dataset"]["name"] = page["run"] = page["dataset"]["minari_id"] = page["axes"][0] = HOSTILE
    text = write_gallery(tmp_path, page).read_text(encoding="utf-8")
    outline = _Outline(text)
    scripts = [attributes for tag, attributes in outline.elements if tag == "script"]
    assert scripts == [{"type": "application/json", "id": "data"}, {}]
    assert not [tag for tag, attributes in outline.elements if "onerror" in attributes]
    assert json.loads(outline.scripts[0])["skills"][0]["label"] == HOSTILE
    assert json.loads(outline.scripts[0])["dataset"]["name"] == HOSTILE
    assert "\u2028" not in outline.scripts[0]
    assert "\u2029" not in outline.scripts[0]
    assert "<!--" not in outline.scripts[0]


def test_names_that_look_like_placeholders_stay_text() -> None:
    document = {**page_of(1), "run": "@@script@@"}
    document["skills"][0]["video"] = False
    document["dataset"]["name"] = "@@data@@"
    text = render_page(document)
    assert "<title>Skills of @@data@@</title>" in text
    assert [part for part in ("title", "style", "script", "still", "data") if f"@@{part}@@" in text] == [
        "script",
        "data",
    ]


def test_the_page_needs_nothing_but_its_folder(with_videos: Path) -> None:
    text = write_gallery(with_videos, page_of(3)).read_text(encoding="utf-8")
    outline = _Outline(text)
    for tag, attributes in outline.elements:
        for name in ("src", "href", "poster", "action"):
            target = attributes.get(name) or ""
            assert re.fullmatch(r"|data:,|#cards|skills/\d{3}\.(webp|mp4)", target), (tag, target)
    assert "@import" not in text
    assert re.findall(r"https?://[^\s\"']+", text) == ["http://www.w3.org/2000/svg"]
    assert "url(" not in text


def test_without_scripts_there_are_posters_that_link_to_videos(with_videos: Path) -> None:
    text = write_gallery(with_videos, page_of(3)).read_text(encoding="utf-8")
    still = text[text.rindex("<noscript>") : text.rindex("</noscript>")]
    assert re.findall(r'href="(.*?)"><img src="(.*?)"', still) == [
        (f"skills/{name}.mp4", f"skills/{name}.webp") for name in ("000", "002")
    ]
    assert "no video yet" in still


def test_a_hundred_skills_fit_the_budget(tmp_path: Path) -> None:
    page = page_of(100)
    for skill in page["skills"]:
        skill["path"] = [[round(1.23 * step, 2), round(-4.56 * step, 2)] for step in range(30)]
        skill["speeds"], skill["heights"] = [370 + step for step in range(48)], [55] * 48
    assert write_gallery(tmp_path, page).stat().st_size < 250_000


def test_numbers_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    page = page_of(1)
    page["skills"][0]["speed"] = float("nan")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_gallery(tmp_path, page)
    assert not (tmp_path / "gallery" / "index.html").exists()


def test_text_has_contrast_in_both_schemes() -> None:
    """WCAG AA (4.5 : 1) for every text colour on every surface that it stands on."""
    style = (Path(__file__).parents[1] / "videos" / "gallery" / "gallery.css").read_text(encoding="utf-8")
    schemes = [
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{(.*?)\}", style, re.S)
    ]
    assert len(schemes) == 2
    for scheme in schemes:
        pairs = [(text, on) for text in ("ink", "soft") for on in ("paper", "card", "media")]
        pairs += [("accent", "paper"), ("accent-ink", "accent")]
        for text, on in pairs:
            light, dark = sorted((_luminance(scheme[text]), _luminance(scheme[on])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, on, scheme[text], scheme[on])


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
