"""Every benchmark runs, at a size at which its numbers say nothing."""

import runpy
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import minari
import numpy as np
import pytest
from conftest import TINY_STAGES
from constant import constant_run

from skills.discovery import discover
from skills.measures.switches import play_switches
from skills.progress import silent_reporter
from skills.runs.configure import make_config
from skills.runs.folder import open_or_create
from skills.settings.config import DataConfig

BENCH = Path(__file__).parents[1] / "bench"
POLICIES = Path(__file__).parents[2] / "shared" / "data" / "policies"
Bench = Callable[..., str]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Runs a benchmark with arguments as the command line would; returns what it recorded."""
    monkeypatch.syspath_prepend(BENCH)
    import timing

    monkeypatch.setattr(timing, "RESULTS", tmp_path)

    def run(name: str, *arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        runpy.run_path(str(BENCH / f"{name}.py"), run_name="__main__")
        recorded = tmp_path / f"{name}.txt"
        return recorded.read_text(encoding="utf-8") if recorded.is_file() else ""

    return run


def test_learning_and_labelling_are_compared(bench: Bench) -> None:
    assert "times as fast" in bench("cvae", 2, 0.01)
    assert "times the skill-updates" in bench("iql", 2, 0.01)
    assert "of the matrix peak" in bench("label", 500, 2)


def test_steps_of_every_training_are_tabled_for_a_gpu(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = tmp_path / "steps.jsonl"
    for case in ("machine", "cvae", "one", "independent", "values", "policies"):
        bench("gpu", case, lines, 2, "--seconds", 0.01)
    assert "error" not in lines.read_text()
    capsys.readouterr()
    bench("gpu", "table", lines)
    table = capsys.readouterr().out
    for name in ("2 CVAEs", "IQL, 1 skill", "IQL, 2 networks", "reach, values of 2", "reach, 2 policies"):
        assert f"\n{name}" in table


def test_scale_is_tabled_and_drawn(bench: Bench, tmp_path: Path) -> None:
    assert len(bench("scale", 400, 10).splitlines()) == 5  # machine, command, head, one N, one K
    assert (tmp_path / "scale.svg").is_file()


def test_iql_on_true_rewards_is_set_beside_the_data(bench: Bench) -> None:
    assert "the data's mean" in bench("true_rewards", "--steps", 10, "--rows", 300, "hopper-random")


def test_causes_of_a_loss_are_tried_one_by_one(bench: Bench, tmp_path: Path) -> None:
    tiny = [
        "reward.iterations=5",
        "reward.hidden=16",
        "policy.hidden=16",
        "policy.value_hidden=16",
        "rollout.rollouts=1",
    ]
    common = ["hopper-random", "--rows", 2000, "--seeds", 2, "--into", tmp_path, "--settings", *tiny]
    only = ["--only", "iql", "iql, settled", "reach, returns of 20 steps"]
    table = bench("several_gaits", *common, "--steps", 10, "--horizon", 30, *only)
    assert len([line for line in table.splitlines() if line.startswith(("iql", "reach"))]) == 3
    bench("several_gaits", *common, "--steps", 10, "--horizon", 30, "--weights", 10)
    weighed = (tmp_path / "several_gaits_weights.txt").read_text(encoding="utf-8")
    assert len([line for line in weighed.splitlines() if line.startswith("iql")]) == 4 * 5


def test_clones_are_told_the_way_through_a_maze(bench: Bench) -> None:
    table = bench("maze_ways", "antmaze-umaze-play", "--rows", 300, "--steps", 5, "--episodes", 2)
    assert len([line for line in table.splitlines() if line.startswith(("as it is", "told the way"))]) == 4


def test_data_sets_are_measured(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench("returns", "--steps", 300, "hopper-simple")
    bench("memory", 2000)
    out = capsys.readouterr().out
    assert "| hopper-simple |" in out
    assert "GB" in out


def test_renderers_are_compared_with_gymnasiums(bench: Bench) -> None:
    assert "frames/s" in bench("render", "Hopper-v5", 64)


def test_bodies_simulated_here_are_played_as_gymnasium_plays_them_to_the_bit(bench: Bench) -> None:
    table = bench("worlds", "--beside", BENCH.parent, "--steps", 8, "--rounds", 1)
    rows = [line.split(" | ") for line in table.splitlines() if "-v" in line]
    assert len(rows) == 5
    assert all(row[-1] == "the same bits |" for row in rows), table
    assert all(float(number.replace(",", "")) > 0 for row in rows for number in row[1:-1])


def test_half_a_set_of_a_row_that_was_killed_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCH)
    import bodies

    name = "bodies/InvertedDoublePendulum-v5"
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    half = tmp_path / name / "data" / "main_data.hdf5"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half")
    assert bodies.stored("InvertedDoublePendulum-v5", name, 60) == [name]
    assert minari.load_dataset(name).total_steps >= 60


@pytest.mark.skipif(not POLICIES.is_dir(), reason="needs the third-party policies in ../shared/data")
def test_a_policy_and_chance_stand_before_a_door(bench: Bench, tmp_path: Path) -> None:
    pytest.importorskip("gymnasium_robotics")
    bench("door", tmp_path / "door.npz", "--episodes", 1)
    with np.load(tmp_path / "door.npz") as made:
        assert made["policy"].tolist()[::200] == ["dapg", "dapg, some noise", "dapg, much noise", "chance"]
        returns = made["rewards"].reshape(4, 200).sum(axis=1)
        assert len(np.unique(made["episode_ids"])) == 4
        assert np.abs(made["actions"]).max() <= 1
    assert returns[0] > 2900  # 2,880 is D4RL's expert
    assert returns[3] < 0


def test_trunks_and_presets_learn_from_one_runs_rewards(bench: Bench, tmp_path: Path) -> None:
    config = replace(make_config("hopper-medium", preset="smoke"), skills=8, data=DataConfig(steps=3000), **TINY_STAGES)
    run = open_or_create(tmp_path / "tiny", config)
    with run.writing():
        discover(run, source="auto", reporter=silent_reporter, notify=print)
    table = bench("trunk", run.path, "--steps", 20, "--into", tmp_path / "variants")
    assert "own networks, 256 x 2" in table
    assert "less own networks'" in table
    assert "effective_skills" in bench("presets", run.path, "--shorter", 750, "--into", tmp_path / "variants")
    assert (tmp_path / "presets.svg").is_file()
    only = ["--only", "reach", "no gate", "bc of the classes"]
    table = bench("reach", run.path, "--shorter", 200, "--into", tmp_path / "variants", *only)
    assert len([line for line in table.splitlines() if line.startswith(("reach", "  no gate", "bc of"))]) >= 3


def test_skills_found_by_classes_and_by_rollouts_are_played(bench: Bench, tmp_path: Path) -> None:
    config = replace(make_config("hopper-medium", preset="smoke"), skills=3, data=DataConfig(steps=2000), **TINY_STAGES)
    run = open_or_create(tmp_path / "tiny", config)
    with run.writing():
        discover(run, source="auto", reporter=silent_reporter, notify=print)
    lines = bench("find", run.path).splitlines()
    rewards = [line.split()[0] for line in lines[4:12]]
    assert rewards == ["vx", "-vx", "-speed", "height", "-height", "upright", "-upright", "-energy"]
    assert lines[12].startswith("mean")


def test_plans_are_set_beside_single_skills(bench: Bench, tmp_path: Path) -> None:
    run = constant_run(tmp_path / "run", "HalfCheetah-v5", [-0.3, 0.0, 0.3])
    with run.writing():
        play_switches(run, 1.0, 1, silent_reporter)
    lines = bench("plan", run.path).splitlines()
    assert [line.split("  ")[0] for line in lines[4:8]] == ["vx=3.5", "vx=3.5", "vx=5", "vx=5"]
    assert ["plan" in line for line in lines[4:8]] == [True, False, True, False]


@pytest.fixture
def hierarchy(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module, with episodes of a second and a half, and few of them."""
    pytest.importorskip("stable_baselines3", reason="the extra `bench` is not installed")
    monkeypatch.syspath_prepend(BENCH)
    import hierarchy

    for name, value in (("EPISODES", 1), ("LAST_EPISODES", 1), ("EPISODE_STEPS", 30), ("LOOKS", 2)):
        monkeypatch.setattr(hierarchy, name, value)
    return hierarchy


