"""A conditional normalising flow between actions and latents, both in (-1, 1)^A (Akimov et al. 2022).

    z = tanh F_n ... F_1 atanh a,   log p(a|s) = -sum log(1 - a^2) + log-dets of F_i + sum log(1 - z^2) - A log 2
F_i: a scale and a shift of each action, set by the first batch; a matrix; a coupling: some actions, and the state, say
how the others are scaled and shifted. Fitted to data by likelihood it takes a latent from anywhere in its cube to an
action that the data might hold, so whoever chooses latents stays within them.

The matrix is P L U with P fixed and U's diagonal an exponential, as in Glow (Kingma and Dhariwal 2018), so that its
determinant is read off and never 0; the official code learns it whole.

Letters: B rows, O observation columns, A action size, H hidden units.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from skills.learning.engine.stacked import StackedMlp, initial, with_ones

_BEND = 0.25  # that PReLU starts with
_NARROW = 1e-3  # the least spread that a block divides by
LIMIT = math.atanh(1.0 - 1e-5)  # of what has no tanh yet: that of the largest action


@dataclass(frozen=True)
class FlowShape:
    """The sizes of a flow.   blocks: n.   hidden: H, of each coupling's two hidden layers."""

    observation_size: int
    action_size: int
    blocks: int
    hidden: int


class Flow(nn.Module):
    """The flow: `log_likelihood` to fit it, `decode` to act by it."""

    def __init__(self, shape: FlowShape, generator: torch.Generator) -> None:
        """generator: a CPU generator."""
        super().__init__()
        self.shape = shape
        self.blocks = nn.ModuleList(_Block(shape, bool(number % 2), generator) for number in range(shape.blocks))

    def log_likelihood(self, actions: Tensor, states: Tensor) -> Tensor:
        """[B] log p(a|s) of actions [B, A] inside of (-1, 1) in states [B, O]."""
        found, raw = -torch.log1p(-actions.square()).sum(-1), torch.atanh(actions)
        for block in self.blocks:
            raw, more = block(raw, states)
            found = found + more
        log_slope = 2.0 * (math.log(2.0) - raw - softplus(-2.0 * raw))  # log(1 - tanh^2), exact where that is 0
        return found + log_slope.sum(-1) - self.shape.action_size * math.log(2.0)

    def encode(self, actions: Tensor, states: Tensor) -> Tensor:
        """[B, A] the latents of actions, before their tanh."""
        raw = torch.atanh(actions)
        for block in self.blocks:
            raw, _ = block(raw, states)
        return raw

    def decode(self, raw: Tensor, states: Tensor) -> Tensor:
        """[..., A] the actions of latents, given before their tanh, [..., A], in states [..., O]; differentiable.

        After `freeze` only, or of a flow that was loaded.
        """
        raw = raw.clamp(-LIMIT, LIMIT)
        for block in reversed(self.blocks):
            assert isinstance(block, _Block)
            raw = block.back(raw, states)
        return torch.tanh(raw)

    @torch.no_grad()
    def begin(self, actions: Tensor, states: Tensor) -> None:
        """Sets each block's scale and shift so that what it puts out has mean 0 and spread 1 on these rows."""
        raw = torch.atanh(actions)
        for block in self.blocks:
            assert isinstance(block, _Block)
            block.log_scale.copy_(-torch.log(raw.std(dim=0).clamp(min=_NARROW)))
            block.shift.copy_(-raw.mean(dim=0))
            raw, _ = block(raw, states)

    @torch.no_grad()
    def freeze(self) -> None:
        """Works out what `decode` needs, once the flow is learned."""
        for block in self.blocks:
            assert isinstance(block, _Block)
            block.inverse.copy_(torch.linalg.inv(block.matrix()))


class _Block(nn.Module):
    """F_i."""

    log_diagonal: Tensor
    inverse: Tensor
    permutation: Tensor
    signs: Tensor

    def __init__(self, shape: FlowShape, turned: bool, generator: torch.Generator) -> None:
        """turned: the first actions are changed, rather than the last ones; the others say how."""
        super().__init__()
        size = shape.action_size
        self._kept = size // 2
        self._turned = turned
        start = torch.empty(size, size)
        nn.init.orthogonal_(start, generator=generator)
        permutation, lower, upper = torch.linalg.lu(start)
        diagonal = torch.diagonal(upper)
        self.log_scale, self.shift = (nn.Parameter(torch.zeros(size)) for _ in range(2))
        self.lower, self.upper = (nn.Parameter(one.contiguous()) for one in (lower, upper))
        self.log_diagonal = nn.Parameter(diagonal.abs().log())
        for name, buffer in (
            ("permutation", permutation), ("signs", diagonal.sign()), ("inverse", start.T.contiguous())
        ):  # fmt: skip
            self.register_buffer(name, buffer)
        sizes = [self._kept + shape.observation_size, shape.hidden, shape.hidden, 2 * (size - self._kept)]
        flat = initial(1, sizes, generator)
        flat[:, -(shape.hidden + 1) * sizes[-1] :] = 0.0  # so that a coupling changes nothing at first
        self.layers = nn.ParameterList(layer[0].contiguous() for layer in StackedMlp.of(flat, sizes).layers)
        self.bends = nn.Parameter(torch.full((2,), _BEND))
        self.reach = nn.Parameter(torch.ones(()))

    def matrix(self) -> Tensor:
        """[A, A] P L U."""
        lower = torch.tril(self.lower, -1) + torch.eye(len(self.lower), device=self.lower.device)
        upper = torch.triu(self.upper, 1) + torch.diag(self.signs * self.log_diagonal.exp())
        return self.permutation @ lower @ upper

    def forward(self, raw: Tensor, states: Tensor) -> tuple[Tensor, Tensor]:
        """([..., A], the log of the determinant [...])."""
        raw = ((raw + self.shift) * self.log_scale.exp()) @ self.matrix()
        kept, changed = self._split(raw)
        log_scale, shift = self._coupling(kept, states)
        changed = changed * log_scale.exp() + shift
        return self._joined(kept, changed), log_scale.sum(-1) + self.log_scale.sum() + self.log_diagonal.sum()

    def back(self, raw: Tensor, states: Tensor) -> Tensor:
        """The inverse of it."""
        kept, changed = self._split(raw)
        log_scale, shift = self._coupling(kept, states)
        raw = self._joined(kept, (changed - shift) * torch.exp(-log_scale)) @ self.inverse
        return raw * torch.exp(-self.log_scale) - self.shift

    def _split(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        """What says how, and what is changed."""
        if self._turned:
            changed, kept = raw[..., : raw.shape[-1] - self._kept], raw[..., raw.shape[-1] - self._kept :]
            return kept, changed
        return raw[..., : self._kept], raw[..., self._kept :]

    def _joined(self, kept: Tensor, changed: Tensor) -> Tensor:
        return torch.cat([changed, kept] if self._turned else [kept, changed], dim=-1)

    def _coupling(self, kept: Tensor, states: Tensor) -> tuple[Tensor, Tensor]:
        """(log of the scale, shift) of what is changed; the states' part once for latents that share them."""
        first, second, third = self.layers
        rows = kept @ first[: self._kept] + with_ones(states) @ first[self._kept :]
        for number, layer in enumerate((second, third)):
            rows = torch.where(rows > 0, rows, self.bends[number] * rows) @ layer[:-1] + layer[-1]
        log_scale, shift = rows.chunk(2, dim=-1)
        return self.reach * torch.tanh(log_scale), shift
