"""Trains K calibrated CVAEs at once, on the CPU or on a GPU, from a checkpoint where there is one.

On the CPU the models are walked through in blocks that stay in a core's cache, each worker thread taking the next; on
a GPU all of them are one block and its step is one captured graph. What does not fit in memory is trained in groups.

Letters: N transitions, K experts, B rows of a batch, O observation columns, A action size, P parameters of one model.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from skills.learning.engine.checkpoint import Checkpoint
from skills.learning.engine.curves import Curves
from skills.learning.engine.device import captured, free_memory, generator_on
from skills.learning.engine.stacked import Adam
from skills.learning.engine.workers import Workers, nothing_to_wait_for
from skills.learning.rewards.cvae import CvaeShape, Pass, StackedCvae
from skills.progress import Progress
from skills.settings.config import RewardConfig

CHECKPOINTS = "cvae.*.checkpoint.safetensors"
# `sigma` is the mean posterior std of the class's training rows, `held_out_sigma` that of the rows kept out: where the
# second stays high, a model knows its rows by heart.
CURVES = ("total", "reconstruction", "divergence", "calibration", "sigma", "held_out_sigma")

# Of the hidden layers of a block. Measured: with fewer the threads wait for Python's lock, with more the caches
# overflow. A constant, for the last bits of a CPU run may depend on it.
_BLOCK_FLOATS = 5 * 2**17
_REPORT_EVERY = 10  # steps between two calls of progress


@dataclass(frozen=True)
class Trained:
    """What a training gives: the models, on the CPU, and how their losses went."""

    cvae: StackedCvae
    curves: Curves


@dataclass(frozen=True)
class Members:
    """The rows of each class: class k is rows[starts[k]:starts[k + 1]], rows of the dataset. starts: [K + 1]."""

    rows: Tensor
    starts: Tensor

    @property
    def count(self) -> int:
        """K."""
        return len(self.starts) - 1

    def draw(self, batch: int, generator: torch.Generator) -> Tensor:
        """Uniform draws with replacement from each class, [K, batch]."""
        sizes = self.starts.diff()[:, None]
        uniform = torch.rand(self.count, batch, generator=generator, dtype=torch.float64, device=generator.device)
        return self.rows[self.starts[:-1, None] + (uniform * sizes).long()]

    def split(self, share: float, generator: torch.Generator) -> "tuple[Members, Members]":
        """(the rest, `share` of each class at random), at least one row in each; a class of one row is in both."""
        kept, held = [], []
        for members in self.rows.tensor_split(self.starts[1:-1]):
            shuffled = members[torch.randperm(len(members), generator=generator)]
            out = min(max(1, round(share * len(members))), max(1, len(members) - 1))
            held.append(shuffled[:out])
            kept.append(shuffled[out:] if len(members) > 1 else members)
        return _joined(kept), _joined(held)

    def to(self, device: torch.device) -> "Members":
        """A copy there."""
        return Members(self.rows.to(device), self.starts.to(device))


def _joined(parts: list[Tensor]) -> Members:
    sizes = torch.tensor([0] + [len(part) for part in parts])
    return Members(torch.cat(parts), sizes.cumsum(0))


@dataclass(frozen=True)
class Draws:
    """The random numbers of one step, in buffers that are drawn again for each.

    rows: [K, 2B] rows of the dataset: B of it all, the same for every model, and B of each class. As the models share
    no parameter, each sees uniform draws.   noise: [K, 2B, Z] standard normal.
    """

    rows: Tensor
    noise: Tensor

    @staticmethod
    def create(count: int, shape: CvaeShape, batch: int, device: torch.device) -> "Draws":
        """Buffers for `count` models."""
        return Draws(
            torch.zeros(count, 2 * batch, dtype=torch.int64, device=device),
            torch.zeros(count, 2 * batch, shape.latent_size, device=device),
        )

    def draw(self, total: int, members: Members, generator: torch.Generator) -> None:
        """Draws anew from `total` rows and from the classes."""
        batch = self.rows.shape[1] // 2
        self.rows[1:, :batch] = self.rows[0, :batch].random_(0, total, generator=generator)
        self.rows[:, batch:] = members.draw(batch, generator)
        self.noise.normal_(generator=generator)


def train(
    rows: Tensor,
    members: Members,
    action_size: int,
    config: RewardConfig,
    generator: torch.Generator,
    folder: Path,
    progress: Progress,
    group: int | None = None,
) -> Trained:
    """Trains one CVAE per class.

    rows: standardised (s, a, 1) of the dataset, [N, O + A + 1], on the device to train on.
    generator: a CPU generator; initial weights and every draw come from it, or on a GPU from one that it seeds.
    folder: gets checkpoints, which the caller removes (`CHECKPOINTS`).
    group: how many models are trained at a time; as many as fit into memory unless told. The result is the same.
    """
    shape = CvaeShape(rows.shape[1] - 1 - action_size, action_size, config.hidden)
    cvae = StackedCvae.create(members.count, shape, generator)
    held_out = None
    if config.held_out > 0:
        members, unseen = members.split(config.held_out, generator)
        held_out = unseen.draw(config.batch, generator).to(rows.device)
    members = members.to(rows.device)
    own = generator_on(rows.device, generator)
    begin = own.get_state()
    curves = Curves(CURVES, config.iterations, cvae.count)
    size = group or models_that_fit(shape, config, rows.device)
    groups = math.ceil(cvae.count / size)
    with Workers() as workers:
        for index in range(groups):
            own.set_state(begin)  # each group draws for all models and takes its own: the same as one group
            part = slice(index * size, min((index + 1) * size, cvae.count))
            training = _Training(part, cvae, rows, held_out, config, curves, workers)
            draws = [Draws.create(cvae.count, shape, config.batch, rows.device) for _ in range(training.draws_ahead)]

            def draw(into: Draws) -> None:
                into.draw(len(rows), members, own)

            def report(step: int, before: int = index * config.iterations) -> None:
                progress(before + step, groups * config.iterations)

            saved = Checkpoint(folder / CHECKPOINTS.replace("*", str(index)), training.tensors(), {}, own)
            _train_group(training, draws, draw, own, saved, config.iterations, report)
            cvae.flat[part] = training.result()
    return Trained(cvae, curves)


def _train_group(
    training: "_Training",
    draws: list[Draws],
    draw: Callable[[Draws], None],
    generator: torch.Generator,
    saved: Checkpoint,
    iterations: int,
    report: Callable[[int], None],
) -> None:
    """All steps of a group. The numbers of the next step are drawn while the workers compute this one."""
    step = saved.restore()
    training.begin(step, draws)
    drawn_from = generator.get_state()
    draw(draws[step % len(draws)])
    while step < iterations and not training.all_stopped:
        own = draws[step % len(draws)]
        wait = training.start_step(step, own)
        step += 1
        drawn_from = generator.get_state()
        draw(draws[step % len(draws)])
        wait()
        saved.save_if_due(step, drawn_from)
        if step % _REPORT_EVERY == 0 or step == iterations:
            report(step)
    generator.set_state(drawn_from)
    saved.save(step, drawn_from)


class _Training:
    """Some of the models in training: weights, gradients, moments, buffers, and one step of them all."""

    def __init__(
        self,
        part: slice,
        cvae: StackedCvae,
        rows: Tensor,
        held_out: Tensor | None,
        config: RewardConfig,
        curves: Curves,
        workers: Workers,
    ) -> None:
        """part: which of the fresh models `cvae`.   held_out: rows of each class that no batch holds, [K, B]."""
        device, shape = rows.device, cvae.shape
        self._part, self._rows, self._config, self._curves, self._workers = part, rows, config, curves, workers
        self._held_out = None if held_out is None else held_out[part]
        self._cvae = StackedCvae(cvae.flat[part].to(device, copy=True), shape)
        self._moments = [torch.zeros_like(self._cvae.flat) for _ in range(2)]
        # Each model as it was when its held-out rows last fared well.
        self._kept = self._cvae.flat if config.stop_gap is None else self._cvae.flat.clone()
        self._stopped = torch.zeros(self._cvae.count, dtype=torch.bool, device=device)
        size = block_size(shape, config) if device.type == "cpu" else self._cvae.count
        self._blocks = [slice(first, min(first + size, self._cvae.count)) for first in range(0, self._cvae.count, size)]
        self._models = [self._cvae.range(block) for block in self._blocks]
        self._adams = [self._adam(block) for block in self._blocks]
        widths = {block.stop - block.start for block in self._blocks}
        threads = min(workers.count, len(self._blocks))
        self._passes = [{width: Pass(width, shape, config, device) for width in widths} for _ in range(threads)]
        self._step_on_gpu: Callable[[], None] | None = None
        self.draws_ahead = 2 if device.type == "cpu" else 1  # a GPU works through its queue in order

    def _adam(self, block: slice) -> Adam:
        weights, first, second = ([tensor[block]] for tensor in (self._cvae.flat, *self._moments))
        return Adam(weights, first, second, self._config.learning_rate)

    def tensors(self) -> dict[str, Tensor]:
        """What a checkpoint keeps."""
        first, second = self._moments
        own = {"weights": self._cvae.flat, "first": first, "second": second, "stopped": self._stopped}
        if self._config.stop_gap is not None:
            own["kept"] = self._kept
        return own | {f"curves.{name}": part for name, part in self._curves.parts.items()}

    def begin(self, step: int, draws: list[Draws]) -> None:
        """Goes on after `step` steps, with these buffers of random numbers."""
        for adam in self._adams:
            adam.set_steps(step)
        if self._rows.is_cuda:
            state = [self._cvae.flat, *self._moments, *(count for adam in self._adams for count in adam.steps)]
            self._step_on_gpu = captured(lambda: self._step(0, 0, draws[0]), state, self._rows.device)

    def start_step(self, step: int, draws: Draws) -> Callable[[], None]:
        """Begins a step of all models, and notes its losses where that is due; call the result to wait for its end."""
        noted = step if self._curves.due(step) else None
        if self._step_on_gpu is not None and noted is None:
            self._step_on_gpu()
        elif len(self._blocks) > 1:
            work = partial(self._step, draws=draws, noted=noted)
            return self._workers.start(work, range(len(self._blocks)))
        else:
            self._step(0, 0, draws, noted)
        return nothing_to_wait_for

    def _step(self, index: int, worker: int, draws: Draws, noted: int | None = None) -> None:
        """One step of a block's models.   noted: the number of the step, if its losses are to be noted."""
        block, cvae = self._blocks[index], self._models[index]
        own = slice(self._part.start + block.start, self._part.start + block.stop)
        one, noise = self._passes[worker][block.stop - block.start], draws.noise[own]
        one.read(self._rows, draws.rows[own])
        one.forward(cvae, noise)
        if noted is not None:
            self._note(noted, index, one)
        one.backward(cvae, noise)
        self._adams[index].step([one.gradient.flat])

    def _note(self, step: int, index: int, one: Pass) -> None:
        """Notes the losses of a block's pass, and stops the models that know their rows by heart."""
        block, losses = self._blocks[index], one.losses()
        if self._held_out is not None:
            _, log_std = self._models[index].encode(self._rows[self._held_out[block]])
            losses["held_out_sigma"] = log_std.exp().mean(dim=(1, 2))
            self._stop(block, losses["sigma"], losses["held_out_sigma"])
        self._curves.note(step, self._part.start + block.start, losses)

    def _stop(self, block: slice, sigma: Tensor, held_out_sigma: Tensor) -> None:
        if self._config.stop_gap is not None:
            self._stopped[block] |= held_out_sigma > self._config.stop_gap * sigma
            going = ~self._stopped[block, None]
            self._kept[block] = torch.where(going, self._cvae.flat[block], self._kept[block])

    @property
    def all_stopped(self) -> bool:
        """Whether no model is worth another step."""
        return self._config.stop_gap is not None and bool(self._stopped.all())

    def result(self) -> Tensor:
        """The trained models' parameters, [k, P], on the CPU."""
        return torch.where(self._stopped[:, None], self._kept, self._cvae.flat).cpu()


def block_size(shape: CvaeShape, config: RewardConfig) -> int:
    """How many models a CPU core steps at a time."""
    return max(1, _BLOCK_FLOATS // (2 * config.batch * 4 * shape.hidden))


def models_that_fit(shape: CvaeShape, config: RewardConfig, device: torch.device) -> int:
    """How many models may be trained together; on the CPU, whole blocks of them."""
    parameters = 5 * shape.parameters  # weights, gradient, moments, kept
    if device.type == "cpu":
        block = block_size(shape, config)
        return max(1, free_memory(device) // (4 * parameters * block)) * block
    buffers = 2 * config.batch * (12 * shape.hidden + 20 * shape.latent_size + 2 * shape.observation_size)
    return max(1, free_memory(device) // (4 * (parameters + buffers)))
