"""The device, and what a training loop does otherwise on a GPU: captured steps, generators."""

from collections.abc import Callable, Sequence
from typing import get_args

import torch
from torch import Tensor

from skills.choices import Device, DeviceChoice
from skills.errors import ENVIRONMENT, USAGE, SkillsError

_WARM_UP = 3  # calls before a capture, in which libraries allocate what they keep


def choose_device(name: str) -> Device:
    """The device to run on; `auto` takes a GPU where there is one.

    Raises: SkillsError (usage) for an unknown name, (environment) for a GPU that is not there.
    """
    if name not in get_args(DeviceChoice):
        raise SkillsError(f"Unknown device {name!r}.", f"Known: {', '.join(get_args(DeviceChoice))}.", USAGE)
    if name == "cuda" and not torch.cuda.is_available():
        raise SkillsError("There is no CUDA device on this machine.", "Use --device cpu.", ENVIRONMENT)
    return "cpu" if name == "cpu" or not torch.cuda.is_available() else "cuda"


def captured(step: Callable[[], None], state: Sequence[Tensor], device: torch.device) -> Callable[[], None]:
    """`step` itself on the CPU; on a GPU a replay of its one capture, which costs one launch for hundreds of kernels.

    step: works on the same buffers at every call, and asks the host for nothing.
    state: every tensor that a step changes and the next one reads; they are as before when this returns.
    """
    if device.type == "cpu":
        return step
    before = [tensor.clone() for tensor in state]
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]  # torch ships no type for it
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):
        for _ in range(_WARM_UP):
            step()
    torch.cuda.current_stream(device).wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    for tensor, value in zip(state, before, strict=True):
        tensor.copy_(value)
    return graph.replay


def generator_on(device: torch.device, generator: torch.Generator) -> torch.Generator:
    """The generator itself on the CPU; on a GPU one of that device, seeded by a draw from it."""
    if device.type == "cpu":
        return generator
    seed = int(torch.randint(2**62, (), generator=generator))
    return torch.Generator(device).manual_seed(seed)
