"""Two levels for goals that are far away: where to be soon, and how to get there.

What a noisy action says of where a body is going is little, and a network that sees how it moves guesses that it will
move on so: clones and IQL learn to run and not to turn (docs/reproduce.md). So, as HIQL does (Park et al. 2023):
  V is learned from the rewards as in `reach`, but of places alone;
  the upper level says how far to come in n steps, from rows weighed by V, half of them with goals in hindsight;
  the lower level clones how the data came so far, from the same rows.
Otherwise than there V is that of any rewards, waypoints are places and no latents, and both levels are one perceptron.

Letters: N transitions, K skills, O observation columns.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Annotated, Any

import torch
from torch import Tensor

from skills.choices import Domain, Mode, Preset
from skills.data.transitions import Transitions
from skills.learning.actors import Actors, ActorSettings, log_std_of
from skills.learning.classes import Classes
from skills.learning.draws import Draws, DrawSettings, draws_by
from skills.learning.engine.curves import FILE as CURVES
from skills.learning.engine.device import generator_on
from skills.learning.engine.stacked import StackedMlp
from skills.learning.engine.workers import Workers
from skills.learning.experience import experience
from skills.learning.learners import Learner
from skills.learning.matrix import Rewards
from skills.learning.parts import TrainingPart, learn
from skills.learning.places import only, place_columns, scaling_of_places, ways_of
from skills.learning.policy import Policy, Shape
from skills.learning.values import Values, ValueSettings
from skills.learning.waypoints import WayLearner, WaySettings, as_one, lower_inputs, units_of_upper
from skills.plugins import ONE_EXPERT, Layer
from skills.progress import Reporter

_PRESETS: dict[Preset, dict[str, Any]] = {
    "smoke": {"value_steps": 200, "value_batch": 64, "way_steps": 200, "way_batch": 64, "steps": 200, "batch": 64},
    "quick": {"value_steps": 16_000, "way_steps": 8_000, "steps": 10_000},
    "paper": {"value_rate": 3e-4, "way_rate": 3e-4, "learning_rate": 3e-4},
}


@dataclass(frozen=True)
class Waypoints(ValueSettings, DrawSettings, WaySettings, ActorSettings, Learner):
    """An upper and a lower level for each skill, joined into a policy of four hidden layers."""

    name = "waypoints"
    modes = ONE_EXPERT
    files = (*Policy.FILES, CURVES)
    checkpoint = "waypoints.checkpoint.safetensors"

    td_steps: Annotated[int, "n: how far ahead a waypoint lies, and of n-step returns"] = 50
    discount: Annotated[float, "gamma; the way through a large maze takes 500 steps"] = 0.999
    gain: Annotated[float, "how much larger than other columns places are"] = 3.0
    expectile: Annotated[float, "tau; high: where ants lie on their backs V is still that of those who pass"] = 0.9
    inverse_temperature: Annotated[float, "beta in exp(beta advantage), the advantage in standard deviations"] = 10.0
    weight_limit: Annotated[float, "of exp(beta advantage); 1: rows that are as good as V says count alike"] = 1.0
    gate: Annotated[float, "p in (earned / the highest)^p, which multiplies the weights; 0: IQL's"] = 0.0
    batch: Annotated[int, "rows per update of the lower level and skill"] = 256
    value_rate: Annotated[float, "of V's Adam; falls to 0 along a cosine"] = 1e-3
    way_rate: Annotated[float, "of the upper level's Adam; falls to 0 along a cosine"] = 1e-3
    learning_rate: Annotated[float, "of the lower level's Adam; falls to 0 along a cosine"] = 1e-3

    @classmethod
    def needs(cls, preset: Preset, mode: Mode, domain: Domain) -> Layer:
        """Its own defaults where presets speak of IQL; and how many steps of what make minutes."""
        return {"policy": cls.defaults() | _PRESETS[preset]}

    def train(
        self,
        transitions: Transitions,
        experts: Classes,
        rewards: Rewards | None,
        device: torch.device,
        generator: torch.Generator,
        folder: Path,
        reporter: Reporter,
    ) -> Policy:
        """Learns a head for each column of the reward matrix; saves the policy and its losses' curves into `folder`."""
        assert rewards is not None, "values are of rewards"
        places = place_columns(transitions)
        units = units_of_upper(self.hidden, places)
        own_rows = len(transitions) - transitions.demonstrations
        mean, std = scaling_of_places(transitions, places, self.gain)
        data, n, skills = transitions.first(own_rows), self.td_steps, rewards.count
        both = torch.from_numpy(places.both)
        seen = experience(
            only(data, places.both), rewards, (mean[both], std[both]), n, self.discount, self.reward_shift, device
        )
        values = Values(seen, self, generator, device)
        ways = ways_of(data, places, mean, std, device)
        states = ((torch.from_numpy(data.observations) - mean) / std).to(device)
        upper = WayLearner(ways, skills, units, n, self, generator)
        with Workers(count=1 if device.type == "cuda" else None) as workers:
            lower = Actors(lower_inputs(ways, states, places, n), seen.actions, skills, self, generator, workers)
            weighed = _Weighed(values, self)
            own = generator_on(device, generator)
            parts = [
                _Part("value", f"valuing places for {skills} skills", values, values.draw, self.value_steps),
                _Part("way", "learning the ways", upper, partial(weighed.draw_for, upper), self.way_steps),
                _Part("policy", "learning to get there", lower, partial(weighed.draw_for, lower), self.steps),
            ]
            learn([one.training for one in parts], skills, own, folder / self.checkpoint, reporter)
            learned = lower.learned(weighed.draws, own)
        below = StackedMlp.of(learned["flat"], lower.sizes)
        whole = as_one(upper.mlp.to(torch.device("cpu")), below, places)
        columns = transitions.observations.shape[1]
        shape = Shape(columns, lower.shape.action_size, skills, self.hidden, depth=4, trunks=skills)
        policy = Policy(shape, mean, std, torch.Generator())
        policy.network.load_flat(whole.flat)
        with torch.no_grad():
            policy.log_std.copy_(log_std_of(learned))
        policy.save(folder)
        return policy


class _Weighed:
    """Rows drawn by what V says of them, once it is learned."""

    def __init__(self, values: Values, config: DrawSettings) -> None:
        self._values, self._config = values, config

    @cached_property
    def draws(self) -> Draws:
        return draws_by(self._values, self._config)

    def draw_for(self, level: WayLearner | Actors, generator: torch.Generator) -> None:
        """The rows of a level's next update."""
        level.draw(self.draws, generator)


@dataclass(frozen=True)
class _Part:
    """What is learned one after the other.   drawn: draws the rows of its next update."""

    name: str
    task: str
    level: Values | WayLearner | Actors
    drawn: Callable[[torch.Generator], None]
    steps: int

    @property
    def training(self) -> TrainingPart:
        return TrainingPart(self.name, self.task, self, self.steps, self.level.set_step)

    def begin(self) -> None:
        """Nothing: rows are weighed when the first are drawn."""

    def draw(self, generator: torch.Generator) -> None:
        self.drawn(generator)

    def update(self) -> None:
        self.level.update()

    def losses(self) -> Mapping[str, Tensor]:
        return self.level.losses()

    def tensors(self) -> dict[str, Tensor]:
        return self.level.tensors()
