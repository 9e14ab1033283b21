"""How much more often an expert is in a state than the data are, its log: the reward of ORIL as CLUE's paper runs it.

That is the ORIL of SMODICE's code (Ma et al. 2022): a classifier of states, without the positive-unlabelled loss of
ORIL's own paper (`oril`), whose logit is the reward as it is, and TD3+BC on that (both together are oril-td3bc to
`skills reproduce`). What the expert did in a state is never read.

Letters: N transitions, K experts, B rows, O observation columns, A action size.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skills.choices import Domain, Mode, Preset
from skills.data.transitions import Transitions
from skills.learning.batches import scaling
from skills.learning.classes import Classes
from skills.learning.engine.checkpoint import load_tensors, save_tensors
from skills.learning.engine.curves import FILE as CURVES
from skills.learning.engine.device import generator_on
from skills.learning.engine.stacked import StackedMlp, with_ones
from skills.learning.matrix import LABELS, SCALES, write
from skills.learning.parts import TrainingPart, learn
from skills.learning.rewards import RewardMaker
from skills.learning.slopes import Sloped
from skills.learning.steps import steps_of
from skills.learning.tellers import StateTellers
from skills.plugins import ONE_EXPERT, Layer
from skills.progress import Reporter, sparsely

MODELS = "ratio.safetensors"
CHECKPOINT = "ratio.checkpoint.safetensors"
_CHUNK = 65_536  # rows written at once


@dataclass(frozen=True)
class Ratio(RewardMaker):
    """A classifier of states for each expert."""

    name = "ratio"
    modes = ONE_EXPERT
    files = (MODELS, LABELS, SCALES, CURVES)
    checkpoints = CHECKPOINT

    hidden: Annotated[int, "units of each of the two hidden layers"] = 256
    batch: Annotated[int, "rows of the data, and as many of the expert, per step"] = 256
    iterations: Annotated[int, "steps"] = 4_000
    learning_rate: Annotated[float, "of Adam"] = 3e-4
    standardise: Annotated[bool, "the observations"] = True

    @classmethod
    def needs(cls, preset: Preset, mode: Mode, domain: Domain) -> Layer:
        """The logit as it is; SMODICE's batch for what learns from it."""
        layer: dict[str, dict[str, Any]] = {"reward": {"scaled": False}}
        return layer | ({"policy": {"batch": 512}} if preset == "paper" else {})

    def make(
        self,
        transitions: Transitions,
        experts: Classes,
        device: torch.device,
        generator: torch.Generator,
        folder: Path,
        reporter: Reporter,
    ) -> None:
        """Trains the classifiers and labels every transition by its state."""
        steps = steps_of(transitions, experts, scaling(transitions, self.standardise), "mask", device, generator)
        tellers = StateTellers(steps, self.hidden, self.batch, self.learning_rate, generator)
        part = TrainingPart("classifier", f"training {experts.count} classifiers", tellers, self.iterations)
        learn([part], experts.count, generator_on(device, generator), folder / CHECKPOINT, reporter)
        progress = sparsely(reporter(f"labelling for {experts.count} skills", "rows"))
        write(folder, _blocks(tellers.ratios()), transitions, progress, scaled=self.scaled)
        save_tensors(folder / MODELS, tellers.teller.mlp.named_layers("teller"))

    def model(self, folder: Path, reference: Transitions) -> "StateRatios":
        """The trained classifiers."""
        return StateRatios(folder, scaling(reference, self.standardise))


class StateRatios:
    """The trained classifiers of a run.   scaling: (mean, std) of the observations that they were trained on."""

    def __init__(self, folder: Path, scaling: tuple[Tensor, Tensor]) -> None:
        tensors = load_tensors(folder / MODELS)
        self._mlp = StackedMlp(tensors[f"teller.{layer}"] for layer in range(len(tensors)))
        self._scaling = scaling

    @torch.no_grad()
    def of_steps(
        self, observations: NDArray[np.float32], actions: NDArray[np.float32], expert: int
    ) -> NDArray[np.float32]:
        """[B] the logits of their states."""
        mean, std = self._scaling
        teller = Sloped(self._mlp.range(slice(expert, expert + 1)), smooth=True)
        found: NDArray[np.float32] = teller(with_ones((torch.from_numpy(observations) - mean) / std)[None])[0].numpy()
        return found


def _blocks(ratios: Tensor) -> Iterator[NDArray[np.float32]]:
    """The rewards of all rows in order, some [n, K] at a time, of ratios [K, N]."""
    for rows in torch.split(ratios, _CHUNK, dim=1):
        yield rows.T.cpu().numpy()
