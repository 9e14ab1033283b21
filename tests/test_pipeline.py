"""The whole pipeline, small but real; killed, continued, and the same to the byte."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from interrupting import first_reports, kill

from skills.data import catalog
from skills.data.made import embedded
from skills.discovery import discover
from skills.errors import SkillsError
from skills.learning.engine.device import choose_device
from skills.learning.policy import Policy
from skills.measures.summary import summary
from skills.playing.rollout import Rollouts
from skills.progress import Reporter, silent_reporter
from skills.runs.configure import make_config
from skills.runs.folder import STAGES, RunFolder, default_path, open_or_create
from skills.settings.config import Config, DataConfig

DATASET = "halfcheetah-random"


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A folder with the data of all these tests, made once."""
    return tmp_path_factory.mktemp("pipeline")


@pytest.fixture(autouse=True)
def _shared_data(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(root / "minari"))
    monkeypatch.setenv("SKILLS_RUNS", str(root / "runs"))


def finish(run: RunFolder, reporter: Reporter = silent_reporter) -> list[str]:
    """Brings a run to its end; returns what it said."""
    said: list[str] = []
    with run.writing():
        discover(run, source="auto", reporter=reporter, notify=said.append)
    return said


@pytest.fixture
def finished(root: Path, _shared_data: None) -> RunFolder:
    """A finished smoke run; made by the first test that asks."""
    run = open_or_create(root / "runs" / "whole", make_config(DATASET, preset="smoke"))
    if run.finished_stages() != list(STAGES):
        finish(run)
    return run


def digests(run: RunFolder) -> dict[str, str]:
    return {name: digest for entry in run.manifest["stages"].values() for name, digest in entry["files"].items()}


def test_a_smoke_run_has_everything(finished):
    document = json.loads(finished.measures_file.read_text())
    assert [skill["skill"] for skill in document["skills"]] == list(range(8))
    assert document["summary"]["reward_auc_min"] > 0.8
    assert finished.manifest["dataset"]["made_here"] is True
    assert finished.manifest["dataset"]["steps"] == 12_000
    rollouts = Rollouts.load(finished.rollouts_file)
    assert rollouts.qpos.shape == (8, 2, 101, 9)
    assert (rollouts.lengths == 100).all()
    assert np.isfinite(rollouts.qpos).all()
    assert not list(finished.path.rglob("*checkpoint*"))
    policy = Policy.load(finished.policy_folder)
    assert policy.act(np.zeros((1, 17)), np.array([7])).shape == (1, 6)


def test_a_finished_run_is_left_as_it_is(finished):
    before = {path: path.stat().st_mtime_ns for path in finished.path.rglob("*") if path.is_file()}
    finish(finished)
    after = {path: path.stat().st_mtime_ns for path in finished.path.rglob("*") if path.is_file()}
    before.pop(finished.path / ".lock", None)
    after.pop(finished.path / ".lock", None)
    assert before == after


def imitating(maker: str, learner: str = "iql") -> Config:
    """Two seeds of one demonstration, trained in a second."""
    one = {"mode": "imitation", "expert": DATASET, "trajectories": 1, "seeds": 2}
    made = make_config(DATASET, preset="smoke", maker=maker, learner=learner, **one)
    small = {"hidden": 16, "batch": 16, "iterations": 60}
    return dataclasses.replace(
        made,
        data=DataConfig(steps=2_000),
        reward=dataclasses.replace(made.reward, **{name: small[name] for name in small if hasattr(made.reward, name)}),
        policy=dataclasses.replace(made.policy, hidden=16, batch=16, steps=60),
        rollout=dataclasses.replace(made.rollout, horizon=100),
    )


# (the run, the long loops that it is killed in): a run is killed in them one after the other
KILLED = {
    "skills": (
        make_config(DATASET, preset="smoke"),
        ("cutting", "training 8 CVAEs", "labelling", "training 8 skills", "playing", "ranking"),
    ),
    "clue": (imitating("clue"), ("training 2 CVAEs", "training 2 skills")),
    "otr": (imitating("otr"), ("training 2 skills",)),
    "oril": (imitating("oril"), ("training 2 discriminators", "training 2 skills")),
    "sqil": (imitating("sqil", "td3bc"), ("training 2 skills",)),
    "hilp": (
        make_config(
            DATASET, preset="smoke", skills=3, maker="hilp", set={"data.steps": 2_000, "reward.iterations": 60}
        ),
        ("training distances", "training 3 skills"),
    ),
}


@pytest.mark.parametrize("name", KILLED)
def test_killed_in_every_long_loop_and_continued_it_ends_in_the_same_bytes(name, finished):
    config, loops = KILLED[name]
    whole = finished if name == "skills" else open_or_create(default_path(f"{name}-whole"), config)
    finish(whole)
    run = open_or_create(default_path(f"{name}-killed"), config)
    begun: list[list[str]] = []
    for task in loops:
        begun.append(kill(run.path, task))
        if task.startswith("training"):
            assert next(run.path.rglob("*checkpoint*")).stat().st_size > 1000
    said: list[str] = []
    assert any("Continuing" in line for line in finish(run, first_reports(said.append)))
    begun.append(said)
    assert digests(run) == digests(whole)
    assert not list(run.path.rglob("*checkpoint*"))
    for task, after in zip(loops, begun[1:], strict=True):
        if task.startswith("training"):
            assert started_at(task, after) > steps_of(task, config) / 2, "it continues, it does not begin again"
        assert not any(line.startswith(earlier) for earlier in loops[: loops.index(task)] for line in after)


def started_at(task: str, reports: list[str]) -> int:
    """The step of the first report of a training."""
    return next(int(line.split(": ")[1]) for line in reports if line.startswith(task))


def steps_of(task: str, config: Config) -> int:
    return config.policy.steps if task.endswith("skills") else config.reward.iterations


def test_a_damaged_file_is_remade_and_so_is_what_came_after(finished):
    before = digests(finished)
    labels = finished.rewards_folder / "labels.f16"
    labels.write_bytes(labels.read_bytes()[:-2])
    finish(finished)
    assert digests(finished) == before


def test_a_dataset_that_has_grown_does_not_stop_a_run(finished):
    paper = dataclasses.replace(make_config(DATASET, preset="smoke"), data=DataConfig(steps=None))
    run = open_or_create(default_path("grown"), paper)
    run.record_dataset(finished.manifest["dataset"])
    embedded.make(catalog.resolve(DATASET), 40_000)
    finish(run)
    assert run.manifest["dataset"]["steps"] == 12_000


def test_another_seed_is_another_run(finished):
    other = open_or_create(default_path("other"), make_config(DATASET, preset="smoke", seed=2))
    finish(other)
    assert digests(other)["policy/weights.safetensors"] != digests(finished)["policy/weights.safetensors"]


def test_skills_are_cloned_without_rewards(root):
    config = make_config(DATASET, preset="smoke", learner="bc")
    run = open_or_create(root / "runs" / "cloned", config)
    finish(run)
    assert not run.rewards_folder.exists()
    found = json.loads(run.measures_file.read_text())
    assert {skill["reward_auc"] for skill in found["skills"]} == {None}
    assert "Reward AUC" not in {line.name for line in summary(found, config.rollout.horizon)}


def test_devices():
    assert choose_device("cpu") == "cpu"
    assert choose_device("auto") in ("cpu", "cuda")
    with pytest.raises(SkillsError, match="Unknown device 'tpu'"):
        choose_device("tpu")
