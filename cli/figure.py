"""`skills reproduce figure3`: what the paper's pictures of skills show, counted on the data that is here."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from skills.choices import DeviceChoice, Preset
from skills.cli import console
from skills.cli.reproduce import check_finished, going_on
from skills.errors import USAGE, SkillsError
from skills.settings.config import check_between


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
        failures = figure3.run_all(figure, rows, settings, folder, report, notify)
    shown = figure3.document(figure, folder)
    if json:
        console.document(shown | {"failures": failures})
    else:
        console.show(_grid(shown))
        for line in [*shown["verdicts"], *dict.fromkeys(map(figure3.data_text, shown["rows"]))]:
            console.line(line)
        console.line(str(folder / figure3.MARKDOWN))
    check_finished(failures)


def _grid(shown: dict[str, Any]) -> Any:
    """A rich table: a row for each dataset and claim."""
    from rich.table import Table

    from skills.evaluation.figure3 import HEADINGS, cells

    grid = Table(box=None, padding=(0, 2, 0, 0))
    for heading in HEADINGS:
        grid.add_column(heading)
    for row in shown["rows"]:
        grid.add_row(*cells(row))
    return grid
