"""Damaged and crafted files of datasets: what is shown, labelled and imported is what they hold, or an error."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.torture.attack import Attack, Bench, dice, spread
from tests.torture.crafted import CRAFTED
from tests.torture.damage import DAMAGES, WEIGHTS
from tests.torture.judge import Outcome, Verdict, judge
from tests.torture.places import IMPORT, RUN, SET, Place
from tests.torture.plain import wrong_about_rows, wrong_about_set
from tests.torture.same import differences, digests

SHOW = ("data", "show", SET, "--json")
LABEL = ("label", RUN, "--skill", "0", "--out", "mine/labelled-v0")
_FILES = ("main_data.hdf5", "main_data.hdf5", "main_data.hdf5", "metadata.json")
_CRAFTED_SETS = [(name, kind) for name in _FILES[2:] for kind in CRAFTED[Path(name).suffix]]
_CRAFTED_ROWS = [(f"rows{suffix}", kind) for suffix in (".npz", ".hdf5") for kind in CRAFTED[suffix]]


def known_of_sets(bench: Bench) -> None:
    """Notes what is said of the undamaged set, and what a run's label of it is."""
    shown = bench.place("right-show", "set").run(*SHOW)
    labelled = bench.place("right-label", "run")
    if labelled.run(*LABEL).code != 0 or shown.code != 0:
        raise RuntimeError(f"undisturbed: {shown.err} {labelled.path}")
    right = {"shown": json.loads(shown.out), "label": digests(labelled.path / "minari" / "mine")}
    _noted(bench).write_text(json.dumps(right))


def damaged_sets(count: int, seed: int) -> Iterator[Attack]:
    """Half are shown, half are labelled by a run that knows what the set was."""
    for number, kind in enumerate(spread(count, list(DAMAGES), WEIGHTS)):
        file, command = _FILES[number % 4], ("show", "label")[number // 4 % 2]
        what = _Set(file, kind, command, crafted=False, number=number, seed=seed)
        yield Attack("damage", f"damaged set: {command}", f"{number:03d} {file} {kind}", what)


def crafted_sets(count: int, seed: int) -> Iterator[Attack]:
    for number in range(count):
        file, kind = _CRAFTED_SETS[number % len(_CRAFTED_SETS)]
        command = ("show", "label")[(number + number // len(_CRAFTED_SETS)) % 2]
        what = _Set(file, kind, command, crafted=True, number=number, seed=seed)
        yield Attack("damage", f"crafted set: {command}", f"{number:03d} {file} {kind}", what)


def damaged_imports(count: int, seed: int) -> Iterator[Attack]:
    for number, kind in enumerate(spread(count, list(DAMAGES), WEIGHTS)):
        file = ("rows.npz", "rows.hdf5")[number % 2]
        what = _Import(file, kind, crafted=False, number=number, seed=seed)
        yield Attack("damage", "damaged file: data import", f"{number:03d} {file} {kind}", what)


def crafted_imports(count: int, seed: int) -> Iterator[Attack]:
    for number in range(count):
        file, kind = _CRAFTED_ROWS[number % len(_CRAFTED_ROWS)]
        what = _Import(file, kind, crafted=True, number=number, seed=seed)
        yield Attack("damage", "crafted file: data import", f"{number:03d} {file} {kind}", what)


def spoil(path: Path, kind: str, *, crafted: bool, number: int, seed: int) -> None:
    """Damages a file, or makes it what somebody has crafted."""
    chance = dice(seed, "damage", path.name, kind, number)
    if crafted:
        CRAFTED[path.suffix][kind](path, chance)
    else:
        path.write_bytes(DAMAGES[kind](path.read_bytes(), chance))


@dataclass(frozen=True)
class _Set:
    file: str
    kind: str
    command: str
    crafted: bool
    number: int
    seed: int

    def __call__(self, bench: Bench, folder: str) -> Verdict:
        place = bench.place(folder, "set" if self.command == "show" else "run")
        spoil(place.set_folder / self.file, self.kind, crafted=self.crafted, number=self.number, seed=self.seed)
        right = json.loads(_noted(bench).read_text())
        if self.command == "show":
            ended = place.run(*SHOW)
            return judge(
                ended, lambda: wrong_about_set(json.loads(ended.out), right["shown"], place.set_folder), _left(place)
            )
        made = place.path / "minari" / "mine"
        ended = place.run(*LABEL)
        verdict = judge(ended, lambda: differences(digests(made), right["label"]), _left(place))
        if verdict.outcome is Outcome.NAMED and digests(made):
            return Verdict(Outcome.LEFT, f"a dataset is left: {verdict.detail}")
        return verdict


@dataclass(frozen=True)
class _Import:
    file: str
    kind: str
    crafted: bool
    number: int
    seed: int

    def __call__(self, bench: Bench, folder: str) -> Verdict:
        place = bench.place(folder, "rows")
        path = place.path / "in" / self.file
        spoil(path, self.kind, crafted=self.crafted, number=self.number, seed=self.seed)
        stored = place.path / "minari" / "mine" / "rows-v0" / "data" / "main_data.hdf5"
        words = [word.replace("rows.npz", self.file) for word in IMPORT]
        verdict = judge(place.run(*words), lambda: wrong_about_rows(stored, path), _left(place))
        if verdict.outcome is Outcome.NAMED and stored.exists():
            return Verdict(Outcome.LEFT, f"a dataset is left: {verdict.detail}")
        return verdict


def _left(place: Place) -> list[str]:
    """Leftovers, and whatever code in a file has made."""
    return [*place.leftovers(), *(str(path) for path in place.path.rglob("executed"))]


def _noted(bench: Bench) -> Path:
    return bench.stock / "sets.json"
