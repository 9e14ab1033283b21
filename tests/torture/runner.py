"""Runs a command of the program in a session of its own, with a time limit, and says what was left of it.

Most commands are forked from a server that has imported torch and MuJoCo already: importing takes longer than the work.
"""

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND = [sys.executable, "-m", "skills.cli.app"]
_MARK = "TORTURE_ATTACK"
_GRACE = 15.0  # s that what a command has started may take to end after it, at least; else
_GRACE_SHARE = 0.1  # of its time limit: where the machine is busy, a process that notices is still importing
_PRELOADED = [
    *("skills.cli.app", "skills.discovery", "skills.videos.films.render", "skills.evaluation.evaluate"),
    *("torch._dynamo", "torch._inductor", "torch.distributed", "torch.onnx", "torch._numpy", "sympy"),
    *("scipy.cluster", "imageio_ffmpeg"),
]
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Ended:
    """code: as of a subprocess, less than 0 for a signal; None where it took too long.   left: what lives on."""

    code: int | None
    out: str
    err: str
    seconds: float
    left: tuple[str, ...] = ()


class Running:
    """A command that has been started.   forked: without importing everything anew."""

    def __init__(
        self,
        folder: Path,
        words: tuple[str, ...],
        variables: Mapping[str, str],
        *,
        forked: bool,
        before: Callable[[], None] | None = None,
    ) -> None:
        self._mark = f"{folder}-{time.monotonic_ns()}"
        self._out, self._err = folder / "stdout", folder / "stderr"
        for stream in (self._out, self._err):
            stream.write_bytes(b"")  # a command may be killed before it opens them
        variables = {**variables, _MARK: self._mark}
        self._began = time.monotonic()
        if forked:
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload(_PRELOADED)
            self._child: Any = context.Process(
                target=_be, args=(words, dict(variables), folder, self._out, self._err, before)
            )
            self._child.start()
        else:
            with self._out.open("wb") as out, self._err.open("wb") as err:
                self._child = subprocess.Popen(
                    [*COMMAND, *words], stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=dict(variables),
                    cwd=folder / "here", start_new_session=True, preexec_fn=_Both(before),
                )  # fmt: skip
        self.pid = int(self._child.pid)

    def ended(self, limit: float) -> bool:
        """Waits for so many seconds; whether the command has come to its end."""
        if isinstance(self._child, subprocess.Popen):
            try:
                self._child.wait(limit)
            except subprocess.TimeoutExpired:
                return False
            return True
        self._child.join(limit)
        return self._child.exitcode is not None

    def send(self, number: signal.Signals) -> bool:
        """Sends a signal to the command alone, not to what it has started; whether it was still there."""
        if self.ended(0):
            return False
        os.kill(self.pid, number)
        return True

    def work(self) -> float:
        """Seconds of a processor that it and what it has started have had so far; nothing after its end."""
        ticks, pids = 0, [self.pid]
        while pids:
            process = Path(f"/proc/{pids.pop()}")
            with contextlib.suppress(OSError):
                fields = (process / "stat").read_text().rpartition(")")[2].split()
                ticks += sum(map(int, fields[11:15]))  # its own, and that of its children that have ended
                pids += map(int, (process / "task" / process.name / "children").read_text().split())
        return ticks / _TICKS

    def end(self, limit: float) -> Ended:
        """Waits for the end; what takes longer than `limit`, or outlives the command, is ended and noted."""
        hangs = not self.ended(limit)
        if hangs:
            os.kill(self.pid, signal.SIGKILL)
            self.ended(limit)
        code = self._child.returncode if isinstance(self._child, subprocess.Popen) else self._child.exitcode
        seconds = time.monotonic() - self._began
        deadline = time.monotonic() + max(_GRACE, _GRACE_SHARE * limit)
        while (left := self._alive()) and time.monotonic() < deadline:
            time.sleep(0.05)
        for pid in left:
            _kill(pid)
        out, err = (path.read_text(encoding="utf-8", errors="replace") for path in (self._out, self._err))
        return Ended(None if hangs else code, out, err, seconds, tuple(left.values()))

    def _alive(self) -> dict[int, str]:
        """The processes of this command that there are: of its session, or with its mark in their environment."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal() and int(entry.name) != self.pid and self._is_ours(entry):
                found[int(entry.name)] = _words_of(entry)
        return found

    def _is_ours(self, process: Path) -> bool:
        try:
            state, _, _, session = (process / "stat").read_text().rpartition(")")[2].split()[:4]
            if state in "ZX":
                return False
            return int(session) == self.pid or f"{_MARK}={self._mark}".encode() in (process / "environ").read_bytes()
        except OSError:
            return False


def run(
    folder: Path,
    words: tuple[str, ...],
    variables: Mapping[str, str],
    limit: float,
    *,
    forked: bool = True,
    before: Callable[[], None] | None = None,
) -> Ended:
    """A command from its beginning to its end."""
    return Running(folder, words, variables, forked=forked, before=before).end(limit)


@dataclass(frozen=True)
class _Both:
    """What a process does before it becomes the command.   before: what its attack adds."""

    before: Callable[[], None] | None

    def __call__(self) -> None:
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):  # under `nohup` or `&` some are ignored
            signal.signal(number, signal.SIG_DFL)
        if self.before:
            self.before()


def _be(
    words: tuple[str, ...],
    variables: dict[str, str],
    folder: Path,
    out: Path,
    err: Path,
    before: Callable[[], None] | None,
) -> None:
    """In a process that has been forked: becomes the command."""
    from skills.cli.app import main

    os.setsid()
    os.chdir(folder / "here")
    os.environ.clear()
    os.environ.update(variables)
    tempfile.tempdir = None  # the server has looked already where temporary files go
    for target, number in ((os.devnull, 0), (str(out), 1), (str(err), 2)):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        opened = os.open(target, flags, 0o644)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115  # the process's own streams
        for number, mode in ((0, "r"), (1, "w"), (2, "w"))
    )
    _Both(before)()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["skills", *words]
    main()


def _words_of(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:160]
    except OSError:
        return "?"


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        return