@pytest.mark.parametrize("task", ["speed", "waypoints"])
def test_ppo_over_skills_is_set_beside_ppo_over_torques(hierarchy: Any, tmp_path: Path, task: str) -> None:
    run = constant_run(tmp_path / "run", hierarchy.TASKS[task].env_id, [-0.3, 0.0, 0.3])
    learned = [hierarchy.learn(task, arm, str(run.path), 0, 0.2) for arm in hierarchy.ARMS]
    for one in learned:
        assert one.minutes[0] == 0.0
        assert len(one.minutes) == len(one.scores) == 3
        assert one.decisions > 0
    assert len(hierarchy.table(learned, 0.005).splitlines()) == 3
    hierarchy.draw(learned, tmp_path / "hierarchy.webp")
    assert (tmp_path / "hierarchy.webp").stat().st_size > 1000


def test_the_tasks_of_the_hierarchy_pay_for_what_they_ask(hierarchy: Any) -> None:
    speed = hierarchy.Speed()
    speed.begin(np.random.default_rng(0))
    assert speed.reward({"x_velocity": speed.told[0]}) == pytest.approx(1.0)
    speed.begin(np.random.default_rng(0))
    assert speed.reward({"x_velocity": speed.told[0] - 1.0}) == pytest.approx(np.exp(-1.0))
    way = hierarchy.Waypoints()
    way.begin(np.random.default_rng(0))
    point = np.array(way.told)
    length = float(np.linalg.norm(point))
    half, there = 0.5 * point, point * (1.0 - 0.5 / length)
    assert way.reward({"x_position": half[0], "y_position": half[1]}) == pytest.approx(length / 2)
    assert way.score == 0
    assert way.reward({"x_position": there[0], "y_position": there[1]}) == pytest.approx(length / 2 - 0.5 + 5.0)
    assert way.score == 1
    assert 2.0 <= np.linalg.norm(way.told) <= 5.0
