"""`skills evaluate`: do the skills exist, and how would we know?"""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from skills.choices import Unit
from skills.cli import console
from skills.cli.fleets import together_by
from skills.cli.options import Address, AtOnce, Import, Json, Quiet, RunName, Trust, given_settings
from skills.cli.reporting import reporter
from skills.errors import INTERRUPTED, NOT_FOUND, USAGE, SkillsError

if TYPE_CHECKING:
    from numpy import integer
    from numpy.typing import NDArray

    from skills.runs.folder import RunFolder

# As in skills.playing.protocol, which is slow to import; a test keeps them the same.
TRIALS = 10


def evaluate(
    run: RunName = None,
    against: Annotated[
        str,
        typer.Option(
            metavar="LIST", help="all, none, or some of: shuffled,clone,segments,bc_per_class,uncalibrated,replay."
        ),
    ] = "all",
    seeds: Annotated[int, typer.Option(help="Discovery seeds that the intervals are over; each is trained.")] = 1,
    behaviours: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A .npy with the number of the behaviour that made each row, if known."),
    ] = None,
    protocol: Annotated[
        Unit, typer.Option(help="What is the same on every body: times (as far as episodes last), or counts of steps.")
    ] = "seconds",
    trials: Annotated[int, typer.Option(help="Of each skill; more make the intervals narrower.")] = TRIALS,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="MEASURE.NAME=VALUE", help="A measure's setting; skills show --settings."),
    ] = None,
    workers: AtOnce = None,
    address: Address = None,
    json: Json = False,
    quiet: Quiet = False,
    trust: Trust = None,
    imports: Import = None,
) -> None:
    """Measure a run's skills beside nulls and baselines. The same command again continues where it stopped.

    Of a run with one expert (imitation, sparse): how its reward ranks the expert, with and without calibration.
    """
    from skills.evaluation import variants
    from skills.runs import folder as runs

    chosen, asked = variants.choose(against), given_settings(settings)
    opened = runs.find(run)
    opened.require("measures")
    if opened.config.mode != "skills":
        _evaluate_expert(opened, json=json, quiet=quiet)
        return
    known = None if behaviours is None else _read_behaviours(behaviours, opened)
    try:
        with opened.writing(console.teller(quiet)):
            document = _evaluate(opened, chosen, seeds, known, protocol, trials, asked, workers, address, quiet=quiet)
            _renew_gallery(opened)
    except KeyboardInterrupt:
        options = _options(chosen, seeds, behaviours, protocol, trials, asked)
        raise _interrupted(opened, *options) from None
    if json:
        console.document(document)
        return
    console.show(table(document))
    for line in verdicts(document):
        console.line(line)
    console.line(str(opened.measures_file))


def _evaluate_expert(run: "RunFolder", *, json: bool, quiet: bool) -> None:
    """Of a run with one expert, how its reward ranks: with and without calibration."""
    from skills.evaluation.calibration import compare

    try:
        with run.writing(console.teller(quiet)):
            with reporter(quiet) as report:
                document = compare(run, report, console.teller(quiet))
            _renew_gallery(run)
    except KeyboardInterrupt:
        raise _interrupted(run) from None
    if json:
        console.document(document)
        return
    console.line("Reward AUC: the expert's transitions above the rest of the data (0.5 chance, 1 perfect)")
    console.show(ranking_table(document["ranking"]))
    console.line(str(run.measures_file))


def ranking_table(ranking: dict[str, Any]) -> Any:
    """A rich table: a row for each model and distance."""
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("", "distance", "its own", "held-out episodes"):
        shown.add_column(heading, no_wrap=True, justify="left" if heading in ("", "distance") else "right")
    for model, distances in ranking.items():
        for distance, found in distances.items():
            cells = [cell(found[rows], 3) if found[rows] else "-" for rows in ("chosen", "held_out")]
            shown.add_row(Text(model, style="bold"), distance, *cells)
    return shown


def _evaluate(
    run: "RunFolder",
    against: tuple[str, ...],
    seeds: int,
    behaviours: "NDArray[integer[Any]] | None",
    unit: Unit,
    trials: int,
    settings: dict[str, str],
    workers: int | None,
    address: str | None,
    *,
    quiet: bool,
) -> dict[str, Any]:
    from skills.evaluation import evaluate as evaluation

    notify = console.teller(quiet)
    with reporter(quiet) as report:
        return evaluation.evaluate(
            run,
            against=against,
            seeds=seeds,
            behaviours=behaviours,
            unit=unit,
            trials=trials,
            settings=settings,
            reporter=report,
            notify=notify,
            together=together_by(workers, address, run.config.device, report, notify),
        )


