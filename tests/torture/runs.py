"""Damaged and crafted files of a run: a command says and makes what it does with the undamaged run, or names them."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.torture.attack import Attack, Bench, dice, spread
from tests.torture.crafted import CRAFTED
from tests.torture.damage import DAMAGES, WEIGHTS
from tests.torture.datasets import spoil
from tests.torture.judge import Outcome, Verdict, judge
from tests.torture.places import DISCOVER, EVALUATE, RENDER, RUN, Place
from tests.torture.runner import Ended
from tests.torture.same import differences, digests

COMMANDS: dict[str, tuple[str, ...]] = {
    "show": ("show", RUN, "--json"),
    "show a skill": ("show", RUN, "--skill", "1", "--json"),
    "list": ("list", "--json"),
    "gallery": ("gallery", RUN),
    "gallery of runs": ("gallery", "--runs"),
    "render": (*RENDER, "-q"),
    "discover": (*DISCOVER, "-q"),
    "evaluate": (*EVALUATE, "-q"),
}
_WEIGHTS = (4, 3, 2, 3, 2, 3, 4, 2)
_TIMES = re.compile(r"^Time: .*$", re.MULTILINE)
_TELLS = re.compile(r"damaged|cannot be read|not finished|Cannot read", re.IGNORECASE)


def known_of_runs(bench: Bench) -> None:
    """Notes what each command says and leaves with the undamaged run."""
    right = {}
    for name, words in COMMANDS.items():
        place = bench.place(f"right-run-{name.replace(' ', '-')}", "measured")
        ended = place.run(*words)
        if ended.code != 0:
            raise RuntimeError(f"{name} fails undisturbed: {ended.err}")
        right[name] = {"out": _TIMES.sub("", ended.out), "digests": digests(place.path / "runs"), "anew": {}}
    # What is damaged is made again, and with it what was made of it: such a run has not been evaluated yet.
    anew = bench.place("right-run-anew", "filmed")
    anew.run(*COMMANDS["discover"])
    right["discover"]["anew"] = digests(anew.path / "runs")
    _noted(bench).write_text(json.dumps(right))


def damaged_runs(count: int, seed: int) -> Iterator[Attack]:
    commands = list(spread(count, list(COMMANDS), _WEIGHTS))
    for number, kind in enumerate(spread(count, list(DAMAGES), WEIGHTS)):
        what = _Run(kind, commands[number], crafted=False, number=number, seed=seed)
        yield Attack("damage", f"damaged run: {commands[number]}", f"{number:03d} {kind}", what)


def crafted_runs(count: int, seed: int) -> Iterator[Attack]:
    commands = list(spread(count, list(COMMANDS), _WEIGHTS))
    kinds = [(suffix, kind) for suffix in (".json", ".npz", ".safetensors") for kind in CRAFTED[suffix]]
    for number in range(count):
        suffix, kind = kinds[number % len(kinds)]
        what = _Run(kind, commands[number], crafted=True, number=number, seed=seed, suffix=suffix)
        yield Attack("damage", f"crafted run: {commands[number]}", f"{number:03d} {suffix} {kind}", what)


@dataclass(frozen=True)
class _Run:
    kind: str
    command: str
    crafted: bool
    number: int
    seed: int
    suffix: str = ""

    def __call__(self, bench: Bench, folder: str) -> Verdict:
        place = bench.place(folder, "measured")
        path = self._chosen(place)
        name = path.relative_to(place.victim).as_posix()
        spoil(path, self.kind, crafted=self.crafted, number=self.number, seed=self.seed)
        spoilt = digests(place.path / "runs").get(f"{RUN}/{name}", "")
        right = json.loads(_noted(bench).read_text())[self.command]
        ended = place.run(*COMMANDS[self.command])

        def wrong() -> str | None:
            if self._told(place, ended):
                return None
            if _TIMES.sub("", ended.out) != right["out"]:
                return f"it says otherwise: {_line_that_differs(ended.out, right['out'])}"
            found = digests(place.path / "runs")
            if found.get(f"{RUN}/{name}") == spoilt:  # it had nothing to do with that file, and has left it
                found[f"{RUN}/{name}"] = right["digests"].get(f"{RUN}/{name}", spoilt)
            return differences(found, right["digests"]) and differences(found, {**right["digests"], **right["anew"]})

        verdict = judge(ended, wrong, place.leftovers())
        if verdict.outcome is Outcome.RIGHT and self._told(place, ended):
            verdict = Verdict(Outcome.NAMED, "the run is listed as damaged")
        return Verdict(verdict.outcome, f"{name}: {verdict.detail}")

    def _chosen(self, place: Place) -> Path:
        """A file of the run, small folders as often as large ones."""
        files = [path for path in sorted(place.victim.rglob("*")) if path.is_file() and path.name != ".lock"]
        files = [path for path in files if path.suffix == self.suffix or not self.suffix]
        chance = dice(self.seed, "file", self.number, self.crafted)
        folder = chance.choice(sorted({path.parent for path in files}))
        return chance.choice([path for path in files if path.parent == folder])

    def _told(self, place: Place, ended: Ended) -> bool:
        """Whether a list of runs, which goes on, says that this one is damaged."""
        if self.command == "list":
            return any(run["problem"] for run in json.loads(ended.out)["runs"])
        page = place.path / "runs" / "index.html"
        return self.command == "gallery of runs" and bool(_TELLS.search(page.read_text(encoding="utf-8") + ended.err))


def _line_that_differs(one: str, other: str) -> str:
    lines = [(mine, theirs) for mine, theirs in zip(one.splitlines(), other.splitlines(), strict=False)]
    found = next((pair for pair in lines if pair[0] != pair[1]), (one[-80:], other[-80:]))
    return f"{found[0].strip()[:120]!r} and not {found[1].strip()[:120]!r}"


def _noted(bench: Bench) -> Path:
    return bench.stock / "runs.json"
