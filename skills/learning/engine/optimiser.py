"""Adam (Kingma and Ba 2015), PyTorch's with its fused kernel, as checkpoints and captured graphs need it."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def adam(parameters: Sequence[Tensor], rate: float, decay: float = 0.0) -> torch.optim.Adam:
    """An optimiser of leaves; its moments are there before the first step, so others can hold them.

    rate: the learning rate; on a GPU it becomes a tensor, so that a captured graph sees it change.
    decay: of the parameters, times them in their gradient.
    """
    device = parameters[0].device
    captured = device.type == "cuda"
    now = torch.tensor(rate, device=device) if captured else rate
    optimizer = torch.optim.Adam(parameters, lr=now, weight_decay=decay, fused=True, capturable=captured)
    for one in parameters:
        moments = {name: torch.zeros_like(one, requires_grad=False) for name in ("exp_avg", "exp_avg_sq")}
        optimizer.state[one] = {"step": torch.zeros((), device=device), **moments}
    return optimizer


def anneal(optimizer: torch.optim.Adam, rate: float, step: int, steps: int) -> None:
    """Sets the learning rate of the step to come, of so many: a cosine from `rate` to 0."""
    now = rate * 0.5 * (1.0 + math.cos(math.pi * step / steps))
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(now)
        else:
            group["lr"] = now


def state_of(optimizer: torch.optim.Adam, name: str) -> dict[str, Tensor]:
    """ "name.0.step", "name.0.exp_avg", ...: all that a step changes and the next one reads, but for the parameters."""
    entries = enumerate(optimizer.state[one] for group in optimizer.param_groups for one in group["params"])
    return {f"{name}.{index}.{key}": value for index, entry in entries for key, value in entry.items()}


def descend(optimizer: torch.optim.Adam, loss: Tensor) -> None:
    """One step down a loss's gradient."""
    descend_together([optimizer], loss)


def descend_together(optimizers: Sequence[torch.optim.Adam], loss: Tensor) -> None:
    """One step of each down the gradient of a loss, all at what the parameters are before."""
    for optimizer in optimizers:
        optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]  # torch has no type for it
    for optimizer in optimizers:
        optimizer.step()
