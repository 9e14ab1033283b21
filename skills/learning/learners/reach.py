"""IQL in two parts, for skills that reach what they are named after: first what states are worth, then who gets there.

V and Q of IQL (Kostrikov et al. 2022) do not depend on its policy, so learning them first and extracting the policy
afterwards is still IQL. What is not, each with the setting that undoes it:
  V learns from r + gamma V(s') without Q (`skills.learning.values`; nothing undoes it: `iql` is the learner with Q);
  returns as long as what the classes are cut by, not of one step (`td_steps` = 1);
  a gate on the weights of the rows (`skills.learning.draws`; `gate` = 0);
  rows drawn by weight, for a network of its own for each skill (`skills.learning.actors`);
  every network begins as a clone of all rows, for where its own never are (`common_steps` = 0).

Letters: N transitions, K skills.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch

from skills.bodies.body import body_of
from skills.choices import Domain, Mode, Preset
from skills.data.transitions import Transitions
from skills.files import write_arrays
from skills.learning.actors import Actors, ActorSettings
from skills.learning.batches import scaling
from skills.learning.classes import Classes
from skills.learning.draws import Draws, DrawSettings, draws_by, draws_of
from skills.learning.engine.checkpoint import Checkpoint
from skills.learning.engine.curves import FILE as CURVES
from skills.learning.engine.curves import Curves
from skills.learning.engine.device import captured, generator_on
from skills.learning.engine.workers import Workers
from skills.learning.experience import experience
from skills.learning.learners import Learner
from skills.learning.matrix import Rewards
from skills.learning.policy import Policy
from skills.learning.values import Values, ValueSettings
from skills.plugins import Layer
from skills.progress import Progress, Reporter, sparsely

_SECONDS = 0.05  # that `discount` is given for
_AHEAD = 5.0  # s: what fails this often in the data is at risk
_COMMON = 4  # times a skill's batch is that of the clone of all rows
_PRESETS: dict[Preset, dict[str, Any]] = {
    "smoke": {
        "value_steps": 200, "value_hidden": 64, "value_batch": 64, "value_rate": 1e-3, "common_steps": 100,
        "steps": 200, "hidden": 32, "batch": 32, "learning_rate": 1e-3,
    },
    "quick": {
        "value_steps": 8_000, "value_rate": 1e-3, "common_steps": 5_000,
        "steps": 3_000, "hidden": 128, "learning_rate": 1e-3,
    },
    "paper": {},
}  # fmt: skip


@dataclass(frozen=True)
class Reach(ValueSettings, DrawSettings, ActorSettings, Learner):
    """IQL whose returns are as long as what classes are cut by, and whose policies learn from what matters to each."""

    common_steps: Annotated[
        int, "updates of the clone of all rows that each policy begins as; 0: begins as nothing"
    ] = 100_000

    name = "reach"
    files = (*Policy.FILES, CURVES)
    checkpoint = "reach.checkpoint.safetensors"

    @classmethod
    def needs(cls, preset: Preset, mode: Mode, domain: Domain) -> Layer:
        """Its own defaults where presets speak of IQL; and how many steps of what make minutes."""
        own = {one.name: one.default for one in fields(cls) if one.name not in ("reward_shift", "trunk")}
        return {"policy": own | _PRESETS[preset]}

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
        mean_and_std = scaling(transitions, standardise=True)
        steps = self.td_steps or int(experts.window)
        discount = self.discount ** (body_of(transitions.env_id).seconds_per_step / _SECONDS)
        seen = experience(transitions, rewards, mean_and_std, steps, discount, self.reward_shift, device)
        values = Values(seen, self, generator, device)
        with Workers(count=1 if device.type == "cuda" else None) as workers:
            many = replace(self, batch=_COMMON * self.batch, steps=self.common_steps)
            common = Actors(seen.states, seen.actions, 1, many, generator, workers)
            actors = Actors(seen.states, seen.actions, seen.skills, self, generator, workers)
            own = generator_on(device, generator)
            training = _Training(values, common, actors, self, own, folder / self.checkpoint)
            training.learn_values(sparsely(reporter(f"valuing states for {seen.skills} skills", "steps")))
            everything = draws_of(np.arange(len(seen)), np.array([0, len(seen)]), len(seen), device)
            training.learn_common(everything, sparsely(reporter("cloning what all skills begin as", "steps")))
            draws = draws_by(values, self, _failing(transitions))
            training.learn_policies(draws, sparsely(reporter(f"training {seen.skills} skills", "steps")))
            policy = actors.to_policy(mean_and_std, draws, training.generator)
        training.save_curves(folder)
        policy.save(folder)
        return policy


def _failing(transitions: Transitions) -> float:
    """How many failures the data have in `_AHEAD` seconds, at most one."""
    seconds = len(transitions) * body_of(transitions.env_id).seconds_per_step
    return min(1.0, _AHEAD * float(transitions.terminated.sum()) / seconds)


class _Training:
    """Its parts, one after the other, from one checkpoint."""

    def __init__(
        self,
        values: Values,
        common: Actors,
        actors: Actors,
        config: Reach,
        generator: torch.Generator,
        checkpoint: Path,
    ) -> None:
        """generator: on the device; every draw of a batch comes from it."""
        self._values, self._common, self._actors = values, common, actors
        self._config, self.generator = config, generator
        self._curves = {
            "value": Curves(("value",), config.value_steps, values.skills),
            "policy": Curves(("policy",), config.steps, values.skills),
        }
        parts: dict[str, Values | Actors] = {"values": values, "common": common, "actors": actors}
        kept = {f"{part}.{name}": tensor for part, one in parts.items() for name, tensor in one.tensors().items()}
        kept |= {f"curves.{name}": curves.parts[name] for name, curves in self._curves.items()}
        self._saved = Checkpoint(checkpoint, kept, generator)
        self._done = self._saved.restore()

    def learn_values(self, progress: Progress) -> None:
        """What is left of the first part."""
        self._learn(self._values, self._values.draw, 0, self._config.value_steps, progress, self._curves["value"])

    def learn_common(self, draws: Draws, progress: Progress) -> None:
        """What is left of the second."""
        config, part = self._config, self._common
        self._learn(part, partial(part.draw, draws), config.value_steps, config.common_steps, progress)

    def learn_policies(self, draws: Draws, progress: Progress) -> None:
        """What is left of the third."""
        config, part = self._config, self._actors
        before = config.value_steps + config.common_steps
        if config.common_steps and self._done <= before:
            part.begin_as(self._common)
        self._learn(part, partial(part.draw, draws), before, config.steps, progress, self._curves["policy"])

    def _learn(
        self,
        part: Values | Actors,
        draw: Callable[[torch.Generator], None],
        before: int,
        total: int,
        progress: Progress,
        curves: Curves | None = None,
    ) -> None:
        """What is left of `total` steps of a part, after `before` of others."""
        update = captured(part.update, list(part.tensors().values()), self.generator.device)
        for step in range(min(max(self._done - before, 0), total), total):
            draw(self.generator)
            part.set_step(step)
            update()
            if curves is not None and curves.due(step):
                curves.note(step, 0, part.losses())
            self._saved.save_if_due(before + step + 1)
            progress(step + 1, total)

    def save_curves(self, folder: Path) -> None:
        """Writes `curves.npz`: as `Curves.save`, with the steps of the first part as `value_step`."""
        value, policy = self._curves["value"], self._curves["policy"]
        arrays = {"step": policy.steps, "value_step": value.steps, **value.parts, **policy.parts}
        write_arrays(folder / CURVES, {name: np.asarray(array) for name, array in arrays.items()})
