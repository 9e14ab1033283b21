"""The `diverse` sets: logs as a joystick makes them. One policy does what it is told, and is told something else every
2 to 6 s; of each step it is kept what was asked, and nothing learns from that.

    infos/label     [T] the cell of the command, by number; its name is in the metadata
    infos/command   [T, C] the command itself; its columns are in the metadata
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skills.data import store
from skills.data.made import shipped
from skills.data.made.driver import Driver, orders
from skills.data.made.joystick import JOYSTICKS, Joystick
from skills.data.made.rounds import ROUND
from skills.data.made.scene import Scene

LEVEL = "diverse"


@dataclass(frozen=True)
class DiverseScene(Scene):
    """Of one such set."""

    @property
    def joystick(self) -> Joystick:
        """What its body can be asked."""
        return JOYSTICKS[str(self.entry.body)]

    def policy(self, part: int, number: int) -> Driver:
        asked = [orders(self.joystick, number, episode) for episode in range(ROUND)]
        networks = {level: shipped.load(str(self.entry.body), level) for level in self.joystick.networks}
        return Driver(self.joystick, networks, asked)

    @property
    def files(self) -> tuple[Path | None, ...]:
        return tuple(shipped.path(str(self.entry.body), level) for level in self.joystick.networks)

    @property
    def how(self) -> str:
        names = " and ".join(f"{self.entry.body}-{level}" for level in self.joystick.networks)
        return f"{names} (PPO) with their noise, told what to do by a new command every 2 to 6 s"

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(cell.name for cell in self.joystick.cells)

    def infos(self, part: int, number: int, episode: int, terminated: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
        asked = orders(self.joystick, number, episode)
        rows = slice(len(terminated))
        return {store.LABEL: asked.cells[rows], "command": asked.commands[rows]}

    def metadata(self) -> dict[str, Any]:
        return {"command_columns": list(self.joystick.command)}
