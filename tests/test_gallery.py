"""The gallery's text: hostile names stay text, and the page says what the run measured."""

import json
import re

import pytest

from videos.gallery import render_page, write_gallery

HOSTILE = "<img src=x onerror=alert(1)> \"' </script><script>alert(2)</script> \u202eright-to-left \u2028" + "x" * 300


def page(skills=3, name="hopper-medium", label="forward 1.0 m/s"):
    """A page as `videos.page` makes it, of a run with that many skills."""
    return {
        "schema_version": 1,
        "run": name,
        "dataset": {"name": name, "minari_id": "a/b-v0", "made_here": True, "steps": 20, "episodes": 2},
        "env_id": "Hopper-v5",
        "mode": "skills",
        "preset": "smoke",
        "seed": 1,
        "skills_count": skills,
        "wall_seconds": 75.3,
        "versions": {"torch": "2.13.0"},
        "command": "skills discover hopper-medium --run runs/hopper-medium",
        "summary": [{"name": "Survival", "value": 50.0, "unit": "%", "explanation": "median over skills"}],
        "skills": [
            {
                "skill": index, "label": label, "support": 0.01, "speed": index / 10, "displacement": 1.0 * index,
                "survival": 0.5 if index % 2 else 1.0, "fall_seconds": 2.3 if index % 2 else None,
                "return": 100.0 - index, "occupancy": 0.05, "occupancy_ratio": 0.1 * index,
                "path": [[0.0, 0.0], [1.0, 0.1 * index]],
            }
            for index in range(skills)
        ],
    }  # fmt: skip


def test_hostile_names_are_only_text(tmp_path):
    text = write_gallery(tmp_path, page(name=HOSTILE, label=HOSTILE)).read_text(encoding="utf-8")
    assert "<img src=x" not in text
    assert "alert(2)</script>" not in text
    inlined = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S).group(1)
    assert json.loads(inlined)["skills"][0]["label"] == HOSTILE
    assert json.loads((tmp_path / "gallery" / "manifest.json").read_text())["dataset"]["name"] == HOSTILE


def test_the_words_of_a_dataset_cannot_name_a_part_of_the_page(tmp_path):
    text = write_gallery(tmp_path, page(label="@@script@@")).read_text(encoding="utf-8")
    assert "@@script@@" in text


def test_skills_without_a_video_are_told(tmp_path):
    write_gallery(tmp_path, page())
    assert [skill["video"] for skill in json.loads((tmp_path / "gallery" / "manifest.json").read_text())["skills"]] == [
        False
    ] * 3


def test_a_page_of_a_hundred_skills_is_small_and_asks_for_nothing():
    document = page(skills=100)
    for skill in document["skills"]:
        skill["video"] = True
        skill["path"] = [[index / 7, index / 11] for index in range(40)]
    text = render_page(document)
    assert len(text.encode()) < 250_000
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", text)


@pytest.mark.parametrize("part", ["title", "style", "script", "still", "data"])
def test_every_part_is_filled_in(part):
    document = page()
    for skill in document["skills"]:
        skill["video"] = False
    assert f"@@{part}@@" not in render_page(document)
