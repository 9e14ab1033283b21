"""Waves in the place of a hopper's motion."""

from dataclasses import dataclass

import numpy as np

from skills.data.sources import DataSource
from skills.data.transitions import Transitions


@dataclass(frozen=True)
class Waves(DataSource):
    """Twenty episodes of a hundred steps, no two alike."""

    name = "mine"

    def has(self, entry, *, asked):
        """Only what is called waves."""
        return entry.name.startswith("their/waves")

    def load(self, wanted):
        """Makes them."""
        generator = np.random.default_rng(0)
        phases = np.cumsum(generator.uniform(0.1, 0.4, (20, 101, 1)), axis=1) + np.arange(11)
        states = (0.1 * np.sin(phases) + np.eye(1, 11)[0] * 1.2).astype(np.float32)
        rows = min(wanted.steps or 2000, 2000)
        return Transitions(
            name=wanted.entry.name,
            minari_id=wanted.entry.name,
            env_id="Hopper-v5",
            made_here=False,
            observations=states[:, :-1].reshape(-1, 11)[:rows],
            actions=states[:, 1:, 1:4].reshape(-1, 3)[:rows],
            next_observations=states[:, 1:].reshape(-1, 11)[:rows],
            rewards=np.ones(rows, np.float32),
            terminated=np.zeros(rows, bool),
            episode_starts=np.arange(0, rows, 100),
        )
