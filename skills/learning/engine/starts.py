"""How networks start where a method's authors start them otherwise than `initial` does: matrices drawn, biases 0.

Each: count perceptrons of these layer sizes -> their parameters [count, P], as `StackedMlp.of` takes them.
"""

import itertools
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Start = Callable[[int, Sequence[int], torch.Generator], Tensor]

_CUT = 2.0  # a normal cut at so many standard deviations ...
_CUT_SPREAD = 0.87962566103423978  # ... has this standard deviation


def xavier_uniform(count: int, sizes: Sequence[int], generator: torch.Generator) -> Tensor:
    """Uniform in +-sqrt(6 / (in + out)) (Glorot and Bengio 2010)."""

    def fill(matrix: Tensor) -> None:
        bound = math.sqrt(6.0 / sum(matrix.shape))
        torch.nn.init.uniform_(matrix, -bound, bound, generator)

    return _filled(fill, count, sizes)


def he_normal(count: int, sizes: Sequence[int], generator: torch.Generator) -> Tensor:
    """Normal of standard deviation sqrt(2 / in) that is cut at two of what it was before the cut, as in Keras."""

    def fill(matrix: Tensor) -> None:
        spread = math.sqrt(2.0 / len(matrix)) / _CUT_SPREAD
        torch.nn.init.trunc_normal_(matrix, 0.0, spread, -_CUT * spread, _CUT * spread, generator)

    return _filled(fill, count, sizes)


def orthogonal(count: int, sizes: Sequence[int], generator: torch.Generator) -> Tensor:
    """Orthonormal rows, or columns where these are fewer (Saxe et al. 2014)."""

    def fill(matrix: Tensor) -> None:
        torch.nn.init.orthogonal_(matrix, 1.0, generator)

    return _filled(fill, count, sizes)


def _filled(fill: Callable[[Tensor], None], count: int, sizes: Sequence[int]) -> Tensor:
    perceptrons = []
    for _ in range(count):
        layers = [torch.zeros(inputs + 1, outputs) for inputs, outputs in itertools.pairwise(sizes)]
        for layer in layers:
            fill(layer[:-1])
        perceptrons.append(torch.cat([layer.flatten() for layer in layers]))
    return torch.stack(perceptrons)
