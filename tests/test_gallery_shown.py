"""A gallery is shown while it cannot be written: another process is at work in the run, or nobody may write there."""

import re
import subprocess
import sys
from pathlib import Path

import filelock
import pytest
from commands import COMMAND, environment, heed_interrupts, skills
from recordings import rendered_run

from skills.errors import FAILED
from skills.runs.folder import RunFolder

SHOWN = "The page is shown as it is. Another process is writing the run"


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run with a page, whatever is on it."""
    made = rendered_run(tmp_path / "runs" / "it", skills=2, steps=10)
    with made.stage("measures", [made.measures_file]):
        made.measures_file.write_text("{}")
    made.page_file.parent.mkdir(parents=True, exist_ok=True)
    made.page_file.write_text("<!doctype html><p>as it was")
    return made


def test_it_opens_as_it_is_while_the_run_is_written(
    tmp_path: Path, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    with filelock.FileLock(run.lock_file):  # as `skills evaluate` holds it
        done = skills(tmp_path, "gallery", "it", "--open")
        assert (done.returncode, done.stdout) == (0, f"{run.page_file}\n"), done.stderr
        assert SHOWN in done.stderr
        assert opened == [run.page_file.resolve().as_uri()]
        assert skills(tmp_path, "gallery", "it").returncode == FAILED  # which is asked to write it
        run.page_file.unlink()
        assert skills(tmp_path, "gallery", "it", "--open").returncode == FAILED


def test_it_is_served_as_it_is_while_the_run_is_written(tmp_path: Path, run: RunFolder) -> None:
    with filelock.FileLock(run.lock_file):
        started = subprocess.Popen(
            [*COMMAND, "gallery", "it", "--serve"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(tmp_path),
            preexec_fn=heed_interrupts,
        )
        assert started.stdout is not None
        assert re.match(r"http://127.0.0.1:\d+/", started.stdout.readline())
        started.terminate()
        _, said = started.communicate(timeout=120)
    assert SHOWN in said
    assert started.returncode == 0
    assert run.page_file.read_text() == "<!doctype html><p>as it was"


def test_the_page_over_all_runs_shows_a_damaged_one_as_such(tmp_path: Path) -> None:
    whole = rendered_run(tmp_path / "runs" / "it", skills=2, steps=10)
    whole.page_file.parent.mkdir(parents=True, exist_ok=True)
    whole.page_file.write_text("<!doctype html>")
    for name, broken in (("half", "{"), ("odd", '{"stages": 3}'), ("empty", "")):
        other = rendered_run(tmp_path / "runs" / name, skills=2, steps=10)
        other.manifest_file.write_text(broken)
    done = skills(tmp_path, "gallery", "--runs")
    assert done.returncode == 0, done.stderr
    page = Path(done.stdout.strip()).read_text()
    assert page.count('<article class="run">') == 4
    assert '<a href="it/gallery/index.html">it</a>' in page
    assert page.count("damaged") >= 2
    assert sys.executable not in page
