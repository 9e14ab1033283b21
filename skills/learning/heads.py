"""Networks with a head for each skill, on a shared trunk or each on its own: the same tensors to a learner.

Letters: B rows, K skills, W numbers that a head puts out, P parameters.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from skills.learning.engine.stacked import StackedMlp, Workspace, initial
from skills.learning.policy import Shape


class Heads:
    """A network of K heads in training, with its buffers.

    output: [B, K, W], of the last `forward`.   by_output: likewise, where the loss's derivative by it is to be written
    before `backward`.
    """

    def __init__(
        self,
        inputs: int,
        width: int,
        shape: Shape,
        rows: int,
        generator: torch.Generator,
        device: torch.device,
    ) -> None:
        sizes, trunks = shape.layers(inputs, width), shape.trunks
        self.mlp = StackedMlp(initial(trunks, sizes, generator).to(device), sizes)
        self.gradient = StackedMlp(torch.zeros_like(self.mlp.flat), sizes)
        self._workspace = Workspace(trunks, rows, sizes, device)
        self._by_output = torch.zeros_like(self._workspace.output)
        self._head_by_head = trunks > 1
        self._view = (shape.skills, rows, width) if self._head_by_head else (rows, shape.skills, width)
        self.output, self.by_output = self._by_head(self._workspace.output), self._by_head(self._by_output)

    def _by_head(self, output: Tensor) -> Tensor:
        """The network's own layout -> [B, K, W], on the same memory."""
        seen = output.view(self._view)
        return seen.transpose(0, 1) if self._head_by_head else seen

    def forward(self, rows: Tensor, dropout: Sequence[Tensor] = ()) -> Tensor:
        """Rows that end in a one, [B, in + 1] -> `output`."""
        self._workspace.forward(self.mlp, rows.expand(len(self.mlp.flat), -1, -1), dropout)
        return self.output

    def backward(self, rows: Tensor) -> None:
        """Writes `gradient` from `by_output`, after `forward` of the same rows."""
        self._workspace.backward(self.mlp, self.gradient, rows.expand(len(self.mlp.flat), -1, -1), self._by_output)
