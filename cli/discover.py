"""`skills discover`: from a dataset to numbered skills and a gallery of their videos."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cli import console
from cli.options import Json, Quiet, complete_dataset
from cli.render import exemplars_of, what_was_done
from cli.reporting import duration, reporter
from skills import minari_root
from skills.errors import INTERRUPTED, PARTLY_DONE, SkillsError

if TYPE_CHECKING:
    from skills.config import Config
    from skills.run import Run
    from videos.render import Rendered

SCHEMA_VERSION = 1

# As in skills.config, skills.pipeline and skills.sources, which are too slow to import for `skills --help`; a test
# keeps them the same.
Preset = Literal["smoke", "quick", "paper"]
Device = Literal["auto", "cpu", "cuda"]
Source = Literal["auto", "local", "remote", "embedded"]
Trunk = Literal["shared", "independent"]


def discover(
    dataset: Annotated[
        str,
        typer.Argument(
            metavar="DATASET", help="Such as ant-medium, or any Minari id.", autocompletion=complete_dataset
        ),
    ],
    skills: Annotated[int | None, typer.Option(help="How many skills, 2 or more.", show_default="the preset's")] = None,
    preset: Annotated[Preset, typer.Option(help="smoke takes seconds, quick minutes, paper hours.")] = "quick",
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 1,
    device: Annotated[Device, typer.Option(help="auto takes a GPU where there is one.")] = "auto",
    policy: Annotated[
        Trunk, typer.Option(help="independent: a network of its own for each skill, at many times the cost.")
    ] = "shared",
    source: Annotated[
        Source, typer.Option(help="local: what Minari has here; remote: its official set; embedded: made here.")
    ] = "auto",
    offline: Annotated[bool, typer.Option("--offline", help="Never use the network.")] = False,
    run: Annotated[
        Path | None, typer.Option("--run", metavar="DIR", help="The run's folder.", show_default="runs/DATASET")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew; an old run is kept beside the new one.")] = False,
    videos: Annotated[bool, typer.Option(help="Render the videos too.")] = True,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Discover the skills in a dataset. The same command again continues where it stopped."""
    from skills.run import default_path, open_or_create

    path = run or default_path(dataset)
    begun_on = None if fresh or device != "auto" else _device_of(path)
    _get_data(dataset, source, offline=offline, quiet=quiet)
    config = _config(dataset, preset=preset, skills=skills, seed=seed, device=begun_on or device, trunk=policy)
    opened = open_or_create(path, config, fresh=fresh)
    with _resumable(opened, source), opened.writing():
        rendered = _discover(opened, source, videos=videos, quiet=quiet)
        index = _publish(opened)
    _report(opened, index, rendered, json=json)


def _device_of(path: Path) -> str | None:
    """The device of the run in that folder, None where there is none: a run goes on where it began."""
    from skills.run import open_run

    return open_run(path).config.device if (path / "manifest.json").is_file() else None


def _config(dataset: str, *, preset: str, skills: int | None, seed: int, device: str, trunk: Trunk) -> "Config":
    """Checks what was asked for, the cheapest first, before anything is made."""
    from skills.config import make_config

    make_config(dataset, preset=preset, skills=skills, seed=seed)

    from skills.pipeline import choose_device  # takes a second or two: it needs torch

    return make_config(dataset, preset=preset, skills=skills, seed=seed, device=choose_device(device), trunk=trunk)


def _get_data(dataset: str, source: str, *, offline: bool, quiet: bool) -> None:
    """Downloads the dataset where that is what it takes.

    Raises: SkillsError where there is no such data, or its environment cannot be played: no run is begun in vain.
    """
    from skills import catalog

    entry = catalog.resolve(dataset)

    from skills.simulate import environment
    from skills.sources import choose

    chosen = choose(entry, source, offline=offline)
    if entry.env_id:
        environment(entry.env_id)
    if chosen == "remote":
        from skills.sources import remote

        with reporter(quiet) as report:
            progress = report(f"downloading {entry.official_id}", "bytes")
            remote.download(str(entry.official_id), progress, _silent if quiet else console.say)
    if entry.env_id is None and (env_id := minari_root.env_id(dataset)):
        environment(env_id)


def _discover(run: "Run", source: str, *, videos: bool, quiet: bool) -> "Rendered | None":
    from skills import pipeline

    with reporter(quiet) as report:
        pipeline.discover(run, source=source, reporter=report, notify=_silent if quiet else console.say)
        if not videos:
            return None
        from videos.render import render_skills

        count = run.config.skills
        progress = report(f"rendering {count} videos", "videos")
        exemplars = exemplars_of(run, quiet=quiet)
        rendered = render_skills(run.path, run.env_id, range(count), exemplars=exemplars, progress=progress)
    if not quiet:
        console.say(what_was_done(rendered))
    return rendered


def _silent(text: str) -> None:
    """What -q does with a notice."""


@contextmanager
def _resumable(run: "Run", source: str) -> Iterator[None]:
    """Ends an interrupted run with the command that continues it."""
    try:
        yield
    except KeyboardInterrupt:
        option = "" if source == "auto" else f" --source {source}"
        raise SkillsError(
            "Interrupted. What is finished is kept.", f"Continue with: {run.command}{option}", INTERRUPTED
        ) from None


def _publish(run: "Run") -> Path:
    from videos import page

    return page.publish(run)


def _report(run: "Run", index: Path, rendered: "Rendered | None", *, json: bool) -> None:
    from videos import page
    from videos.render import describe

    shown = page.page(run)
    failures = rendered.failures if rendered else ()
    if json:
        console.document(
            {
                "schema_version": SCHEMA_VERSION,
                "run": str(run.path),
                "config": run.config.to_json(),
                "dataset": shown["dataset"],
                "stages": _seconds(run),
                "summary": shown["summary"],
                "videos": describe(rendered) if rendered else None,
                "gallery": str(index),
            }
        )
    else:
        console.show(summary_table(shown["summary"]))
        console.line(times(run))
        console.line(str(index))
    if failures:
        reasons = "\n".join(f"  {failure.skill}: {failure.reason}" for failure in failures)
        raise SkillsError(
            f"{len(failures)} of {run.config.skills} videos could not be rendered:\n{reasons}",
            f"Try again: skills render {run.path} --all",
            PARTLY_DONE,
        )


def _seconds(run: "Run") -> dict[str, float]:
    stages = run.manifest["stages"]
    return {name: stages[name]["seconds"] for name in run.finished_stages()}


def times(run: "Run") -> str:
    """ "experts 1.2 s, rewards 2 min 3 s, ...: 4 min 2 s in all"."""
    seconds = _seconds(run)
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
        table.add_row(line["name"], f"{line['value']:g}", line["unit"], line["explanation"])
    return table
