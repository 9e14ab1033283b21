"""`skills label`: a run's dataset with the rewards of one of its skills."""

from typing import Annotated

import typer

from cli import console
from cli.options import Quiet, RunName


def label(
    skill: Annotated[int, typer.Option("--skill", metavar="N", help="The skill to reward.")],
    out: Annotated[str, typer.Option(metavar="ID", help="The Minari id that it gets: skills/ant-17-v0.")],
    run: RunName = None,
    quiet: Quiet = False,
) -> None:
    """Write a run's dataset, rewarded for one skill, as a Minari dataset for any offline RL library.

    The rewards are those that the run's own policy learned from; the environment's stay in infos/environment_reward.
    """
    from cli.reporting import reporter
    from skills import relabel
    from skills import run as runs

    opened = runs.find(run)
    with reporter(quiet) as report:
        relabel.relabel(opened, skill, out, report(f"labelling for skill {skill}", "steps"))
    console.line(out)
