"""The tables of the paper: real small runs of every method, killed and continued, and the document made of them."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType
from typing import get_args

import numpy as np
import pytest
from commands import skills
from interrupting import interrupted_after

from skills.cli import reproduce as command
from skills.errors import NOT_FOUND, USAGE, SkillsError
from skills.evaluation import figure7, paper, reproduce
from skills.evaluation.reproduce import Settings, config_of, run_all, totals, verdicts
from skills.evaluation.table_page import data_text, grid, markdown, papers, published_text
from skills.progress import silent_reporter
from skills.runs.folder import open_run
from skills.runs.reading import read_own

DATASET, EXPERT = "halfcheetah-random", "halfcheetah-medium"
RIVALS = ["iq-learn", "valuedice", "demodice", "smodice", "smore"]
METHODS = ["clue", "clue-uncalibrated", "true", "otr", "oril", "oril-td3bc", "sqil", "bc", "td3bc", *RIVALS]
TABLE = replace(paper.table("table3"), datasets=(DATASET,), columns=(*METHODS, "gail"))
SETTINGS = Settings("smoke", seeds=2, seed=1, device="cpu", steps=60, expert=EXPERT)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A folder with the data and the runs of all these tests."""
    return tmp_path_factory.mktemp("reproduce")


@pytest.fixture(autouse=True)
def _shared_data(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(root / "minari"))


def run(methods, folder, reporter=silent_reporter, settings=SETTINGS) -> list[str]:
    return run_all(TABLE, [DATASET], methods, settings, folder, reporter, lambda line: None)


@pytest.fixture
def finished(root: Path, _shared_data: None) -> Path:
    """The folder of a table whose runs are all finished; made by the first test that asks."""
    assert run(METHODS, root / "table") == []
    return root / "table"


def test_every_method_has_a_score_of_every_seed(finished):
    document = json.loads((finished / "table.json").read_text())
    (row,) = document["rows"]
    assert row["dataset"] == DATASET
    assert row["data"]["made_here"]
    for name in METHODS:
        ours = row["methods"][name]["ours"]
        assert len(ours["seeds"]) == 2
        assert ours["low"] <= ours["value"] <= ours["high"]
        assert ours["steps"] == 60
        assert open_run(finished / f"{DATASET}-{name}").finished_stages()[-1] == "measures"
    scores = [tuple(row["methods"][name]["ours"]["seeds"]) for name in METHODS]
    assert len(set(scores)) == len(METHODS), "no two methods are the same"


def test_a_finished_table_is_not_run_again(finished):
    before = {path: path.stat().st_mtime_ns for path in finished.glob("*/policy/*")}
    run(METHODS, finished)
    assert {path: path.stat().st_mtime_ns for path in finished.glob("*/policy/*")} == before


def test_what_a_killed_table_left_is_cleared(finished):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = finished / f".table.{ended.pid}.partial.json"
    left.write_text("half of it")
    run(["bc"], finished)
    run(METHODS, finished)  # the table as the other tests find it
    assert not left.exists()


def test_an_interrupted_table_goes_on_and_ends_in_the_same_bytes(finished, tmp_path):
    with interrupted_after(40), pytest.raises(KeyboardInterrupt):
        run(["sqil"], tmp_path)
    run(["sqil"], tmp_path)
    for part in ("rewards/labels.f16", "policy/weights.safetensors"):
        whole, cut = (folder / f"{DATASET}-sqil" / part for folder in (finished, tmp_path))
        assert cut.read_bytes() == whole.read_bytes()


