"""Conservative normalising flows (Akimov et al. 2022): policies that choose latents of a flow fitted to the data.

First the flow (`skills.learning.flow`), by likelihood, then frozen: G(z, s) decodes any latent into an action that the
data might hold. Then an actor over latents for each skill, with two Qs, in the manner of AWAC (Nair et al. 2020):
    Q       (Q(s, a) - r - gamma min Qbar(s', G(z', s')))^2                    z' of the actor
    actor   w |G(z2, s) - a|,   w = min(exp((min Q(s, a) - min Q(s, G(z1, s))) / lambda), 100)      z1, z2 of the actor
The Qs move first. A policy acts with the latent of least surprise, tanh of the mean.

Letters: N transitions, B rows of a batch, O observation columns, A action size, K skills.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor

from skills.choices import Domain, Mode, Preset
from skills.data.transitions import Transitions
from skills.files import write_arrays
from skills.learning.batches import Batch, Batches, BatchSettings, scaling
from skills.learning.classes import Classes
from skills.learning.engine.checkpoint import Checkpoint
from skills.learning.engine.curves import FILE as CURVES
from skills.learning.engine.curves import Curves
from skills.learning.engine.device import captured, generator_on
from skills.learning.engine.optimiser import adam, descend, state_of
from skills.learning.engine.stacked import StackedMlp, initial
from skills.learning.flow import Flow, FlowShape
from skills.learning.learners import Learner
from skills.learning.matrix import Rewards
from skills.learning.policy import LOG_STD_RANGE, Policy, Shape
from skills.learning.steps import paired
from skills.plugins import Layer
from skills.progress import Progress, Reporter, sparsely

_LOG_STD = (-20.0, 2.0)  # of the actors, over latents
_WEIGHT_LIMIT = 100.0
_STEEPEST = 0.1  # gradient of the flow
_PRESETS: dict[Preset, dict[str, Any]] = {
    "smoke": {"flow_steps": 200, "flow_blocks": 4, "flow_hidden": 32, "flow_batch": 128, "flow_rate": 2e-3},
    "quick": {"flow_steps": 4_000, "flow_blocks": 6, "flow_hidden": 64, "flow_batch": 512, "flow_rate": 2e-3},
    "paper": {"batch": 512},
}


@dataclass(frozen=True)
class Cnf(BatchSettings, Learner):
    """A flow of the data for all skills, an actor over its latents and two Qs for each."""

    name = "cnf"
    files = (*Policy.FILES, CURVES)
    checkpoint = "cnf.checkpoint.safetensors"

    hidden: Annotated[int, "units of each hidden layer"] = 256
    steps: Annotated[int, "updates of the actors and Qs"] = 200_000
    learning_rate: Annotated[float, "of their Adam"] = 3e-4
    polyak: Annotated[float, "share of Q that its slow copy takes in each step"] = 0.002
    depth: Annotated[int, "hidden layers"] = 3
    softness: Annotated[float, "lambda in exp(advantage / lambda)"] = 1.0 / 3.0
    standardise: Annotated[bool, "the observations"] = True
    flow_steps: Annotated[int, "updates of the flow, before all else"] = 100_000
    flow_batch: Annotated[int, "rows per update of the flow"] = 1024
    flow_rate: Annotated[float, "of the flow's Adam"] = 5e-4
    flow_blocks: Annotated[int, "of the flow: a scale, a matrix and a coupling each"] = 12
    flow_hidden: Annotated[int, "units of each of a coupling's two hidden layers"] = 256

    @classmethod
    def needs(cls, preset: Preset, mode: Mode, domain: Domain) -> Layer:
        """The official code's batch; a smaller flow where presets make minutes of hours."""
        return {"policy": _PRESETS[preset]}

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
        """Learns a flow, then an actor for each column of the reward matrix; saves the policy and its curves."""
        assert rewards is not None, "CNF learns from rewards"
        sizes = transitions.observations.shape[1], transitions.actions.shape[1]
        flow = Fitted(FlowShape(*sizes, self.flow_blocks, self.flow_hidden), self, generator, device)
        shape = Shape(*sizes, rewards.count, self.hidden, self.depth, trunks=rewards.count)
        learner = CnfNetworks(shape, self, flow.flow, generator, device)
        training = _Training(flow, learner, self, generator, device, folder / self.checkpoint)
        mean, std = scaling(transitions, self.standardise)
        with Batches(transitions, rewards, self, mean, std, training.generator, device, experts) as batches:
            pairs = batches.table.pairs[: len(transitions) - transitions.demonstrations]
            training.learn_flow(pairs, sparsely(reporter("fitting a flow to the data", "steps")))
            training.learn_policies(batches, sparsely(reporter(f"training {rewards.count} skills", "steps")))
        training.save_curves(folder)
        policy = learner.to_policy(mean, std)
        policy.save(folder)
        return policy


