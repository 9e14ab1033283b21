"""`skills label`: a run's dataset with the rewards of one of its skills."""

from typing import Annotated

import typer

from skills.cli import console
from skills.cli.options import Quiet, RunName, Trust


def label(
    skill: Annotated[int, typer.Option("--skill", metavar="N", help="The skill to reward.")],
    out: Annotated[str, typer.Option(metavar="ID", help="The Minari id that it gets: skills/ant-17-v0.")],
    run: RunName = None,
    quiet: Quiet = False,
    trust: Trust = None,
) -> None:
    """Write a run's dataset, rewarded for one skill, as a Minari dataset for any offline RL library.

    The rewards are those that the run's own policy learned from; the environment's stay in infos/environment_reward.
    """
    from skills.cli.reporting import reporter
    from skills.runs import folder as runs
    from skills.runs import relabel

    opened = runs.find(run)
    with reporter(quiet) as report:
        relabel.relabel(opened, skill, out, report(f"labelling for skill {skill}", "steps"))
    console.line(out)
