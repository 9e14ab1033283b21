"""Leads ants through a maze: the policy that AntMaze's data come from.

Letters: N ants, C free cells of the maze.

As in D4RL (Fu et al. 2020, section 5.2) a planner gives waypoints and a policy that can run in any direction runs to
the next one, with noise of 0.2 on its actions. Ants fall on their backs now and then and stay there: the failures.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skills.arrays import Float32s
from skills.bodies.environments import GOAL_COLUMNS
from skills.bodies.mazes import Maze
from skills.data.made.directions import seen_along_x
from skills.data.made.shipped import ShippedPolicy

ACTION_NOISE = 0.2  # standard deviation, as D4RL's
REACH = 1.0  # m from a waypoint the next one is aimed at


class Guide:
    """Acts for ants in one maze; knows the episodes that it leads by number, and a new one by its new goal.

    noise: standard deviation of what is added to actions.
    """

    def __init__(self, maze: Maze, runner: ShippedPolicy, episodes: int, noise: float = ACTION_NOISE) -> None:
        self._maze, self._runner, self._noise = maze, runner, noise
        self._number = {cell: number for number, cell in enumerate(maze.free)}
        self._centres = np.array([maze.centre(cell) for cell in maze.free])
        self._next = self._next_cells()
        self._goals = np.full((episodes, 2), np.nan)
        self._goal_cells = np.zeros(episodes, np.intp)
        self._waypoints = np.zeros(episodes, np.intp)

    def act(
        self,
        observations: NDArray[np.floating],
        generators: Sequence[np.random.Generator],
        episodes: NDArray[np.integer],
    ) -> Float32s:
        """Actions [N, 8] in [-1, 1] at observations [N, 31].

        generators: one an ant, each giving the noise of its own row.   episodes: [N] the number of each row's episode.
        """
        places, goals = observations[:, :2], observations[:, GOAL_COLUMNS]
        towards = self.aims(places, goals, episodes) - places
        body = np.delete(observations, [0, 1, *GOAL_COLUMNS], axis=1)
        seen, numbering = seen_along_x(body, np.arctan2(towards[:, 1], towards[:, 0]))
        noise = [generator.standard_normal(self._runner.action_size, dtype=np.float32) for generator in generators]
        actions = numbering.done(self._runner.act(seen)) + self._noise * np.stack(noise)
        return np.clip(actions, -1.0, 1.0).astype(np.float32)

    def aims(
        self, places: NDArray[np.floating], goals: NDArray[np.floating], episodes: NDArray[np.integer]
    ) -> Float32s:
        """[N, 2] m, what each ant runs to: its waypoint, the goal where that is in the same cell."""
        self._welcome(places, goals, episodes)
        cells = np.array([self._number.get(self._maze.cell(place), -1) for place in places])
        ends, waypoints = self._goal_cells[episodes], self._waypoints[episodes]
        # Off its way, behind a corner perhaps: back to the middle of the cell that it is in.
        lost = (cells >= 0) & (cells != waypoints) & (self._next[ends, cells] != waypoints)
        waypoints = np.where(lost, cells, waypoints)
        close = np.linalg.norm(self._centres[waypoints] - places, axis=1) < REACH
        waypoints = np.where(close, self._next[ends, waypoints], waypoints)
        self._waypoints[episodes] = waypoints
        return np.where((waypoints == ends)[:, None], goals, self._centres[waypoints])

    def _welcome(
        self, places: NDArray[np.floating], goals: NDArray[np.floating], episodes: NDArray[np.integer]
    ) -> None:
        for row in np.flatnonzero((self._goals[episodes] != goals).any(axis=1)):
            episode = episodes[row]
            self._goals[episode] = goals[row]
            self._goal_cells[episode] = self._number[self._maze.cell(goals[row])]
            self._waypoints[episode] = self._number[self._maze.cell(places[row])]

    def _next_cells(self) -> NDArray[np.intp]:
        """[C, C] the cell to go to next on the way to a goal cell (row) from a cell (column)."""
        table = np.zeros((len(self._number),) * 2, np.intp)
        for goal, row in self._number.items():
            for cell, after in self._maze.steps_to(goal).items():
                table[row, self._number[cell]] = self._number[after]
        return table
