"""Hostile words: values of options, names of datasets, runs and environments."""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.torture.attack import Attack, Bench, dice
from tests.torture.judge import Outcome, Verdict, judge
from tests.torture.places import DISCOVER, EVALUATE, IMPORT, RENDER, RUN, SET_ID, Place
from tests.torture.plain import wrong_about_rows
from tests.torture.runner import Ended

_NUMBERS = (
    "nan", "inf", "-inf", "1e308", "-1e308", "-1", "0", "0.5", "1000000000", "4294967296", "18446744073709551616",
    "1" + "0" * 60, "9" * 5000, "", " ", "1e3", "0x10", "1_000", "\u0663", "\u2075", "5;ls", "\x1b[31m5", "None", "1,2",
)  # fmt: skip


@dataclass(frozen=True)
class Option:
    """words: the command, `@` where the value goes.   before: the place.   kept: where `config.json` keeps it.

    highest: what can be meant at all and is done in seconds; more is refused, or the machine is.
    """

    words: tuple[str, ...]
    before: str
    lowest: float
    highest: float
    kept: tuple[str, ...] = ()
    whole: bool = True


def _discover(option: str, *kept: str, lowest: float = 1, highest: float, whole: bool = True) -> Option:
    words = [word for word in DISCOVER if not word.startswith(option.partition("@")[0].split()[-1])]
    return Option((*words, "-q", *option.split()), "set", lowest, highest, kept, whole)


_INFINITE = math.inf
OPTIONS = {
    "--seed": _discover("--seed @", "seed", lowest=0, highest=_INFINITE),
    "--skills": Option((*(w for w in DISCOVER if w not in ("--skills", "2")), "-q", "--skills", "@"), "set", 2, 1000,
                       ("skills",)),
    "--lambda": _discover("--lambda @", "reward", "calibration", lowest=0, highest=_INFINITE, whole=False),
    "data.steps": _discover("--set data.steps=@", "data", "steps", highest=10**5),
    "policy.learning_rate": _discover("--set policy.learning_rate=@", "policy", "learning_rate", lowest=0,
                                      highest=_INFINITE, whole=False),
    "reward.temperature": _discover("--set reward.temperature=@", "reward", "temperature", lowest=0,
                                    highest=_INFINITE, whole=False),
    "rollout.horizon": _discover("--set rollout.horizon=@", "rollout", "horizon", highest=10**5),
    "--seconds": Option((*RENDER[:-2], "-q", "--seconds", "@"), "run", 1e-300, _INFINITE, whole=False),
    "--size": Option((*RENDER[:-4], "-q", "--seconds", "1", "--size", "@"), "run", 16, 2048),
    "--skill": Option(("render", RUN, "-q", "--renderer", "ray", "--seconds", "1", "--skill", "@"), "run", 0, 1),
    "--trials": Option((*EVALUATE[:-2], "--against", "none", "-q", "--trials", "@"), "run", 1, 100),
    "--seeds": Option((*EVALUATE, "-q", "--seeds", "@"), "run", 1, 10),
    "--steps": Option(("data", "make", "walker2d-random", "-q", "--steps", "@"), "empty", 1, 10**6),
    "show --skill": Option(("show", RUN, "--json", "--skill", "@"), "run", 0, 1),
    "label --skill": Option(("label", RUN, "--out", "mine/l-v0", "--skill", "@"), "run", 0, 1),
    "--port": Option(("gallery", RUN, "--port", "@"), "filmed", 0, 65535),
}  # fmt: skip

_NAMES = (
    "../up-v0", "../../../../../../tmp/up-v0", "/etc/passwd", "/etc/passwd-v0", "a" * 300, "a" * 250 + "-v0",
    "a" * 5000 + "-v0", "two\nlines-v0", "\x1b[2Jx-v0", "-v0", "--help-v0", "", ".", "..", "a/../../b-v0", "~/x-v0",
    "$HOME-v0", "%s%n%x-v0", "'; DROP TABLE x-v0", "{0}-v0", "[red]x[/red]-v0", "\u202ex-v0", "C:\\x-v0", "\udcff-v0",
    "x-v" + "9" * 400, "a//b-v0", "a/./b-v0", ".hidden/x-v0", "x-v0/", "nul\u0000-v0".replace("\u0000", "\u2400"),
)  # fmt: skip
_NAMED: dict[str, tuple[tuple[str, ...], str]] = {
    "data show": (("data", "show", "@", "--json"), "set"),
    "discover": (("discover", "@", "--preset", "smoke", "--offline", "--no-videos"), "set"),
    "data import --name": (tuple("@" if word == "mine/rows-v0" else word for word in IMPORT), "rows"),
    "data import --env": (tuple("@" if word == "Hopper-v5" else word for word in IMPORT), "rows"),
    "label --out": (("label", RUN, "--skill", "0", "--out", "@"), "run"),
    "show": (("show", "@"), "run"),
    "data make": (("data", "make", "@"), "empty"),
    "render": (("render", "@", "--skill", "0"), "run"),
    "--trust": (("data", "show", SET_ID, "--trust", "@"), "set"),
}


