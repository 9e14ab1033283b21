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

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor

from skills.bodies.body import body_of
from skills.choices import Domain, Mode, Preset
from skills.data.transitions import Transitions
from skills.files import write_arrays
from skills.learning.actors import Actors, ActorSettings
from skills.learning.batches import scaling
from skills.learning.classes import Classes
from skills.learning.draws import Draws, DrawSettings, draws_by, draws_of
from skills.learning.engine.checkpoint import Checkpoint, load_tensors, save_tensors
from skills.learning.engine.curves import FILE as CURVES
from skills.learning.engine.curves import Curves
from skills.learning.engine.device import captured, generator_on
from skills.learning.engine.shares import WHOLE, Share, shares_of
from skills.learning.engine.workers import Workers
from skills.learning.experience import experience
from skills.learning.learners import Learner
from skills.learning.matrix import Rewards
from skills.learning.policy import Policy
from skills.learning.values import Values, ValueSettings
from skills.plugins import Layer
from skills.progress import Progress, Reporter, sparsely

POLICY_SHARES = "policies"  # what the shares of a training are called
_BEGINNING = "share-policies-begin"  # the file with what they all begin from
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
    shares = (POLICY_SHARES,)

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
        with self._begun(transitions, experts, rewards, device, generator, folder, reporter) as training:
            files = shares_of(folder, POLICY_SHARES)
            learned = joined(files) if files else training.learn_policies(_failing(transitions), reporter)
            policy = training.actors.to_policy(training.scaling, learned)
        training.save_curves(folder, learned)
        policy.save(folder)
        return policy

    def prepare(
        self,
        what: str,
        transitions: Transitions,
        experts: Classes,
        rewards: Rewards | None,
        device: torch.device,
        generator: torch.Generator,
        folder: Path,
        reporter: Reporter,
    ) -> None:
        """What all policies learn from and begin as: V, and the clone of all rows."""
        with self._begun(transitions, experts, rewards, device, generator, folder, reporter) as training:
            training.save_beginning()

    def make_share(
        self,
        what: str,
        share: Share,
        transitions: Transitions,
        experts: Classes,
        rewards: Rewards | None,
        device: torch.device,
        generator: torch.Generator,
        folder: Path,
        reporter: Reporter,
    ) -> None:
        """Learns some of the policies."""
        with self._begun(transitions, experts, rewards, device, generator, folder, reporter, share) as training:
            learned = training.learn_policies(_failing(transitions), reporter)
        save_tensors(share.file(folder, what), learned)

    @contextmanager
    def _begun(
        self,
        transitions: Transitions,
        experts: Classes,
        rewards: Rewards | None,
        device: torch.device,
        generator: torch.Generator,
        folder: Path,
        reporter: Reporter,
        share: Share = WHOLE,
    ) -> "Iterator[_Training]":
        """The training, where all that is left are the policies of a share."""
        assert rewards is not None, "values are of rewards"
        mean_and_std = scaling(transitions, standardise=True)
        steps = self.td_steps or int(experts.window)
        discount = self.discount ** (body_of(transitions.env_id).seconds_per_step / _SECONDS)
        seen = experience(transitions, rewards, mean_and_std, steps, discount, self.reward_shift, device)
        values = Values(seen, self, generator, device)
        with Workers(count=1 if device.type == "cuda" else None) as workers:
            many = replace(self, batch=_COMMON * self.batch, steps=self.common_steps)
            common = Actors(seen.states, seen.actions, 1, many, generator, workers)
            actors = Actors(seen.states, seen.actions, seen.skills, self, generator, workers, share)
            own = generator_on(device, generator)
            training = _Training(values, common, actors, mean_and_std, self, own, folder, share)
            training.learn_values(sparsely(reporter(f"valuing states for {seen.skills} skills", "steps")))
            everything = draws_of(np.arange(len(seen)), np.array([0, len(seen)]), len(seen), device)
            training.learn_common(everything, sparsely(reporter("cloning what all skills begin as", "steps")))
            yield training


def _failing(transitions: Transitions) -> float:
    """How many failures the data have in `_AHEAD` seconds, at most one."""
    seconds = len(transitions) * body_of(transitions.env_id).seconds_per_step
    return min(1.0, _AHEAD * float(transitions.terminated.sum()) / seconds)


