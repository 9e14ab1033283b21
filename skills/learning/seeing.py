"""What clones see of an observation: features that a small network learned in telling some labels' actions apart.

A regression on features that were learned says with 128 of them what one on random features does not say with 256:
what the noise of two policies leaves to be told apart shows. The network is shared by all labels, each has a linear
head of its own; the heads are thrown away.

Letters: N rows, O observation columns, H hidden units, F = 1 + O + H, A action size, B labels.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from skills.arrays import Float32s, Places
from skills.learning.engine.optimiser import adam, anneal, descend
from skills.learning.engine.stacked import StackedMlp, initial, with_ones

_HIDDEN = 128  # H
_STEPS, _BATCH, _RATE = 1500, 512, 2e-3
_CLIP = 5.0  # standard deviations: a ReLU's line goes on for ever
_CHUNK = 65_536  # rows seen at once


@dataclass(frozen=True)
class Seeing:
    """mean, scale: [O] of observations.   first: [O + 1, H] and second: [H + 1, H], biases in the last row.

    size: [H] standard deviations of what they put out.
    """

    mean: Float32s
    scale: Float32s
    first: Float32s
    second: Float32s
    size: Float32s

    @staticmethod
    def learned(observations: Float32s, actions: Float32s, labels: Places, rng: np.random.Generator) -> "Seeing":
        """From rows [N] and the labels 0..B-1 that acted in them."""
        mean, scale = observations.mean(axis=0, dtype=np.float64), observations.std(axis=0, dtype=np.float64)
        scale = np.where(scale > 1e-8, scale, 1.0)
        rows = torch.from_numpy(_standardised(observations, mean, scale))
        generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
        first, second = _layers(with_ones(rows), torch.from_numpy(actions), torch.from_numpy(labels), generator)
        parts = (mean.astype(np.float32), scale.astype(np.float32), first, second)
        raw = Seeing(*parts, np.ones(_HIDDEN, np.float32))(observations)[:, -_HIDDEN:]
        return Seeing(*parts, np.maximum(raw.std(axis=0), 1e-3))

    def __call__(self, observations: Float32s) -> Float32s:
        """[N, F]: a one, the standardised observation, the features."""
        found = np.ones((len(observations), 1 + observations.shape[1] + len(self.size)), np.float32)
        width = 1 + observations.shape[1]
        for start in range(0, len(found), _CHUNK):
            part = found[start : start + _CHUNK]
            part[:, 1:width] = _standardised(observations[start : start + _CHUNK], self.mean, self.scale)
            hidden = np.maximum(part[:, 1:width] @ self.first[:-1] + self.first[-1], 0.0)
            part[:, width:] = np.maximum(hidden @ self.second[:-1] + self.second[-1], 0.0) / self.size
        return found


def _standardised(observations: Float32s, mean: np.ndarray, scale: np.ndarray) -> Float32s:
    return np.asarray(((observations - mean) / scale).clip(-_CLIP, _CLIP), np.float32)


def _layers(rows: Tensor, actions: Tensor, labels: Tensor, generator: torch.Generator) -> tuple[Float32s, Float32s]:
    """(first [O + 1, H], second [H + 1, H]) after training on rows (s, 1), [N, O + 1]."""
    sizes = (rows.shape[1] - 1, _HIDDEN, _HIDDEN)
    network = StackedMlp.of(initial(1, sizes, generator), sizes).to_learn()
    width = _HIDDEN + rows.shape[1]
    heads = torch.randn(int(labels.max()) + 1, width, actions.shape[1], generator=generator).mul_(0.05)
    optimizer = adam([*network.layers, heads.requires_grad_()], _RATE)
    for step in range(_STEPS):
        drawn = torch.randint(len(rows), (_BATCH,), generator=generator)
        seen = torch.cat([network(rows[drawn][None])[0].relu(), rows[drawn]], dim=1)
        every = torch.einsum("nf,bfa->nba", seen, heads)
        acted = every[torch.arange(_BATCH), labels[drawn]]
        anneal(optimizer, _RATE, step, _STEPS)
        descend(optimizer, (acted - actions[drawn]).square().sum(dim=1).mean())
    first, second = (layer.detach()[0].numpy() for layer in network.layers)
    return first, second
