"""Drives bodies through what a joystick asks of them: the policy that the `diverse` sets come from.

Letters: N simulations, T steps of an episode, C command columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skills.bodies.environments import environment
from skills.data.made.joystick import Joystick
from skills.data.made.shipped import ShippedPolicy

_SEED = 20261126


@dataclass(frozen=True)
class Orders:
    """What an episode is asked, step by step.   cells: [T] int32.   commands: [T, C] float32."""

    cells: NDArray[np.int32]
    commands: NDArray[np.float32]


def orders(joystick: Joystick, number: int, episode: int) -> Orders:
    """Those of an episode of round `number`: they depend on the two numbers and on nothing else."""
    generator = np.random.default_rng(np.random.SeedSequence([_SEED, number, episode]))
    steps = environment(joystick.env_id).episode_steps
    cells = np.empty(steps, np.int32)
    commands = np.empty((steps, len(joystick.command)), np.float32)
    step, cell = 0, None
    while step < len(cells):
        cell = joystick.choose(generator, cell)
        command, lasts = joystick.tell(cell, generator)
        cells[step : step + lasts], commands[step : step + lasts] = cell, command
        step += lasts
    return Orders(cells, commands)


class Driver:
    """Plays the episodes of one round, each from its first step on.

    networks: the body's, by level.   asked: the orders of each episode.
    """

    def __init__(self, joystick: Joystick, networks: Mapping[str, ShippedPolicy], asked: Sequence[Orders]) -> None:
        self._joystick, self._networks = joystick, networks
        self._cells = np.stack([each.cells for each in asked]).astype(np.intp)
        self._commands = np.stack([each.commands for each in asked]).astype(np.float64)
        self._steps = np.zeros(len(asked), np.intp)
        self._acted = [""] * len(asked)

    def act(
        self,
        observations: NDArray[np.floating],
        generators: Sequence[np.random.Generator],
        episodes: NDArray[np.integer],
    ) -> NDArray[np.float32]:
        """Actions [N, A] in [-1, 1] at observations [N, O]; see `ShippedPolicy.act`."""
        steps, seen = self._steps[episodes], observations.astype(np.float64)
        self._steps[episodes] += 1
        before = [self._acted[episode] for episode in episodes.tolist()]
        acting = self._joystick.acting(self._cells[episodes, steps], seen, before)
        for episode, level in zip(episodes.tolist(), acting, strict=True):
            self._acted[episode] = level
        view = self._joystick.seen(seen, self._commands[episodes, steps])
        actions = np.empty((len(seen), next(iter(self._networks.values())).action_size), np.float32)
        for level in dict.fromkeys(acting):
            rows, network = np.flatnonzero(np.array(acting) == level), self._networks[level]
            noise = [generators[row].standard_normal(network.action_size, dtype=np.float32) for row in rows.tolist()]
            means = view.gains[rows] * network.act(view.columns[rows])
            actions[rows] = means + np.exp(network.log_std) * np.stack(noise)
        return view.undo(np.clip(actions, -1.0, 1.0)).astype(np.float32)
