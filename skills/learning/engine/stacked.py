"""K small perceptrons of one shape as one tensor program, with gradients written out and every buffer kept.

A layer is one matrix [in + 1, out] whose last row is the bias; its input ends in a column of ones. Forward is then one
batched product and one ReLU a layer, backward two products and one mask, and nothing is allocated after the first step.
A perceptron's matrices lie one after another in a row of one flat tensor [K, P], so a range of perceptrons is a range
of rows, and one optimiser call updates them all.

Letters: K perceptrons, P parameters of one, B rows of a batch.
"""

import itertools
from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

_FEW = 16  # columns; from there on both layouts take the same time
# (gradient, output) -> gradient times the derivative of ReLU or tanh where it gave that output, into a buffer of ours.
_mask = torch.ops.aten.threshold_backward.grad_input
tanh_gradient = torch.ops.aten.tanh_backward.grad_input


def parameter_count(sizes: Sequence[int]) -> int:
    """P: how many numbers a perceptron of these layer sizes has."""
    return sum((inputs + 1) * outputs for inputs, outputs in itertools.pairwise(sizes))


def initial(count: int, sizes: Sequence[int], generator: torch.Generator) -> Tensor:
    """Fresh parameters [count, P], each layer as `torch.nn.Linear` starts: uniform in +-1/sqrt(in)."""
    layers = itertools.pairwise(sizes)
    bounds = torch.cat([torch.full(((inputs + 1) * outputs,), inputs**-0.5) for inputs, outputs in layers])
    return torch.rand(count, len(bounds), generator=generator).mul_(2.0).sub_(1.0).mul_(bounds)


def with_ones(rows: Tensor) -> Tensor:
    """[..., in] -> [..., in + 1]: rows as the layers take them."""
    return torch.cat([rows, torch.ones_like(rows[..., :1])], dim=-1)


class StackedMlp:
    """K perceptrons with ReLU between the layers and nothing after the last; a view of a flat tensor.

    flat: [K, P] parameters (or gradients, laid out alike).   layers: their matrices, [K, in + 1, out] each.
    """

    def __init__(self, flat: Tensor, sizes: Sequence[int]) -> None:
        self.flat = flat
        self.sizes = tuple(sizes)
        self.layers: list[Tensor] = []
        start = 0
        for inputs, outputs in itertools.pairwise(sizes):
            end = start + (inputs + 1) * outputs
            self.layers.append(flat[:, start:end].view(len(flat), inputs + 1, outputs))
            start = end

    def __call__(self, rows: Tensor) -> Tensor:
        """Rows that end in a one, [K or 1, B, in + 1] -> [K, B, out]. Allocates: for use outside of training."""
        rows = rows.expand(len(self.flat), -1, -1)
        for weight in self.layers[:-1]:
            rows = with_ones(torch.bmm(rows, weight).relu_())
        return torch.bmm(rows, self.layers[-1])

    @cached_property
    def turned(self) -> list[Tensor]:
        """`layers` without the biases, transposed, [K, out, in] each."""
        return [layer[:, :-1].mT for layer in self.layers]

    def range(self, part: slice) -> "StackedMlp":
        """Some of the perceptrons, on the same memory."""
        return StackedMlp(self.flat[part], self.sizes)

    def named_layers(self, prefix: str) -> dict[str, Tensor]:
        """ "prefix.0": [K, in + 1, out], ... for files."""
        return {f"{prefix}.{index}": layer for index, layer in enumerate(self.layers)}


def few_columns(matrices: Tensor) -> bool:
    """Whether [..., rows, columns] are so narrow that a CPU fills them four times as fast column by column."""
    return 1 < matrices.shape[-1] < _FEW


def empty_columns(like: Tensor) -> Tensor:
    """[..., rows, columns] as another one, not yet filled, with each column in one piece."""
    return torch.empty_like(like.mT, memory_format=torch.contiguous_format).mT


class Products:
    """The products of a hidden layer's units, [K, B, H + 1] with their ones, and the layer behind it.

    What is looked at in every step is a view made once: making it anew costs as much as the smaller products.
    """

    def __init__(self, hidden: Tensor) -> None:
        self._hidden, self._turned = hidden, hidden.mT
        self._by_columns: Tensor | None = None  # from the first backward pass on, of a narrow layer

    def forward(self, matrix: Tensor, out: Tensor) -> None:
        """The layer's sums, [K, B, out]."""
        torch.bmm(self._hidden, matrix, out=out)

    def backward(self, by_sums: Tensor, turned: Tensor, by_matrix: Tensor, by_units: Tensor) -> None:
        """The loss's derivative by the layer's sums -> that by its matrix and that by the units.

        turned: the matrix without its biases, transposed.
        """
        if few_columns(by_matrix):
            if self._by_columns is None:
                self._by_columns = empty_columns(by_matrix)
            by_matrix.copy_(torch.bmm(self._turned, by_sums, out=self._by_columns))
        else:
            torch.bmm(self._turned, by_sums, out=by_matrix)
        torch.bmm(by_sums, turned, out=by_units)


