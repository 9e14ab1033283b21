"""K small perceptrons of one shape as one tensor program, and the optimiser of what is trained here.

A layer is one matrix [K, in + 1, out] whose last row is the bias. Forward is one batched product and one ReLU a layer;
gradients are automatic. Written out, with every buffer kept, they are 1.1 to 1.3 times as fast (docs/performance.md).

Letters: K perceptrons, P parameters of one, B rows of a batch.
"""

import itertools
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor


def parameter_count(sizes: Sequence[int]) -> int:
    """P: how many numbers a perceptron of these layer sizes has."""
    return sum((inputs + 1) * outputs for inputs, outputs in itertools.pairwise(sizes))


def initial(count: int, sizes: Sequence[int], generator: torch.Generator) -> Tensor:
    """Fresh parameters [count, P], each layer as `torch.nn.Linear` starts: uniform in +-1/sqrt(in)."""
    layers = itertools.pairwise(sizes)
    bounds = torch.cat([torch.full(((inputs + 1) * outputs,), inputs**-0.5) for inputs, outputs in layers])
    return torch.rand(count, len(bounds), generator=generator).mul_(2.0).sub_(1.0).mul_(bounds)


def with_ones(rows: Tensor) -> Tensor:
    """[..., in] -> [..., in + 1]: rows as the perceptrons take them."""
    return torch.cat([rows, torch.ones_like(rows[..., :1])], dim=-1)


class StackedMlp:
    """K perceptrons with ReLU between the layers and nothing after the last.

    layers: their matrices, [K, in + 1, out] each.
    """

    def __init__(self, layers: Iterable[Tensor]) -> None:
        self.layers = list(layers)

    @staticmethod
    def of(flat: Tensor, sizes: Sequence[int]) -> "StackedMlp":
        """Those whose matrices lie one after another in each row of [K, P]: views of it."""
        widths = [(inputs + 1) * outputs for inputs, outputs in itertools.pairwise(sizes)]
        parts = zip(torch.split(flat, widths, dim=1), itertools.pairwise(sizes), strict=True)
        return StackedMlp(part.view(len(flat), inputs + 1, outputs) for part, (inputs, outputs) in parts)

    @property
    def flat(self) -> Tensor:
        """[K, P], what `of` takes; a copy."""
        return torch.cat([layer.detach().flatten(1) for layer in self.layers], dim=1)

    def __call__(self, rows: Tensor, dropout: Sequence[Tensor] = ()) -> Tensor:
        """Rows that end in a one, [K or 1, B, in + 1] -> [K, B, out].

        dropout: for each of the first hidden layers what its units are multiplied by, [K, B, H], 0 or 1 / (1 - rate).
        """
        first, *others = self.layers
        rows = torch.bmm(rows.expand(first.shape[0], -1, -1), first)  # `len` would be a constant of an exported graph
        for index, layer in enumerate(others):
            rows = rows.relu_()
            if index < len(dropout):
                rows = rows * dropout[index]
            weight, bias = torch.split(layer, [layer.shape[1] - 1, 1], dim=1)
            rows = torch.baddbmm(bias, rows, weight)
        return rows

    def range(self, part: slice) -> "StackedMlp":
        """Some of the perceptrons, on the same memory."""
        return StackedMlp(layer[part] for layer in self.layers)

    def to(self, device: torch.device) -> "StackedMlp":
        """The same perceptrons there."""
        return StackedMlp(layer.to(device) for layer in self.layers)

    def detached(self) -> "StackedMlp":
        """The same numbers on the same memory, which no gradient reaches."""
        return StackedMlp(layer.detach() for layer in self.layers)

    def unbiased(self) -> "StackedMlp":
        """The same numbers on the same memory; no gradient reaches the last bias, so one that is 0 stays so."""
        *layers, last = self.layers
        return StackedMlp([*layers, torch.cat([last[:, :-1], last[:, -1:].detach()], dim=1)])

    def to_learn(self) -> "StackedMlp":
        """A copy whose matrices are leaves that gradients are of."""
        return StackedMlp(
            layer.detach().clone(memory_format=torch.contiguous_format).requires_grad_() for layer in self.layers
        )

    @torch.no_grad()
    def approach(self, other: "StackedMlp", share: float) -> None:
        """Takes a share of another's numbers, the rest stays: a slow copy of it."""
        for slow, fast in zip(self.layers, other.layers, strict=True):
            slow.lerp_(fast, share)

    def named_layers(self, prefix: str) -> dict[str, Tensor]:
        """ "prefix.0": [K, in + 1, out], ... for files."""
        return {f"{prefix}.{index}": layer.detach() for index, layer in enumerate(self.layers)}
