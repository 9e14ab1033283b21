"""Gradients written out against automatic ones, plain and compiled, of the same stacked networks, in one run.

    python bench/autograd.py [SECONDS] [TURNS]        (OMP_NUM_THREADS=1 for processor time, on a busy machine)

The other sides hold the same tensors and take the same step: a leaf for each layer's weights and biases, one loss of
all skills, `backward`, `torch.optim.Adam(fused=True)`; compiled, the losses go through `torch.compile`, which needs a
C++ compiler. Every side's first step is checked against the first's. The sides run in turn for windows of SECONDS.
Prints milliseconds of a step, and how often the written form is faster.
"""

import math
import os
import sys
from collections.abc import Callable, Sequence

os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # before torch starts its threads, as the command line does

import torch
from timing import best, in_turn, record
from torch import Tensor
from torch.nn.functional import mse_loss

from skills.learning.batches import Batch
from skills.learning.cvae.model import CvaeSettings, CvaeShape, Pass, StackedCvae, posterior
from skills.learning.cvae.training import block_size
from skills.learning.engine.stacked import Adam, StackedMlp
from skills.learning.engine.workers import Workers, beside
from skills.learning.learners.iql import Iql, Networks, expectile_loss
from skills.learning.policy import LOG_STD_RANGE, Shape

OBSERVATION, ACTION = 27, 8
IQL, CVAE = Iql(learning_rate=1e-3), CvaeSettings(learning_rate=1e-3)
CPU = torch.device("cpu")
_AUTOGRAD_BLOCK = 10  # CVAEs at a time; of 2, 5, 10, 25 and 50 the best on two cores, with 25
Step = Callable[[], object]
Layers = list[tuple[Tensor, Tensor]]


def leaves(mlp: StackedMlp) -> Layers:
    """(weights [K, in, out], biases [K, 1, out]) of each layer, copied."""
    return [(layer[:, :-1].clone().requires_grad_(), layer[:, -1:].clone().requires_grad_()) for layer in mlp.layers]


def parameters(*networks: Layers) -> list[Tensor]:
    """Their leaves."""
    return [tensor for layers in networks for pair in layers for tensor in pair]


def forward(layers: Layers, rows: Tensor) -> Tensor:
    """[K, B, in] -> [K, B, out]."""
    for index, (weight, bias) in enumerate(layers):
        rows = torch.baddbmm(bias, rows, weight)
        if index < len(layers) - 1:
            rows = rows.relu_()
    return rows


def adam(*groups: Sequence[Tensor]) -> torch.optim.Adam:
    """PyTorch's, fused."""
    return torch.optim.Adam([tensor for group in groups for tensor in group], lr=1e-3, fused=True)


