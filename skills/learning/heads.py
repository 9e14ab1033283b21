"""Networks with a head for each skill, on a shared trunk or each on its own: the same tensors to a learner.

Letters: C copies, B rows, K skills, T trunks (1 or K), W numbers that a head puts out.
"""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor

from skills.learning.engine.stacked import StackedMlp, initial
from skills.learning.policy import Shape


class Heads:
    """C networks of K heads each that start differently, as IQL's two Qs do; to be learned."""

    def __init__(
        self,
        inputs: int,
        width: int,
        shape: Shape,
        generator: torch.Generator,
        device: torch.device,
        copies: int = 1,
    ) -> None:
        sizes = shape.layers(inputs, width)
        self.mlp = StackedMlp.of(initial(copies * shape.trunks, sizes, generator), sizes).to(device).to_learn()
        self._copies, self._shape = copies, shape

    def __call__(self, rows: Tensor, dropout: Sequence[Tensor] = ()) -> Tensor:
        """Rows that end in a one, [B, in + 1] -> [C, B, K, W].   dropout: as `StackedMlp` takes it."""
        output = self.mlp(rows[None], dropout)  # [C times trunks, B, heads of a trunk times W]
        by_trunk = output.view(self._copies, self._shape.trunks, len(rows), -1)
        return by_trunk.transpose(1, 2).reshape(self._copies, len(rows), self._shape.skills, -1)

    def own(self, rows: Tensor, heads: Tensor) -> Tensor:
        """Each row by one head alone: rows of each trunk, [T, B, in + 1], of heads [T B] -> [C, T B, W]."""
        trunks, of_trunk = self._shape.trunks, self._shape.skills // self._shape.trunks
        output = self.mlp(rows.repeat(self._copies, 1, 1)).view(self._copies, trunks * rows.shape[1], of_trunk, -1)
        place = (heads % of_trunk)[None, :, None, None].expand(self._copies, -1, 1, output.shape[-1])
        return output.gather(2, place)[:, :, 0]

    @torch.no_grad()
    def lift(self, values: Tensor) -> None:
        """Adds to what each head puts out, [K]; of heads that put out a number."""
        biases = self.mlp.layers[-1][:, -1]  # [C times trunks, heads of a trunk]
        biases += values.to(biases).view(1, self._shape.trunks, -1).expand(self._copies, -1, -1).reshape(biases.shape)

    def slow_copy(self) -> "Heads":
        """One that no gradient reaches."""
        slow = copy.copy(self)
        slow.mlp = self.mlp.to_learn().detached()
        return slow
