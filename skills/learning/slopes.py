"""Perceptrons of two hidden layers with their slopes, for penalties on these without differentiating twice.

With z_i a hidden layer's sums, h_i = act(z_i) and m_i = act'(z_i), 1[z_i > 0] or 1 - h_i^2, the slope by the input is
    ((w3 * m2) W2^T * m1) W1^T
written out, so that one backward pass, and a captured graph, gives the gradient of what is said of it.

Letters: K perceptrons, B rows, I inputs, H hidden units.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from skills.learning.engine.stacked import StackedMlp

_TINY = 1e-12  # under a root, whose slope at 0 is infinite


@dataclass(frozen=True)
class Sloped:
    """Perceptrons [K] of two hidden layers and one output.   smooth: tanh between the layers; else ReLU."""

    mlp: StackedMlp
    smooth: bool = False

    def __call__(self, rows: Tensor) -> Tensor:
        """[K, B] at rows that end in a one, [K or 1, B, I + 1]."""
        return self._hidden(rows)[-1]

    def slopes(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """([K, B] at rows, its slope by each of their inputs [K, B, I])."""
        first, second, found = self._hidden(rows)
        one, two, three = (layer[:, :-1] for layer in self.mlp.layers)
        slope = three.transpose(1, 2) * self._bend(second)
        slope = torch.bmm(slope, two.transpose(1, 2)) * self._bend(first)
        return found, torch.bmm(slope, one[:, : rows.shape[-1] - 1].transpose(1, 2))

    def _hidden(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        one, two, three = self.mlp.layers
        first = self._act(torch.bmm(rows.expand(one.shape[0], -1, -1), one))
        second = self._act(_affine(first, two))
        return first, second, _affine(second, three)[..., 0]

    def _act(self, sums: Tensor) -> Tensor:
        return torch.tanh(sums) if self.smooth else torch.relu(sums)

    def _bend(self, hidden: Tensor) -> Tensor:
        return 1.0 - hidden.square() if self.smooth else (hidden > 0).to(hidden.dtype)


def penalty(slopes: Tensor, norm: float) -> Tensor:
    """[K] the mean over rows of (|slope| - norm)^2 (Gulrajani et al. 2017), of slopes [K, B, I]."""
    return (torch.sqrt(slopes.square().sum(dim=-1) + _TINY) - norm).square().mean(dim=1)


def between(some: Tensor, others: Tensor, share: Tensor) -> Tensor:
    """Rows between pairs of rows, [K, B, I + 1]: this share [K, B, 1] of the first, the rest of the second."""
    return torch.lerp(others, some, share)


def _affine(rows: Tensor, layer: Tensor) -> Tensor:
    return torch.baddbmm(layer[:, -1:], rows, layer[:, :-1])