def _options(
    against: tuple[str, ...],
    seeds: int,
    behaviours: Path | None,
    unit: Unit,
    trials: int,
    settings: dict[str, str],
) -> list[str]:
    """The command-line options of an evaluation, without those that are as usual."""
    options = [f"--against {','.join(against) or 'none'}"]
    options += [f"--seeds {seeds}"] if seeds != 1 else []
    options += [f"--behaviours {shlex.quote(str(behaviours))}"] if behaviours else []
    options += [f"--protocol {unit}"] if unit != "seconds" else []
    options += [f"--trials {trials}"] if trials != TRIALS else []
    return options + [f"--set {shlex.quote(f'{name}={value}')}" for name, value in settings.items()]


def _interrupted(run: "RunFolder", *options: str) -> SkillsError:
    """What is said of an interrupt: with the command that goes on."""
    from skills.runs.command import go_on

    hint = f"Continue with: {go_on(run.path, 'evaluate', *options)}"
    return SkillsError("Interrupted. What is finished is kept.", hint, INTERRUPTED)


def _read_behaviours(path: Path, run: "RunFolder") -> "NDArray[integer[Any]]":
    """Raises: SkillsError for a file that is not there, is no array of whole numbers, or has another length."""
    import numpy as np

    if not path.is_file():
        raise SkillsError(f"There is no file {path}.", exit_code=NOT_FOUND)
    try:
        found = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise SkillsError(f"{path} is no .npy file: {error}.", exit_code=USAGE) from error
    rows = run.manifest["dataset"]["steps"]
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "iu" or found.ndim != 1 or len(found) < rows:
        raise SkillsError(
            f"{path} does not hold a whole number for each of the run's {rows} rows.",
            "Save one with numpy.save: 0 for the rows of the first behaviour, 1 for those of the second, ...",
            USAGE,
        )
    numbers: NDArray[np.integer[Any]] = found[:rows]
    return numbers


def _renew_gallery(run: "RunFolder") -> None:
    """Brings the page up to the measures, where there is one."""
    if run.page_file.is_file():
        from skills.videos.gallery import page

        page.publish(run)


def players(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """{"skills": its measures, "shuffled": ...}."""
    return {"skills": document["measures"], **document["nulls"], **document["baselines"]}


def table(document: dict[str, Any]) -> Any:
    """A rich table: a number a row, a method a column, the interval under the value."""
    from rich.table import Table
    from rich.text import Text

    from skills.measures.judged import rows

    shown = Table(box=None, padding=(0, 2, 0, 0))
    shown.add_column("", no_wrap=True)
    for name in players(document):
        shown.add_column(name, justify="right", no_wrap=True)
    for row in rows(document):
        cells = [cell(row.read(groups), row.digits) for groups in players(document).values()]
        shown.add_row(Text(row.words, style="bold"), *cells)
    return shown


def cell(found: dict[str, float | None], digits: int) -> Any:
    """The value, and dim under it the interval."""
    from rich.text import Text

    if found["value"] is None:
        return Text("-")
    if found["low"] is None:
        return Text(f"{found['value']:.{digits}f}")
    low, high = f"{found['low']:.{digits}f}", f"{found['high']:.{digits}f}"
    return Text.assemble(f"{found['value']:.{digits}f}", (f"\n{low}..{high}", "dim"))


def verdicts(document: dict[str, Any]) -> list[str]:
    """What the table says in words: chance and the data's score, which nulls and baselines the skills are clear of."""
    from skills.measures.judged import rows

    measures = document["measures"]
    lines = [
        f"Chance: fidelity {measures['fidelity']['chance']['value']:g} (top 1), occupancy 1, effective skills 1."
        f" The data's mean score: {measures['quality']['data']['value']:.1f}."
    ]
    for kind in ("nulls", "baselines"):
        for name, groups in document[kind].items():
            told = [row for row in rows(document) if row.good]
            clear = [row.words for row in told if _is_above(row.read(measures), row.read(groups))]
            known = any(row.read(measures)["low"] is not None for row in rows(document))
            apart = (", ".join(clear) or "nothing") if known else "not told, there are no intervals"
            lines.append(f"Above {name}, intervals apart: {apart}")
    protocol = document["protocol"]
    if not protocol["held_out"]:
        lines.append("The judge is not independent: the dataset has no rows that discovery did not see.")
    if "truth" in document:
        found = document["truth"]
        own = found["inferred"]
        lines.append(
            f"Behaviours inferred: {own['number']} in {own['seconds']:.1f} s, ARI {own['ari']:.3f},"
            f" NMI {own['nmi']:.3f}."
        )
        lines.append(
            f"Behaviours: ARI {found['ari']:.3f}, NMI {found['nmi']:.3f}, recovered {found['recovered']:.0%}: "
            + ", ".join(
                f"{one['behaviour']} by skill {one['skill']} ({one['share']:.0%})" for one in found["behaviours"]
            )
        )
    return lines


def _is_above(ours: dict[str, float | None], theirs: dict[str, float | None]) -> bool:
    low, high = ours["low"], theirs["high"]
    return low is not None and high is not None and low > high