class Fitted:
    """The flow in training."""

    def __init__(self, shape: FlowShape, config: Cnf, generator: torch.Generator, device: torch.device) -> None:
        self.flow = Flow(shape, generator).to(device)
        self._parameters = list(self.flow.parameters())
        self._optimizer = adam(self._parameters, config.flow_rate)
        self._drawn = torch.ones(config.flow_batch, shape.observation_size + shape.action_size + 1, device=device)
        self._loss = torch.zeros(1, device=device)

    def draw(self, pairs: Tensor, generator: torch.Generator) -> None:
        """The rows of the next update, of (s, a, 1) [N, O + A + 1]."""
        rows = torch.randint(len(pairs), (len(self._drawn),), generator=generator, device=pairs.device)
        torch.index_select(pairs, 0, rows, out=self._drawn)

    def begin(self) -> None:
        """Sets scales and shifts by the drawn rows."""
        self.flow.begin(*self._actions_and_states())

    def update(self) -> None:
        """One step up the likelihood of the drawn rows; a gradient that is too steep is cut."""
        loss = -self.flow.log_likelihood(*self._actions_and_states()).mean()
        self._loss.copy_(loss.detach())
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no type for it
        torch.nn.utils.clip_grad_norm_(self._parameters, _STEEPEST)
        self._optimizer.step()

    def _actions_and_states(self) -> tuple[Tensor, Tensor]:
        size = self.flow.shape.observation_size
        return self._drawn[:, size:-1], self._drawn[:, :size]

    def losses(self) -> dict[str, Tensor]:
        """The surprise of the last update, -mean log p, in nats: [1]."""
        return {"flow": self._loss}

    def tensors(self) -> dict[str, Tensor]:
        """Everything that an update changes and the next one reads."""
        named = {f"flow.{name}": tensor.detach() for name, tensor in self.flow.named_parameters()}
        return named | state_of(self._optimizer, "adam.flow")


class CnfNetworks:
    """K actors, 2 K Qs (the first K, then the second), their slow copies, their optimisers, and one update of all."""

    def __init__(self, shape: Shape, config: Cnf, flow: Flow, generator: torch.Generator, device: torch.device) -> None:
        self.shape, self._config, self._flow = shape, config, flow
        skills, state, action = shape.skills, shape.observation_size, shape.action_size
        self.networks = {
            name: StackedMlp.of(initial(count, sizes, generator), sizes).to(device).to_learn()
            for name, count, sizes in (
                ("actor", skills, shape.layers(state, 2 * action)),
                ("q", 2 * skills, shape.layers(state + action, 1)),
            )
        }
        self.target = self.networks["q"].to_learn().detached()
        self._optimizers = {name: adam(network.layers, config.learning_rate) for name, network in self.networks.items()}
        # Batches are drawn ahead in a thread, so the noise has a generator of its own, seeded anew for each step.
        self._seed = int(torch.randint(2**62, (), generator=generator))
        self._generator = torch.Generator(device)
        self._noise = torch.zeros(3, skills, config.batch, action, device=device)
        self._losses = {name: torch.zeros(skills, device=device) for name in ("q", "policy")}

    def set_step(self, step: int) -> None:
        """The noise of the step to come."""
        self._noise.normal_(generator=self._generator.manual_seed(self._seed ^ step))

    def update(self, batch: Batch) -> None:
        """One step."""
        self._update_q(batch)
        with torch.no_grad():
            taken = _lower(self.networks["q"](batch.pairs[None])[..., 0])
            chosen = _lower(_value(self.networks["q"], batch.states, self._act(batch.states, self._noise[1])))
        losses = actor_loss(
            self._act(batch.states, self._noise[2]), batch.actions, weights_of(taken - chosen, self._config.softness)
        )
        self._losses["policy"].copy_(losses.detach())
        descend(self._optimizers["actor"], losses.sum())
        self.target.approach(self.networks["q"], self._config.polyak)

    def _update_q(self, batch: Batch) -> None:
        with torch.no_grad():
            future = _lower(_value(self.target, batch.next_states, self._act(batch.next_states, self._noise[0])))
            goal = batch.rewards.T + self._config.discount * batch.continues.T * future
        error = self.networks["q"](batch.pairs[None])[..., 0] - goal.repeat(2, 1)
        losses = error.square().mean(dim=1).view(2, -1).sum(dim=0)
        self._losses["q"].copy_(losses.detach())
        descend(self._optimizers["q"], losses.sum())

    def _act(self, states: Tensor, noise: Tensor) -> Tensor:
        """Actions [K, B, A] in states (s, 1), [B, O + 1], by standard normal noise [K, B, A]."""
        mean, log_std = self.networks["actor"](states[None]).chunk(2, dim=-1)
        return self._flow.decode(mean + log_std.clamp(*_LOG_STD).exp() * noise, states[:, :-1])

    def losses(self) -> dict[str, Tensor]:
        """Of the last update, by skill, [K] each: `q`, `policy`."""
        return self._losses

    def tensors(self) -> dict[str, Tensor]:
        """Everything that an update changes and the next one reads."""
        tensors = self.target.named_layers("target")
        for name, network in self.networks.items():
            tensors |= network.named_layers(name) | state_of(self._optimizers[name], f"adam.{name}")
        return tensors

    def to_policy(self, mean: Tensor, std: Tensor) -> Policy:
        """The actors' means through the flow, standardising with these, [O] each; on the CPU, with the least noise."""
        policy = Policy(self.shape, mean, std, torch.Generator(), self._flow.cpu())
        *layers, last = self.networks["actor"].layers
        policy.network.load_flat(StackedMlp([*layers, last[..., : self.shape.action_size]]).flat.cpu())
        with torch.no_grad():
            policy.log_std.fill_(LOG_STD_RANGE[0])
        return policy


