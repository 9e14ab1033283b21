"""The page over all runs, and the commands that write it."""

import re
from pathlib import Path

import pytest

from skills.errors import SkillsError
from skills.files import write_json
from skills.runs.configure import make_config
from skills.runs.folder import STAGES, open_or_create
from skills.videos.gallery.index import card, render_index, write_index

HOSTILE = "a'<img src=x onerror=alert(1)>"


SUMMARY = {
    "occupancy_ratio_median": 2.0, "held_share": 0.5, "speed_between": 1.0, "speed_within": 0.0,
    "speed_spread_ratio": None, "reward_auc_median": None, "survival_median": 0.875, "return_best": 300.0,
    "return_best_normalised": None, "return_data_mean": 100.0,
}  # fmt: skip


def skill_of(number: int) -> dict[str, object]:
    return {"skill": number, "label": "hops"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A finished run with films of skills 1 and 2, and one just begun whose name is hostile."""
    done = open_or_create(tmp_path / "runs" / "hopper-medium", make_config("hopper-medium", preset="smoke"))
    document = {
        "representatives": [2, 0],
        "skills": [{"skill": skill, "video": skill > 0} for skill in range(3)],
        "summary": [{"name": "Survival", "value": 12.5, "unit": "%", "explanation": ""}],  # the page's is not asked
    }
    for stage in STAGES[:-1]:
        with done.stage(stage, []):
            pass
    with done.stage("measures", [done.measures_file]):
        write_json(done.measures_file, {"summary": SUMMARY, "skills": [skill_of(k) for k in range(done.config.heads)]})
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
    assert "<dt>Survival</dt><dd>87.5 %</dd>" in text
    assert text.count("Not finished yet: <code>skills discover --run ") == 1
    assert "2 runs" in text


def test_numbers_that_are_not_those_that_were_measured_are_not_shown(root: Path) -> None:
    file = root / "hopper-medium" / "measures.json"
    file.write_text(file.read_text().replace("0.875", "0.975"))
    text = write_index(root, sorted(root.iterdir())).read_text(encoding="utf-8")
    assert "measures.json is damaged, or not what this run made" in text
    assert "97.5" not in text


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
