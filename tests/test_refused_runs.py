"""What is refused leaves no run, and no command takes what is unfinished for the newest."""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from commands import skills
from files import hops, write

from skills.data.importing import import_file
from skills.errors import FAILED, USAGE, SkillsError
from skills.progress import Progress, silent, unsaid
from skills.runs.begin import begin
from skills.runs.configure import make_config
from skills.runs.folder import STAGES, RunFolder, all_paths, find, open_or_create

GOOD, NAN = "mine/good-v0", "mine/nan-v0"
SMOKE = ("--preset", "smoke", "--no-videos", "-q")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A set that can be learned from, and one with a NaN."""
    for minari_id in (GOOD, NAN):
        import_file(write(tmp_path / "hops.npz", hops()), minari_id, "Hopper-v5")
    with h5py.File(tmp_path / "minari" / NAN / "data" / "main_data.hdf5", "a") as file:
        file["episode_1/observations"][1, 3] = np.nan
    return tmp_path


def finished(path: Path) -> RunFolder:
    """A run of whose stages nothing is asked but to be done."""
    run = open_or_create(path, make_config("hopper-random", preset="smoke"))
    for stage in STAGES:
        with run.stage(stage, []):
            pass
    return run


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((NAN,), FAILED, "NaN or infinity"),
        ((GOOD, "--skills", "500"), USAGE, "500 classes cannot be cut from"),
        ((GOOD, "--skills", "5", "--set", "experts.labels=returns"), USAGE, "cannot be cut into 5 bands"),
        ((GOOD, "--mode", "sparse"), USAGE, "has no test of success"),
        ((GOOD, "--mode", "imitation", "--expert", GOOD, "--episodes", "9"), USAGE, "no such choice of episodes"),
    ],
)
def test_what_is_refused_leaves_no_run(home: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    old = finished(home / "runs" / "old")
    done = skills(home, "discover", *arguments, *SMOKE)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert said in done.stderr
    assert [path.name for path in (home / "runs").iterdir()] == ["old"]
    assert find(None) == old


def test_a_refused_new_beginning_leaves_the_old_run_where_it_is(home: Path) -> None:
    old = finished(home / "runs" / "mine-good-v0")
    before = old.manifest
    for arguments in ((GOOD, "--skills", "500"), (GOOD, "--mode", "sparse", "--run", str(old.path))):
        assert skills(home, "discover", *arguments, *SMOKE, "--fresh").returncode == USAGE
        assert [path.name for path in (home / "runs").iterdir()] == ["mine-good-v0"]
        assert old.manifest == before


def test_a_refused_run_may_be_begun_aright(home: Path) -> None:
    assert skills(home, "discover", GOOD, "--skills", "500", *SMOKE).returncode == USAGE
    done = skills(home, "discover", GOOD, "--skills", "2", *SMOKE, "--set", "policy.steps=5")
    assert done.returncode == 0, done.stderr
    assert find(None).is_finished


def test_the_folder_begins_when_the_data_have_been_read(home: Path) -> None:
    path = home / "runs" / "it"
    seen = []

    def interrupted(task: str, unit: str) -> Progress:
        seen.append((task, path.exists()))
        if task == "reading data":
            raise KeyboardInterrupt
        return silent

    options = {"fresh": False, "device": "cpu", "source": "auto", "offline": True, "notify": unsaid, "preset": "smoke"}
    with pytest.raises(KeyboardInterrupt):
        begin(GOOD, path, reporter=interrupted, **options)
    assert ("reading data", False) in seen
    assert not path.exists()
    begun = begin(GOOD, path, reporter=lambda task, unit: silent, **options)
    assert begun.run.manifest["dataset"]["minari_id"] == GOOD
    assert begun.data is not None
    assert len(begun.data.transitions) == begun.run.rows


def test_the_newest_run_is_the_newest_finished_one(tmp_path: Path) -> None:
    older, newer, unfinished, damaged = (
        finished(tmp_path / "runs" / name) for name in ("d-older", "c-newer", "b-unfinished", "a-damaged")
    )
    with unfinished.stage("rollouts", []):
        pass
    damaged.config_file.write_text("{")
    for age, run in enumerate((damaged, unfinished, newer, older)):
        os.utime(run.manifest_file, (1e9 - age, 1e9 - age))
    assert all_paths() == [damaged.path, unfinished.path, newer.path, older.path]
    assert find(None) == newer
    for run in (newer, older):
        skills(tmp_path, "rm", run.path.name, "--yes")
    assert find(None) == unfinished
    skills(tmp_path, "rm", unfinished.path.name, "--yes")
    with pytest.raises(SkillsError, match="config"):
        find(None)


def test_a_set_with_fewer_rewards_than_actions_is_damaged(home: Path) -> None:
    with h5py.File(home / "minari" / GOOD / "data" / "main_data.hdf5", "a") as file:
        rewards = file["episode_1/rewards"][:]
        del file["episode_1/rewards"]
        file["episode_1/rewards"] = rewards[: len(rewards) // 2]
    for command in (("data", "show", GOOD), ("discover", GOOD, *SMOKE)):
        done = skills(home, *command)
        assert done.returncode == FAILED
        assert f"{len(rewards)} actions, {len(rewards) // 2} rewards" in done.stderr


def test_classes_that_were_written_and_not_noted_go_with_the_run(tmp_path: Path) -> None:
    """As on a disk that was full behind them: what stays would be no run, and would keep the next one out."""
    run = open_or_create(tmp_path / "run", make_config("hopper-random", preset="smoke"))
    with run.writing():
        run.experts_file.write_bytes(b"classes")
        run.withdraw()
    assert not run.path.exists()
