"""`skills find`: which skill does what is wanted?"""

import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from skills.cli import console
from skills.cli.options import Goal, Json, Quiet, Reward, RunName, Trust
from skills.errors import USAGE, SkillsError

if TYPE_CHECKING:
    from skills.measures.finding import Candidate, Findings, Verified
    from skills.measures.intervals import Interval
    from skills.runs.folder import RunFolder

SCHEMA_VERSION = 1


def find(
    run: RunName = None,
    reward: Reward = None,
    goal: Goal = None,
    verify: Annotated[int, typer.Option(metavar="N", help="Play the N best, and put what achieves most first.")] = 0,
    top: Annotated[int, typer.Option(metavar="N", help="How many are listed.")] = 10,
    json: Json = False,
    quiet: Quiet = False,
    trust: Trust = None,
) -> None:
    """Find the skills for a task, by what each did in its rollouts: nothing is simulated unless --verify asks."""
    from skills.cli.reporting import reporter
    from skills.measures import finding
    from skills.runs import folder as runs

    if top < 1 or verify < 0:
        raise SkillsError(
            f"--top {top} --verify {verify} lists nothing.", "--top is 1 or more, --verify 0 or more.", USAGE
        )
    opened = runs.find(run)
    found = finding.find_skills(opened, reward, goal)
    checked: tuple[Verified, ...] = ()
    if verify:
        chosen = [candidate.skill for candidate in found.candidates[:verify]]
        with reporter(quiet) as report:
            checked = finding.verify(
                opened, found, chosen, progress=report(f"playing {len(chosen)} skills, ten times each", "steps")
            )
    by_skill = {one.skill: one for one in found.candidates}
    played = [by_skill[one.skill] for one in checked]
    listed = (*played, *(one for one in found.candidates if one not in played))[: max(top, verify)]
    labels = labels_of(opened)
    if json:
        console.document(_document(opened, found, listed, labels, checked))
    else:
        _print(opened, found, listed, labels, checked)


def labels_of(run: "RunFolder") -> list[str]:
    """[K] what the measures call each skill; nothing of a run that has none yet."""
    if "measures" not in run.finished_stages():
        return [""] * run.config.heads
    return [skill["label"] for skill in run.measures["skills"]]


def _document(
    run: "RunFolder",
    found: "Findings",
    listed: tuple["Candidate", ...],
    labels: list[str],
    checked: tuple["Verified", ...],
) -> dict[str, Any]:
    by_skill = {one.skill: asdict(one) for one in checked}
    skills = [
        {
            **asdict(one),
            "label": labels[one.skill],
            "film": _film(run, one.skill),
            "command": render_command(run, one.skill),
            "verified": by_skill.get(one.skill),
        }
        for one in listed
    ]
    data = {"mean": found.mean, "best": found.best}
    return {
        "schema_version": SCHEMA_VERSION,
        "run": str(run.path),
        "task": found.aim.text,
        "data": data,
        "skills": skills,
    }


def _film(run: "RunFolder", skill: int) -> str | None:
    return str(run.film(skill)) if run.film(skill).is_file() else None


def render_command(run: "RunFolder", skill: int) -> str:
    """What films a skill."""
    return f"skills render {shlex.quote(str(run.path))} --skill {skill}"


def _print(
    run: "RunFolder",
    found: "Findings",
    listed: tuple["Candidate", ...],
    labels: list[str],
    checked: tuple["Verified", ...],
) -> None:
    from rich.table import Table

    goals = found.aim.goals
    sign = -1.0 if goals else 1.0
    by_skill = {one.skill: one for one in checked}
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    numbers = ["expected"] if not goals else [f"{name}, {found.aim.words[name].unit}".rstrip(", ") for name in goals]
    numbers += ["off, s.d."] * bool(goals) + ["in its class"] * (found.seconds is not None)
    if checked:
        numbers += [*(f"played {name}" for name in goals), "achieved", "of predicted", "survival"]
    table.add_column("skill", justify="right", no_wrap=True)
    table.add_column("label")
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("film, or the command that makes it", no_wrap=True)
    for one in listed:
        played = by_skill.get(one.skill)
        cells = [f"{one.values[name]:.2f}" for name in goals] if goals else []
        cells.append(f"{sign * one.expected:z.3g}")
        if found.seconds is not None:
            cells.append("-" if one.in_class is None else f"{sign * one.in_class:z.3g}")
        if played:
            cells += [f"{played.values[name]:.2f}" for name in goals]
            cells += [interval(played.achieved, sign), interval(played.over_predicted)]
            cells.append(f"{played.survival:.0%}")
        elif checked:
            cells += [""] * (len(goals) + 3)
        table.add_row(
            str(one.skill), labels[one.skill], *cells, _film(run, one.skill) or render_command(run, one.skill)
        )
    console.show(table)
    worth = "Distance to the goals, in standard deviations between windows" if goals else "Worth of a step"
    console.line(
        f"{worth}: in the data {sign * found.mean:z.3g} in the mean and {sign * found.best:z.3g} "
        "in the best window of 1.6 s."
    )
    console.line(_where_from(found))


def _where_from(found: "Findings") -> str:
    """What the numbers of a table are means of."""
    if found.seconds is None:
        return "Expected is what the data show of each class: the skills' own rollouts have not been kept."
    count = found.candidates[0].rollouts
    times = f"{count} rollouts" if count > 1 else "one rollout"
    return (
        f"Expected is what a skill did in the first {found.seconds:.2g} s of {times}; beside it, what its class does."
    )


def interval(found: "Interval | None", sign: float = 1.0) -> str:
    """ "1.42 (1.30..1.54)"; a dash of no number."""
    if found is None or found.value is None:
        return "-"
    if found.low is None or found.high is None:
        return f"{sign * found.value:z.3g}"
    low, high = sorted((sign * found.low, sign * found.high))
    return f"{sign * found.value:z.3g} ({low:z.3g}..{high:z.3g})"
