"""What is left of a command that is ended: no process, no half-written file; and it ends soon."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import COMMAND, children, environment, gone, heed_interrupts
from recordings import rendered_run

from skills.runs.folder import RunFolder


@pytest.fixture
def rendering(tmp_path: Path) -> "tuple[subprocess.Popen[str], RunFolder, list[int]]":
    """`skills render` in the middle of many films, and the processes that it has started."""
    run = rendered_run(tmp_path / "runs" / "hoppers", skills=60)
    arguments = ["render", str(run.path), "--all", "--renderer", "ray", "--size", "320", "--no-extras"]
    started = subprocess.Popen(
        [*COMMAND, *arguments], stderr=subprocess.PIPE, text=True, env=environment(tmp_path), preexec_fn=heed_interrupts
    )
    deadline = time.monotonic() + 60
    while not run.films():
        assert started.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return started, run, children(started.pid)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGHUP])
def test_an_end_that_is_asked_for_comes_within_seconds(
    rendering: "tuple[subprocess.Popen[str], RunFolder, list[int]]", ending: signal.Signals
) -> None:
    started, run, workers = rendering
    assert len(workers) >= 2
    before = time.monotonic()
    started.send_signal(ending)
    _, said = started.communicate(timeout=60)
    assert time.monotonic() - before < 20
    assert started.returncode == 130
    assert "Interrupted. Finished videos are kept." in said
    assert "Traceback" not in said
    assert gone(workers, 1)
    assert not list(run.path.rglob(".*.partial*"))


def test_workers_end_with_the_process_that_was_killed(
    rendering: "tuple[subprocess.Popen[str], RunFolder, list[int]]",
) -> None:
    started, _, workers = rendering
    started.kill()
    started.communicate(timeout=60)
    assert gone(workers, 10)


def test_the_probe_of_a_renderer_ends_with_the_process_that_was_killed(tmp_path: Path) -> None:
    program = (
        "import os, sys, time\nfrom skills.videos.films import children\n"
        "children.end_with_stdin(); print(os.getpid(), flush=True); time.sleep(60)"
    )
    asking = (
        "import subprocess, sys\nfrom skills.videos.films.children import lifeline\n"
        "with lifeline() as ours: subprocess.run([sys.executable, '-c', sys.argv[1]], stdin=ours)"
    )
    started = subprocess.Popen([sys.executable, "-c", asking, program], stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    probe = int(started.stdout.readline())
    assert not gone([probe], 0)
    started.kill()
    assert gone([probe], 10)
    started.communicate()


def test_an_interrupt_while_everything_is_imported_ends_it_at_once_without_a_word(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("import pathlib, time\npathlib.Path('there').touch()\ntime.sleep(60)\n")
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    started = subprocess.Popen(
        [sys.executable, "-m", "skills.cli", "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=tmp_path, env=environment(tmp_path, PYTHONPATH=path), preexec_fn=heed_interrupts,
    )  # fmt: skip
    while not (tmp_path / "there").exists():
        assert started.poll() is None
        time.sleep(0.02)
    started.send_signal(signal.SIGINT)
    assert started.communicate(timeout=30) == ("", "")
    assert started.returncode == -signal.SIGINT
