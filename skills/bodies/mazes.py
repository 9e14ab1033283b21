"""AntMaze's mazes: where the walls stand, where episodes begin and must go, and the way there.

The layouts are D4RL's (Fu et al. 2020, section 5.2); walls, cells, noise and goal radius are those of
gymnasium-robotics' `AntMaze_*-v4`. Rows of cells go down (-y), columns go right (+x); the middle of the maze is (0, 0).
"""

from collections import deque
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args

import mujoco
import numpy as np

from skills.arrays import Floats
from skills.choices import Task
from skills.errors import USAGE, SkillsError, nearest

Cell = tuple[int, int]  # row, column

CELL = 4.0  # m, the side of a cell
GOAL_RADIUS = 0.45  # m from the goal is there
GOAL_REWARD = 1.0
_WALL_HEIGHT = 2.0  # m
_NOISE = 0.25  # of a cell: starts and goals lie this far from the middle of theirs, at most, in x and in y
_APART = 0.5  # of a cell: what a start is away from its goal, at least

# The hand-picked cells: r a start, g a goal, c both. D4RL's evaluation starts at the first of them. Medium and large
# pair their cells freely, as `AntMaze_*_Diverse_GR-v4` does.
_LAYOUTS = {
    "umaze": """
        #####
        #r..#
        ###.#
        #g..#
        #####
    """,
    "medium": """
        ########
        #c.##..#
        #..#..c#
        ##...###
        #..#...#
        #c#..#.#
        #...#c.#
        ########
    """,
    "large": """
        ############
        #c...#c....#
        #.##.#.#.#.#
        #....c.#..c#
        #.####.###.#
        #.c#.#.....#
        ##.#.#.#.###
        #..#c.c#.c.#
        ############
    """,
}
_EVALUATION_GOALS: dict[str, Cell] = {"umaze": (3, 1), "medium": (6, 6), "large": (7, 9)}


@dataclass(frozen=True)
class Maze:
    """One maze.   rows: its cells; `#` is a wall, the letters are hand-picked cells."""

    name: str
    rows: tuple[str, ...]

    @cached_property
    def free(self) -> tuple[Cell, ...]:
        """The cells without a wall, row by row."""
        return self._cells(".rgc")

    @cached_property
    def walls(self) -> tuple[Cell, ...]:
        """The cells with a wall, row by row."""
        return self._cells("#")

    def starts(self, task: str) -> tuple[Cell, ...]:
        """Cells that an episode of the task may begin in.

        "diverse": any. "play": D4RL's hand-picked ones. "evaluation": the one that D4RL measures policies from.
        """
        return {"diverse": self.free, "play": self._cells("rc"), "evaluation": self._cells("rc")[:1]}[checked(task)]

    def goals(self, task: str) -> tuple[Cell, ...]:
        """Cells that the goal of an episode of the task may lie in."""
        evaluation = (_EVALUATION_GOALS[self.name],)
        return {"diverse": self.free, "play": self._cells("gc"), "evaluation": evaluation}[checked(task)]

    def centre(self, cell: Cell) -> Floats:
        """[2] x, y (m) of the middle of a cell."""
        row, column = cell
        x = (column + 0.5) * CELL - len(self.rows[0]) / 2 * CELL
        y = len(self.rows) / 2 * CELL - (row + 0.5) * CELL
        return np.array([x, y])

    def cell(self, place: Floats) -> Cell:
        """The cell of a place [2] (m)."""
        x, y = place
        row = np.floor((len(self.rows) / 2 * CELL - y) / CELL)
        column = np.floor((x + len(self.rows[0]) / 2 * CELL) / CELL)
        return int(row), int(column)

    def draw(self, task: str, generator: np.random.Generator) -> tuple[Floats, Floats]:
        """A start and a goal, [2] and [2] m: the same as gymnasium-robotics draws from such a generator."""
        starts, goals = self.starts(task), self.goals(task)
        goal = self._near(goals[generator.integers(low=0, high=len(goals))], generator)
        while True:
            start = starts[generator.integers(low=0, high=len(starts))]
            if np.linalg.norm(self.centre(start) - goal) > _APART * CELL:
                return self._near(start, generator), goal

    def steps_to(self, goal: Cell) -> dict[Cell, Cell]:
        """{cell: the next cell on a shortest way to the goal}, for all cells with a way there; the goal's is itself."""
        after = {goal: goal}
        edge = deque([goal])
        while edge:
            row, column = cell = edge.popleft()
            for neighbour in ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)):
                if self.rows[neighbour[0]][neighbour[1]] != "#" and neighbour not in after:
                    after[neighbour] = cell
                    edge.append(neighbour)
        return after

    def map(self, task: str) -> list[list[int | str]]:
        """The maze as gymnasium-robotics takes it (`maze_map`): 1 a wall, r start, g goal, c both, 0 neither."""
        marks: dict[tuple[bool, bool], int | str]
        marks = {(False, False): 0, (True, False): "r", (False, True): "g", (True, True): "c"}
        starts, goals = self.starts(task), self.goals(task)
        kinds: list[list[int | str]] = [[1] * len(row) for row in self.rows]
        for cell in self.free:
            kinds[cell[0]][cell[1]] = marks[cell in starts, cell in goals]
        return kinds

    def build(self, spec: Any) -> None:
        """Puts the walls into a model's `mujoco.MjSpec`, as gymnasium-robotics does."""
        for cell in self.walls:
            spec.worldbody.add_geom(
                type=mujoco.mjtGeom.mjGEOM_BOX,
                pos=[*self.centre(cell), _WALL_HEIGHT / 2],
                size=[CELL / 2, CELL / 2, _WALL_HEIGHT / 2],
                contype=1,
                conaffinity=1,
                rgba=[0.7, 0.5, 0.3, 1.0],
            )

    def _near(self, cell: Cell, generator: np.random.Generator) -> Floats:
        place = self.centre(cell)
        place[0] += generator.uniform(low=-_NOISE, high=_NOISE) * CELL
        place[1] += generator.uniform(low=-_NOISE, high=_NOISE) * CELL
        return place

    def _cells(self, kinds: str) -> tuple[Cell, ...]:
        found = ((row, column) for row, line in enumerate(self.rows) for column in range(len(line)))
        return tuple((row, column) for row, column in found if self.rows[row][column] in kinds)


MAZES = {name: Maze(name, tuple(text.split())) for name, text in _LAYOUTS.items()}


def checked(task: str) -> str:
    """The task. Raises: SkillsError (usage) where there is no such one."""
    if task not in get_args(Task):
        raise SkillsError(f"Unknown task {task!r} for a maze.", nearest(task, get_args(Task)), USAGE)
    return task
