"""Checkpoints of a training loop: a loop that is killed continues from the last and ends in the same bytes."""

import time
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from skills.files import MAKE_AGAIN, replacing
from skills.troubles import reading

SECONDS_BETWEEN = 20.0  # a kill loses at most this much, and a step


def save_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """Writes a safetensors file, whole or not at all."""
    with replacing(path) as temporary:
        # Written by Python rather than by `save_file`: a full disk is then an OSError like that of any other file.
        temporary.write_bytes(save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}))


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Reads a safetensors file. Raises: SkillsError where it is damaged."""
    with reading(path, MAKE_AGAIN):
        path.open("rb").close()  # says what safetensors does not: a folder, permissions
        return load_file(path)


class Checkpoint:
    """Everything that a training loop needs to go on: parameters, optimisers' moments, generator, step.

    The tensors are held by reference, so `restore` writes into the very tensors that the loop uses.
    """

    def __init__(self, path: Path, tensors: dict[str, Tensor], generator: torch.Generator) -> None:
        self._path = path
        self._tensors = tensors
        self._generator = generator
        self._saved_at = time.monotonic()

    def restore(self) -> int:
        """Loads the checkpoint; returns the steps done, 0 where there is none that fits these tensors.

        One that does not fit is of another version of the program, or of another device.
        """
        if not self._path.exists():
            return 0
        stored = load_tensors(self._path)
        wanted = self._whole(0, self._generator.get_state())
        if {name: tensor.shape for name, tensor in stored.items()} != {name: one.shape for name, one in wanted.items()}:
            return 0
        with torch.no_grad():
            for name, tensor in self._tensors.items():
                tensor.copy_(stored[f"model.{name}"])
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
        save_tensors(self._path, self._whole(step, self._generator.get_state() if drawn_from is None else drawn_from))
        self._saved_at = time.monotonic()

    def _whole(self, step: int, state: Tensor) -> dict[str, Tensor]:
        tensors = {f"model.{name}": tensor for name, tensor in self._tensors.items()}
        return tensors | {"generator": state, "step": torch.tensor(step)}
