"""Skills from the midst of others: the body is put into the state that another skill left it in, or led there again.

A batched simulation is set to a state. Any other environment may keep more than MuJoCo's state (a goal, a clock, what
the step before was), so there the skill before is played once more from the same start, and comes to the same state.

Letters: K skills, R starts of each, N simulations, T steps before and after.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from skills.arrays import Bools, Floats, Ids
from skills.bodies.body import body_of
from skills.bodies.fast import Simulation
from skills.bodies.fates import Fate, fates_of
from skills.learning.policy import Policy
from skills.playing.rollout import Moment, Transcript, lockstep, start
from skills.playing.sequence import perform
from skills.playing.trials import STARTS_SEED


class Midst(Protocol):
    """up: [K * R] whether each skill, from each start, still plays when it is to give way."""

    up: Bools

    def go_on(self, before: Ids, after: Ids) -> tuple[Transcript, Bools]:
        """Skills after[n] for T steps from where skills before[n] came, from start n % R.

        What was seen of them, and [N] which fell or lie on their back.
        """


def midst_of(policy: Policy, env_id: str, count: int, starts: int, steps: int) -> Midst:
    """Plays K skills for T steps from R starts each. Raises: SkillsError where nothing can be played."""
    way = _Put if body_of(env_id).batched else _Led
    return way(policy, env_id, count, starts, steps)


class _Put:
    """Sets the simulations to the states that are kept: [K * R, .] qpos and qvel."""

    def __init__(self, policy: Policy, env_id: str, count: int, starts: int, steps: int) -> None:
        self._policy, self._env_id, self._starts, self._steps = policy, env_id, starts, steps
        skills = np.repeat(np.arange(count), starts)
        self._simulation = Simulation(env_id, len(skills))
        started = start(self._simulation, starts, STARTS_SEED)
        watch = _Watch(self._simulation.qpos, steps)
        for step, moment in enumerate(lockstep(policy, self._simulation, started, skills, steps, endless=True)):
            watch.add(step, moment)
        self.up = ~watch.fell(env_id)
        self._qpos, self._qvel = self._simulation.qpos.copy(), self._simulation.qvel.copy()

    def go_on(self, before: Ids, after: Ids) -> tuple[Transcript, Bools]:
        rows = before * self._starts + np.arange(len(before)) % self._starts
        simulation, steps = self._simulation, self._steps
        started = simulation.set_state(self._qpos[rows], self._qvel[rows])
        seen = Transcript(len(after), steps, self._policy.shape.observation_size, simulation.action_size)
        watch = _Watch(simulation.qpos, steps)
        for step, moment in enumerate(lockstep(self._policy, simulation, started, after, steps, endless=True)):
            seen.add(step, moment)
            watch.add(step, moment)
        return seen, watch.fell(self._env_id)


class _Watch:
    """What becomes of simulations.   qpos: [N, P] the states that they begin in."""

    def __init__(self, qpos: Floats, steps: int) -> None:
        self._qpos = np.empty((len(qpos), steps + 1, qpos.shape[1]))
        self._qpos[:, 0] = qpos
        self._lengths, self._ended = np.zeros(len(qpos), np.int64), np.zeros(len(qpos), bool)

    def add(self, step: int, moment: Moment) -> None:
        """Writes down a step."""
        self._qpos[moment.playing, step + 1] = moment.qpos
        self._lengths[moment.playing] = step + 1
        self._ended[moment.playing] = moment.terminated

    def fell(self, env_id: str) -> Bools:
        """[N] which have not survived: one that lies on its back has not, although its episode goes on."""
        return _fallen(fates_of(self._qpos, self._lengths, self._ended, env_id))


def _fallen(fates: Sequence[Fate]) -> Bools:
    return np.array([not one.survives for one in fates], bool)


class _Led:
    """Plays the skill before again, each time."""

    def __init__(self, policy: Policy, env_id: str, count: int, starts: int, steps: int) -> None:
        self._policy, self._env_id, self._starts, self._steps = policy, env_id, starts, steps
        skills = np.repeat(np.arange(count), starts)
        seen, fell = self._played(skills[:, None].repeat(steps, axis=1))
        self.up = (seen.lengths == steps) & ~fell

    def go_on(self, before: Ids, after: Ids) -> tuple[Transcript, Bools]:
        seen, fell = self._played(np.stack([before, after], axis=1).repeat(self._steps, axis=1))
        return seen.behind(self._steps), fell

    def _played(self, schedule: Ids) -> tuple[Transcript, Bools]:
        played = perform(self._policy, self._env_id, schedule, self._starts, seed=STARTS_SEED)
        return played.seen, _fallen(played.fates(self._env_id))
