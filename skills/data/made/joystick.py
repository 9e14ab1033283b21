"""What each body is asked to do in the `diverse` sets: commands as a joystick gives them, and how a policy sees them.

Letters: N simulations, O observation columns, C command columns, S columns that a network sees, A action size.

A command is a point; the cells that commands are drawn from are the behaviours. Cells are boxes that do not touch, so a
command is of one cell, and within a cell commands differ as a hand at a stick does. A new one comes every 2 to 6 s.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skills.arrays import Floats, Places
from skills.bodies.environments import environment, load_model
from skills.data.made.directions import facing, seen_along_x

SECONDS = (2.0, 6.0)  # that a command lasts
UPRIGHT, ON_ITS_BACK = 0.0, np.pi  # rad, the half-cheetah's pitch: it rolls over forwards
_QUARTER = np.pi / 2


@dataclass(frozen=True)
class CommandCell:
    """One behaviour.   low, high: [C] the box that its commands are drawn from.   network: the level that acts."""

    name: str
    low: tuple[float, ...]
    high: tuple[float, ...]
    network: str = "diverse"

    @property
    def middle(self) -> tuple[float, ...]:
        """[C] of the box."""
        return tuple((low + high) / 2 for low, high in zip(self.low, self.high, strict=True))


def around(name: str, centre: tuple[float, ...], spread: tuple[float, ...], network: str = "diverse") -> CommandCell:
    """A cell from `centre` - `spread` to `centre` + `spread`."""
    pairs = list(zip(centre, spread, strict=True))
    return CommandCell(name, tuple(at - by for at, by in pairs), tuple(at + by for at, by in pairs), network)


@dataclass(frozen=True)
class Sight:
    """What networks see of bodies under commands.

    columns: [N, S].   gains: [N, 1] what their mean actions are multiplied by.   undo: makes the actions [N, A] of the
    body as it is seen those of the body as it is.
    """

    columns: Floats
    gains: Floats
    undo: Callable[[NDArray[np.floating]], NDArray[np.floating]]


@dataclass(frozen=True)
class Joystick:
    """What one body can be asked.

    command: [C] names and units of a command's columns.
    """

    env_id: str
    command: tuple[str, ...]
    cells: tuple[CommandCell, ...]

    @property
    def networks(self) -> tuple[str, ...]:
        """The levels of the policies that act, each once."""
        return tuple(dict.fromkeys(cell.network for cell in self.cells))

    @property
    def seconds_per_step(self) -> float:
        """Simulated time of one environment step, s."""
        return float(load_model(self.env_id).opt.timestep) * environment(self.env_id).frame_skip

    def choose(self, generator: np.random.Generator, before: int | None) -> int:
        """The number of a command's cell, after a command of the cell `before`; None: the first of an episode."""
        return int(generator.integers(len(self.cells)))

    def tell(self, number: int, generator: np.random.Generator) -> tuple[Floats, int]:
        """(a command [C] of a cell, steps that it lasts)."""
        cell = self.cells[number]
        return generator.uniform(cell.low, cell.high), round(generator.uniform(*SECONDS) / self.seconds_per_step)

    def acting(self, cells: Places, observations: Floats, before: Sequence[str]) -> list[str]:
        """[N] the level that is to act, told to do as `cells` [N], at observations [N, O]; `before` [N] acted last."""
        return [self.cells[cell].network for cell in cells]

    def seen(self, observations: Floats, commands: Floats) -> Sight:
        """What the networks see: the observations [N, O] and the commands [N, C]."""
        columns = np.concatenate([observations, commands], axis=1)
        return Sight(columns, np.ones((len(columns), 1)), lambda actions: actions)


class CheetahJoystick(Joystick):
    """A network of its own rolls it onto its back.

    None of ours can get up again, so that once it lies it is told nothing but how to lie.
    """

    _ROLLS = "diverse-3"
    _FALLEN, _ROLLED = 1.2, 0.4  # rad from the pitch that is asked: where it begins to roll, and where it has done so
    _STAYS = 7 / 8  # of the commands that follow one upright are so too: a half of all

    @property
    def networks(self) -> tuple[str, ...]:
        return (*super().networks, self._ROLLS)

    def choose(self, generator: np.random.Generator, before: int | None) -> int:
        lying = [number for number, cell in enumerate(self.cells) if cell.middle[1] < 0]
        upright = [number for number in range(len(self.cells)) if number not in lying]
        stays_up = before not in lying and generator.random() < self._STAYS
        return int(generator.choice(upright if stays_up else lying))

    def acting(self, cells: Places, observations: Floats, before: Sequence[str]) -> list[str]:
        asked = np.array([UPRIGHT if self.cells[cell].middle[1] > 0 else ON_ITS_BACK for cell in cells])
        astray = np.abs(observations[:, 1] - asked)
        limits = [self._ROLLED if last == self._ROLLS else self._FALLEN for last in before]
        usual = super().acting(cells, observations, before)
        return [self._ROLLS if far else level for far, level in zip(astray > limits, usual, strict=True)]


