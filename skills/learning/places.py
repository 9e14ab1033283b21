"""Where a body is and where it is to go, among the columns of an observation; and places on the way, seen in hindsight.

Letters: N transitions, O observation columns, G columns of a place.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skills.data.transitions import Transitions
from skills.errors import SkillsError
from skills.learning.batches import scaling

_HERE, _GOAL = "achieved_goal", "desired_goal"


@dataclass(frozen=True)
class PlaceColumns:
    """here, goal: [G] where it is, where it is to go.   rest: [O - 2 G] all others, in order."""

    here: NDArray[np.intp]
    goal: NDArray[np.intp]
    rest: NDArray[np.intp]

    @property
    def both(self) -> NDArray[np.intp]:
        """[2 G] where it is, then where it is to go."""
        return np.concatenate([self.here, self.goal])


def place_columns(transitions: Transitions) -> PlaceColumns:
    """Found by the names that goal environments give them. Raises: SkillsError where observations have none."""
    first, found = 0, {}
    for name, width in transitions.observation_parts:
        found[name] = np.arange(first, first + width)
        first += width
    columns = transitions.observations.shape[1]
    here, goal = (found.get(name, np.zeros(0, np.intp)) for name in (_HERE, _GOAL))
    both = np.concatenate([here, goal])
    if not len(here) or len(here) != len(goal) or both.max() >= columns:
        raise SkillsError(
            f"The observations of {transitions.name} do not say where the body is and where it is to go.",
            f"Waypoints need their parts {_HERE} and {_GOAL}, as AntMaze's have them. Another learner: --learner iql",
        )
    return PlaceColumns(here, goal, rest=np.setdiff1d(np.arange(columns), both))


def scaling_of_places(transitions: Transitions, places: PlaceColumns, gain: float) -> tuple[Tensor, Tensor]:
    """(mean, std) of observations, [O] each, as `scaling` gives them, but for places.

    A goal is standardised as the same place to be at is, and `gain` times as large as other columns: a wall is a
    small part of a maze, and networks learn what changes over short ways slowly.
    """
    mean, std = (one.clone() for one in scaling(transitions, standardise=True))
    std[places.here] /= gain
    mean[places.goal], std[places.goal] = mean[places.here], std[places.here]
    return mean, std


def only(transitions: Transitions, columns: NDArray[np.intp]) -> Transitions:
    """The same steps of which only some columns are observed."""
    return replace(
        transitions,
        observations=transitions.observations[:, columns],
        next_observations=transitions.next_observations[:, columns],
    )


@dataclass(frozen=True)
class Ways:
    """Where every step of the data was, was to go and came to; places are standardised.

    here, goal, after: [N, G] before the step, of its episode, after the step.   left: [N] steps to the episode's end,
    this one among them.
    """

    here: Tensor
    goal: Tensor
    after: Tensor
    left: Tensor

    def ahead(self, rows: Tensor, steps: Tensor) -> Tensor:
        """[..., G] how far the body came in so many steps, or until its episode ended; of rows [...]."""
        last = rows + torch.minimum(self.left[rows], steps) - 1
        return self.after[last] - self.here[rows]


def ways_of(transitions: Transitions, places: PlaceColumns, mean: Tensor, std: Tensor, device: torch.device) -> Ways:
    """mean, std: [O] each, what observations are standardised with."""
    seen = (torch.from_numpy(transitions.observations) - mean) / std
    after = (torch.from_numpy(transitions.next_observations[:, places.here]) - mean[places.here]) / std[places.here]
    left = torch.from_numpy(transitions.left)
    return Ways(seen[:, places.here].to(device), seen[:, places.goal].to(device), after.to(device), left.to(device))
