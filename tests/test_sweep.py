"""`skills sweep`: real small runs on a real Ray of this machine, one of its workers killed; and grids that are none."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import environment, process, skills, start
from small import NAME, log

from skills.cli.fleets import standing_table
from skills.cli.sweep import table
from skills.errors import ENVIRONMENT, USAGE, SkillsError
from skills.evaluation.grid import read_grid
from skills.fleet import Standing
from skills.runs.configure import make_config
from skills.runs.folder import open_run
from tests.torture.same import differences, digests

GRID = f"""
datasets: {NAME}
methods: {{clue: , cloned: {{learner: bc}}}}
seeds: 3
settings: {{policy.steps: [30, 60]}}
preset: smoke
skills: 3
set: {{reward.iterations: 20, reward.hidden: 16, policy.hidden: 16, rollout.horizon: 20}}
"""
RUNS = [
    f"{NAME.replace('/', '-')}-{method}-policy.steps-{steps}-{seed}"
    for method in ("clue", "cloned")
    for steps in (30, 60)
    for seed in (1, 2, 3)
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the dataset and the grid."""
    home = tmp_path_factory.mktemp("sweep")
    done = skills(home, "data", "import", log(home / "hops.npz"), "--env", "Hopper-v5", "--name", NAME)
    assert done.returncode == 0, done.stderr
    (home / "grid.yaml").write_text(GRID, encoding="utf-8")
    return home


@pytest.fixture(scope="module")
def swept(home: Path) -> str:
    """What a sweep on two workers says of which one is killed while it works, when the first run is done."""
    sweep = start(home, "sweep", home / "grid.yaml", "--workers", 2)
    assert sweep.stderr is not None
    said = ""
    try:
        while ": done" not in said:
            said += (line := sweep.stderr.readline())
            assert line, said
        os.kill(_worker_of(sweep.pid), signal.SIGKILL)
        _, rest = sweep.communicate(timeout=1800)
        said += rest
    finally:
        sweep.kill()
    assert sweep.returncode == 0, said
    return said


def of_stages(run: Path) -> dict[str, str]:
    """The digests of its files but for the page, which says where the run is."""
    return {name: digest for name, digest in digests(run).items() if not name.startswith("gallery/")}


