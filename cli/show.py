"""`skills show`: what is known about a run, a dataset or a skill."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from skills.cli import console
from skills.cli.discover import summary_table, times
from skills.cli.options import Json, Trust, complete_anything
from skills.cli.settings import show_settings
from skills.data.minari_root import names_policies
from skills.errors import NOT_FOUND, USAGE, SkillsError, nearest

if TYPE_CHECKING:
    from skills.measures.truth import Agreement
    from skills.runs.folder import RunFolder

SCHEMA_VERSION = 1


def show(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN|DATASET|SKILL",
            help="A run, a dataset, or the number of a skill of the newest finished run.",
            autocompletion=complete_anything,
        ),
    ] = None,
    skill: Annotated[int | None, typer.Option("--skill", metavar="N", help="One skill of the run.")] = None,
    dataset: Annotated[bool, typer.Option("--dataset", help="The dataset, where a run has the same name.")] = False,
    settings: Annotated[bool, typer.Option("--settings", help="Every setting there is, and what it means.")] = False,
    json: Json = False,
    trust: Trust = None,
) -> None:
    """Show a run, a dataset or a skill; or every setting."""
    if settings:
        show_settings(json=json)
        return
    if what is None:
        raise SkillsError("Show what?", "A run, a dataset or a skill: skills list   skills data list", USAGE)

    from skills.runs import folder as runs

    opened = None if dataset else _find_run(what)
    if opened is not None and skill is not None:
        _show_skill(opened, skill, json=json)
    elif opened is not None:
        _show_run(opened, json=json)
    elif skill is not None:
        runs.find(what)  # names the runs there are
    elif what.isdecimal() and not dataset:
        _show_skill(runs.find(None), int(what), json=json)
    else:
        _show_dataset(what, json=json)


def _find_run(name: str) -> "RunFolder | None":
    from skills.runs import folder as runs

    try:
        return runs.find(name)
    except SkillsError as error:
        if error.exit_code != NOT_FOUND:
            raise
        return None


def _show_run(run: "RunFolder", *, json: bool) -> None:
    from skills.runs.command import command, go_on
    from skills.settings.config import settings

    manifest = run.manifest
    summary, agreement = _summary(run), _agreement(run)
    if json:
        console.document(
            {
                "schema_version": SCHEMA_VERSION,
                "kind": "run",
                "path": str(run.path),
                "command": command(run.config, run.path),
                "config": run.config.to_json(),
                "manifest": manifest,
                "summary": summary,
                "losses": _losses(run),
                "agreement": None if agreement is None else vars(agreement),
                "gallery": _gallery(run),
            }
        )
        return
    dataset = manifest.get("dataset")
    console.line(f"Run {run.path}, made {manifest['created']} on {manifest['machine']}")
    if dataset:
        origin = "made here" if dataset["made_here"] else "not made here"
        size = f"{dataset['steps']:,} steps in {dataset['episodes']:,} episodes"
        console.line(f"Data: {dataset['minari_id']} ({origin}), {dataset['env_id']}, {size}")
    if expert := manifest.get("expert"):
        numbers = ", ".join(map(str, expert["episodes"]))
        returns = ", ".join(f"{value:.1f}" for value in expert["returns"])
        console.line(f"Expert: of {expert['name']} the episodes {numbers}, which return {returns}")
    console.line("Settings:")
    console.show(console.pairs([(name, value) for name, value in settings(run.config)]))
    console.line(times(run))
    if losses := _losses(run):
        console.line("Losses, median over skills, of the first and of the last tenth of a training:")
        console.show(
            console.pairs([(name, f"{one['first']:.4g} to {one['last']:.4g}") for name, one in losses.items()])
        )
    if agreement:
        console.line(
            "Its classes against the policies that made the data: adjusted Rand index "
            f"{agreement.ari:.3f}, homogeneity {agreement.homogeneity:.3f} (0 chance, 1 perfect)"
        )
    if summary:
        console.show(summary_table(summary))
    else:
        console.line(f"Finish it with: {go_on(run.path)}")
    if gallery := _gallery(run):
        console.line(f"Gallery: {gallery}")


def _agreement(run: "RunFolder") -> "Agreement | None":
    """How the classes agree with the policies that acted, where the dataset is still here and names them."""
    known = run.manifest.get("dataset")
    if "experts" not in run.finished_stages() or not known or not names_policies(known["minari_id"]):
        return None
    from skills.learning.classes import Classes
    from skills.measures.truth import agreement
    from skills.progress import silent_reporter, unsaid
    from skills.runs.reading import read_own

    try:
        run.require("experts")
        labels = read_own(run, "local", silent_reporter, unsaid).labels
    except SkillsError as error:  # of what else is known there is enough to show
        console.say(f"Its classes are not compared with the policies that made the data: {error.message}")
        return None
    return None if labels is None else agreement(Classes.load(run.experts_file).labels, labels)


def _summary(run: "RunFolder") -> list[dict[str, Any]]:
    """The lines of a finished run's summary; none before it has one."""
    if "measures" not in run.finished_stages():
        return []
    from skills.measures.summary import summary_of

    return summary_of(run)


