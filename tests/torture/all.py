"""All attacks, and how they are done beside each other."""

import shutil
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import chain
from multiprocessing import get_context

from tests.torture.attack import Attack, Bench
from tests.torture.datasets import crafted_imports, crafted_sets, damaged_imports, damaged_sets, known_of_sets
from tests.torture.disks import full_disks
from tests.torture.hubs import hub_lies
from tests.torture.judge import Outcome, Verdict
from tests.torture.kills import kills, undisturbed
from tests.torture.places import STOCK, make_stock
from tests.torture.runs import crafted_runs, damaged_runs, known_of_runs
from tests.torture.surroundings import hostile_archives, hostile_specs, hostile_variables, known_of_surroundings
from tests.torture.table import BAD, Result
from tests.torture.words import hostile_names, hostile_options

Make = Callable[[int, int], Iterator[Attack]]


def _shared(shares: dict[Make, float]) -> Make:
    """Attacks of several kinds, each with its share of them; the last has the rest."""

    def make(count: int, seed: int) -> Iterator[Attack]:
        left = count
        for place, (kind, share) in enumerate(shares.items(), start=1):
            some = left if place == len(shares) else min(left, round(count * share))
            made = list(kind(some, seed))
            left -= len(made)
            yield from made

    return make


_damage = _shared(
    {damaged_sets: 0.2, damaged_imports: 0.15, damaged_runs: 0.33, crafted_sets: 0.1, crafted_imports: 0.09,
     crafted_runs: 0.13}
)  # fmt: skip
_hostile = _shared(
    {hostile_variables: 0.33, hostile_archives: 0.09, hostile_specs: 0.12, hostile_names: 0.2, hostile_options: 0.26}
)


@dataclass(frozen=True)
class Part:
    """make: its attacks, of a count and a seed.   count: how many there are unless told.

    needs: the last place of the stock that it begins with.   notes: what is noted as right before it begins.
    """

    make: Make
    count: int
    needs: str
    notes: tuple[Callable[[Bench], None], ...] = ()


PARTS: dict[str, Part] = {
    "kills": Part(kills, 100, "run", (undisturbed,)),
    "damage": Part(_damage, 300, "measured", (known_of_sets, known_of_runs)),
    "hostile": Part(_hostile, 150, "filmed", (known_of_sets, known_of_surroundings)),
    "hub": Part(hub_lies, 33, "set"),
    "disks": Part(full_disks, 45, "run", (undisturbed,)),
}


def prepare(bench: Bench, names: Iterable[str]) -> None:
    """Makes what the attacks of these parts begin with and notes what is right, but for what is there already."""
    parts = [PARTS[name] for name in names]
    make_stock(bench.stock, max((part.needs for part in parts), key=STOCK.index), bench.limit)
    for note in dict.fromkeys(note for part in parts for note in part.notes):
        done = bench.stock / f"{note.__name__}.noted"
        if not done.is_file():
            note(bench)
            done.touch()


def attacks(counts: dict[str, int], seed: int) -> list[Attack]:
    """All attacks of these parts, the same for the same seed."""
    return list(chain.from_iterable(PARTS[name].make(count, seed) for name, count in counts.items()))


def attack_all(bench: Bench, counts: dict[str, int], seed: int, jobs: int, *, keep: bool) -> Iterator[Result]:
    """Does them in so many processes; yields what came out, in order.   keep: the folders of what came out badly."""
    total = len(attacks(counts, seed))
    if jobs == 1:
        yield from _said((_one(bench, counts, seed, number, keep) for number in range(total)), total)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        futures = [pool.submit(_one, bench, counts, seed, number, keep) for number in range(total)]
        try:
            yield from _said((future.result() for future in futures), total)
        finally:
            pool.shutdown(cancel_futures=True)


def _said(results: Iterable[Result], total: int) -> Iterator[Result]:
    for number, result in enumerate(results, start=1):
        sys.stderr.write(f"{number}/{total} {result.line} {result.name}: {result.outcome} {result.detail[:160]}\n")
        sys.stderr.flush()
        yield result


def _one(bench: Bench, counts: dict[str, int], seed: int, number: int, keep: bool) -> Result:
    """An attack, in a process of the pool."""
    attack = attacks(counts, seed)[number]
    began = time.monotonic()
    try:
        verdict = attack.go(bench, f"{number:04d}")
    except Exception:  # noqa: BLE001  # a fault of the torture proves nothing good, and ends none of the others
        verdict = Verdict(Outcome.TRACEBACK, f"of the torture itself: {traceback.format_exc()[-600:]}")
    if not keep or verdict.outcome not in BAD:
        shutil.rmtree(bench.work / f"{number:04d}", ignore_errors=True)
    return Result(attack.part, attack.line, attack.name, verdict.outcome, verdict.detail, time.monotonic() - began)
