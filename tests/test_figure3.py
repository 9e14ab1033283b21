"""`skills reproduce figure3`: real small runs of two bodies, counted, resumed, and told."""

import json
from pathlib import Path
from typing import get_args

import pytest
from commands import skills

from skills.cli import reproduce as command
from skills.errors import NOT_FOUND, USAGE
from skills.evaluation import figure3, paper
from skills.evaluation.figure3 import HOLDS, cells, config_of, markdown, verdicts
from skills.evaluation.reproduce import Settings
from skills.runs.folder import open_run

ASKED = [
    "--datasets",
    "halfcheetah-random,walker2d-random",
    "--preset",
    "smoke",
    "--steps",
    40,
    "--device",
    "cpu",
    "-q",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Of the runs and the data; the first asks for both datasets, a second for another seed of one."""
    root = tmp_path_factory.mktemp("figure3")
    done = skills(root, "reproduce", "figure3", *ASKED)
    assert done.returncode == 0, done.stderr
    assert "halfcheetah-random" in done.stdout
    return root


def test_every_claim_of_a_body_is_counted_and_told(folder):
    shown = json.loads((folder / "runs" / "reproduce-figure3" / "figure3.json").read_text())
    assert [(row["dataset"], row["claim"]) for row in shown["rows"]] == [
        ("halfcheetah-random", "flips"),
        ("halfcheetah-random", "speeds"),
        ("walker2d-random", "speeds"),
    ]
    for row in shown["rows"]:
        assert row["holds"] == (row["numbers"][0] >= HOLDS[row["claim"]][0])
        assert row["skills"] == [8]
        assert row["data"]["made_here"]
    assert len(shown["verdicts"]) == 3
    assert "8 skills, classes by step, learner reach, preset smoke, seed 1" in markdown(shown)
    assert markdown(shown) == (folder / "runs" / "reproduce-figure3" / "figure3.md").read_text()
    assert open_run(folder / "runs" / "reproduce-figure3" / "halfcheetah-random-1").config.skills == 8


def test_the_same_again_trains_nothing_and_another_seed_joins(folder):
    runs = folder / "runs" / "reproduce-figure3"
    before = {path: path.stat().st_mtime_ns for path in runs.glob("*/policy/*")}
    again = skills(folder, "reproduce", "figure3", *ASKED, "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["failures"] == []
    assert {path: path.stat().st_mtime_ns for path in runs.glob("*/policy/*")} == before
    more = skills(folder, "reproduce", "figure3", *ASKED, "--datasets", "halfcheetah-random", "--seeds", 2, "--json")
    assert more.returncode == 0, more.stderr
    rows = json.loads(more.stdout)["rows"]
    assert [row["seeds"] for row in rows] == [[1, 2], [1, 2], [1]]
    assert len(rows[0]["numbers"]) == 2


def row(dataset: str, claim: str, numbers: list[int]) -> dict:
    words = next(found[claim] for found in paper.figure("figure3").claims.values() if claim in found)
    holds = sorted(numbers)[len(numbers) // 2] >= HOLDS[claim][0]
    return {
        "dataset": dataset, "claim": claim, "words": words, "numbers": numbers, "holds": holds,
        "found": [{"forward": 99}], "in_data": {"forward": 0.98},
    }  # fmt: skip


def test_what_holds_and_what_does_not_is_said_by_dataset():
    some = [row("ant-medium", "directions", [1]), row("ant-diverse", "directions", [8, 6, 7])]
    assert verdicts(some) == [
        "The ant moves in different directions: holds on ant-diverse (7 (6..8)); does not hold on ant-medium (1)."
    ]
    assert cells(some[0]) == [
        "ant-medium", "the ant moves in different directions", "1", "no", "forward 99", "forward 98%"
    ]  # fmt: skip


def test_runs_are_discoveries_as_the_preset_has_them():
    config = config_of("ant-diverse", 3, Settings("quick", 1, 1, "cpu"))
    assert (config.mode, config.skills, config.seed, config.preset) == ("skills", 100, 3, "quick")
    assert config_of("ant-medium", 1, Settings("quick", 1, 1, "cpu", steps=7)).policy.steps == 7
    papers = config_of("ant-medium", 1, Settings("paper", 1, 1, "cpu"))
    assert (papers.experts.features, papers.policy.name) == ("step", "iql")


def test_the_figure_is_of_the_papers_bodies_and_all_data():
    figure = paper.figure("figure3")
    assert {name.split("-")[0] for name in figure.datasets} == set(figure.claims)
    assert {name.split("-")[1] for name in figure.datasets} == {"medium", "random", "diverse"}
    assert {claim for found in figure.claims.values() for claim in found} == set(HOLDS)
    assert "figure3" in get_args(command.Name)


@pytest.mark.parametrize(
    ("asked", "code", "words"),
    [
        (["--methods", "clue"], USAGE, "--methods"),
        (["--expert", "hopper-expert"], USAGE, "--expert"),
        (["--datasets", "hopper-medium"], USAGE, "hopper-medium"),
        (["--datasets", "ant-medum"], NOT_FOUND, "ant-medium"),
        (["--seeds", 0], USAGE, "--seeds"),
    ],
)
def test_what_cannot_be_run_is_refused(tmp_path, asked, code, words):
    done = skills(tmp_path, "reproduce", "figure3", *asked)
    assert done.returncode == code
    assert words in done.stderr
    assert not (tmp_path / "runs").exists()


def test_a_run_that_fails_stops_no_other(tmp_path, monkeypatch):
    def refuse(*_, **__):
        from skills.errors import SkillsError

        raise SkillsError("Not today.")

    from skills.evaluation import reproduce

    monkeypatch.setattr(reproduce, "discover", refuse)
    figure = paper.figure("figure3")
    settings = Settings("smoke", 1, 1, "cpu")
    failures = figure3.run_all(
        figure, ["ant-random", "walker2d-random"], settings, tmp_path, lambda *_: lambda *__: None, lambda line: None
    )
    assert failures == ["ant-random, seed 1: Not today.", "walker2d-random, seed 1: Not today."]
    assert figure3.document(figure, tmp_path)["rows"] == []
