"""Methods side by side at equal minutes: how many updates there are time for, a tiny table, what is refused."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from skills.cli.app import app
from skills.errors import USAGE, SkillsError
from skills.evaluation import neighbours, pace
from skills.evaluation.neighbours import METHODS, Asked, config_of
from skills.measures import intervals
from skills.progress import Progress, silent, silent_reporter, unsaid
from skills.runs.folder import open_or_create, open_run

TINY = {
    "data.steps": 2_000, "experts.max_iterations": 5, "reward.iterations": 20, "reward.hidden": 16, "policy.hidden": 16,
    "rollout.horizon": 50,
}  # fmt: skip
NAMES = ("bc", "hilp", "indicator", "pg-kmeans")
SETTINGS = [word for name, value in TINY.items() for word in ("--set", f"{name}={value}")]
SIZES = ("--preset", "smoke", "--skills", "3", "--trials", "2", "--minutes", "0.2")


def compare(*words: object) -> str:
    """What the command prints, or the error that it ends with."""
    done = CliRunner().invoke(app, ["compare", *map(str, words)], catch_exceptions=False, standalone_mode=False)
    if isinstance(done.exception, Exception):
        raise done.exception
    return done.stdout


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict]]:
    """(the folder, the document) of four methods on a hopper that acts at random."""
    root = tmp_path_factory.mktemp("neighbours")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(root / "minari"))
        patch.setattr(intervals, "DRAWS", 10)
        where = ("--on", "hopper-random", "--methods", ",".join(NAMES), "--out", root / "table")
        yield root / "table", json.loads(compare(*where, *SIZES, *SETTINGS, "--json", "-q"))


def test_every_method_has_its_numbers_and_what_it_took(table):
    folder, document = table
    assert [row["method"] for row in document["rows"]] == [name for name in METHODS if name in NAMES]
    assert document["failures"] == []
    for row in document["rows"]:
        assert row["skills"] == 3
        assert 1 <= row["measures"]["effective_skills"]["value"] <= 3
        assert 0 <= row["measures"]["fidelity"]["top1"]["value"] <= 1
        assert row["measures"]["reach_and_hold"]["reached"]["value"] is not None
        assert row["minutes"] > 0
        assert row["memory_gb"] is None or 0.05 < row["memory_gb"] < 50
        assert all(count >= 1 for count in row["updates"].values())
        run = open_run(folder / row["run"])
        assert {name: getattr(run.config.policy, name) for name in row["updates"]} == row["updates"]
        assert run.config.data.steps == 2_000 or run.manifest["dataset"]["steps"] < 2_000
    page = (folder / "neighbours.md").read_text()
    assert page.count("\n| hopper-random |") == len(NAMES)
    assert not (folder / "tried").exists() or not list((folder / "tried").iterdir())


def test_the_same_command_again_makes_nothing_anew(table):
    folder, _ = table
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.npz")}
    where = ("--on", "hopper-random", "--methods", ",".join(NAMES), "--out", folder)
    shown = compare(*where, *SIZES, *SETTINGS, "-q")
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.npz")} == before
    assert "Each method had 0.2 minutes of a core" in " ".join(shown.split())


def test_a_table_that_was_asked_for_otherwise_stays(table):
    folder, _ = table
    with pytest.raises(SkillsError, match=r"holds a table with minutes 0.2, not 3") as refused:
        compare("--on", "hopper-random", "--out", folder, *SIZES, "--minutes", 3, *SETTINGS)
    assert refused.value.exit_code == USAGE


def test_an_interrupted_method_goes_on_with_the_updates_that_it_was_given(table, tmp_path, monkeypatch):
    monkeypatch.setattr(intervals, "DRAWS", 10)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(table[0].parent / "minari"))
    asked = Asked(0.05, "smoke", 3, 1, 2, "cpu", TINY)
    goals = ["cloning", "cloning"]  # while its pace is found, and while it learns

    def interrupted(task: str, unit: str) -> Progress:
        if goals and task.startswith(goals[0]):
            goals.pop(0)
            if not goals:
                raise KeyboardInterrupt
        return silent

    with pytest.raises(KeyboardInterrupt):
        neighbours.run_all(["hopper-random"], ["bc"], asked, tmp_path, interrupted, unsaid)
    given = json.loads((tmp_path / "notes" / "hopper-random-bc.json").read_text())["updates"]
    assert neighbours.run_all(["hopper-random"], ["bc"], asked, tmp_path, silent_reporter, unsaid) == []
    (row,) = neighbours.document(tmp_path)["rows"]
    assert row["updates"] == given


def test_all_parts_of_a_learner_grow_alike_to_what_time_is_left(tmp_path, monkeypatch, table):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(table[0].parent / "minari"))
    config = config_of("hopper-random", "behaviours", Asked(1.0, "smoke", 3, 1, 2, "cpu", TINY))
    run = open_or_create(tmp_path / "run", config)
    monkeypatch.setattr(pace, "_tried", lambda run, transitions, reporter: [0.004, 0.002, 0.001])
    with run.writing():
        found = pace.find(run, 1.0, silent_reporter, unsaid)
    usual = [config.policy.value_steps, config.policy.common_steps, config.policy.steps]
    times = (60.0 - found.prepared) / (0.004 * usual[0] + 0.002 * usual[1] + 0.001 * usual[2])
    assert list(found.updates) == ["value_steps", "common_steps", "steps"]
    assert list(found.updates.values()) == [round(times * count) for count in usual]
    with run.writing(), pytest.raises(SkillsError, match=r"none are left to learn in"):
        pace.find(run, found.prepared / 61.0, silent_reporter, unsaid)


def test_each_method_is_what_its_words_say_whatever_the_preset_prefers():
    asked = Asked(1.0, "quick", 100, 1, 10, "cpu")
    found = {name: config_of("hopper-medium", name, asked) for name in METHODS}
    cut_and_learned = {name: (one.experts.features, one.policy.name) for name, one in found.items()}
    assert cut_and_learned == {
        "clue": ("step", "iql"), "behaviours": ("behaviour", "reach"), "indicator": ("step", "iql"),
        "smore": ("step", "smore"), "hilp": ("step", "iql"), "bc": ("step", "bc"),
        "bc-behaviours": ("behaviour", "bc"), "pg-kmeans": ("policy", "bc"), "pg-kmeans-windows": ("policy", "bc"),
    }  # fmt: skip
    assert found["clue"].experts.strides != found["pg-kmeans"].experts.strides == 1000


def test_an_update_takes_the_median_between_two_reports():
    seconds = iter([0.0, 0.1, 0.0, 1.0, 4.0, 5.0])
    watch = pace.Watch(silent_reporter, lambda: next(seconds))
    watch("labelling", "rows")(1, 2)
    reading = watch("reading data", "steps")
    for done in (1000, 2000):
        reading(done, 2000)
    progress = watch("training", "steps")
    for done in (20, 40, 60, 80):
        progress(done, 80)
    config = config_of("hopper-medium", "bc", Asked(1.0, "quick", 100, 1, 10, "cpu"))
    assert watch.seconds(config) == [pytest.approx(1.0 / 20)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--methods", "clue"), "--methods is of methods on data"),
        (("run", "--on", "hopper-random"), "Runs and --on were given"),
        (("--on", "hopper-random", "--methods", "kmeans"), "Unknown method 'kmeans'"),
        (("--on", "hopper-randm"), "Unknown dataset 'hopper-randm'"),
        (("--on", "hopper-random", "--minutes", "0"), "--minutes 0 is too small"),
    ],
)
def test_what_makes_no_sense_is_refused(words, said, tmp_path):
    with pytest.raises(SkillsError, match=said):
        compare(*words, *(("--out", tmp_path / "no") if "--on" in words else ()))
    assert not (tmp_path / "no").exists()