def hostile_options(count: int, seed: int) -> Iterator[Attack]:
    chance = dice(seed, "options")
    pairs = [(option, value) for option in OPTIONS for value in _NUMBERS]
    for option, value in chance.sample(pairs, min(count, len(pairs))):
        yield Attack("hostile", "hostile value of an option", f"{option} {value[:40]!a}", _Option(option, value))


def hostile_names(count: int, seed: int) -> Iterator[Attack]:
    chance = dice(seed, "names")
    pairs = [(command, name) for command in _NAMED for name in _NAMES]
    for command, name in chance.sample(pairs, min(count, len(pairs))):
        yield Attack("hostile", "hostile name", f"{command} {name[:40]!a}", _Name(command, name))


@dataclass(frozen=True)
class _Option:
    option: str
    value: str

    def __call__(self, bench: Bench, folder: str) -> Verdict:
        option = OPTIONS[self.option]
        place = bench.place(folder, option.before)
        ended = place.run(*(word.replace("@", self.value) for word in option.words))
        verdict = judge(ended, lambda: self._wrong(option, place), place.leftovers())
        return _nothing_begun(verdict, place, option.before)

    def _wrong(self, option: Option, place: Place) -> str | None:
        """What does not fit the value, where it has been accepted."""
        try:
            meant = float(self.value.strip())
        except ValueError:
            meant = math.nan
        listed = self.option == "--skill" and self.value == "1,2"
        if not option.lowest <= meant <= option.highest or (option.whole and meant % 1) or listed:
            return f"{self.value[:40]!r} is accepted"
        if not option.kept:
            return None
        found = json.loads((place.victim / "config.json").read_text())
        for key in option.kept:
            found = found[key]
        return None if found == meant else f"config.json has {found} for {self.value!r}"


@dataclass(frozen=True)
class _Name:
    command: str
    name: str

    def __call__(self, bench: Bench, folder: str) -> Verdict:
        words, before = _NAMED[self.command]
        place = bench.place(folder, before)
        ended = place.run(*(word.replace("@", self.name) for word in words))
        verdict = judge(ended, self._wrong(place, ended), place.leftovers())
        return _nothing_begun(verdict, place, before)

    def _wrong(self, place: Place, ended: Ended) -> Callable[[], str | None]:
        def wrong() -> str | None:
            if self.command == "data show":  # a set that may be on the hub, and is not here
                return "it is said to be here" if json.loads(ended.out)["local"] else None
            folder = (place.path / "minari" / self.name / "data").resolve()
            if not folder.is_relative_to(place.path / "minari"):
                return f"it is accepted and leads to {folder}"
            if self.command == "data import --name":
                return wrong_about_rows(folder / "main_data.hdf5", place.path / "in" / "rows.npz")
            if self.command == "label --out":
                return None if (folder / "main_data.hdf5").is_file() else "nothing is stored"
            return f"{self.name[:40]!r} is accepted"

        return wrong


def _nothing_begun(verdict: Verdict, place: Place, before: str) -> Verdict:
    """A command that is refused leaves no run and no dataset."""
    runs = [path.name for path in (place.path / "runs").iterdir()]
    sets = [path.parent.parent.name for path in (place.path / "minari").rglob("main_data.hdf5")]
    many = len(runs) > (before in ("run", "filmed")) or len(sets) > (before != "empty")
    if verdict.outcome is Outcome.NAMED and many:
        return Verdict(Outcome.LEFT, f"{', '.join(runs + sets)} left: {verdict.detail}")
    return verdict
