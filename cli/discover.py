"""`skills discover`: from a dataset to numbered skills and a gallery of their videos."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from skills.choices import DeviceChoice, Mode, Preset, Trunk
from skills.cli import console
from skills.cli.fleets import fleet_of
from skills.cli.options import (
    Action,
    Address,
    Import,
    Json,
    Observation,
    Quiet,
    Trust,
    choice_of,
    complete_dataset,
    given_settings,
    names_in,
)
from skills.cli.render import filmed, what_was_done
from skills.cli.reporting import duration, reporter
from skills.errors import INTERRUPTED, PARTLY_DONE, USAGE, SkillsError
from skills.fleet import Fleet
from skills.plugins import LEARNERS, MAKERS, SOURCES
from skills.storage import placed

if TYPE_CHECKING:
    from skills.runs.begin import Begun
    from skills.runs.folder import RunFolder
    from skills.videos.films.render import Rendered

SCHEMA_VERSION = 1
_NO_TIME: Mapping[str, float] = {}


def discover(
    dataset: Annotated[
        str | None,
        typer.Argument(
            metavar="DATASET",
            help="Such as ant-medium, any Minari id, or a file of logs; left out, the run of --run goes on.",
            autocompletion=complete_dataset,
        ),
    ] = None,
    mode: Annotated[
        Mode,
        typer.Option(help="imitation: of the expert that you name; sparse: of the dataset's own successful episodes."),
    ] = "skills",
    expert: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help="imitation: a dataset, or a .npz or .hdf5 file of demonstrations."),
    ] = None,
    trajectories: Annotated[
        int | None,
        typer.Option(
            help="imitation, sparse: how many episodes of the expert, the best by return.",
            show_default="1; sparse: 5 in a maze",
        ),
    ] = None,
    episodes: Annotated[
        str | None, typer.Option(metavar="N[,N...]", help="imitation, sparse: instead, which ones, counted from 0.")
    ] = None,
    seeds: Annotated[int, typer.Option(help="imitation, sparse: networks to train, stacked, in one go.")] = 1,
    rewards: Annotated[
        str, typer.Option(metavar=choice_of(MAKERS), help="What makes the rewards; true: the environment's own.")
    ] = "clue",
    learner: Annotated[
        str | None,
        typer.Option(
            metavar=choice_of(LEARNERS), help="What learns from them; some need none.", show_default="the preset's"
        ),
    ] = None,
    calibration: Annotated[
        float | None,
        typer.Option("--lambda", help="CLUE's weight of calibration; 0 for none.", show_default="0.1; in a maze 0.8"),
    ] = None,
    skills: Annotated[
        str | None,
        typer.Option(
            metavar="N|auto",
            help="How many skills, 2 or more; auto: as many as there are behaviours in the data.",
            show_default="the preset's",
        ),
    ] = None,
    preset: Annotated[Preset, typer.Option(help="smoke takes seconds, quick minutes, paper hours.")] = "quick",
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 1,
    device: Annotated[DeviceChoice, typer.Option(help="auto takes a GPU where there is one.")] = "auto",
    policy: Annotated[
        Trunk,
        typer.Option(
            help="independent: a network of its own for each skill, at many times the cost; of reach, for its values."
        ),
    ] = "shared",
    source: Annotated[
        str,
        typer.Option(
            metavar=choice_of(SOURCES, "auto"),
            help="local: what Minari has here; remote: its official set; embedded: made here.",
        ),
    ] = "auto",
    env: Annotated[
        str | None,
        typer.Option(
            metavar="ID|none",
            help="What to play in; none: nothing is played.",
            show_default="the dataset's own environment",
        ),
    ] = None,
    xml: Annotated[
        Path | None, typer.Option("--xml", metavar="FILE", help="Instead, a model of MuJoCo's: MJCF or URDF.")
    ] = None,
    observation: Observation = None,
    action: Action = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="STAGE.NAME=VALUE", help="Any other setting; skills show --settings lists them."),
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Never use the network.")] = False,
    run: Annotated[
        Path | None,
        typer.Option("--run", metavar="DIR", parser=placed, help="The run's folder.", show_default="runs/DATASET"),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew; an old run is kept beside the new one.")] = False,
    workers: Annotated[
        str | None,
        typer.Option(
            metavar="N|ray",
            help="Share CVAEs, labels and policies out to so many processes, on Ray; ray: as many as there are cores.",
            show_default="none, without Ray",
        ),
    ] = None,
    address: Address = None,
    videos: Annotated[bool, typer.Option(help="Render the videos too.")] = True,
    json: Json = False,
    quiet: Quiet = False,
    trust: Trust = None,
    imports: Import = None,
) -> None:
    """Discover the skills in a dataset, or learn one from an expert. The same command again continues what stopped."""
    from skills.runs.begin import begin, name_of
    from skills.runs.folder import default_path

    processes = None if workers in (None, "ray") else _whole("--workers", str(workers), "ray")
    fleet = None if workers is None and address is None else fleet_of(processes, address)
    if dataset is None:
        begun, took = _begun(run, source), 0.0
    else:
        start = time.monotonic()
        with reporter(quiet) as report:
            begun = begin(
                dataset,
                run or default_path(name_of(dataset), mode),
                fresh=fresh,
                device=device,
                source=source,
                offline=offline,
                reporter=report,
                notify=console.teller(quiet),
                observations=names_in(observation),
                actions=names_in(action),
                preset=preset,
                mode=mode,
                expert=expert,
                trajectories=trajectories,
                episodes=None if episodes is None else _numbers(episodes),
                seeds=seeds,
                maker=rewards,
                learner=learner,
                calibration=calibration,
                env=_env(env, xml),
                skills=None if skills is None else _count(skills),
                seed=seed,
                trunk=policy,
                set=given_settings(settings),
            )
        took = time.monotonic() - start
    fleet = fleet and fleet.on(begun.run.config.device)
    _finish(begun, took, fleet, videos=videos, quiet=quiet, json=json)


def _begun(path: Path | None, source: str) -> "Begun":
    """The run of that folder, to go on with. Raises: SkillsError (usage) where none is named."""
    from skills.runs.begin import Begun
    from skills.runs.folder import open_run
    from skills.runs.holding import bring

    if path is None:
        raise SkillsError(
            "DATASET is missing.", "Name one, as in: skills discover ant-medium   Or go on with a run: --run DIR", USAGE
        )
    return Begun(open_run(bring(path)), None, source)


def _finish(begun: "Begun", reading: float, fleet: Fleet | None, *, videos: bool, quiet: bool, json: bool) -> None:
    """reading: s that getting and reading the data took, for the record."""
    run = begun.run
    with _resumable(run, videos=videos), run.writing(console.teller(quiet)):
        _discover(begun, fleet, quiet=quiet)
        start = time.monotonic()
        rendered, index = _filmed(run, quiet=quiet) if videos else (None, _publish(run))
    around = {"data": reading, "films": time.monotonic() - start if videos else 0.0}
    _report(run, index, rendered, {name: took for name, took in around.items() if took}, json=json)


def _env(env: str | None, xml: Path | None) -> str | None:
    """What to play in; with none and a model, recorded states are shown in that.

    Raises: SkillsError (usage) where two are said.
    """
    from skills.bodies.keys import LOG, Key

    model = None if xml is None else str(xml.resolve())
    if env == "none":
        return str(Key(LOG, {} if model is None else {"model": model}))
    if env is not None and model is not None:
        raise SkillsError("--env and --xml both say what to play in.", "Leave one of them out.", USAGE)
    return model or env


def _count(text: str) -> int | Literal["auto"]:
    """Raises: SkillsError (usage) for what is neither a whole number nor auto."""
    return "auto" if text == "auto" else _whole("--skills", text, "auto")


def _whole(option: str, text: str, word: str) -> int:
    """Raises: SkillsError (usage) for what is neither a whole number nor the word that was looked for before."""
    if not text.removeprefix("-").isdecimal():
        raise SkillsError(f"{option} {text!r} is no number.", f"Say 100, or {word}.", USAGE)
    return int(text)


def _numbers(text: str) -> tuple[int, ...]:
    """Raises: SkillsError (usage) for what is no list of whole numbers."""
    parts = text.split(",")
    if not all(part.strip().isdecimal() for part in parts):
        raise SkillsError(f"--episodes {text!r} is no list of episodes.", "Say 3, or 3,17.", USAGE)
    return tuple(int(part) for part in parts)


def _discover(begun: "Begun", fleet: Fleet | None, *, quiet: bool) -> None:
    from skills import discovery as pipeline

    notify = console.teller(quiet)
    with reporter(quiet) as report:
        pipeline.discover(begun.run, source=begun.source, reporter=report, notify=notify, data=begun.data, fleet=fleet)


def _filmed(run: "RunFolder", *, quiet: bool) -> "tuple[Rendered, Path]":
    with reporter(quiet) as report:
        rendered, index = filmed(run, list(range(run.config.heads)), report, quiet=quiet)
    if not quiet:
        console.say(what_was_done(rendered))
    return rendered, index


@contextmanager
def _resumable(run: "RunFolder", *, videos: bool) -> Iterator[None]:
    """Ends an interrupted run with the command that continues it."""
    from skills.runs.command import go_on

    try:
        yield
    except KeyboardInterrupt:
        options = ["discover --run"] if videos else ["discover --run", "--no-videos"]
        raise SkillsError(
            "Interrupted. What is finished is kept.", f"Continue with: {go_on(run.path, *options)}", INTERRUPTED
        ) from None


def _publish(run: "RunFolder") -> Path:
    from skills.videos.gallery import page

    return page.publish(run)


def _report(
    run: "RunFolder", index: Path, rendered: "Rendered | None", around: Mapping[str, float], *, json: bool
) -> None:
    """around: s of what is no stage of a run."""
    from skills.measures.summary import summary_of
    from skills.videos.films.render import as_document

    summary = summary_of(run)
    failures = rendered.failures if rendered else ()
    if json:
        console.document(
            {
                "schema_version": SCHEMA_VERSION,
                "run": str(run.path),
                "config": run.config.to_json(),
                "dataset": run.dataset,
                "stages": _seconds(run),
                "around": around,
                "summary": summary,
                "videos": as_document(rendered) if rendered else None,
                "gallery": str(index),
            }
        )
    else:
        console.show(summary_table(summary))
        console.line(times(run, around))
        console.line(str(index))
    if failures:
        reasons = "\n".join(f"  {failure.skill}: {failure.reason}" for failure in failures)
        raise SkillsError(
            f"{len(failures)} of {run.config.heads} videos could not be rendered:\n{reasons}",
            f"Try again: skills render {run.path} --all",
            PARTLY_DONE,
        )


def _seconds(run: "RunFolder") -> dict[str, float]:
    stages = run.manifest["stages"]
    return {name: stages[name]["seconds"] for name in run.finished_stages()}


def times(run: "RunFolder", around: Mapping[str, float] = _NO_TIME) -> str:
    """ "experts 1.2 s, rewards 2 min 3 s, ...: 4 min 2 s in all".   around: s of what is no stage, the data first."""
    first = {name: took for name, took in around.items() if name == "data"}
    seconds = {**first, **_seconds(run), **around}
    parts = ", ".join(f"{name} {duration(value)}" for name, value in seconds.items())
    return f"Time: {parts}; {duration(sum(seconds.values()))} in all" if seconds else "Time: no stage is finished yet"


def summary_table(summary: list[dict[str, Any]]) -> Any:
    """A rich table of the lines of a summary."""
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(style="dim")
    for line in summary:
        value = "-" if line["value"] is None else f"{line['value']:g}"
        table.add_row(line["name"], value, line["unit"], line["explanation"])
    return table
