"""K small networks of one shape as one tensor program: weights [K, in, out], one batched product a layer.

Letters: K networks, B rows of a batch.
"""

import itertools
import math

import torch
from torch import Tensor, nn


class StackedLinear(nn.Module):
    """K linear layers, initialised as `torch.nn.Linear` is: uniform in +-1/sqrt(in)."""

    def __init__(self, count: int, inputs: int, outputs: int, generator: torch.Generator) -> None:
        super().__init__()
        bound = 1.0 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(count, inputs, outputs).uniform_(-bound, bound, generator=generator))
        self.bias = nn.Parameter(torch.empty(count, 1, outputs).uniform_(-bound, bound, generator=generator))

    def forward(self, rows: Tensor) -> Tensor:
        """[K, B, in] -> [K, B, out]."""
        return torch.baddbmm(self.bias, rows, self.weight)


class StackedMlp(nn.Module):
    """K perceptrons with ReLU between the layers and nothing after the last."""

    def __init__(self, count: int, sizes: list[int], generator: torch.Generator) -> None:
        super().__init__()
        pairs = itertools.pairwise(sizes)
        self.layers = nn.ModuleList(StackedLinear(count, inputs, outputs, generator) for inputs, outputs in pairs)

    def forward(self, rows: Tensor) -> Tensor:
        """[K, B, in] -> [K, B, out]."""
        for layer in self.layers[:-1]:
            rows = torch.relu_(layer(rows))
        output: Tensor = self.layers[-1](rows)
        return output
