"""`skills rm`: deletes a run after asking, and nothing that is none."""

import os
import pty
import subprocess
from pathlib import Path

import filelock
import pytest
from commands import COMMAND, environment, skills

from skills.errors import FAILED, NOT_FOUND, USAGE
from skills.runs.configure import make_config
from skills.runs.folder import RunFolder, open_or_create


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run with something everywhere where a run has something."""
    begun = open_or_create(tmp_path / "runs" / "it", make_config("hopper-random", preset="smoke"))
    for file in (
        begun.experts_file,
        begun.rewards_folder / "labels.f16",
        begun.policy_folder / "weights.safetensors",
        begun.rollouts_file,
        begun.beginnings_file,
        begun.measures_file,
        begun.exemplars_file,
        begun.switches_file,
        begun.likeness_file,
        begun.segments_page("log"),
        begun.film(1),
        begun.method("own").trials_file,
        begun.exported_file(1),
        begun.path / ".labels.1.partial.f16",
    ):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
    return begun


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


@pytest.mark.parametrize("named", ["it", "runs/it"])
def test_a_run_is_deleted(tmp_path: Path, run: RunFolder, named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = skills(tmp_path, "rm", named, "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert not run.path.exists()
    assert run.path.parent.is_dir()


def test_where_nobody_can_be_asked_nothing_is_deleted(tmp_path: Path, run: RunFolder) -> None:
    before = files(tmp_path)
    done = skills(tmp_path, "rm", "it")
    assert done.returncode == USAGE
    assert "--yes" in done.stderr
    assert files(tmp_path) == before


@pytest.mark.parametrize(("answer", "left"), [("n", True), ("", True), ("y", False)])
def test_a_person_is_asked(tmp_path: Path, run: RunFolder, answer: str, left: bool) -> None:
    ours, theirs = pty.openpty()
    started = subprocess.Popen([*COMMAND, "rm", "it"], stdin=theirs, stderr=subprocess.PIPE, env=environment(tmp_path))
    os.write(ours, f"{answer}\n".encode())
    _, said = started.communicate(timeout=120)
    os.close(ours)
    os.close(theirs)
    assert started.returncode == 0
    assert b"Delete the run" in said
    assert (b"Nothing was deleted" in said) == left
    assert run.path.exists() == left


def test_a_damaged_run_is_deleted_too(tmp_path: Path, run: RunFolder) -> None:
    run.config_file.write_text("{")
    run.manifest_file.write_text("")
    assert skills(tmp_path, "rm", "it", "--yes").returncode == 0
    assert not run.path.exists()


def test_a_run_elsewhere_that_is_linked_is_deleted_with_its_link(tmp_path: Path, run: RunFolder) -> None:
    elsewhere = run.path.rename(tmp_path / "elsewhere")
    run.path.symlink_to(elsewhere)
    kept = tmp_path / "kept"
    kept.mkdir()
    (elsewhere / "gallery" / "link").symlink_to(kept)
    assert skills(tmp_path, "rm", "it", "--yes").returncode == 0
    assert not elsewhere.exists()
    assert not run.path.is_symlink()
    assert kept.is_dir()


def test_what_is_no_run_is_refused(tmp_path: Path, run: RunFolder) -> None:
    (tmp_path / "runs" / "site").mkdir()
    (tmp_path / "runs" / "site" / "manifest.json").write_text("{}")  # as the web has them
    (run.gallery_folder / "manifest.json").write_text("{}")
    before = files(tmp_path)
    for named, code in (("nothing", NOT_FOUND), (tmp_path, NOT_FOUND), ("site", USAGE), (run.gallery_folder, USAGE)):
        assert skills(tmp_path, "rm", named, "--yes").returncode == code, named
    (run.path / "thesis.tex").write_text("years")
    done = skills(tmp_path, "rm", "it", "--yes")
    assert done.returncode == USAGE
    assert "thesis.tex" in done.stderr
    (run.path / "thesis.tex").unlink()
    assert files(tmp_path) == before


def test_a_run_that_is_being_written_is_left(tmp_path: Path, run: RunFolder) -> None:
    with filelock.FileLock(run.lock_file):
        done = skills(tmp_path, "rm", "it", "--yes")
        assert done.returncode == FAILED
        assert "Another process is writing" in done.stderr
    assert run.experts_file.is_file()