class AntJoystick(Joystick):
    """The shipped runner goes ahead, with less vigour the slower, and turns; another network goes half left.

    The ant looks the same after a quarter turn, so all other headings are these with the legs numbered anew. The runner
    keeps to the world's +x: the world is turned under it so that it never sees itself turn, or, where it shall turn, so
    that it always sees itself a quarter turn astray.
    """

    _PACE = ((0.0, 0.5, 1.0, 1.6), (0.0, 0.35, 0.53, 0.95))  # m/s, and the runner's gain at which it goes so

    def seen(self, observations: Floats, commands: Floats) -> Sight:
        speed, heading, turn = commands.T
        quarters, rest = _quarters(heading)
        towards = facing(observations) + (quarters + np.sign(turn)) * _QUARTER
        columns, numbering = seen_along_x(observations[:, :27], towards, quarters.astype(np.intp))
        asked = np.stack([speed * np.cos(rest), speed * np.sin(rest), turn], axis=1)
        gains = np.where((turn != 0) | (rest > _QUARTER / 4), 1.0, np.interp(speed, *self._PACE))
        return Sight(np.concatenate([columns, asked], axis=1), gains[:, None], numbering.done)


def _quarters(heading: Floats) -> tuple[Floats, Floats]:
    """Headings as a number of quarter turns and a rest of -22.5 to 67.5 degrees."""
    quarters = np.floor(heading / _QUARTER + 0.25)
    return quarters, heading - quarters * _QUARTER


def _ant_cells() -> tuple[CommandCell, ...]:
    moving = [
        around(f"{word} {speed:g} m/s", (speed, quarter * _QUARTER, 0.0), (0.1, np.pi / 32, 0.0), "simple")
        for quarter, word in enumerate(("ahead", "left", "back", "right"))
        for speed in (0.5, 1.0, 1.6)
    ]
    still = (0.0, 0.0, 0.0)
    others = {"turns left": (0.8, 0.0, 1.0), "turns right": (0.8, 0.0, -1.0), "stands": still}
    return (*moving, *(around(name, centre, still, "simple") for name, centre in others.items()))


def cheetah_cell(speed: float, posture: int, network: str = "diverse") -> CommandCell:
    """Of a half-cheetah at a speed (m/s); posture: 1 upright, -1 on its back."""
    word = "upright" if posture > 0 else "on its back"
    return around(f"{speed:g} m/s {word}", (speed, float(posture)), (0.375, 0.0), network)


JOYSTICKS: dict[str, Joystick] = {
    "ant": AntJoystick("Ant-v5", ("speed, m/s", "heading, rad", "yaw rate, rad/s"), _ant_cells()),
    "halfcheetah": CheetahJoystick(
        "HalfCheetah-v5",
        ("speed, m/s", "posture, 1 upright, -1 on its back"),
        (
            *(cheetah_cell(speed, 1) for speed in (-3.0, -1.5, 0.0, 1.5, 3.0, 4.5)),
            cheetah_cell(6.0, 1, "medium"),
            *(cheetah_cell(speed, -1, "diverse-2") for speed in (-1.5, 0.0, 1.5)),
        ),
    ),
    "walker2d": Joystick(
        "Walker2d-v5",
        ("speed, m/s",),
        tuple(
            around(f"{speed:g} m/s", (speed,), (0.25,), network)
            for speed, network in (
                (-1.5, "diverse-2"),
                (0.0, "diverse"),
                (2.0, "simple"),
                (3.0, "medium-2"),
                (4.0, "expert"),
            )
        ),
    ),
    "hopper": Joystick(
        "Hopper-v5",
        ("speed, m/s", "height, m"),
        (
            around("stands", (0.0, 1.25), (0.0, 0.02)),
            around("hops at 1 m/s", (1.0, 1.2), (0.25, 0.0), "diverse-2"),
            around("hops at 2.8 m/s", (2.8, 1.2), (0.25, 0.0), "expert"),
        ),
    ),
}
