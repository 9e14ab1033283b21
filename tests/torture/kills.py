"""Kills at random moments: the same command afterwards ends in the bytes of a run that nobody disturbed."""

import json
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.torture.attack import Attack, Bench, dice, spread
from tests.torture.judge import Outcome, Verdict, judge
from tests.torture.places import CONTEST, DISCOVER, IMPORT, RENDER
from tests.torture.same import differences, digests

# Most die at once; the rest is asked to end, as by Ctrl-C, by a batch system, by a terminal that is closed.
_SIGNALS = ("SIGKILL",) * 5 + ("SIGINT", "SIGTERM", "SIGHUP")
_LOOK = 0.01  # s between looks at how much a command has done: on a busy machine its work is a better clock than ours


@dataclass(frozen=True)
class Task:
    """words: the command.   before: the place that it begins in.   folder: what it makes."""

    words: tuple[str, ...]
    before: str
    folder: str


TASKS = {
    "discover": Task((*DISCOVER, "-q"), "set", "runs"),
    "data make": Task(("data", "make", "hopper-medium-replay", "--steps", "6000", "-q"), "set", "minari"),
    "data import": Task((*IMPORT, "-q"), "rows", "minari"),
    "evaluate": Task((*CONTEST, "-q"), "run", "runs"),
    "render": Task((*RENDER, "-q"), "run", "runs"),
}
_WEIGHTS = (8, 4, 3, 2, 3)


def kills(count: int, seed: int) -> Iterator[Attack]:
    """`count` kills over all tasks."""
    for number, name in enumerate(spread(count, list(TASKS), _WEIGHTS)):
        yield Attack("kills", f"kill: {name}", f"{number:03d}", _Kill(name, number, seed))


def undisturbed(bench: Bench) -> None:
    """Notes in the stock what each task makes, and how long it takes, when it is left alone."""
    known = {}
    for name, task in TASKS.items():
        place = bench.place(f"undisturbed-{name.replace(' ', '-')}", task.before)
        running, work = place.start(*task.words), 0.0
        while not running.ended(_LOOK):
            work = max(work, running.work())
        ended = running.end(place.limit)
        if ended.code != 0:
            raise RuntimeError(f"{name} fails undisturbed: {ended.err}")
        known[name] = {"work": work, "digests": digests(place.path / task.folder)}
    _noted(bench).write_text(json.dumps(known))


@dataclass(frozen=True)
class _Kill:
    task: str
    number: int
    seed: int

    def __call__(self, bench: Bench, folder: str) -> Verdict:
        task, chance = TASKS[self.task], dice(self.seed, "kill", self.number)
        known = json.loads(_noted(bench).read_text())[self.task]
        place = bench.place(folder, task.before)
        ending = signal.Signals[chance.choice(_SIGNALS)]
        moment = chance.uniform(0.0, 1.0) * known["work"]
        running = place.start(*task.words)
        deadline = time.monotonic() + place.limit
        while running.work() < moment and not running.ended(_LOOK) and time.monotonic() < deadline:
            continue
        reached = running.send(ending)
        how = f"{ending.name} after {moment:.2f} s of work" + ("" if reached else ", when it had ended")
        killed = running.end(place.limit)
        if killed.code is None:
            return Verdict(Outcome.HANG, f"{how}: it goes on")
        if killed.left:
            return Verdict(Outcome.LEFT, f"{how}: processes: {'; '.join(killed.left)}")
        if killed.code != -ending and (seen := judge(killed, lambda: None)).outcome is Outcome.TRACEBACK:
            return Verdict(Outcome.TRACEBACK, f"{how}: {seen.detail}")
        again = place.run(*task.words)
        found = judge(
            again, lambda: differences(digests(place.path / task.folder), known["digests"]), place.leftovers()
        )
        if found.outcome is Outcome.NAMED:  # nothing is wrong with the command: it has to end
            return Verdict(Outcome.WRONG, f"{how}: the same command is refused afterwards: {found.detail}")
        return Verdict(found.outcome, f"{how}: {found.detail}" if found.detail else how)


def _noted(bench: Bench) -> Path:
    return bench.stock / "undisturbed.json"
