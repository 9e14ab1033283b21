"""A training in parts, one after the other, from one checkpoint: each part a step that is captured whole on a GPU.

Letters: K skills.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from skills.files import write_arrays
from skills.learning.engine.checkpoint import Checkpoint
from skills.learning.engine.curves import FILE, Curves
from skills.learning.engine.device import captured
from skills.progress import Reporter, sparsely


class Learned(Protocol):
    """What a part of a training learns."""

    def begin(self) -> None:
        """Gets ready for its first step, from what the parts before it have learned."""

    def draw(self, generator: torch.Generator) -> None:
        """The rows and the noise of the next update, into buffers; the generator is on their device."""

    def update(self) -> None:
        """One step on them, which asks the host for nothing."""

    def losses(self) -> Mapping[str, Tensor]:
        """What the last update came to by skill, [K] each; always the same names."""

    def tensors(self) -> dict[str, Tensor]:
        """Everything that an update changes and the next one reads."""


@dataclass(frozen=True)
class TrainingPart:
    """name: of its tensors in a checkpoint.   task: what it does, in words.   steps: how many.

    set_step: told the number of each update before it, where something changes with it, as a rate that falls.
    """

    name: str
    task: str
    learned: Learned
    steps: int
    set_step: Callable[[int], None] | None = None


def learn(
    parts: Sequence[TrainingPart], skills: int, generator: torch.Generator, checkpoint: Path, reporter: Reporter
) -> None:
    """Does what is left of the parts; writes the curves of all beside the checkpoint.

    generator: on the device.   A part's curve has the steps `step` where it is the last, else `NAME_step`.
    """
    curves = {part.name: Curves(list(part.learned.losses()), part.steps, skills) for part in parts}
    kept = {f"{part.name}.{name}": one for part in parts for name, one in part.learned.tensors().items()}
    for part_name, drawn in curves.items():
        kept |= {f"curves.{part_name}.{name}": one for name, one in drawn.parts.items()}
    saved = Checkpoint(checkpoint, kept, generator)
    done, before = saved.restore(), 0
    for part in parts:
        part.learned.begin()
        if done < before + part.steps:
            progress = sparsely(reporter(part.task, "steps"))
            update = captured(part.learned.update, list(part.learned.tensors().values()), generator.device)
            for step in range(max(done - before, 0), part.steps):
                part.learned.draw(generator)
                if part.set_step is not None:
                    part.set_step(step)
                update()
                if curves[part.name].due(step):
                    curves[part.name].note(step, 0, dict(part.learned.losses()))
                saved.save_if_due(before + step + 1)
                progress(step + 1, part.steps)
        before += part.steps
    last = parts[-1].name
    arrays = {"step" if name == last else f"{name}_step": one.steps for name, one in curves.items()}
    arrays |= {name: values for one in curves.values() for name, values in one.parts.items()}
    write_arrays(checkpoint.parent / FILE, {name: np.asarray(array) for name, array in arrays.items()})