def _losses(run: "RunFolder") -> dict[str, dict[str, float]]:
    """Where the losses of the rewards and of the policy began and ended: {"policy.q": {"first", "last"}}."""
    from skills.learning.engine.curves import FILE, ends
    from skills.runs.command import go_on
    from skills.runs.manifest import is_as_made

    found: dict[str, dict[str, float]] = {}
    manifest = run.manifest
    for stage, folder in (("rewards", run.rewards_folder), ("policy", run.policy_folder)):
        if not is_as_made(manifest, run.path, stage, folder / FILE):
            raise SkillsError(f"{folder / FILE} is gone or damaged.", f"Have it made again: {go_on(run.path)}")
        found |= {f"{stage}.{name}": {"first": first, "last": last} for name, (first, last) in ends(folder).items()}
    return found


def _gallery(run: "RunFolder") -> str | None:
    index = run.page_file
    return str(index) if index.is_file() else None


def _show_skill(run: "RunFolder", number: int, *, json: bool) -> None:
    from skills.files import RESTORE
    from skills.troubles import reading

    run.require_skill(number)
    measures: dict[str, Any] = run.measures["skills"][number]
    with reading(run.measures_file, RESTORE):
        rows = [(name, _skill_text(name, measures[name])) for name in _SKILL_WORDS if measures.get(name) is not None]
    video = run.film(number)
    path = str(video) if video.is_file() else None
    if json:
        described = {"schema_version": SCHEMA_VERSION, "kind": "skill", "run": str(run.path), "skill": number}
        console.document({**described, "measures": measures, "video": path})
        return
    console.line(f"Skill {number} of {run.path}: {measures['label']}")
    console.show(console.pairs(rows))
    if fates := measures.get("fates"):
        console.line("Its rollouts: " + ", ".join(f"{name} {number}" for name, number in fates.items()))
    console.line(f"Video: {path or f'none yet; make it with: skills render {run.path} --skill {number}'}")


# How each measure of a skill is written, and what it is.
_SKILL_WORDS = {
    "support": ("{:.2%}", "share of the data in its class"),
    "speed": ("{:z.2f} m/s", "net displacement over time"),
    "forward": ("{:z.2f} m/s", "net displacement along x over time"),
    "speed_within": ("{:z.2f} m/s", "standard deviation of that between its rollouts"),
    "displacement": ("{:z.2f} m", "from start to end"),
    "survival": ("{:.0%}", "share of the horizon before it fell, lay down on its back for good or left its bounds"),
    "ended_seconds": ("{:.1f} s", "mean time at which its rollouts that did not survive ended"),
    "episode_return": ("{:z.1f}", "the environment's own reward, summed"),
    "occupancy": ("{:.1%}", "share of its steps in its own class"),
    "occupancy_ratio": ("{:.1f} x", "that over its support; chance 1"),
    "reward_auc": ("{:.3f}", "how its reward ranks its class above the rest; chance 0.5, perfect 1"),
}


def _skill_text(name: str, value: float) -> str:
    form, meaning = _SKILL_WORDS[name]
    return f"{form.format(value):<14} {meaning}"


def _show_dataset(name: str, *, json: bool) -> None:
    from skills.data import catalog

    try:
        entry = catalog.resolve(name)
    except SkillsError as error:
        from skills.runs import folder as runs

        known = {*catalog.names(), *(path.name for path in runs.all_paths())}
        raise SkillsError(f"There is no run and no dataset {name!r}.", nearest(name, known), NOT_FOUND) from error
    from skills.cli.data.show import show as show_dataset

    show_dataset(entry.name, json=json)