class _Training:
    """Both parts, one after the other, from one checkpoint."""

    def __init__(
        self,
        flow: Fitted,
        networks: CnfNetworks,
        config: Cnf,
        generator: torch.Generator,
        device: torch.device,
        checkpoint: Path,
    ) -> None:
        self._flow, self._networks, self._config, self._device = flow, networks, config, device
        self.generator = generator_on(device, generator)
        skills = networks.shape.skills
        self._curves = {
            "flow": Curves(("flow",), config.flow_steps, 1),
            "policy": Curves(("q", "policy"), config.steps, skills),
        }
        kept = flow.tensors() | networks.tensors()
        kept |= {f"curves.{name}": part for one in self._curves.values() for name, part in one.parts.items()}
        self._saved = Checkpoint(checkpoint, kept, self.generator)
        self._done = self._saved.restore()

    def learn_flow(self, pairs: Tensor, progress: Progress) -> None:
        """What is left of the first part, on (s, a, 1) of the data, [N, O + A + 1]; freezes the flow."""
        total = self._config.flow_steps
        if self._done == 0:
            self._flow.draw(pairs, self.generator)
            self._flow.begin()
        update = captured(self._flow.update, list(self._flow.tensors().values()), self._device)
        for step in range(min(self._done, total), total):
            self._flow.draw(pairs, self.generator)
            update()
            self._after("flow", step, self._flow.losses(), step + 1, None, progress, total)
        self._flow.flow.freeze()
        self._flow.flow.requires_grad_(False)

    def learn_policies(self, batches: Batches, progress: Progress) -> None:
        """What is left of the second."""
        before, total = self._config.flow_steps, self._config.steps
        state = list(self._networks.tensors().values())
        updates = [captured(partial(self._networks.update, batch), state, self._device) for batch in batches.buffers]
        for step in range(max(self._done - before, 0), total):
            index, drawn_from = batches.take()
            self._networks.set_step(step)
            updates[index]()
            self._after("policy", step, self._networks.losses(), before + step + 1, drawn_from, progress, total)

    def _after(
        self,
        part: str,
        step: int,
        losses: dict[str, Tensor],
        done: int,
        drawn_from: Tensor | None,
        progress: Progress,
        total: int,
    ) -> None:
        if self._curves[part].due(step):
            self._curves[part].note(step, 0, losses)
        self._saved.save_if_due(done, drawn_from)
        progress(step + 1, total)

    def save_curves(self, folder: Path) -> None:
        """Writes `curves.npz`: as `Curves.save`, with the steps of the first part as `flow_step`."""
        flow, policy = self._curves["flow"], self._curves["policy"]
        arrays = {"step": policy.steps, "flow_step": flow.steps, **flow.parts, **policy.parts}
        write_arrays(folder / CURVES, {name: np.asarray(array) for name, array in arrays.items()})


def weights_of(advantage: Tensor, softness: float) -> Tensor:
    """What a row weighs."""
    return torch.exp(advantage / softness).clamp(max=_WEIGHT_LIMIT)


def actor_loss(chosen: Tensor, taken: Tensor, weights: Tensor) -> Tensor:
    """[K] the mean over rows and actions of w |G(z, s) - a|, of [K, B, A], [B, A] and [K, B]."""
    return (weights[..., None] * (chosen - taken).abs()).mean(dim=(1, 2))


def _lower(q: Tensor) -> Tensor:
    """[2 K, B] -> the lower of both, [K, B]."""
    return torch.minimum(*q.chunk(2))


def _value(q: StackedMlp, states: Tensor, actions: Tensor) -> Tensor:
    """Both Qs, [2 K, B], of each skill's own actions [K, B, A] in states (s, 1), [B, O + 1]."""
    return q(paired(states[None], actions).repeat(2, 1, 1))[..., 0]