class Workspace:
    """The buffers of one forward and backward pass through K perceptrons of B rows.

    output: [K, B, out].
    """

    def __init__(
        self,
        count: int,
        rows: int,
        sizes: Sequence[int],
        device: torch.device | str = "cpu",
        gradients_of: "Workspace | None" = None,
    ) -> None:
        """gradients_of: one of the same hidden layers, whose buffers for `backward` this one uses too."""
        hidden = sizes[1:-1]
        self._hidden = [torch.ones(count, rows, size + 1, device=device) for size in hidden]
        self._units = [layer[..., :-1] for layer in self._hidden]  # without the ones
        self._products = [Products(layer) for layer in self._hidden]  # with the layer behind
        # As `_hidden` and `_units`, from the first backward pass on.
        self._gradients: list[Tensor] = [] if gradients_of is None else gradients_of._gradients
        self._unit_gradients: list[Tensor] = [] if gradients_of is None else gradients_of._unit_gradients
        self._dropout: Sequence[Tensor] = ()
        self.output = torch.empty(count, rows, sizes[-1], device=device)
        if few_columns(self.output):
            self.output = empty_columns(self.output)

    def forward(self, mlp: StackedMlp, rows: Tensor, dropout: Sequence[Tensor] = ()) -> Tensor:
        """Rows that end in a one, [K, B, in + 1] -> `output`.

        dropout: for each of the first hidden layers what its units are multiplied by, [K, B, H], 0 or 1 / (1 - rate).
        """
        self._dropout = dropout
        for index, (hidden, units) in enumerate(zip(self._hidden, self._units, strict=True)):
            if index == 0:
                torch.bmm(rows, mlp.layers[0], out=units)
            else:
                self._products[index - 1].forward(mlp.layers[index], units)
            hidden.relu_()  # which leaves the ones at one
            if index < len(dropout):
                units.mul_(dropout[index])
        self._products[-1].forward(mlp.layers[-1], self.output)
        return self.output

    def backward(self, mlp: StackedMlp, gradient: StackedMlp, rows: Tensor, output_gradient: Tensor) -> Tensor:
        """Writes the gradient of every parameter, after `forward` of the same rows.

        output_gradient: the loss's by `output`, of its shape.
        Returns: the loss's by the first layer's sums, [K, B, H]; times that layer's matrix it is the one by the rows.
        It lies in a buffer that the next backward pass writes over, of this workspace or of one that shares it.
        """
        if not self._gradients:
            self._gradients.extend(torch.zeros_like(hidden) for hidden in self._hidden)
            self._unit_gradients.extend(layer[..., :-1] for layer in self._gradients)
        for index in range(len(self._hidden), 0, -1):
            below, units = self._gradients[index - 1], self._unit_gradients[index - 1]
            self._products[index - 1].backward(output_gradient, mlp.turned[index], gradient.layers[index], units)
            if index <= len(self._dropout):
                units.mul_(self._dropout[index - 1])
            _mask(below, self._hidden[index - 1], 0, grad_input=below)
            output_gradient = units
        torch.bmm(rows.mT, output_gradient, out=gradient.layers[0])
        return output_gradient


class Adam:
    """Adam (Kingma and Ba 2015) with PyTorch's fused kernel; its moments are tensors like the parameters.

    first, second: the moments.   rate: the learning rate; on a GPU a tensor, so that a captured graph sees it change.
    """

    def __init__(
        self, parameters: list[Tensor], first: list[Tensor], second: list[Tensor], rate: float | Tensor
    ) -> None:
        self.rate = rate
        self.first, self.second = first, second
        self.steps = [torch.zeros((), device=tensor.device) for tensor in parameters]
        self._parameters = parameters

    @staticmethod
    def create(parameters: list[Tensor], rate: float | Tensor) -> "Adam":
        """An optimiser with moments of its own."""
        first, second = ([torch.zeros_like(tensor) for tensor in parameters] for _ in range(2))
        return Adam(parameters, first, second, rate)

    def set_rate(self, rate: float) -> None:
        """The learning rate of the updates to come."""
        if isinstance(self.rate, Tensor):
            self.rate.fill_(rate)
        else:
            self.rate = rate

    def set_steps(self, steps: int) -> None:
        """Goes on as after that many updates."""
        for count in self.steps:
            count.fill_(steps)

    def step(self, gradients: list[Tensor]) -> None:
        """One update of the parameters."""
        for count in self.steps:
            count.add_(1.0)
        torch._fused_adam_(
            self._parameters, gradients, self.first, self.second, [], self.steps,
            amsgrad=False, beta1=0.9, beta2=0.999, lr=self.rate, weight_decay=0.0, eps=1e-8, maximize=False,
        )  # fmt: skip
