"""ORIL's reward maker: a discriminator of the expert's steps from unlabelled ones (Zolna et al., 2020).

The unlabelled data holds expert steps too (here surely: the expert's own rows are part of it), so the loss is the
positive-unlabelled one, in its non-negative form (Kiryo et al., NeurIPS 2017):
    eta E_e[-log R] + max(0, E_u[-log(1 - R)] - eta E_e[-log(1 - R)]),   the reward is R(s, a) in (0, 1)
The K discriminators are stacked.

Letters: N transitions, K experts, B rows of a batch, O observation columns, A action size.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import softplus

from skills.data.transitions import Transitions
from skills.learning.classes import Classes
from skills.learning.engine.checkpoint import Checkpoint, load_tensors, save_tensors
from skills.learning.engine.device import generator_on
from skills.learning.engine.optimiser import adam, descend, state_of
from skills.learning.engine.stacked import StackedMlp, initial
from skills.learning.matrix import LABELS, SCALES, write
from skills.learning.rewards import RewardMaker
from skills.learning.rows import Members, standardised_rows
from skills.plugins import ONE_EXPERT
from skills.progress import Reporter, sparsely

MODELS = "oril.safetensors"
CHECKPOINT = "oril.checkpoint.safetensors"

_PRIOR = 0.5  # eta, the paper's
_CHUNK = 4096  # rows labelled at once


@dataclass(frozen=True)
class Oril(RewardMaker):
    """A discriminator an expert; its networks are as large, and trained as long, as CLUE's."""

    name = "oril"
    modes = ONE_EXPERT
    files = (MODELS, LABELS, SCALES)
    checkpoints = CHECKPOINT

    hidden: Annotated[int, "units of each of the two hidden layers"] = 128
    batch: Annotated[int, "rows of the data, and as many of the expert, per step"] = 128
    iterations: Annotated[int, "steps"] = 10_000
    learning_rate: Annotated[float, "of Adam"] = 1e-4
    standardise: Annotated[bool, "the observations"] = True

    def make(
        self,
        transitions: Transitions,
        experts: Classes,
        device: torch.device,
        generator: torch.Generator,
        folder: Path,
        reporter: Reporter,
    ) -> None:
        """Trains the discriminators and labels every transition."""
        rows = standardised_rows(transitions, transitions.scaling if self.standardise else None).to(device)
        members = Members(*(torch.from_numpy(array) for array in experts.members())).to(device)
        judge = train(rows, members, self, generator, folder, reporter)
        progress = sparsely(reporter(f"labelling for {members.count} skills", "rows"))
        write(folder, _labels(judge, rows), transitions, progress, scaled=self.scaled)
        save_tensors(folder / MODELS, judge.named_layers("judge"))

    def model(self, folder: Path, reference: Transitions) -> "Judges":
        """The trained discriminators."""
        return Judges(folder, reference, self)


class Judges:
    """The trained discriminators of a run.   reference: the transitions that they were trained on, for the scaling."""

    def __init__(self, folder: Path, reference: Transitions, config: Oril) -> None:
        tensors = load_tensors(folder / MODELS)
        self._judges = StackedMlp(tensors[f"judge.{layer}"] for layer in range(len(tensors)))
        self._reference, self._config = reference, config

    def of_steps(
        self, observations: NDArray[np.float32], actions: NDArray[np.float32], expert: int
    ) -> NDArray[np.float32]:
        """[B] in (0, 1), how likely a step is the expert's."""
        steps = replace(self._reference, observations=observations, actions=actions)
        rows = standardised_rows(steps, self._reference.scaling if self._config.standardise else None)
        labels = [np.zeros((0, 1), np.float32), *_labels(self._judges.range(slice(expert, expert + 1)), rows)]
        return np.concatenate(labels)[:, 0]


@torch.no_grad()
def _labels(judge: StackedMlp, rows: Tensor) -> Iterator[NDArray[np.float32]]:
    """The rewards of all rows in order, some [n, K] at a time."""
    for start in range(0, len(rows), _CHUNK):
        yield judge(rows[None, start : start + _CHUNK])[..., 0].sigmoid().T.cpu().numpy()


def loss(expert: Tensor, unlabelled: Tensor) -> Tensor:
    """The sum over discriminators of the loss above; their logits of expert and unlabelled rows, [K, B] each."""
    found = _PRIOR * softplus(-expert).mean(dim=1)  # -log sigmoid(x) = softplus(-x)
    rest = softplus(unlabelled).mean(dim=1) - _PRIOR * softplus(expert).mean(dim=1)
    return (found + rest.clamp(min=0.0)).sum()


def train(
    rows: Tensor, members: Members, config: Oril, generator: torch.Generator, folder: Path, reporter: Reporter
) -> StackedMlp:
    """One discriminator an expert.

    rows: (s, a, 1), [N, O + A + 1].   generator: a CPU generator; initial weights and every draw come from it, or on a
    GPU from one that it seeds.
    """
    sizes = [rows.shape[1] - 1, config.hidden, config.hidden, 1]
    judge = StackedMlp.of(initial(members.count, sizes, generator), sizes).to(rows.device).to_learn()
    optimizer = adam(judge.layers, config.learning_rate)
    own = generator_on(rows.device, generator)
    saved = Checkpoint(folder / CHECKPOINT, judge.named_layers("judge") | state_of(optimizer, "adam"), own)
    progress = reporter(f"training {members.count} discriminators", "steps")
    shape = (members.count, config.batch)
    for step in range(saved.restore(), config.iterations):
        unlabelled = torch.randint(len(rows), shape, generator=own, device=rows.device)
        drawn = torch.cat([members.draw(config.batch, own), unlabelled], dim=1)
        logits = judge(rows[drawn])[..., 0]
        descend(optimizer, loss(*torch.split(logits, config.batch, dim=1)))
        saved.save_if_due(step + 1)
        progress(step + 1, config.iterations)
    saved.save(config.iterations)
    return judge.detached()
