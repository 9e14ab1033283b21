"""Checkpoints of a training loop: a loop that is killed continues from the last and ends in the same bytes."""

import time
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from skills.errors import SkillsError
from skills.files import replacing

SECONDS_BETWEEN = 20.0  # a kill loses at most this much, and a step


def save_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """Writes a safetensors file, whole or not at all."""
    with replacing(path) as temporary:
        # Written by Python rather than by `save_file`: a full disk is then an OSError like that of any other file.
        temporary.write_bytes(save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}))


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Reads a safetensors file. Raises: SkillsError where it is damaged."""
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise SkillsError(f"{path} is damaged: {error}.", "Delete it to have it made again.") from error


class Checkpoint:
    """Everything that a training loop needs to go on: parameters, optimisers, generator, step.

    The tensors are held by reference, so `restore` writes into the very tensors that the loop uses.
    """

    def __init__(
        self,
        path: Path,
        tensors: dict[str, Tensor],
        optimizers: Mapping[str, torch.optim.Optimizer],
        generator: torch.Generator,
    ) -> None:
        self._path = path
        self._tensors = tensors
        self._optimizers = optimizers
        self._generator = generator
        self._saved_at = time.monotonic()

    def restore(self) -> int:
        """Loads the checkpoint if there is one; returns the steps done, 0 where there is none."""
        if not self._path.exists():
            return 0
        stored = load_tensors(self._path)
        with torch.no_grad():
            for name, tensor in self._tensors.items():
                tensor.copy_(stored[f"model.{name}"])
        for name, optimizer in self._optimizers.items():
            _restore_optimizer(optimizer, stored, name)
        self._generator.set_state(stored["generator"])
        return int(stored["step"])

    def save_if_due(self, step: int, drawn_from: Tensor | None = None) -> None:
        """Saves when the last save is long enough ago."""
        if time.monotonic() - self._saved_at >= SECONDS_BETWEEN:
            self.save(step, drawn_from)

    def save(self, step: int, drawn_from: Tensor | None = None) -> None:
        """Saves now.

        step: the number of steps done.   drawn_from: the generator's state before the draws of the step to come, where
        the generator itself is already ahead of it.
        """
        tensors = {f"model.{name}": tensor for name, tensor in self._tensors.items()}
        for name, optimizer in self._optimizers.items():
            tensors |= _optimizer_tensors(optimizer, name)
        state = self._generator.get_state() if drawn_from is None else drawn_from
        tensors |= {"generator": state, "step": torch.tensor(step)}
        save_tensors(self._path, tensors)
        self._saved_at = time.monotonic()


def _optimizer_tensors(optimizer: torch.optim.Optimizer, name: str) -> dict[str, Tensor]:
    state = optimizer.state_dict()["state"]
    return {f"{name}.{index}.{key}": value for index, entry in state.items() for key, value in entry.items()}


def _restore_optimizer(optimizer: torch.optim.Optimizer, stored: dict[str, Tensor], name: str) -> None:
    document = optimizer.state_dict()
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in stored.items():
        owner, _, rest = key.partition(".")
        if owner == name:
            index, _, entry = rest.partition(".")
            state.setdefault(int(index), {})[entry] = value
    optimizer.load_state_dict({**document, "state": state})
