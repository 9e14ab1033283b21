"""The page over all runs, and the commands that write it."""

import re
from pathlib import Path

import pytest

from skills.errors import SkillsError
from skills.files import write_json
from skills.runs.configure import make_config
from skills.runs.folder import open_or_create
from skills.videos.gallery.index import card, render_index, write_index

HOSTILE = "a'<img src=x onerror=alert(1)>"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A finished run with films of skills 1 and 2, and one just begun whose name is hostile."""
    done = open_or_create(tmp_path / "runs" / "hopper-medium", make_config("hopper-medium", preset="smoke"))
    document = {
        "representatives": [2, 0],
        "skills": [{"skill": skill, "video": skill > 0} for skill in range(3)],
        "summary": [{"name": "Survival", "value": 87.5, "unit": "%", "explanation": ""}],
    }
    write_json(done.gallery_folder / "manifest.json", document)
    (done.gallery_folder / "index.html").write_text("")
    open_or_create(tmp_path / "runs" / HOSTILE, make_config("ant-medium", preset="smoke", seed=7))
    return tmp_path / "runs"


def test_every_run_has_a_card(root: Path) -> None:
    index = write_index(root, sorted(root.iterdir()))
    text = index.read_text(encoding="utf-8")
    assert text.count('<article class="run">') == 2
    assert '<a href="hopper-medium/gallery/index.html">hopper-medium</a>' in text
    stills = re.findall(r'<img src="(.*?)"', text)
    assert stills == ["hopper-medium/gallery/skills/002.webp", "hopper-medium/gallery/skills/001.webp"]
    assert "87.5 %" in text
    assert "Not finished yet: <code>skills discover --run " in text
    assert "2 runs" in text


def test_hostile_names_stay_text(root: Path) -> None:
    text = write_index(root, sorted(root.iterdir())).read_text(encoding="utf-8")
    assert "<img src=x" not in text
    assert "a&#x27;&lt;img src=x onerror=alert(1)&gt;" in text
    linked = render_index([{**card_of(root), "page": True}])
    assert 'href="a%27%3Cimg%20src%3Dx%20onerror%3Dalert%281%29%3E/gallery/index.html"' in linked


def card_of(root: Path) -> dict[str, object]:
    from skills.runs.folder import open_run

    return card(open_run(root / HOSTILE))


def test_it_is_written_again_but_never_over_a_page_of_someone_else(root: Path) -> None:
    runs = [root / "hopper-medium"]
    write_index(root, runs)
    assert write_index(root, runs).is_file()
    (root / "index.html").write_text("<!doctype html><p>mine")
    with pytest.raises(SkillsError, match="was not written by this program"):
        write_index(root, runs)
    assert (root / "index.html").read_text() == "<!doctype html><p>mine"