class AutogradIql:
    """IQL with all heads on shared trunks, the twin Qs stacked; V steps first, then the actor and the Qs together."""

    def __init__(self, learner: Networks, compiled: bool) -> None:
        self.value, self.policy = leaves(learner.value.mlp), leaves(learner.policy.mlp)
        both = StackedMlp(torch.cat([q.mlp.flat for q in learner.q]), learner.q[0].mlp.sizes)
        self.q, self.target = leaves(both), [(w.detach(), b.detach()) for w, b in leaves(both)]
        self.log_std = learner.log_std.clone().requires_grad_()
        self.first, self.second = adam(parameters(self.value)), adam(parameters(self.policy, self.q), [self.log_std])
        wrap: Callable[..., Callable[..., Tensor]] = torch.compile if compiled else lambda work: work
        self._value_loss, self._other_losses = wrap(self.value_loss), wrap(self.other_losses)

    def advantage(self, batch: Batch) -> Tensor:
        with torch.no_grad():
            target = forward(self.target, batch.pairs[:, :-1].expand(2, -1, -1)).amin(dim=0)
        return target - forward(self.value, batch.states[None, :, :-1])[0]

    def value_loss(self, batch: Batch) -> tuple[Tensor, Tensor]:
        advantage = self.advantage(batch)
        return expectile_loss(advantage, IQL.expectile).mean(dim=0).sum(), advantage.detach()

    def other_losses(self, batch: Batch, advantage: Tensor) -> Tensor:
        with torch.no_grad():
            future = forward(self.value, batch.next_states[None, :, :-1])[0]
            goal = batch.rewards + IQL.discount * batch.continues * future
            weight = (IQL.inverse_temperature * advantage).exp().clamp(max=IQL.weight_limit)
        log_std = self.log_std.clamp(*LOG_STD_RANGE)
        mean = forward(self.policy, batch.states[None, :, :-1])[0].tanh().view(len(advantage), -1, ACTION)
        deviation = (batch.actions[:, None] - mean) * torch.exp(-log_std)
        density = (0.5 * deviation.square() + log_std).sum(dim=-1)
        q = forward(self.q, batch.pairs[:, :-1].expand(2, -1, -1))
        return (weight * density).mean(dim=0).sum() + (q - goal).square().mean(dim=1).sum()

    def update(self, batch: Batch) -> None:
        loss, advantage = self._value_loss(batch)
        self._step(self.first, loss)
        self._step(self.second, self._other_losses(batch, advantage))
        torch._foreach_lerp_(parameters(self.target), [w.detach() for w in parameters(self.q)], IQL.polyak)

    @staticmethod
    def _step(optimizer: torch.optim.Adam, loss: Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def iql_sides(count: int) -> tuple[list[Step], Callable[[], list[Tensor]]]:
    """Steps of `count` skills, and what each side's policy is by now."""
    shape = Shape(OBSERVATION, ACTION, count, IQL.hidden, IQL.depth)

    def written(helper: object = None) -> Networks:
        return Networks(shape, IQL, torch.Generator().manual_seed(0), CPU, helper)  # type: ignore[arg-type]

    batch = Batch.create(OBSERVATION, ACTION, count, IQL.batch, CPU)
    for tensor in (batch.pairs, batch.next_states, batch.rewards):
        tensor[:, : tensor.shape[1] - (tensor is not batch.rewards)].uniform_(-1, 1)
    batch.states[:, :-1] = batch.pairs[:, :OBSERVATION]
    ours, plain, compiled = written(), AutogradIql(written(), False), AutogradIql(written(), True)
    sides: list[Step] = [lambda: ours.update(batch), lambda: plain.update(batch), lambda: compiled.update(batch)]
    if torch.get_num_threads() > 1:
        context = beside(CPU)
        shared = written(context.__enter__())
        # `beside` halves torch's threads as long as it lasts; the other sides take all.
        torch.set_num_threads(2 * torch.get_num_threads())

        def in_two() -> None:
            torch.set_num_threads(torch.get_num_threads() // 2)
            shared.update(batch)
            torch.set_num_threads(2 * torch.get_num_threads())

        sides.insert(0, in_two)
    return sides, lambda: [ours.policy.mlp.layers[0][:, :-1], plain.policy[0][0], compiled.policy[0][0]]


class AutogradCvae:
    """A block of CVAEs, and its optimiser."""

    def __init__(self, cvae: StackedCvae, compiled: bool) -> None:
        self.encoder, self.decoder = leaves(cvae.encoder), leaves(cvae.decoder)
        self.adam = adam(parameters(self.encoder, self.decoder))
        self._loss = torch.compile(loss) if compiled else loss

    def step(self, rows: Tensor, noise: Tensor) -> None:
        self.adam.zero_grad(set_to_none=True)
        self._loss(self.encoder, self.decoder, rows, noise).backward()  # type: ignore[no-untyped-call]
        self.adam.step()


def loss(encoder: Layers, decoder: Layers, rows: Tensor, noise: Tensor) -> Tensor:
    """The sum over models of eq. 4, 5 and 7.   rows: (s, a), [K, 2B, O + A]."""
    mean, log_std = posterior(forward(encoder, rows))
    std = log_std.exp()
    decoded = forward(decoder, torch.cat([rows[..., :OBSERVATION], mean + std * noise], dim=-1)).tanh()
    squares = mean.square() + std.square()
    evidence = mse_loss(decoded, rows[..., OBSERVATION:]) + CVAE.kl_weight * (0.5 * (squares - 1.0) - log_std).mean()
    calibration = squares[:, CVAE.batch :].sum(dim=2).mean()
    return len(rows) * (evidence + CVAE.calibration * calibration)


def cvae_sides(count: int, workers: Workers) -> tuple[list[Step], Callable[[], list[Tensor]]]:
    """Steps of `count` models in blocks that the workers share, and what each side's encoders are by now."""
    shape = CvaeShape(OBSERVATION, ACTION, CVAE.hidden)
    size, larger = min(count, block_size(shape, CVAE)), min(count, _AUTOGRAD_BLOCK)
    table = torch.cat([torch.rand(20_000, OBSERVATION + ACTION) * 2 - 1, torch.ones(20_000, 1)], dim=1)
    bare = table[:, :-1].contiguous()
    drawn = torch.randint(len(table), (count, 2 * CVAE.batch))
    noise = torch.randn(count, 2 * CVAE.batch, shape.latent_size)
    blocks = [slice(first, first + size) for first in range(0, count, size)]
    larger_blocks = [slice(first, first + larger) for first in range(0, count, larger)]
    assert count % size == count % larger == 0, "blocks of one width"
    cvae = StackedCvae.create(count, shape, torch.Generator().manual_seed(0))
    parts = [cvae.range(block) for block in blocks]
    plain, compiled = ([AutogradCvae(cvae.range(block), how) for block in larger_blocks] for how in (False, True))
    passes = [Pass(size, shape, CVAE, CPU) for _ in range(workers.count)]
    adams = [Adam.create([part.flat], CVAE.learning_rate) for part in parts]

    def written(index: int, worker: int) -> None:
        one, block = passes[worker], blocks[index]
        one.read(table, drawn[block])
        one.forward(parts[index], noise[block])
        one.backward(parts[index], noise[block])
        adams[index].step([one.gradient.flat])

    def automatic(models: list[AutogradCvae]) -> Callable[[int, int], None]:
        return lambda index, worker: models[index].step(bare[drawn[larger_blocks[index]]], noise[larger_blocks[index]])

    def step_of(work: Callable[[int, int], None], pieces: int) -> Step:
        if pieces == 1 or workers.count == 1:
            return lambda: [work(index, 0) for index in range(pieces)]
        return lambda: workers.run(work, range(pieces))

    compiled[0].step(bare[drawn[larger_blocks[0]]], noise[larger_blocks[0]])  # compiles, before threads would
    compiled[0] = AutogradCvae(cvae.range(larger_blocks[0]), True)
    sides = [
        step_of(written, len(blocks)),
        *(step_of(automatic(models), len(larger_blocks)) for models in (plain, compiled)),
    ]
    return sides, lambda: [cvae.encoder.layers[0][:larger, :-1], plain[0].encoder[0][0], compiled[0].encoder[0][0]]


def row(name: str, sides: list[Step], now: Callable[[], list[Tensor]], window: float, turns: int) -> str:
    """A line of the table, after a check that the sides' first steps agree."""
    for side in sides:
        side()
    for other in now()[1:]:
        torch.testing.assert_close(now()[0], other, atol=2e-5, rtol=1e-3)
    times = in_turn(*(lambda side=side: best(side, rounds=3, window=window) for side in sides), turns=turns)
    *shared, written, plain, compiled = times
    two = f"{shared[0] * 1e3:8.2f}" if shared else " " * 8
    base = min(shared[0] if shared else math.inf, written)
    return (
        f"{name:12}{two}{written * 1e3:10.2f}{plain * 1e3:10.2f}{compiled * 1e3:10.2f}"
        f"{plain / base:12.2f}{compiled / base:10.2f}"
    )


def main(window: float = 0.3, turns: int = 4) -> None:
    """Measures, prints and records."""
    rows = [f"{'ms a step':12}{'2 tasks':>8}{'written':>10}{'autograd':>10}{'compiled':>10}{'ratio':>12}{'ratio':>10}"]
    for count in (1, 100):
        rows.append(row(f"IQL  {count:4}", *iql_sides(count), window, turns))
    for count in (1, 100):
        with Workers() as workers:
            rows.append(row(f"CVAE {count:4}", *cvae_sides(count, workers), window, turns))
    command = f"python bench/autograd.py {window} {turns}"
    record("autograd", f"A step, {OBSERVATION} + {ACTION} inputs ({command})\n" + "\n".join(rows))


if __name__ == "__main__":
    main(*map(float, sys.argv[1:2]), *map(int, sys.argv[2:3]))
