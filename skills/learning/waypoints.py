"""Who says where to be some steps on, seeing only where the body is and is to go; and how the two levels become one.

Letters: N transitions, K skills, B rows of a skill's batch, O observation columns, G columns of a place, A action size,
H hidden units of the policy.
"""

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from skills.errors import USAGE, SkillsError
from skills.learning.draws import Draws
from skills.learning.engine.optimiser import adam, anneal, descend, state_of
from skills.learning.engine.stacked import StackedMlp, initial, with_ones
from skills.learning.places import PlaceColumns, Ways


@dataclass(frozen=True)
class WaySettings:
    """How the upper level is learned."""

    way_steps: Annotated[int, "updates of the upper level"] = 100_000
    way_rate: Annotated[float, "of its Adam; falls to 0 along a cosine"] = 3e-4
    way_batch: Annotated[int, "rows per update of it and skill"] = 256
    hindsight: Annotated[float, "share of them whose goal is a place that the body came to later"] = 0.5


class WayLearner:
    """A perceptron for each skill: (place, goal, 1) -> how far the body comes in `ahead` steps on its way there."""

    def __init__(
        self, ways: Ways, skills: int, units: int, ahead: int, config: WaySettings, generator: torch.Generator
    ) -> None:
        """units: of each of the two hidden layers."""
        self._ways, self._ahead, self._config = ways, ahead, config
        device, width = ways.here.device, ways.here.shape[1]
        sizes = [2 * width, units, units, width]
        self.mlp = StackedMlp.of(initial(skills, sizes, generator), sizes).to(device).to_learn()
        self._optimizer = adam(self.mlp.layers, config.way_rate)
        self._states = torch.ones(skills, config.way_batch, 2 * width + 1, device=device)
        self._targets = torch.zeros(skills, config.way_batch, width, device=device)
        self._losses = torch.zeros(skills, device=device)

    def draw(self, draws: Draws, generator: torch.Generator) -> None:
        """The rows of the next update, some of them with a place that was reached later for their goal."""
        ways, config = self._ways, self._config
        rows = draws.draw(config.way_batch, generator)
        chance = torch.rand(2, *rows.shape, generator=generator, device=rows.device)
        left = ways.left[rows]
        later = torch.minimum((chance[0] * left).long(), left - 1)  # steps until the row whose end is that place
        told = chance[1] < config.hindsight
        goals = torch.where(told[..., None], ways.after[rows + later], ways.goal[rows])
        steps = torch.where(told, later + 1, self._ahead).clamp_(max=self._ahead)
        self._states[..., :-1] = torch.cat([ways.here[rows], goals], dim=-1)
        self._targets.copy_(ways.ahead(rows, steps))

    def update(self) -> None:
        """One step on them."""
        losses = (self.mlp(self._states) - self._targets).square().mean(dim=(1, 2))
        self._losses.copy_(losses.detach())
        descend(self._optimizer, losses.sum())

    def set_step(self, step: int) -> None:
        """Sets the learning rate of the step to come."""
        anneal(self._optimizer, self._config.way_rate, step, self._config.way_steps)

    def losses(self) -> dict[str, Tensor]:
        """The mean squared error of the last update by skill, [K]; in standardised places."""
        return {"way": self._losses}

    def tensors(self) -> dict[str, Tensor]:
        """Everything that an update changes and the next one reads."""
        return self.mlp.named_layers("way") | state_of(self._optimizer, "adam")


def units_of_upper(hidden: int, places: PlaceColumns) -> int:
    """What H leaves to the upper level: the first two layers pass every other column on beside it, by two units each.

    Raises: SkillsError (usage) where that is nothing.
    """
    units = hidden - 2 * len(places.rest)
    if units < 1:
        raise SkillsError(
            f"policy.hidden={hidden} leaves no room for waypoints beside {len(places.rest)} columns.",
            f"It must be {2 * len(places.rest) + 1} or more.",
            USAGE,
        )
    return units


def lower_inputs(ways: Ways, states: Tensor, places: PlaceColumns, ahead: int) -> Tensor:
    """(how far the body came in `ahead` steps, all but places, 1), [N, O - G + 1], of standardised states [N, O]."""
    rows = torch.arange(len(states), device=states.device)
    came = ways.ahead(rows, torch.tensor(ahead, device=states.device))
    return with_ones(torch.cat([came, states[:, places.rest]], dim=1))


def as_one(upper: StackedMlp, lower: StackedMlp, places: PlaceColumns) -> StackedMlp:
    """One perceptron of four hidden layers for each pair: observations, standardised -> the lower level's outputs.

    Columns that the upper level does not see go through its layers as max(x, 0) and max(-x, 0); its last layer and the
    lower level's first have no ReLU between them, so they are one.
    """
    (first, second, last), (next_first, *others) = upper.layers, lower.layers
    skills, units, width = len(first), first.shape[2], last.shape[2]
    rest, columns = len(places.rest), len(places.both) + len(places.rest)
    passed, negative = slice(units, units + rest), slice(units + rest, None)
    hidden, eye = units + 2 * rest, torch.eye(rest, device=first.device)

    entry = first.new_zeros(skills, columns + 1, hidden)
    entry[:, [*places.both.tolist(), columns], :units] = first.detach()
    entry[:, places.rest, passed], entry[:, places.rest, negative] = eye, -eye
    through = first.new_zeros(skills, hidden + 1, hidden)
    through[:, [*range(units), hidden], :units] = second.detach()
    through[:, units:-1, units:] = torch.eye(2 * rest, device=first.device)
    told, seen, bias = torch.split(next_first.detach(), [width, rest, 1], dim=1)
    ways = last.detach() @ told  # of the upper level's units, and of its bias
    turn = torch.cat([ways[:, :-1], seen, -seen, ways[:, -1:] + bias], dim=1)
    return StackedMlp([entry, through, turn, *(layer.detach() for layer in others)])
