"""Weights of the rows of a batch.   Letters: K skills, B rows."""

import torch
from torch import Tensor


def evened(logarithms: Tensor) -> Tensor:
    """[K, B] weights of a mean of 1 in each batch, of their logarithms."""
    return torch.softmax(logarithms, dim=1) * logarithms.shape[1]


def effective(weights: Tensor) -> Tensor:
    """[K] the share of a batch that carries it, (sum w)^2 / sum w^2 / B, of weights [K, B]."""
    return weights.sum(dim=1).square() / weights.square().sum(dim=1).clamp(min=1e-12) / weights.shape[1]
