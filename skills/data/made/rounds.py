"""Rounds: what a policy does in 16 simulations, each playing one whole episode.

A round's randomness depends on its number and on nothing else.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from skills.bodies.environments import EPISODE_STEPS
from skills.bodies.fast import Simulation
from skills.files import Arrays

ROUND = 16  # episodes of a round, played in lock-step

_SEED = 20231106


class Player(Protocol):
    """Whatever can play a round: a policy, or a guide through a maze."""

    def act(
        self,
        observations: NDArray[np.floating],
        generators: Sequence[np.random.Generator],
        episodes: NDArray[np.integer],
    ) -> NDArray[np.float32]:
        """Actions [N, A] in [-1, 1] at observations [N, O]; a row has its own generator and number of its episode."""
        ...


def play_round(env_id: str, policy: Player | None, number: int, simulation: Simulation | None = None) -> Arrays:
    """Plays round `number`: one episode in each of 16 simulations, under the policy, or uniform actions where None.

    Returns arrays of all episodes end to end, with M rows in all: lengths [16]; observations, qpos, qvel [M + 16, .]
    (each episode has one more state than actions); actions [M, A]; rewards, terminated, truncated [M].
    """
    played = simulation or Simulation(env_id, ROUND)
    children = np.random.SeedSequence([_SEED, number]).spawn(ROUND)
    generators = [np.random.default_rng(child) for child in children]
    observations = played.reset(generators)
    record = _Record(played, observations)
    alive = np.arange(ROUND)
    while len(alive):
        noise = [generators[index] for index in alive]
        if policy is None:
            actions = np.stack([noise_of.uniform(-1, 1, played.action_size) for noise_of in noise]).astype(np.float32)
        else:
            actions = policy.act(observations, noise, alive)
        step = played.step(actions, alive)
        record.add(alive, actions, step.observations, step.rewards, step.terminated, step.truncated)
        going = ~(step.terminated | step.truncated)
        alive, observations = alive[going], step.observations[going]
    return record.arrays()


class _Record:
    """The rows of a round as they come, by step; put end to end by episode when it is over."""

    def __init__(self, simulation: Simulation, observations: NDArray[np.float64]) -> None:
        self._simulation = simulation
        self._lengths = np.zeros(ROUND, dtype=np.int64)
        states = (EPISODE_STEPS + 1, ROUND)
        self._observations = np.empty((*states, observations.shape[1]), dtype=np.float32)
        self._qpos = np.empty((*states, simulation.qpos.shape[1]))
        self._qvel = np.empty((*states, simulation.qvel.shape[1]))
        self._actions = np.empty((EPISODE_STEPS, ROUND, simulation.action_size), dtype=np.float32)
        self._rewards = np.empty((EPISODE_STEPS, ROUND))
        self._ends = np.empty((2, EPISODE_STEPS, ROUND), dtype=bool)
        self._state(0, np.arange(ROUND), observations)

    def add(
        self,
        alive: NDArray[np.intp],
        actions: NDArray[np.float32],
        observations: NDArray[np.float64],
        rewards: NDArray[np.float64],
        terminated: NDArray[np.bool_],
        truncated: NDArray[np.bool_],
    ) -> None:
        row = int(self._lengths[alive[0]])  # all that are alive are at the same step
        self._actions[row, alive] = actions
        self._rewards[row, alive] = rewards
        self._ends[0, row, alive] = terminated
        self._ends[1, row, alive] = truncated
        self._lengths[alive] += 1
        self._state(row + 1, alive, observations)

    def arrays(self) -> Arrays:
        def joined(array: NDArray[Any], extra: int) -> NDArray[Any]:
            return np.concatenate([array[: length + extra, index] for index, length in enumerate(self._lengths)])

        return {
            "lengths": self._lengths,
            "observations": joined(self._observations, 1),
            "qpos": joined(self._qpos, 1),
            "qvel": joined(self._qvel, 1),
            "actions": joined(self._actions, 0),
            "rewards": joined(self._rewards, 0),
            "terminated": joined(self._ends[0], 0),
            "truncated": joined(self._ends[1], 0),
        }

    def _state(self, row: int, alive: NDArray[np.intp], observations: NDArray[np.float64]) -> None:
        self._observations[row, alive] = observations
        self._qpos[row, alive] = self._simulation.qpos[alive]
        self._qvel[row, alive] = self._simulation.qvel[alive]
