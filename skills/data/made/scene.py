"""What plays a set that is made here, where, and how it is written down: the four bodies, on open ground.

A maze differs from this in what `antmaze` overrides.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.spaces import Box, Space
from numpy.typing import NDArray

from skills.bodies.environments import observation_size
from skills.bodies.fast import Simulation
from skills.data import store
from skills.data.catalog import Entry
from skills.data.made import shipped
from skills.data.made.rounds import Player

_UNIFORM = "random"  # the level that has no policy


@dataclass(frozen=True)
class Scene:
    """Of one set.   entry: one that can be made here."""

    entry: Entry

    @property
    def env_id(self) -> str:
        """The environment that is played."""
        return str(self.entry.env_id)

    @property
    def files(self) -> tuple[Path | None, ...]:
        """The policies' files that play its parts; None: uniform random actions."""
        body = str(self.entry.body)
        by_part = [(None,) if part == _UNIFORM else shipped.paths(body, part) for part in self.entry.parts]
        return tuple(file for files in by_part for file in files)

    def policy(self, part: int, number: int) -> Player | None:
        """What plays round `number` for a part; None: uniform random actions."""
        level = self.entry.parts[part]
        return None if level == _UNIFORM else shipped.load_turns(str(self.entry.body), level)

    @property
    def labels(self) -> tuple[str, ...]:
        """What the rows can be of, where there is more than one; `infos` says of which each is."""
        return self.entry.parts if len(self.entry.parts) > 1 else ()

    @property
    def how(self) -> str:
        """The same in words."""
        acting = ["uniform random actions" if part == _UNIFORM else self._acting(part) for part in self.entry.parts]
        return acting[0] if len(acting) == 1 else f"equal numbers of steps of {', '.join(acting)}"

    def _acting(self, part: str) -> str:
        names = [file.stem for file in shipped.paths(str(self.entry.body), part)]
        if len(names) == 1:
            return f"its behaviour {names[0]} (PPO) with its noise"
        return f"its behaviours {', '.join(names)} (PPO) in turn, each with its noise"

    def simulation(self, count: int) -> Simulation:
        """`count` simulations that start as the set's episodes do."""
        return Simulation(self.env_id, count)

    def env_spec(self) -> EnvSpec:
        """The environment, for those who recover it from the set."""
        return gymnasium.spec(self.env_id)

    def observation_space(self) -> Space[Any]:
        """That of the environment."""
        return Box(-np.inf, np.inf, (observation_size(self.env_id),), np.float64)

    def observations(self, rows: NDArray[np.float32]) -> Any:
        """Rows [T, O] of the simulation as the environment observes them."""
        return rows

    def infos(self, part: int, number: int, episode: int, terminated: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
        """What else is known of an episode of round `number`, `terminated` [T], that a part played."""
        return {store.LABEL: np.full(len(terminated), part, dtype=np.int32)} if self.labels else {}

    def metadata(self) -> dict[str, Any]:
        """What else is said of the set."""
        return {}
