"""`skills data import`: a file of transitions becomes a local Minari dataset."""

from pathlib import Path
from typing import Annotated

import typer

from skills.cli import console
from skills.cli.options import Action, Import, Observation, Quiet, Trust, names_in


def import_file(
    file: Annotated[
        Path, typer.Argument(help="HDF5 like D4RL's, .npz, parquet, CSV, a LeRobot folder, an MCAP or ROS 2 bag.")
    ],
    env: Annotated[str, typer.Option(help="The environment that it comes from: Ant-v5, AdroitHandDoor-v1, ...; none.")],
    name: Annotated[str, typer.Option(help="The Minari id that it gets: mine/run-v0.")],
    label: Annotated[
        str | None, typer.Option(help="The array that says which policy acted, a value a row or an episode.")
    ] = None,
    licence: Annotated[str | None, typer.Option(help="The licence of the data, kept with it.")] = None,
    clip: Annotated[bool, typer.Option("--clip", help="Cut actions off at the bounds of their space.")] = False,
    interleaved: Annotated[
        int, typer.Option(min=1, metavar="N", help="The rows of so many environments, stepped together, take turns.")
    ] = 1,
    seconds: Annotated[
        float | None, typer.Option(help="How long a step lasts, where no environment says it: 0.05.")
    ] = None,
    observation: Observation = None,
    action: Action = None,
    quiet: Quiet = False,
    trust: Trust = None,
    imports: Import = None,
) -> None:
    """Imports transitions from a file: observations, actions, and rewards, terminals, timeouts where it has them.

    Episodes end at terminals, timeouts and dones, where episode_ids change, and where the file's next observation is
    not the following row's; it says how many there are. Without next observations they are the next row's, inside an
    episode. Other arrays of as many rows are kept as infos.
    """
    from skills.bodies.keys import LOG
    from skills.cli.reporting import reporter
    from skills.data import importing

    with reporter(quiet) as report:
        importing.import_file(
            file,
            name,
            LOG if env == "none" else env,
            label=label,
            licence=licence,
            clip=clip,
            interleaved=interleaved,
            seconds=seconds,
            observations=names_in(observation),
            actions=names_in(action),
            progress=report(f"importing {file.name}", "rows"),
            notify=(lambda line: None) if quiet else console.say,
        )
    console.line(name)
