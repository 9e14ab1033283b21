"""`skills reproduce figure3` and `figure7`: what skills show, counted; how learned rewards agree with the true ones."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skills.choices import DeviceChoice, Preset
from skills.cli import console
from skills.cli.fleets import together_by
from skills.cli.reproduce import check_finished, going_on
from skills.errors import USAGE, SkillsError
from skills.settings.config import check_between

if TYPE_CHECKING:
    from skills.evaluation.paper import Table
    from skills.evaluation.reproduce import Settings


def reproduce_figure(
    name: str,
    refused: Mapping[str, str | None],
    datasets: Sequence[str],
    seeds: int,
    steps: int | None,
    preset: Preset,
    seed: int,
    device: DeviceChoice,
    out: Path | None,
    workers: int | None,
    address: str | None,
    *,
    json: bool,
    quiet: bool,
) -> None:
    """Discovers skills in each dataset and counts.   refused: options of tables alone, with what was given.

    Raises: SkillsError (usage) for one of these, or a dataset of another body; (not found) where there is no data.
    """
    for option, given in refused.items():
        if given is not None:
            raise SkillsError(f"{option} is of tables; {name} shows what skills do.", "Leave it out.", USAGE)
    check_between("--seeds", seeds, 1)

    from skills.evaluation import figure3, paper
    from skills.evaluation import reproduce as reproduction
    from skills.learning.engine.device import choose_device

    figure = paper.figure(name)
    rows = reproduction.available(datasets or figure.datasets)
    figure3.check_body(figure, rows)
    folder = out or reproduction.default_folder(name)
    settings = reproduction.Settings(preset, seeds, seed, choose_device(device), steps)
    with going_on(quiet) as (report, notify):
        together = together_by(workers, address, settings.device, report, notify)
        failures = figure3.run_all(figure, rows, settings, folder, report, notify, together)
    shown = figure3.document(figure, folder)
    if json:
        console.document(shown | {"failures": failures})
    else:
        from skills.evaluation.figure3 import HEADINGS, cells

        console.show(grid(HEADINGS, map(cells, shown["rows"])))
        for line in [*shown["verdicts"], *dict.fromkeys(map(figure3.data_text, shown["rows"]))]:
            console.line(line)
        console.line(str(folder / figure3.MARKDOWN))
    check_finished(failures)


def reproduce_rewards(
    figure: "Table",
    datasets: Sequence[str],
    methods: Sequence[str],
    settings: "Settings",
    folder: Path,
    workers: int | None,
    address: str | None,
    *,
    json: bool,
    quiet: bool,
) -> None:
    """Makes rewards of each dataset and method, and compares them with the true ones."""
    from skills.evaluation import figure7
    from skills.evaluation.reproduce import MARKDOWN

    with going_on(quiet) as (report, notify):
        together = together_by(workers, address, settings.device, report, notify)
        failures = figure7.run_all(figure, datasets, methods, settings, folder, report, notify, together)
    shown = figure7.document(figure, folder)
    if json:
        console.document(shown | {"failures": failures})
    else:
        console.show(grid(figure7.HEADINGS, map(figure7.cells, shown["rows"])))
        for line in [*figure7.data_texts(shown), shown["about"], str(folder / MARKDOWN)]:
            console.line(line)
    check_finished(failures)


def grid(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Any:
    """A rich table."""
    from rich.table import Table

    shape = Table(box=None, padding=(0, 2, 0, 0))
    for heading in headings:
        shape.add_column(heading)
    for row in rows:
        shape.add_row(*row)
    return shape
