"""Pieces of work on Ray: each in a process of its own, on this machine or on a cluster that shares its folders.

A process that dies takes nothing with it: Ray begins its piece anew in another one, and the piece goes on from the
files that it finds. Ray carries names, arguments and a line of words now and then, never data: those are in folders.
"""

import io
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Any, Literal

from skills.choices import Device
from skills.errors import ENVIRONMENT, SkillsError
from skills.progress import Notify, Progress, Reporter

ADDRESS = "RAY_ADDRESS"  # the variable that Ray itself takes its cluster's address from
_AGAIN = 3  # times that a piece is begun anew whose process died
_SECONDS_BETWEEN_LOOKS = 0.5
_SECONDS_BETWEEN_WORDS = 1.0
_SECONDS_TO_ANSWER = 30.0  # that the board has at most
_STORE = 80 << 20  # bytes of Ray's store of objects, the least that it takes: nothing large goes through it
# What the processes of another machine have to know of this one's surroundings; here they inherit it.
_TOLD = ("SKILLS_RUNS", "SKILLS_MIRROR", "SKILLS_TRUST", "MINARI_DATASETS_PATH", "GOMP_SPINCOUNT")

# Takes a reporter and a notify behind its own arguments; can be imported by its name.
Work = Callable[..., None]


@dataclass(frozen=True)
class Fleet:
    """Whose processes do the work.

    address: of a Ray cluster; None: this machine, unless $RAY_ADDRESS names one.   workers: pieces at once at most;
    None: as many as there are cores for.   cores, gpus: of each piece.
    """

    address: str | None = field(default_factory=lambda: os.environ.get(ADDRESS))
    workers: int | None = None
    cores: int = 1
    gpus: int = 0

    def on(self, device: Device) -> "Fleet":
        """The same, whose pieces work on that device."""
        return replace(self, gpus=int(device == "cuda"))


@dataclass(frozen=True)
class Standing:
    """How a piece stands.   words: what it is at, or why it has failed.   begun: how many times."""

    state: Literal["waiting", "working", "done", "failed"] = "waiting"
    words: str = ""
    begun: int = 0


Standings = Mapping[str, Standing]


def in_words_of(standing: Standing) -> str:
    """How a piece stands, in a word or a few."""
    return "again: its process died" if standing.state == "working" and standing.begun > 1 else standing.state


class Changes:
    """Says what has changed since it was last called: pieces that were begun, begun anew, done, or have failed."""

    def __init__(self, say: Notify) -> None:
        self._say = say
        self._known: dict[str, tuple[str, int]] = {}

    def __call__(self, standings: Standings) -> None:
        for name, one in standings.items():
            if self._known.get(name, ("waiting", 0)) != (one.state, one.begun):
                self._known[name] = (one.state, one.begun)
                self._say(f"{name}: {in_words_of(one)}{f', {one.words}' if one.words else ''}")


def told(say: Notify, progress: Progress) -> Callable[[Standings], None]:
    """What to call with how pieces stand: says each change, and counts those that have come to an end."""
    changes = Changes(say)

    def watch(standings: Standings) -> None:
        changes(standings)
        progress(sum(one.state in ("done", "failed") for one in standings.values()), len(standings))

    return watch


def work_off(fleet: Fleet, pieces: Mapping[str, tuple[Any, ...]], watch: Callable[[Standings], None]) -> list[str]:
    """Does all pieces; a line, under its name, of what has kept each one from its end that has not come there.

    pieces: by name, the work and its arguments.   watch: called twice a second, and once more at the end.
    Raises: SkillsError (environment) where Ray is not installed, or there is no cluster at that address.
    """
    with _ray(fleet) as ray:
        board = ray.remote(num_cpus=0, max_restarts=-1)(_Board).remote()
        do = ray.remote(num_cpus=fleet.cores, num_gpus=fleet.gpus, max_retries=_AGAIN)(_do)
        standings = dict.fromkeys(pieces, Standing())
        waiting, running = list(pieces), dict[Any, str]()
        while waiting or running:
            while waiting and (fleet.workers is None or len(running) < fleet.workers):
                name = waiting.pop(0)
                running[do.remote(name, board, *pieces[name])] = name
            finished, _ = ray.wait(list(running), num_returns=len(running), timeout=_SECONDS_BETWEEN_LOOKS)
            for name, (begun, words) in _said(ray, board).items():
                if standings[name].state in ("waiting", "working"):
                    standings[name] = Standing("working", words, begun)
            for one in finished:
                name = running.pop(one)
                problem = _problem(ray, one)
                state: Literal["done", "failed"] = "failed" if problem else "done"
                standings[name] = replace(standings[name], state=state, words=problem)
            watch(standings)
    return [f"{name}: {one.words}" for name, one in standings.items() if one.state == "failed"]


