"""The command line as a person calls it: a process of its own, or in this one where a process is not the point.

A process imports torch and MuJoCo anew, which takes seconds: it is for what only a process shows (signals, limits,
what is on a pipe, what is imported).
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest
from typer.testing import CliRunner

from skills.cli import console
from skills.cli.app import main

Done = subprocess.CompletedProcess[str]

COMMAND = [sys.executable, "-m", "skills.cli.app"]


def places(folder: Path) -> dict[str, str]:
    """The variables that put runs and datasets into a folder."""
    return {"SKILLS_RUNS": str(folder / "runs"), "MINARI_DATASETS_PATH": str(folder / "minari")}


def environment(folder: Path, **extra: str) -> dict[str, str]:
    """This process's environment with the runs and the datasets in a folder, and no word on colours."""
    plain = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    return {**plain, **places(folder), **extra}


def skills(folder: Path, *arguments: object, **extra: str) -> Done:
    """The command line to its end, in this process: the same entry point, messages and exit code."""
    words = list(map(str, arguments))
    variables = {"NO_COLOR": None, "FORCE_COLOR": None, "SKILLS_TRUST": None, **places(folder), **extra}
    console.reset()
    with patch.object(sys, "argv", ["skills", *words]), CliRunner().isolation(env=variables) as (out, err, _):
        with pytest.raises(SystemExit) as ended:
            main()
        sys.stdout.flush()
        sys.stderr.flush()
        done = subprocess.CompletedProcess(words, ended.value.code, out.getvalue().decode(), err.getvalue().decode())
    console.reset()
    return done


def process(folder: Path, *arguments: object, before: Callable[[], None] | None = None, **extra: str) -> Done:
    """The command line to its end, as a process."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment(folder, **extra),
        preexec_fn=before,
        timeout=600,
        check=False,
    )


def start(folder: Path, *arguments: object) -> "subprocess.Popen[str]":
    """The command line as a process that goes on beside this one and can be interrupted."""
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=environment(folder), preexec_fn=heed_interrupts
    )


def heed_interrupts() -> None:
    """In a child that is to be ended: under `nohup` and `&` the tests ignore SIGHUP and SIGINT, which it inherits."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def children(process: int) -> list[int]:
    """The processes that one has started and that are there."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, line.split())) for line in listed.splitlines()]
    return [pid for pid, parent in pairs if parent == process]


def gone(processes: list[int], seconds: float) -> bool:
    """Whether processes have all ended, within so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        listed = subprocess.run(["ps", "-A", "-o", "pid=,stat="], capture_output=True, text=True, check=True).stdout
        alive = {int(pid) for pid, state in map(str.split, listed.splitlines()) if not state.startswith("Z")}
        if not alive & set(processes):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