class _Training:
    """Its parts, one after the other, from one checkpoint; of a share from what all begin from, and one of its own."""

    def __init__(
        self,
        values: Values,
        common: Actors,
        actors: Actors,
        scaling: tuple[Tensor, Tensor],
        config: Reach,
        generator: torch.Generator,
        folder: Path,
        share: Share,
    ) -> None:
        """scaling: of observations.   generator: on the device; every draw of a batch comes from it."""
        self._values, self._common, self.actors, self.scaling = values, common, actors, scaling
        self._config, self._generator = config, generator
        self._curves = {
            "value": Curves(("value",), config.value_steps, values.skills),
            "policy": Curves(("policy",), config.steps, values.skills),
        }
        parts: dict[str, Values | Actors] = {"values": values, "common": common, "actors": actors}
        kept = {f"{part}.{name}": tensor for part, one in parts.items() for name, tensor in one.tensors().items()}
        kept |= {f"curves.{name}": curves.parts[name] for name, curves in self._curves.items()}
        own = {name: tensor for name, tensor in kept.items() if name.startswith(("actors.", "curves.policy"))}
        common_to_all = {name: tensor for name, tensor in kept.items() if name not in own}
        self._beginning = Checkpoint(folder / _BEGINNING, common_to_all, generator)
        if share == WHOLE:
            self._saved = Checkpoint(folder / config.checkpoint, kept, generator)
            self._done = self._saved.restore()
        else:
            self._saved = Checkpoint(share.file(folder, config.checkpoint), own, generator)
            begun = self._beginning.restore()
            self._done = begun and max(begun, self._saved.restore())

    def learn_values(self, progress: Progress) -> None:
        """What is left of the first part."""
        self._learn(self._values, self._values.draw, 0, self._config.value_steps, progress, self._curves["value"])

    def learn_common(self, draws: Draws, progress: Progress) -> None:
        """What is left of the second."""
        config, part = self._config, self._common
        self._learn(part, partial(part.draw, draws), config.value_steps, config.common_steps, progress)

    def save_beginning(self) -> None:
        """Leaves both to whoever learns some of the policies, and to who joins them."""
        for checkpoint in (self._beginning, self._saved):
            checkpoint.save(self._config.value_steps + self._config.common_steps)

    def learn_policies(self, failing: float, reporter: Reporter) -> dict[str, Tensor]:
        """What is left of the third; what the policies and their curve are, of k skills.

        failing: as `draws_by` takes it.
        """
        config, part, curves = self._config, self.actors, self._curves["policy"]
        before = config.value_steps + config.common_steps
        if config.common_steps and self._done <= before:
            part.begin_as(self._common)
        draws = draws_by(self._values, config, failing, part.own)
        progress = sparsely(reporter(f"training {part.own.count} skills", "steps"))
        first = part.own.skills.start
        self._learn(part, partial(part.draw, draws), before, config.steps, progress, curves, first)
        return {**part.learned(draws, self._generator), "curve": curves.parts["policy"][:, part.own.skills].T}

    def _learn(
        self,
        part: Values | Actors,
        draw: Callable[[torch.Generator], None],
        before: int,
        total: int,
        progress: Progress,
        curves: Curves | None = None,
        first: int = 0,
    ) -> None:
        """What is left of `total` steps of a part, after `before` of others.   first: of the skills that are noted."""
        update = captured(part.update, list(part.tensors().values()), self._generator.device)
        for step in range(min(max(self._done - before, 0), total), total):
            draw(self._generator)
            part.set_step(step)
            update()
            if curves is not None and curves.due(step):
                curves.note(step, first, part.losses())
            self._saved.save_if_due(before + step + 1)
            progress(step + 1, total)

    def save_curves(self, folder: Path, learned: dict[str, Tensor]) -> None:
        """Writes `curves.npz`: as `Curves.save`, with the steps of the first part as `value_step`."""
        value, policy = self._curves["value"], self._curves["policy"]
        parts = {**value.parts, "policy": learned["curve"].T.contiguous()}
        arrays = {"step": policy.steps, "value_step": value.steps, **parts}
        write_arrays(folder / CURVES, {name: np.asarray(array) for name, array in arrays.items()})


def joined(files: Sequence[Path]) -> dict[str, Tensor]:
    """What all shares of the policies have learned."""
    parts = [load_tensors(file) for file in files]
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