def check_there(fleet: Fleet) -> None:
    """Raises: SkillsError (environment) as `work_off` does; that of this machine is not started to find out."""
    if fleet.address is None:
        _check_installed()
        return
    with _ray(fleet):
        pass


def _check_installed() -> None:
    if find_spec("ray") is None:
        raise SkillsError("This needs Ray.", "Install it: pip install ray pyyaml", ENVIRONMENT)


def _check_answers(fleet: Fleet) -> None:
    """Whether somebody listens at the address of a cluster, where Ray itself would try for ten minutes."""
    host, _, port = (fleet.address or "").rpartition("://")[2].rpartition(":")
    if not (host and port.isdecimal()):
        return  # Ray's own words for where it is to look, such as auto
    try:
        socket.create_connection((host.strip("[]"), int(port)), _SECONDS_TO_ANSWER).close()
    except (OSError, OverflowError) as error:
        raise _not_started(fleet, error) from error


@contextmanager
def _ray(fleet: Fleet) -> Iterator[Any]:
    """Ray, connected; that of this machine ends with the block."""
    _check_installed()
    _check_answers(fleet)
    import ray

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if fleet.address is None:
        taken = fleet.cores * (fleet.workers or max(1, cores() // fleet.cores))
        options |= {"num_cpus": taken, "include_dashboard": False, "object_store_memory": _STORE}
    else:
        known = {name: os.environ[name] for name in _TOLD if name in os.environ}
        options |= {"address": fleet.address, "runtime_env": {"env_vars": known}}
    heeded = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(**options)
    except Exception as error:  # a node that starts too slowly is a plain one
        raise _not_started(fleet, error) from error
    try:
        signal.signal(signal.SIGTERM, heeded)  # Ray would end this process without a word
        with redirect_stdout(io.StringIO()):  # where Ray tells of processes that died; it is for results
            yield ray
    finally:
        ray.shutdown()


def _not_started(fleet: Fleet, error: Exception) -> SkillsError:
    where = "on this machine" if fleet.address is None else f"at {fleet.address}"
    return SkillsError(f"Ray has not started {where}: {error}", "See what `ray status` says of it.", ENVIRONMENT)


def cores() -> int:
    """Those of this machine that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _said(ray: Any, board: Any) -> dict[str, tuple[int, str]]:
    """What the pieces have said last; nothing while the board itself is being begun anew."""
    try:
        found: dict[str, tuple[int, str]] = ray.get(board.read.remote(), timeout=_SECONDS_TO_ANSWER)
    except ray.exceptions.RayError:
        return {}
    return found


def _problem(ray: Any, finished: Any) -> str:
    """Why a piece has failed; nothing where it has not."""
    try:
        problem: str = ray.get(finished)
    except ray.exceptions.RayTaskError as error:
        return f"{type(error.cause).__name__}: {error.cause}"
    except ray.exceptions.RayError as error:
        return f"its process died {_AGAIN + 1} times, out of memory perhaps ({type(error).__name__})"
    return problem


class _Board:
    """Where pieces say how far they are; in a process of its own."""

    def __init__(self) -> None:
        self._lines: dict[str, tuple[int, str]] = {}

    def begin(self, name: str) -> None:
        begun, _ = self._lines.get(name, (0, ""))
        self._lines[name] = (begun + 1, "")

    def say(self, name: str, words: str) -> None:
        self._lines[name] = (self._lines.get(name, (1, ""))[0], words)

    def read(self) -> dict[str, tuple[int, str]]:
        return self._lines


def _do(name: str, board: Any, work: Work, *arguments: Any) -> str:
    """Does a piece, in a process of Ray's; what is wrong, "" where nothing is."""
    import ray

    with suppress(ray.exceptions.RayError):  # while the board is begun anew
        ray.get(board.begin.remote(name), timeout=_SECONDS_TO_ANSWER)
    reporter, notify = _telling(lambda words: board.say.remote(name, words))
    try:
        work(*arguments, reporter, notify)
    except SkillsError as error:
        return str(error).replace("\n", "   ")
    return ""


def _telling(say: Callable[[str], object]) -> tuple[Reporter, Notify]:
    """A reporter and a notify that say things somewhere else, not too often."""

    def reporter(task: str, unit: str) -> Progress:
        said = 0.0
        say(task)

        def progress(done: int, total: int) -> None:
            nonlocal said
            if time.monotonic() - said >= _SECONDS_BETWEEN_WORDS:
                said = time.monotonic()
                say(f"{task}: {done:,}/{total:,} {unit}")

        return progress

    return reporter, lambda line: None
