"""Behaviour cloning, the baseline that reads no rewards: each skill imitates its class.

The networks, and how they learn, are those of `reach`, so what differs from it is what they learn from. Where classes
are whole behaviours this is all that is needed.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch

from skills.arrays import Ids
from skills.choices import Domain, Mode, Preset
from skills.data.transitions import Transitions
from skills.learning.actors import Actors, ActorSettings
from skills.learning.batches import scaling
from skills.learning.classes import Classes
from skills.learning.draws import draws_of
from skills.learning.engine.checkpoint import Checkpoint
from skills.learning.engine.device import captured, generator_on
from skills.learning.engine.stacked import with_ones
from skills.learning.engine.workers import Workers
from skills.learning.learners import Learner
from skills.learning.matrix import Rewards
from skills.learning.policy import Policy, Shape
from skills.plugins import Layer
from skills.progress import Reporter, sparsely

# Of a network for each of many skills.
_MANY: dict[Preset, dict[str, Any]] = {
    "smoke": {"steps": 200, "hidden": 32, "batch": 32},
    "quick": {"steps": 4_000, "hidden": 128, "batch": 128},
    "paper": {"steps": 100_000},
}


@dataclass(frozen=True)
class Bc(ActorSettings, Learner):
    """A network for each class, which sees as many rows as any other, however large its class."""

    name = "bc"
    checkpoint = "bc.checkpoint.safetensors"
    reads_rewards = False

    steps: Annotated[int, "updates"] = 1_000_000
    batch: Annotated[int, "rows per update and skill"] = 256

    @classmethod
    def needs(cls, preset: Preset, mode: Mode, domain: Domain) -> Layer:
        """In skill discovery presets speak of IQL, which learns all skills from one batch."""
        return {"policy": _MANY[preset]} if mode == "skills" else {}

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
        """Clones."""
        rows, starts = self._taught(experts)
        count = len(starts) - 1
        mean, std = scaling(transitions, standardise=True)
        states = with_ones((torch.from_numpy(transitions.observations) - mean) / std).to(device)
        actions = torch.from_numpy(transitions.actions).to(device)
        draws = draws_of(rows, starts, len(transitions), device)
        with Workers(count=1 if device.type == "cuda" else None) as workers:
            actors = Actors(states, actions, count, self, generator, workers)
            own = generator_on(device, generator)
            saved = Checkpoint(folder / self.checkpoint, actors.tensors(), own)
            first = saved.restore()
            update = captured(actors.update, list(actors.tensors().values()), device)
            progress = sparsely(reporter(f"cloning {count} {'class' if count == 1 else 'classes'}", "steps"))
            for step in range(first, self.steps):
                actors.draw(draws, own)
                actors.set_step(step)
                update()
                saved.save_if_due(step + 1)
                progress(step + 1, self.steps)
            policy = actors.to_policy((mean, std), actors.learned(draws, own))
        cloned = policy if count == experts.count else repeated(policy, experts.count)
        cloned.save(folder)
        return cloned

    def _taught(self, experts: Classes) -> tuple[Ids, Ids]:
        """(rows, starts [heads + 1]) that the heads learn from; of one head, every skill gets a copy."""
        return experts.members()


def repeated(policy: Policy, count: int) -> Policy:
    """A policy of one skill as a policy of `count` skills that all do the same."""
    shape = Shape(policy.shape.observation_size, policy.shape.action_size, count, policy.shape.hidden)
    state = policy.state_dict()
    last = 2 * policy.shape.depth  # a ReLU stands behind each hidden layer
    for name in (f"network.{last}.weight", f"network.{last}.bias", "log_std"):
        state[name] = state[name].repeat(count, *[1] * (state[name].ndim - 1))
    whole = Policy(shape, policy.mean, policy.std, torch.Generator()).to(policy.mean.device)
    whole.load_state_dict(state)
    return whole
