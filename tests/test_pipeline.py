"""The whole pipeline, small but real; killed, continued, and the same to the byte."""

import dataclasses
import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from skills.data import catalog
from skills.data.made import embedded
from skills.discovery import choose_device, discover
from skills.errors import SkillsError
from skills.learning.policy import Policy
from skills.playing.rollout import Rollouts
from skills.progress import silent_reporter
from skills.runs.configure import make_config
from skills.runs.folder import STAGES, Run, default_path, open_or_create, open_run
from skills.settings.config import DataConfig

DATASET = "halfcheetah-random"


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A folder with the data of all these tests, made once."""
    return tmp_path_factory.mktemp("pipeline")


@pytest.fixture(autouse=True)
def _shared_data(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(root / "minari"))
    monkeypatch.setenv("SKILLS_RUNS", str(root / "runs"))


def finish(run: Run) -> list[str]:
    """Brings a run to its end; returns what it said."""
    said: list[str] = []
    with run.writing():
        discover(run, source="auto", reporter=silent_reporter, notify=said.append)
    return said


@pytest.fixture
def finished(root: Path, _shared_data: None) -> Run:
    """A finished smoke run; made by the first test that asks."""
    run = open_or_create(root / "runs" / "whole", make_config(DATASET, preset="smoke"))
    if run.finished_stages() != list(STAGES):
        finish(run)
    return run


def digests(run: Run) -> dict[str, str]:
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


_KILLED = """
import os, signal, sys
from skills.data import catalog
from skills.settings.config import DataConfig
from skills.presets import make_config
from skills.discovery import discover
from skills.runs.folder import open_or_create, default_path
import skills.learning.engine.checkpoint
skills.learning.engine.checkpoint.SECONDS_BETWEEN = 0.0
task_to_die_in = sys.argv[1]  # and sys.argv[2] is the name of the run

def reporter(task, unit):
    def progress(done, total):
        if task.startswith(task_to_die_in) and done >= total / 2:
            os.kill(os.getpid(), signal.SIGKILL)
    return progress

run = open_or_create(default_path(sys.argv[2]), make_config("halfcheetah-random", preset="smoke"))
with run.writing():
    discover(run, source="auto", reporter=reporter, notify=lambda line: None)
"""


_CONTINUED = """
import sys
from skills.discovery import discover
from skills.runs.folder import default_path, open_run

run = open_run(default_path(sys.argv[1]))
def reporter(task, unit):
    return lambda done, total: print(task, done, sep=": ", file=sys.stderr)
with run.writing():
    discover(run, source="auto", reporter=reporter, notify=lambda line: None)
"""


def kill(task: str, name: str) -> None:
    """Works on the run of that name until the task is half done, and then is killed."""
    command = [sys.executable, "-c", _KILLED, task, name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_killed_in_training_it_continues_from_the_checkpoint(finished):
    run = open_or_create(default_path("in-training"), make_config(DATASET, preset="smoke"))
    for task in ("training 8 CVAEs", "training 8 skills"):
        kill(task, "in-training")
        stored = next(run.path.rglob("*checkpoint*"))
        assert stored.stat().st_size > 1000
    done = subprocess.run([sys.executable, "-c", _CONTINUED, "in-training"], capture_output=True, text=True, check=True)
    steps = [int(line.split(": ")[1]) for line in done.stderr.splitlines() if line.startswith("training 8 skills")]
    assert min(steps) > 150
    assert "CVAE" not in done.stderr
    assert digests(run) == digests(finished)
    assert not list(run.path.rglob("*checkpoint*"))


def test_killed_in_every_long_loop_and_continued_it_ends_in_the_same_bytes(finished):
    for task in ("cutting", "training 8 CVAEs", "labelling", "training 8 skills", "playing", "ranking"):
        kill(task, "killed")
    killed = open_run(default_path("killed"))
    said = finish(killed)
    assert any("Continuing" in line for line in said)
    assert digests(killed) == digests(finished)


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


def test_devices():
    assert choose_device("cpu") == "cpu"
    assert choose_device("auto") in ("cpu", "cuda")
    with pytest.raises(SkillsError, match="Unknown device 'tpu'"):
        choose_device("tpu")
