"""IQ-Learn (Garg et al., NeurIPS 2021): a soft Q whose own residual is the reward that it is optimal for.

With V(s) = Q(s, a~) - T log pi(a~|s), a~ drawn from pi, V' that of the slow copy of Q, and d = Q(s, a) - gamma V'(s'):
    contrast  L_Q = -mean_expert d + mean_both [V(s) - gamma V'(s')] + mean_both d^2 / (4 al)
    v0        L_Q = -mean_expert d + (1 - gamma) mean_expert V(s)    + mean_both d^2 / (4 al)
    expert    L_Q = -mean_expert d + mean_expert [V(s) - gamma V'(s')] + mean_expert d^2 / (4 al)
    L_pi = mean [T log pi(a~|s) - Q(s, a~)], over the states that L_Q looks at
Both are the expert's rows and as many of the data's. `expert` is the paper's offline method and never sees the data;
`contrast` is what others must have run who give it the data. Where the official code is otherwise: docs/rivals.md.

Letters: C columns of a state, A action size, K skills, B rows of the expert, and as many of the data.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor

from skills.choices import Domain, Mode, Preset, Residual
from skills.learning.engine.optimiser import adam, descend, state_of
from skills.learning.engine.stacked import StackedMlp
from skills.learning.engine.starts import orthogonal
from skills.learning.learners.demodice import Matching
from skills.learning.parts import TrainingPart
from skills.learning.slopes import Sloped
from skills.learning.steps import StepTables, draw_rows, paired
from skills.learning.tanh_normal import TanhActors
from skills.plugins import Layer

_PENALTY = 0.5  # al
_PRESETS: dict[Preset, dict[str, Any]] = {
    "smoke": {"actor_rate": 1e-3},
    "quick": {"batch": 128, "learning_rate": 3e-4, "actor_rate": 3e-4},
    "paper": {},
}


def residual_loss(
    residual: Tensor, value: Tensor, future: Tensor, shown: int, discount: float, kind: Residual
) -> Tensor:
    """[K] L_Q, of d, V(s) and gamma V'(s') at the rows that it looks at, [K, B] each, the expert's `shown` first."""
    begun = (1.0 - discount) * value[:, :shown]  # every state of the expert counts as a first one
    middle = (begun if kind == "v0" else value - future).mean(dim=1)
    return middle - residual[:, :shown].mean(dim=1) + residual.square().mean(dim=1) / (4.0 * _PENALTY)


@dataclass(frozen=True)
class Iqlearn(Matching):
    """A soft Q and a policy of its own for each skill."""

    name = "iqlearn"
    checkpoint = "iqlearn.checkpoint.safetensors"

    steps: Annotated[int, "updates"] = 500_000
    batch: Annotated[int, "rows of the expert per update, and as many of the data"] = 256
    learning_rate: Annotated[float, "of Q's Adam"] = 3e-4
    actor_rate: Annotated[float, "of the policy's Adam"] = 3e-5
    discount: Annotated[float, "gamma"] = 0.99
    temperature: Annotated[float, "T, what a nat of the policy's entropy counts"] = 1e-2
    polyak: Annotated[float, "share of Q that its slow copy takes in each step"] = 0.005
    loss: Annotated[Residual, "of Q; contrast and v0 look at the expert and the data, expert at the expert alone"] = (
        "contrast"
    )

    @classmethod
    def needs(cls, preset: Preset, mode: Mode, domain: Domain) -> Layer:
        """A faster policy than the official code's, where presets make minutes of hours."""
        return {"policy": _PRESETS[preset]}

    def parts(self, steps: StepTables, generator: torch.Generator) -> tuple[list[TrainingPart], TanhActors]:
        """All at once."""
        networks = IqlearnNetworks(steps, self, generator)
        return [TrainingPart("policy", f"training {steps.experts.count} skills", networks, self.steps)], networks.actors


class IqlearnNetworks:
    """K soft Qs, their slow copies, K policies, their optimisers, and one update of them all."""

    def __init__(self, steps: StepTables, config: Iqlearn, generator: torch.Generator) -> None:
        self._steps, self._config = steps, config
        count, device, hidden = steps.experts.count, steps.device, config.hidden
        action = steps.actions.shape[1]
        sizes = [steps.states.shape[1] - 1 + action, hidden, hidden, 1]
        self.q = StackedMlp.of(orthogonal(count, sizes, generator), sizes).to(device).to_learn()
        self.target = self.q.to_learn().detached()
        self._optimizer = adam(self.q.layers, config.learning_rate)
        self.actors = TanhActors(steps, hidden, config.actor_rate, orthogonal, generator, None)
        both = config.batch if config.loss == "expert" else 2 * config.batch
        self._rows = torch.zeros(count, both, dtype=torch.int64, device=device)
        self._noise = torch.zeros(3, count, both, action, device=device)
        names = ("q", "policy", "residual_expert", "residual_data", "entropy")
        self._losses = {name: torch.zeros(count, device=device) for name in names}

    def begin(self) -> None:
        """It is ready."""

    def draw(self, generator: torch.Generator) -> None:
        """The rows of the next update, the expert's first, and the noise of its actions."""
        batch = self._config.batch
        self._rows[:, :batch] = self._steps.experts.draw(batch, generator)
        if self._rows.shape[1] > batch:
            draw_rows(self._steps.data, self._rows[:, batch:], generator)
        self._noise.normal_(generator=generator)

    def update(self) -> None:
        """One step on them: Q, then the policy by the new Q, then the slow copy."""
        steps, config, rows = self._steps, self._config, self._rows
        states, ahead = steps.states[rows], steps.next_states[rows]
        with torch.no_grad():
            then, then_likelihood = self.actors.at(ahead).act(self._noise[0])
            now, likelihood = self.actors.at(states).act(self._noise[1])
            future = Sloped(self.target)(paired(ahead, then)) - config.temperature * then_likelihood
            future *= config.discount * steps.continues[rows]
        q = Sloped(self.q)
        found, drawn = q(torch.cat([steps.pairs(rows), paired(states, now)], 1)).chunk(2, 1)
        value = drawn - config.temperature * likelihood
        residual = found - future
        losses = residual_loss(residual, value, future, config.batch, config.discount, config.loss)
        descend(self._optimizer, losses.sum())
        actions, surprise = self.actors.at(states).act(self._noise[2])
        of_policy = (config.temperature * surprise - Sloped(self.q.detached())(paired(states, actions))).mean(dim=1)
        descend(self.actors.optimizer, of_policy.sum())
        self.target.approach(self.q, config.polyak)
        self._losses["q"].copy_(losses.detach())
        self._losses["policy"].copy_(of_policy.detach())
        self._losses["residual_expert"].copy_(residual[:, : config.batch].detach().mean(dim=1))
        self._losses["residual_data"].copy_(residual[:, -config.batch :].detach().mean(dim=1))
        self._losses["entropy"].copy_(-surprise.detach().mean(dim=1))

    def losses(self) -> dict[str, Tensor]:
        """Of the last update, [K] each; residual: d, the reward that Q is optimal for; entropy: in nats."""
        return self._losses

    def tensors(self) -> dict[str, Tensor]:
        """Everything that an update changes and the next one reads."""
        tensors = self.q.named_layers("q") | self.target.named_layers("target") | self.actors.tensors()
        return tensors | state_of(self._optimizer, "adam.q")
