"""`skills compare --on`: methods of skill discovery beside each other on data, the same minutes each."""

from pathlib import Path
from typing import Any

from skills.choices import DeviceChoice, Preset
from skills.cli import console
from skills.cli.figure import grid
from skills.cli.reproduce import check_finished, going_on


def compare_methods(
    datasets: list[str],
    methods: list[str],
    minutes: float,
    preset: Preset,
    skills: int | None,
    seed: int,
    trials: int,
    device: DeviceChoice,
    settings: dict[str, str],
    out: Path | None,
    *,
    json: bool,
    quiet: bool,
) -> None:
    """Runs what is not there yet, and prints the table of all that is."""
    from skills.evaluation import neighbours
    from skills.learning.engine.device import choose_device

    chosen, folder = neighbours.choose(methods), out or neighbours.default_folder()
    asked = neighbours.Asked(minutes, preset, skills, seed, trials, choose_device(device), settings)
    with going_on(quiet) as (report, notify):
        failures = neighbours.run_all(datasets, chosen, asked, folder, report, notify)
    shown: dict[str, Any] = neighbours.document(folder)
    if json:
        console.document(shown | {"failures": failures})
    else:
        console.show(grid(neighbours.HEADINGS, map(neighbours.cells, shown["rows"])))
        console.line(neighbours.about(shown))
        console.line(str(folder / neighbours.MARKDOWN))
    check_finished(failures)