def test_what_cannot_be_run_is_said_and_the_rest_is_run(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ot", None)
    (failure,) = run(["otr", "bc"], tmp_path)
    assert failure.startswith(f"{DATASET}, otr: OTR's rewards need POT")
    document = json.loads((tmp_path / "table.json").read_text())
    methods = document["rows"][0]["methods"]
    assert methods["otr"]["ours"] is None
    assert methods["bc"]["ours"]["value"] is not None


def test_another_budget_needs_another_folder(finished):
    with pytest.raises(SkillsError, match=r"policy\.steps") as caught:
        run(["bc"], finished, settings=replace(SETTINGS, steps=61))
    assert caught.value.exit_code == USAGE


def test_settings_of_each_method():
    settings = Settings("quick", seeds=3, seed=5, device="cpu")
    clue, plain, sqil, five = (
        config_of(paper.table("table3"), "hopper-medium", name, settings)
        for name in ("clue", "clue-uncalibrated", "sqil", "otr-5")
    )
    assert (clue.mode, clue.heads, clue.seed, clue.experts.expert) == ("imitation", 3, 5, "hopper-expert")
    assert (clue.reward.calibration, plain.reward.calibration) == (0.1, 0.0)
    assert (sqil.reward.name, sqil.policy.name, sqil.policy.expert_share) == ("sqil", "td3bc", 0.5)
    assert (five.reward.name, five.experts.trajectories, clue.experts.trajectories) == ("otr", 5, 1)
    maze = config_of(paper.table("table1"), "antmaze-umaze-play", "otr", settings)
    soft, tenth, part = (
        config_of(paper.table(name), "antmaze-umaze-play", method, replace(settings, preset=preset))
        for name, method, preset in (
            ("table7", "clue-c3", "quick"), ("table5", "clue-10", "paper"), ("figure4", "clue-p5", "quick")
        )
    )  # fmt: skip
    assert (soft.reward.temperature, soft.experts.trajectories, soft.data.steps) == (3.0, 10, 200_000)
    assert (tenth.reward.temperature, tenth.experts.trajectories) == (10.0, 10)
    assert (tenth.data.steps, tenth.policy.steps) == (100_000, 300_000)
    assert (part.data.steps, part.policy.steps) == (10_000, 20_000)
    assert (maze.mode, maze.experts.expert, maze.experts.trajectories, maze.policy.reward_shift) == (
        "sparse",
        None,
        5,
        -2.0,
    )


NOTHING: Mapping[str, Sequence[dict]] = MappingProxyType({})


def row(dataset: str, printed: Mapping[str, Sequence[dict]] = NOTHING, **scores: list[float] | None) -> dict:
    methods = {
        name: {"ours": None if seeds is None else {"seeds": seeds}, "published": list(printed.get(name, ()))}
        for name, seeds in scores.items()
    }
    return {"dataset": dataset, "methods": methods}


def test_totals_are_over_the_datasets_that_all_have_finished():
    rows = [row("a", clue=[1.0, 3.0], otr=[0.0, 0.0], bc=None), row("b", clue=[10.0, 30.0], otr=[5.0, 5.0], bc=None)]
    found = totals([*rows, row("c", clue=[100.0, 100.0], otr=None, bc=None)], ["clue", "otr", "bc"])
    assert set(found) == {"clue", "otr"}
    assert found["clue"]["seeds"] == [11.0, 33.0]
    assert found["otr"]["value"] == 5.0
    assert found["clue"]["datasets"] == ["a", "b"]
    assert found["clue"]["published"] == []


def test_totals_of_a_source_are_of_the_same_datasets():
    """Of the sets that we have run, where it has them all; a source with fewer has no total beside ours."""
    rows = [
        row(name, {"clue": [asdict(one) for one in paper.published("table3", name, "clue")]}, clue=[1.0, 2.0])
        for name in ("hopper-medium", "walker2d-medium")
    ]
    rows[0]["methods"]["clue"]["published"].append({"mean": 5.0, "std": None, "paper": "Other", "source": "other"})
    (printed,) = totals(rows, ["clue"])["clue"]["published"]
    assert (printed["paper"], printed["mean"], printed["std"]) == ("CLUE", pytest.approx(78.3 + 80.7), None)


def test_a_line_has_our_score_and_what_each_paper_prints():
    """Several sources beside ours, with a deviation where there is one; what is not run stands there as well."""
    cells = {
        "sqil": {"value": 18.6, "low": -2.1, "high": 39.2},
        "smodice": None,
        "clue": None,
    }
    shown = {
        "rows": [
            {
                "dataset": "hopper-medium",
                "methods": {
                    name: {
                        "ours": ours,
                        "published": [asdict(one) for one in paper.published("table4", "hopper-medium", name)],
                    }
                    for name, ours in cells.items()
                },
            }
        ],
        "totals": {},
    }
    assert papers(shown) == ["CLUE", "RGM", "SEABO"]
    assert grid(shown) == [
        ["hopper-medium", "sqil", "18.6 (-2.1..39.2)", "66.9 ± 5.1", "-", "44.7 ± 20.1"],
        ["hopper-medium", "smodice", "-", "54.8 ± 1.2", "54.5 ± 4.0", "56.3 ± 2.3"],
        ["hopper-medium", "clue", "-", "78.3 ± 5.4", "-", "-"],
    ]
    assert published_text(asdict(paper.published("table6", "antmaze-umaze-play", "clue-c2")[0])) == "90.0"


@pytest.mark.parametrize(("clue", "words"), [([50.0, 50.1], "above"), ([4.0, 4.1], "below"), ([5.0, 5.1], "not apart")])
def test_verdicts_say_who_is_ahead_and_whether_that_is_clear(clue, words):
    found = totals([row("a", clue=clue, otr=[5.0, 5.1])], ["clue", "otr"])
    (line,) = verdicts(found)
    assert words in line


def test_the_page_says_where_the_data_is_from_and_what_of_it_differs(finished):
    page = (finished / "table.md").read_text()
    assert f"| {DATASET} | clue |" in page
    assert "made here" in page
    assert paper.document()["note"] in page
    assert TABLE.about in page
    assert "clue 714.5" in page, "the paper's total"
    assert page == markdown(json.loads((finished / "table.json").read_text()))


def test_the_command_knows_what_the_library_knows():
    assert set(get_args(command.Name)) == {*paper.document()["tables"], *paper.document()["figures"]}


def test_runs_of_another_mode_are_not_in_a_table(finished):
    """A folder that an older version filled under the table's number."""
    assert reproduce.document(paper.table("table2"), ["clue"], finished)["rows"] == []


def test_the_command_prints_a_table_and_one_document(finished, root, capsys):
    """Of the runs that are there, as a person would call it, then as a program would."""
    asked = ["--datasets", DATASET, "--methods", "bc,true", "--expert", EXPERT, "--seeds", 2, "--steps", 60]
    asked += ["--preset", "smoke", "--device", "cpu", "--out", finished]
    done = skills(root, "reproduce", "table3", *asked)
    assert done.returncode == 0, done.stderr
    assert DATASET in done.stdout
    assert "table.md" in done.stdout
    assert f"bc on {DATASET}" in done.stderr
    command.reproduce(
        "table3", datasets=DATASET, methods="bc", expert=EXPERT, seeds=2, steps=60, preset="smoke", device="cpu",
        out=finished, json=True, quiet=True,
    )  # fmt: skip
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert printed.err == ""
    assert document["schema_version"] == reproduce.SCHEMA_VERSION
    assert document["failures"] == []
    assert document["rows"][0]["methods"]["bc"]["ours"]["seeds"]


@pytest.mark.parametrize(
    ("asked", "code", "words"),
    [
        ({"table": "table3", "methods": "clue,clu"}, USAGE, "clue"),
        ({"table": "table3", "datasets": "hoper-medium"}, NOT_FOUND, "hopper-medium"),
        ({"table": "table1", "datasets": "pen-human"}, USAGE, "skills reproduce table2 --datasets pen-human"),
        ({"table": "table2", "datasets": "hopper-medium"}, USAGE, "skills reproduce table3 --datasets hopper-medium"),
        ({"table": "table2"}, NOT_FOUND, "Ant-v5"),
        ({"table": "table4", "methods": "clue,gail"}, USAGE, "Known"),
        ({"table": "table3", "datasets": DATASET, "expert": "nowhere.npz"}, NOT_FOUND, "dataset"),
        ({"table": "table3", "datasets": DATASET, "expert": "pen-human"}, NOT_FOUND, "Ant-v5"),
        ({"table": "table3", "datasets": DATASET, "seeds": 0}, USAGE, "1 or more"),
    ],
)
def test_what_cannot_be_run_is_refused_with_a_way_out(asked, code, words):
    with pytest.raises(SkillsError) as caught:
        command.reproduce(**asked, device="cpu")
    assert caught.value.exit_code == code
    assert words in caught.value.hint


def test_an_expert_from_a_file_is_its_owners():
    """By its name alone; it is in no list of sets, and not official for that."""
    data = {"name": "halfcheetah-medium", "minari_id": "mujoco/halfcheetah/medium-v0", "made_here": False}
    expert = {
        "name": "/home/someone/shown.npz", "minari_id": None, "made_here": False, "episodes_read": 2, "episodes": [0],
        "returns": [4067.7],
    }  # fmt: skip
    row = {
        "dataset": "halfcheetah-medium",
        "data": {**data, "steps": 1000, "episodes": 1, "return_mean": None},
        "methods": {"clue": {"ours": {"expert": expert}}},
    }
    assert data_text(row) == (
        "halfcheetah-medium: mujoco/halfcheetah/medium-v0 (official), 1,000 steps in 1 episodes; "
        "expert of clue: shown.npz (brought by the user), 1 of 2 episodes, of return 4068"
    )


def test_rewards_of_each_temperature_are_compared_with_the_true_ones(root, capsys):
    """Figure 7: the correlation is that of the run's labels and the set's rewards; what is there is not made again."""
    folder = root / "rewards"
    asked = {"datasets": DATASET, "methods": "clue-c1,clue-c10", "expert": EXPERT, "seeds": 1, "preset": "smoke"}
    command.reproduce("figure7", **asked, device="cpu", out=folder, json=True, quiet=True)
    document = json.loads(capsys.readouterr().out)
    assert [(row["rewards"], row["temperature"]) for row in document["rows"]] == [("clue-c1", 1.0), ("clue-c10", 10.0)]
    steps = [row["steps_pearson"]["value"] for row in document["rows"]]
    assert steps[0] != steps[1]
    run_folder = open_run(folder / f"{DATASET}-clue-c1")
    own = read_own(run_folder, "auto", silent_reporter, lambda line: None, rewards=True)
    labels = np.fromfile(run_folder.rewards_folder / "labels.f16", np.float16)[: len(own)].astype(np.float64)
    assert steps[0] == pytest.approx(np.corrcoef(labels, own.rewards)[0, 1])
    assert run_folder.finished_stages() == ["experts", "rewards"]
    assert document["rows"][0]["data"]["made_here"]
    before = run_folder.evaluation_file(figure7.AGREEMENT).stat().st_mtime_ns
    command.reproduce("figure7", **asked, device="cpu", out=folder, quiet=True)
    assert "clue-c10" in capsys.readouterr().out
    assert run_folder.evaluation_file(figure7.AGREEMENT).stat().st_mtime_ns == before
    page = (folder / "table.md").read_text()
    assert f"| {DATASET} | clue-c1 |" in page
