"""Trains K calibrated CVAEs at once, on the CPU or on a GPU, from a checkpoint where there is one.

On the CPU the models are walked through in blocks that stay in a core's cache, each worker thread taking the next; on
a GPU all of them are one block and its step is one captured graph. Processes that share out the training draw what all
models see, and train a share of the blocks each.

Letters: N transitions, K experts, B rows of a batch, O observation columns, A action size.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from skills.learning.cvae.model import CvaeSettings, CvaeShape, StackedCvae, losses
from skills.learning.engine.checkpoint import Checkpoint, load_tensors, save_tensors
from skills.learning.engine.curves import Curves
from skills.learning.engine.device import captured, generator_on
from skills.learning.engine.optimiser import adam, descend, state_of
from skills.learning.engine.shares import WHOLE, Share, shares_of
from skills.learning.engine.workers import Workers, nothing_to_wait_for
from skills.learning.rows import Members
from skills.progress import Progress, sparsely

CHECKPOINT = "cvae.checkpoint.safetensors"
MODEL_SHARES = "models"  # what the shares of a training are called
CURVES = ("total", "reconstruction", "divergence", "calibration", "sigma")  # the last: `losses`

# Of the hidden layers of a block. Measured: with fewer the threads wait for Python's lock, with more the caches
# overflow. A constant, for the last bits of a CPU run may depend on it.
_BLOCK_FLOATS = 10 * 2**17
_REPORT_EVERY = 10  # steps


@dataclass(frozen=True)
class Trained:
    """What a training gives: the models, on the CPU, and how their losses went."""

    cvae: StackedCvae
    curves: Curves


@dataclass(frozen=True)
class CvaeDraws:
    """The random numbers of one step, in buffers that are drawn again for each.

    rows: [K, 2B] rows of the dataset: B of it all, the same for every model, and B of each class. As the models share
    no parameter, each sees uniform draws.   noise: [K, 2B, Z] standard normal.
    """

    rows: Tensor
    noise: Tensor

    @staticmethod
    def create(count: int, shape: CvaeShape, batch: int, device: torch.device) -> "CvaeDraws":
        """Buffers for `count` models."""
        return CvaeDraws(
            torch.zeros(count, 2 * batch, dtype=torch.int64, device=device),
            torch.zeros(count, 2 * batch, shape.latent_size, device=device),
        )

    def draw(self, total: int, members: Members, generator: torch.Generator) -> None:
        """CvaeDraws anew from `total` rows and from the classes."""
        batch = self.rows.shape[1] // 2
        self.rows[1:, :batch] = self.rows[0, :batch].random_(0, total, generator=generator)
        self.rows[:, batch:] = members.draw(batch, generator)
        self.noise.normal_(generator=generator)


def train(
    rows: Tensor,
    members: Members,
    action_size: int,
    config: CvaeSettings,
    generator: torch.Generator,
    folder: Path,
    progress: Progress,
    share: Share = WHOLE,
) -> Trained:
    """Trains one CVAE per class. The numbers of the next step are drawn while the workers compute this one.

    rows: standardised (s, a, 1) of the dataset, [N, O + A + 1], on the device to train on.
    generator: a CPU generator; initial weights and every draw come from it, or on a GPU from one that it seeds.
    folder: gets a checkpoint, which the caller removes (`CHECKPOINT`); or has the shares of others, to be joined.
    share: of the blocks; other models are left as they began, and their curves empty.
    """
    shape = CvaeShape(rows.shape[1] - 1 - action_size, action_size, config.hidden)
    cvae = StackedCvae.create(members.count, shape, generator)
    members = members.to(rows.device)
    own = generator_on(rows.device, generator)
    curves = Curves(CURVES, config.iterations, cvae.count)
    if files := shares_of(folder, MODEL_SHARES):
        return _joined(files, shape, curves, generator)
    progress = sparsely(progress, _REPORT_EVERY)
    with Workers() as workers:
        training = _Training(cvae, rows, config, curves, workers, share)
        draws = [CvaeDraws.create(cvae.count, shape, config.batch, rows.device) for _ in range(training.draws_ahead)]
        place = folder / CHECKPOINT if share == WHOLE else share.file(folder, CHECKPOINT)
        saved = Checkpoint(place, training.tensors(), own)
        step = saved.restore()
        training.begin(draws)
        drawn_from = own.get_state()
        draws[step % len(draws)].draw(len(rows), members, own)
        while step < config.iterations:
            wait = training.start_step(step, draws[step % len(draws)])
            step += 1
            drawn_from = own.get_state()
            draws[step % len(draws)].draw(len(rows), members, own)
            wait()
            saved.save_if_due(step, drawn_from)
            progress(step, config.iterations)
        own.set_state(drawn_from)
        saved.save(step, drawn_from)
        return Trained(training.result(), curves)


def train_share(
    rows: Tensor,
    members: Members,
    action_size: int,
    config: CvaeSettings,
    generator: torch.Generator,
    folder: Path,
    progress: Progress,
    share: Share,
) -> None:
    """Trains a share of what `train` does, and leaves it in `folder` to be joined."""
    trained = train(rows, members, action_size, config, generator, folder, progress, share)
    blocks = blocks_of(trained.cvae.shape, config, rows.device, members.count, share)
    models = slice(blocks[0].start, blocks[-1].stop) if blocks else slice(0, 0)
    tensors = {f"model.{name}": tensor[models] for name, tensor in trained.cvae.tensors().items()}
    tensors |= {f"curves.{name}": values[:, models] for name, values in trained.curves.parts.items()}
    save_tensors(share.file(folder, MODEL_SHARES), tensors | {"generator": generator.get_state()})


def _joined(files: Sequence[Path], shape: CvaeShape, curves: Curves, generator: torch.Generator) -> Trained:
    """What all shares together have trained."""
    parts = [load_tensors(file) for file in files]
    names = [name for name in parts[0] if name.startswith("model.")]
    models = {name.removeprefix("model."): torch.cat([part[name] for part in parts]) for name in names}
    for name, values in curves.parts.items():
        values.copy_(torch.cat([part[f"curves.{name}"] for part in parts], dim=1))
    generator.set_state(parts[0]["generator"])
    return Trained(StackedCvae.from_tensors(models, shape), curves)


class _Training:
    """The models in training, block by block, and one step of them all."""

    def __init__(
        self, cvae: StackedCvae, rows: Tensor, config: CvaeSettings, curves: Curves, workers: Workers, share: Share
    ) -> None:
        """cvae: the fresh models.   share: of their blocks."""
        device = rows.device
        self._rows, self._config, self._curves, self._workers = rows, config, curves, workers
        self._cvae = cvae
        self._blocks = blocks_of(cvae.shape, config, device, cvae.count, share)
        self._models = [cvae.range(block).to(device).to_learn() for block in self._blocks]
        self._optimizers = [adam(model.layers, config.learning_rate) for model in self._models]
        self._step_on_gpu: Callable[[], None] | None = None
        self.draws_ahead = 2 if device.type == "cpu" else 1  # a GPU works through its queue in order

    def tensors(self) -> dict[str, Tensor]:
        """What a checkpoint keeps."""
        return self._state() | {f"curves.{name}": part for name, part in self._curves.parts.items()}

    def _state(self) -> dict[str, Tensor]:
        """Everything that a step changes and the next one reads."""
        tensors: dict[str, Tensor] = {}
        for index, (model, optimizer) in enumerate(zip(self._models, self._optimizers, strict=True)):
            tensors |= {f"{index}.{name}": tensor for name, tensor in model.tensors().items()}
            tensors |= state_of(optimizer, f"{index}.adam")
        return tensors

    def begin(self, draws: list[CvaeDraws]) -> None:
        """Makes ready to step with these buffers of random numbers."""
        if self._rows.is_cuda:
            step = partial(self._step, 0, draws[0])
            self._step_on_gpu = captured(step, list(self._state().values()), self._rows.device)

    def start_step(self, step: int, draws: CvaeDraws) -> Callable[[], None]:
        """Begins a step of all models, and notes its losses where that is due; call the result to wait for its end."""
        noted = step if self._curves.due(step) else None
        if self._step_on_gpu is not None and noted is None:
            self._step_on_gpu()
        elif len(self._blocks) != 1:
            work = partial(self._step, draws=draws, noted=noted)
            return self._workers.start(work, range(len(self._blocks)))
        else:
            self._step(0, draws, noted)
        return nothing_to_wait_for

    def _step(self, index: int, draws: CvaeDraws, noted: int | None = None) -> None:
        """One step of a block's models.   noted: the number of the step, if its losses are to be noted."""
        block = self._blocks[index]
        found = losses(self._models[index], self._rows[draws.rows[block]], draws.noise[block], self._config)
        descend(self._optimizers[index], found["total"].sum())
        if noted is not None:
            self._curves.note(noted, block.start, {name: values.detach() for name, values in found.items()})

    def result(self) -> StackedCvae:
        """The trained models, on the CPU."""
        whole = self._cvae.tensors()
        for block, model in zip(self._blocks, self._models, strict=True):
            for name, tensor in model.tensors().items():
                whole[name][block] = tensor.detach().cpu()
        return StackedCvae.from_tensors(whole, self._cvae.shape)


def blocks_of(shape: CvaeShape, config: CvaeSettings, device: torch.device, count: int, share: Share) -> list[slice]:
    """The models of each block, of a share of all of them."""
    size = block_size(shape, config) if device.type == "cpu" else count
    blocks = [slice(first, min(first + size, count)) for first in range(0, count, size)]
    return blocks[share.slice(len(blocks))]


def block_size(shape: CvaeShape, config: CvaeSettings) -> int:
    """How many models a CPU core steps at a time."""
    return max(1, _BLOCK_FLOATS // (2 * config.batch * 4 * shape.hidden))
