"""`skills plan`: a sequence of skills for a task."""

import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from skills.cli import console
from skills.cli.find import interval
from skills.cli.options import Goal, Json, Quiet, Reward, RunName
from skills.cli.reporting import reporter
from skills.errors import USAGE, SkillsError

if TYPE_CHECKING:
    from skills.measures.aims import Aim
    from skills.measures.planning import Plan, PlayedPlan
    from skills.runs.folder import RunFolder

SCHEMA_VERSION = 1
_MOST = 120.0  # s


def plan(
    run: RunName = None,
    reward: Reward = None,
    goal: Goal = None,
    seconds: Annotated[float, typer.Option(help="How long it lasts.")] = 20.0,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Find a sequence of skills for a task in what `skills transitions` has measured, play it, compare.

    Beside it is the best single skill: a plan pays where the goal lies between skills, or one has to be led up to.
    """
    from skills.measures import planning
    from skills.measures.quantities import words_of
    from skills.measures.switches import required_switches
    from skills.runs import folder as runs

    if not planning.SLOT <= seconds <= _MOST:
        raise SkillsError(
            f"--seconds {seconds:g} is no length of a plan.", f"It is {planning.SLOT:g} to {_MOST:g}.", USAGE
        )
    opened = runs.find(run)
    switches = required_switches(opened)
    aim = planning.aim_of(reward, goal, switches, words_of(opened.env_id))
    found = planning.search(aim, switches, seconds)
    with reporter(quiet) as report:
        plans = planning.choose(opened, aim, found, progress=report("trying plans and skills, ten times each", "steps"))
        outcomes = planning.play_plans(opened, aim, plans, progress=report("playing the plan, ten times", "steps"))
    if json:
        console.document(_document(opened, aim, plans, outcomes))
    else:
        _print(opened, aim, plans, outcomes)


def _document(
    run: "RunFolder", aim: "Aim", plans: tuple["Plan", "Plan"], outcomes: tuple["PlayedPlan", ...]
) -> dict[str, Any]:
    def described(one: "Plan", outcome: "PlayedPlan") -> dict[str, Any]:
        return {
            "sequence": str(one),
            "predicted": one.predicted,
            "stays_up": one.stays_up,
            "achieved": asdict(outcome.achieved),
            "means": dict(zip(aim.names, outcome.means, strict=True)),
            "survival": outcome.survival,
        }

    return {
        "schema_version": SCHEMA_VERSION,
        "run": str(run.path),
        "task": aim.text,
        "plan": described(plans[0], outcomes[0]),
        "single": described(plans[1], outcomes[1]),
    }


def _print(run: "RunFolder", aim: "Aim", plans: tuple["Plan", "Plan"], outcomes: tuple["PlayedPlan", ...]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    sign = -1.0 if aim.goals else 1.0
    for name in ("", "predicted", "achieved", *aim.goals, "survival", "sequence"):
        table.add_column(name, justify="left" if name in ("", "sequence") else "right")
    for name, one, outcome in zip(("plan", "best single skill"), plans, outcomes, strict=True):
        means = [f"{value:.2f}" for value in outcome.means] if aim.goals else []
        table.add_row(
            name,
            f"{sign * one.predicted:z.3g}",
            interval(outcome.achieved, sign),
            *means,
            f"{outcome.survival:.0%}",
            str(one),
        )
    console.show(table)
    if aim.goals:
        console.line("Predicted and achieved are distances to the goals, in what the skills differ by.")
    console.line(f'Film it: skills compose {shlex.quote(str(run.path))} "{plans[0]}"')