def _worker_of(driver: int) -> int:
    """A process of Ray's, below another one, that is at work for it."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True)
        lines = [line.split(None, 2) for line in listed.stdout.splitlines()]
        parents = {int(pid): int(parent) for pid, parent, _ in lines}
        for pid, _, words in lines:
            if words.startswith("ray::_do") and driver in _above(int(pid), parents):
                return int(pid)
        time.sleep(0.02)
    raise AssertionError("no worker has begun")


def _above(process: int, parents: dict[int, int]) -> list[int]:
    found = []
    while process in parents:
        process = parents[process]
        found.append(process)
    return found


def test_all_runs_of_a_sweep_are_there_though_a_worker_was_killed(home: Path, swept: str) -> None:
    assert swept.count("again: its process died") == 1
    folder = home / "runs" / "sweep-grid"
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == sorted(RUNS)
    assert all(open_run(folder / name).is_finished for name in RUNS)
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert all(f'href="{name}/gallery/index.html"' in page for name in RUNS)
    assert "Not finished yet" not in page


def test_a_run_of_a_sweep_has_the_bytes_of_the_run_alone(home: Path, swept: str) -> None:
    for name in RUNS:
        config = open_run(home / "runs" / "sweep-grid" / name).config
        alone = home / "alone" / name
        learner = ["--learner", "bc"] if "cloned" in name else []
        settings = ("reward.iterations=20", "reward.hidden=16", "policy.hidden=16", "rollout.horizon=20")
        asked = [word for setting in settings for word in ("--set", setting)]
        asked += ["--set", f"policy.steps={config.policy.steps}", "--seed", config.seed, *learner]
        done = skills(home, "discover", NAME, "--run", alone, "--preset", "smoke", "--skills", 3, "--no-videos", *asked)
        assert done.returncode == 0, done.stderr
        assert differences(of_stages(home / "runs" / "sweep-grid" / name), of_stages(alone)) is None, name


def test_finished_runs_are_not_run_again_and_numbers_have_intervals_over_seeds(home: Path, swept: str) -> None:
    folder = home / "runs" / "sweep-grid"
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*/policy/*")}
    again = skills(home, "sweep", home / "grid.yaml", "--json")
    assert "12 of 12 runs are there." in again.stderr
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*/policy/*")} == before
    shown = json.loads(again.stdout)
    assert shown["failures"] == []
    assert shown | {"failures": None} == json.loads((folder / "sweep.json").read_text()) | {"failures": None}
    assert [(one["method"], one["settings"]) for one in shown["cells"]] == [
        (method, {"policy.steps": steps}) for method in ("clue", "cloned") for steps in (30, 60)
    ]
    for one in shown["cells"]:
        assert list(one["runs"].values()) == RUNS[RUNS.index(one["runs"]["1"]) :][:3]
        survival = one["measures"]["Survival"]
        runs = [open_run(folder / name).measures["summary"]["survival_median"] for name in one["runs"].values()]
        assert survival["value"] == pytest.approx(100 * sum(runs) / 3, abs=0.1)
        assert 0 <= survival["low"] <= survival["value"] <= survival["high"] <= 100


def test_a_run_that_fails_takes_no_other_with_it(home: Path) -> None:
    """Of 1,200 rows as many classes cannot be cut as one of the two is to have."""
    grid = home / "failing.yaml"
    grid.write_text(
        GRID.replace("seeds: 3", "seeds: 1").replace("{clue: , cloned: {learner: bc}}", "{few: , many: {skills: 9999}}")
        .replace("[30, 60]", "30")
    )  # fmt: skip
    done = process(home, "sweep", grid, "--workers", 1)
    assert done.returncode == 5
    assert "1 runs could not be finished" in done.stderr
    assert "9999 classes cannot be cut from" in done.stderr
    names = [path.name for path in (home / "runs" / "sweep-failing").iterdir() if path.is_dir()]
    assert names == [f"{NAME.replace('/', '-')}-few-policy.steps-30-1"]


def test_without_ray_it_is_said_how_to_get_it(home: Path) -> None:
    program = "import sys; sys.modules['ray'] = None; from skills.cli.app import main; main()"
    command = [sys.executable, "-c", program, "sweep", str(home / "grid.yaml"), "--out", str(home / "none")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(home), check=False)
    assert done.returncode == ENVIRONMENT
    assert "pip install ray pyyaml" in done.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("datasets: [", "is no YAML"),
        ("- hopper-medium", "names no datasets"),
        ("datasets: [1]", "datasets: [1] is not a list of names"),
        ("datasets: a\nseeds: 0", "seeds: 0 is too small"),
        ("datasets: a\nseeds: [x]", "seeds: ['x'] is not a list of whole numbers"),
        ("datasets: a\nmethods: [clu]", "Unknown method 'clu'"),
        ("datasets: a\nmethods: {clue: {leaner: bc}}", "A grid knows no 'leaner'.\nDid you mean learner?"),
        ("datasets: a\nprest: smoke", "A grid knows no 'prest'.\nDid you mean preset?"),
        ("datasets: a\nsettings: [policy.steps]", "settings: ['policy.steps'] is not settings with their values"),
        ("datasets: a\nevaluate: clon", "Unknown null or baseline 'clon'"),
    ],
)
def test_what_is_no_grid_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "grid.yaml").write_text(text)
    with pytest.raises(SkillsError) as raised:
        read_grid(tmp_path / "grid.yaml")
    assert raised.value.exit_code == USAGE
    assert words in str(raised.value)


def test_a_grid_has_every_combination_and_methods_are_what_they_are_called(tmp_path: Path) -> None:
    text = "datasets: [hopper-medium, ant-medium]\nmethods: [clue-c3, bc]\nseeds: [2, 7]\npreset: smoke\n"
    (tmp_path / "grid.yaml").write_text(text + "settings: {policy.steps: [5, 6], data.steps: 100}")
    grid = read_grid(tmp_path / "grid.yaml")
    assert len(grid.cells) == 2 * 2 * 2
    assert grid.seeds == (2, 7)
    first, last = grid.cells[0], grid.cells[-1]
    assert first.name(2) == "hopper-medium-clue-c3-policy.steps-5-data.steps-100-2"
    config = grid.config(first, 2, "cpu")
    assert (config.dataset, config.seed, config.reward.temperature, config.policy.steps) == ("hopper-medium", 2, 3.0, 5)
    assert config.policy.name == "iql"  # which is CLUE's, whatever the preset prefers
    config = grid.config(last, 7, "cpu")
    assert (config.dataset, config.policy.name, config.policy.steps, config.data.steps) == ("ant-medium", "bc", 6, 100)


def test_a_grid_without_methods_has_what_discovery_does(tmp_path: Path) -> None:
    (tmp_path / "grid.yaml").write_text("datasets: ant-medium")
    (cell,) = read_grid(tmp_path / "grid.yaml").cells
    assert cell.name(1) == "ant-medium-usual-1"
    assert read_grid(tmp_path / "grid.yaml").config(cell, 1, "cpu") == make_config("ant-medium")


def test_tables_say_how_runs_stand_and_what_came_out() -> None:
    from rich.console import Console

    standings = {
        "one": Standing("done", "", 1),
        "two": Standing("working", "training: 20/60 steps", 2),
        "three": Standing(),
        "four": Standing("failed", "no such thing", 1),
    }
    with (console := Console(width=120)).capture() as captured:
        console.print(standing_table(standings))
    lines = [line.split() for line in captured.get().splitlines()]
    assert lines[0] == ["two", "again:", "its", "process", "died", "training:", "20/60", "steps"]
    assert lines[-1] == ["1", "working,", "1", "failed,", "1", "waiting,", "1", "done"]
    number = {"value": 0.5, "low": 0.25, "high": 0.75, "digits": 2}
    cell = {"dataset": "a", "method": "clue", "settings": {"policy.steps": 5}, "runs": {"1": "x", "2": None}}
    with console.capture() as captured:
        console.print(table({"cells": [{**cell, "measures": {"Survival": number}}]}))
    heading, values, interval = (line.split() for line in captured.get().splitlines())
    assert heading == ["dataset", "method", "policy.steps", "runs", "Survival"]
    assert values == ["a", "clue", "5", "1", "of", "2", "0.50"]
    assert interval == ["0.25..0.75"]
