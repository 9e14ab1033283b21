"""A sweep: the runs of a grid, brought to their end by a fleet, and what came out over their seeds.

runs/sweep-GRID/
  hopper-medium-clue-policy.steps-1000-1/ ...    an ordinary run for each combination and seed
  sweep.json                                     what is known so far, of all runs that are finished there
"""

import contextlib
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from skills.choices import Device
from skills.discovery import discover
from skills.errors import SkillsError
from skills.evaluation import variants
from skills.evaluation.evaluate import evaluate
from skills.evaluation.grid import Combination, Grid
from skills.files import clear_leftovers, write_json
from skills.fleet import Fleet, Standings, work_off
from skills.measures.intervals import Interval, student
from skills.measures.judged import measures, rows
from skills.measures.summary import summary_of
from skills.progress import Notify, Reporter
from skills.runs import holding
from skills.runs.begin import get_data
from skills.runs.folder import RunFolder, open_or_create, open_run
from skills.runs.layout import is_run

SCHEMA_VERSION = 1
DOCUMENT = "sweep.json"
_DIGITS = 2  # of a summary's numbers, which are rounded already
# What they can be, by name or by unit.
_RANGES = {
    "Reward AUC": (0.0, 1.0),
    "%": (0.0, 100.0),
    "x base rate": (0.0, math.inf),
    "x": (0.0, math.inf),
}


def begin_all(grid: Grid, folder: Path, device: Device, reporter: Reporter, notify: Notify) -> list[RunFolder]:
    """The runs of a grid, begun where they are not there yet; what has to be downloaded is here then.

    Raises: SkillsError (usage) for a combination that cannot be, or where a folder holds a run with other settings.
    """
    for name in dict.fromkeys(grid.datasets):
        get_data(name, "auto", False, reporter, notify, grid.options.get("env"))
    # All configurations before the first folder: what is refused leaves none.
    wanted = [(cell.name(seed), grid.config(cell, seed, device)) for cell in grid.cells for seed in grid.seeds]
    clear_leftovers(folder)
    return [open_or_create(folder / name, config) for name, config in wanted]


def run_all(grid: Grid, runs: list[RunFolder], fleet: Fleet, watch: Callable[[Standings], None]) -> list[str]:
    """Brings the runs of a grid to their end, and tables what is known whenever one comes there.

    watch: called twice a second with how each stands.
    Returns: a line for each run that could not be finished; the others are made all the same.
    Raises: SkillsError (environment) where there is no Ray.
    """
    left = [run for run in runs if not is_complete(grid, run)]
    pieces = {run.path.name: (bring, str(run.path.resolve()), grid.against, grid.trials) for run in left}
    there = set[str]()

    def look(standings: Standings) -> None:
        for run in left:
            if standings[run.path.name].state == "done" and run.path.name not in there:
                holding.bring(run.path)  # from object storage, where another machine has made it
                there.add(run.path.name)
        watch(standings)

    return work_off(fleet, pieces, look) if pieces else []


def is_complete(grid: Grid, run: RunFolder) -> bool:
    """Whether a run is there, and measured as the grid says."""
    if not is_run(run.path) or not run.is_finished:
        return False
    if grid.against is None or run.config.mode != "skills":
        return True
    document = run.measures
    compared = {**document.get("nulls", {}), **document.get("baselines", {})}
    wanted = set(variants.those_of(grid.against, run.config))
    return document.get("protocol", {}).get("trials") == grid.trials and wanted <= set(compared)


def bring(path: str, against: tuple[str, ...] | None, trials: int, reporter: Reporter, notify: Notify) -> None:
    """Brings one run to its end, in whatever process: from wherever it stands."""
    run = open_run(holding.bring(Path(path)))
    with run.writing(notify):
        discover(run, source="auto", reporter=reporter, notify=notify)
        if against is not None and run.config.mode == "skills":
            evaluate(run, against=against, trials=trials, reporter=reporter, notify=notify)


def write_sweep(grid: Grid, folder: Path) -> dict[str, Any]:
    """Writes `sweep.json` of the finished runs; returns the document."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "seeds": list(grid.seeds),
        "cells": [_cell(grid, cell, folder) for cell in grid.cells],
    }
    write_json(folder / DOCUMENT, document)
    return document


def _cell(grid: Grid, cell: Combination, folder: Path) -> dict[str, Any]:
    """Of a combination the numbers over its seeds, and its runs, null where one is not finished."""
    runs = {seed: folder / cell.name(seed) for seed in grid.seeds}
    found = {}
    for seed, path in runs.items():
        with contextlib.suppress(SkillsError):  # another process may be taking it back; what is damaged is told there
            if is_run(path) and is_complete(grid, run := open_run(path)):
                found[seed] = _numbers(run)
    names = dict.fromkeys(name for one in found.values() for name in one)
    return {
        "dataset": cell.dataset,
        "method": cell.method,
        "settings": dict(cell.settings),
        "runs": {str(seed): path.name if seed in found else None for seed, path in runs.items()},
        "measures": {name: _over_seeds([one[name] for one in found.values() if name in one]) for name in names},
    }


@dataclass(frozen=True)
class _Found:
    """A number of one run.   digits: behind the point.   lowest, highest: what it can be."""

    interval: Interval
    digits: int
    lowest: float
    highest: float


def _numbers(run: RunFolder) -> dict[str, _Found]:
    """By its words each number of a run: its measures where it has been evaluated, else its summary."""
    document = run.measures
    if "protocol" not in document:
        return {line["name"]: _of_summary(line) for line in summary_of(run)}
    numbers = {
        one.words: one for measure in measures(document["protocol"].get("settings")) for one in measure.numbers()
    }
    return {
        row.words: _Found(
            Interval(**row.read(document["measures"])),
            row.digits,
            numbers[row.words].lowest,
            numbers[row.words].highest,
        )
        for row in rows(document)
    }


def _of_summary(line: Mapping[str, Any]) -> _Found:
    lowest, highest = _RANGES.get(line["name"], _RANGES.get(line["unit"], (-math.inf, math.inf)))
    return _Found(Interval(line["value"], None, None), _DIGITS, lowest, highest)


def _over_seeds(found: list[_Found]) -> dict[str, Any]:
    """The mean and its interval by Student's t; of one seed its own, over trials.   Without those that have none."""
    there = [one for one in found if one.interval.value is not None] or found[:1]
    interval, bounds = there[0].interval, there[0]
    if len(there) > 1:
        values = [float(one.interval.value or 0.0) for one in there]
        interval = student(values, lowest=bounds.lowest, highest=bounds.highest)
    return {**asdict(interval), "digits": bounds.digits}
