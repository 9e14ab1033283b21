"""Training steps on a GPU: captured as one graph, plain, compiled, in TF32, by JAX where it is there. `gpu.sh` runs it.

    python bench/gpu.py CASE LINES [K] [--seconds S] [--rivals]
    python bench/gpu.py table LINES

A case appends a line of JSON for each way to take its step to the file LINES, as soon as it is measured; `table` prints
them all. A step is a whole one: the draw of a batch, the losses of K skills, their gradients, Adam. Sizes are the
paper's, with Ant's 27 + 8 inputs and 200,000 rows of noise. On a CPU, with fewer, only the plain step is measured.
"""

import argparse
import importlib.util
import json
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from timing import best, machine, random_transitions
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from skills.data.transitions import Transitions
from skills.learning.actors import Actors
from skills.learning.batches import Batches
from skills.learning.cvae.model import CvaeShape, StackedCvae, losses
from skills.learning.cvae.training import CvaeDraws
from skills.learning.draws import draws_of
from skills.learning.engine.device import captured, choose_device, generator_on
from skills.learning.engine.optimiser import adam, descend, state_of
from skills.learning.engine.stacked import with_ones
from skills.learning.engine.workers import Workers, nothing_to_wait_for
from skills.learning.experience import experience
from skills.learning.learners.iql import Iql, IqlNetworks
from skills.learning.learners.reach import Reach
from skills.learning.matrix import Rewards
from skills.learning.policy import Shape
from skills.learning.rewards.clue import Clue
from skills.learning.rows import Members
from skills.learning.values import Values

DEVICE = torch.device(choose_device("auto"))
OBSERVATION, ACTION, ROWS = 27, 8, 200_000 if DEVICE.type == "cuda" else 2000
RIVALS = ("cvae", "iql", "one", "independent")  # which JAX is measured beside
STEPS = 20  # of a measured call: the device is waited for once
Step = Callable[[], None]


@dataclass(frozen=True)
class Case:
    """A training.   draw: makes ready for a step.   step: takes it.   state: what it changes.   paper: steps there."""

    draw: Step
    step: Step
    state: list[Tensor]
    paper: int


def cvae(count: int) -> Case:
    """All CVAEs, on drawn rows."""
    config, generator = Clue(), torch.Generator().manual_seed(0)
    shape = CvaeShape(OBSERVATION, ACTION, config.hidden)
    rows = with_ones(torch.randn(ROWS, OBSERVATION + ACTION, generator=generator).clamp(-1, 1)).to(DEVICE)
    members = Members(torch.randperm(ROWS, generator=generator), torch.linspace(0, ROWS, count + 1).long()).to(DEVICE)
    models = StackedCvae.create(count, shape, generator).to(DEVICE).to_learn()
    optimizer, own = adam(models.layers, config.learning_rate), generator_on(DEVICE, generator)
    draws = CvaeDraws.create(count, shape, config.batch, DEVICE)

    def step() -> None:
        descend(optimizer, losses(models, rows[draws.rows], draws.noise, config)["total"].sum())

    state = [*models.tensors().values(), *state_of(optimizer, "adam").values()]
    return Case(partial(draws.draw, ROWS, members, own), step, state, config.iterations)


def iql(count: int, independent: bool = False) -> Case:
    """IQL of all skills."""
    config, generator = Iql(), torch.Generator().manual_seed(0)
    transitions, rewards = _data(count)
    shape = Shape(OBSERVATION, ACTION, count, config.hidden, config.depth, trunks=count if independent else 1)
    learner = IqlNetworks(shape, config, generator, DEVICE)
    mean, std = map(torch.from_numpy, transitions.scaling)
    batches = Batches(transitions, rewards, config, mean, std, generator_on(DEVICE, generator), DEVICE)

    taken = [0]  # which buffer: always the one there is, on a GPU

    def draw() -> None:
        taken[0], _ = batches.take()
        learner.set_step(0)

    def step() -> None:
        learner.update(batches.buffers[taken[0]])

    return Case(draw, step, list(learner.tensors().values()), config.steps)


def values(count: int) -> Case:
    """V of `reach`."""
    config, generator = Reach(), torch.Generator().manual_seed(0)
    transitions, rewards = _data(count)
    scaling = torch.zeros(OBSERVATION), torch.ones(OBSERVATION)
    seen = experience(transitions, rewards, scaling, 10, config.discount, config.reward_shift, DEVICE)
    learner, own = Values(seen, config, generator, DEVICE), generator_on(DEVICE, generator)

    def draw() -> None:
        learner.draw(own)
        learner.set_step(0)

    return Case(draw, learner.update, list(learner.tensors().values()), config.value_steps)


def policies(count: int) -> Case:
    """The policies of `reach` and `bc`, a network each."""
    config, generator = Reach(), torch.Generator().manual_seed(0)
    transitions, _ = _data(count)
    draws = draws_of(np.arange(ROWS), np.linspace(0, ROWS, count + 1).astype(np.int64), ROWS, DEVICE)
    states = with_ones(torch.from_numpy(transitions.observations)).to(DEVICE)
    actions, own = torch.from_numpy(transitions.actions).to(DEVICE), generator_on(DEVICE, generator)
    actors = Actors(states, actions, count, config, generator, Workers(1))

    def draw() -> None:
        actors.draw(draws, own)
        actors.set_step(0)

    return Case(draw, actors.update, list(actors.tensors().values()), config.steps)


def _data(count: int) -> tuple[Transitions, Rewards]:
    labels = np.random.default_rng(0).random((ROWS, count), np.float32).astype(np.float16)
    return random_transitions(ROWS, OBSERVATION, ACTION), Rewards(labels, np.ones(count, np.float32))


CASES: dict[str, tuple[str, Callable[[int], Case]]] = {
    "cvae": ("{} CVAEs", cvae),
    "iql": ("IQL, {} skills", iql),
    "one": ("IQL, 1 skill", lambda count: iql(1)),
    "independent": ("IQL, {} networks", partial(iql, independent=True)),
    "values": ("reach, values of {}", values),
    "policies": ("reach, {} policies", policies),
}


def ways(name: str, count: int, case: Case, window: float, rivals: bool) -> Iterator[tuple[str, Callable[[], float]]]:
    """(how a step is taken, what measures its milliseconds)."""

    def of(wrap: Callable[[Step], Step], precision: str = "highest") -> float:
        torch.set_float32_matmul_precision(precision)
        return milliseconds(case.draw, wrap(case.step), window)

    def as_graph(step: Step) -> Step:
        return captured(step, case.state, DEVICE)

    on_gpu = DEVICE.type == "cuda"
    if not rivals:
        yield "plain", lambda: of(lambda step: step)
        if on_gpu:
            yield "captured", lambda: of(as_graph)
            yield "captured, TF32", lambda: of(as_graph, "high")
        return
    if name in RIVALS and importlib.util.find_spec("jax"):
        import gpu_jax

        yield "JAX", partial(gpu_jax.milliseconds, name, count, "highest", window)
        if on_gpu:
            yield "JAX, TF32", partial(gpu_jax.milliseconds, name, count, "tensorfloat32", window)
    if on_gpu:
        yield "compiled", lambda: of(torch.compile)
        yield "compiled, captured", lambda: of(lambda step: as_graph(torch.compile(step)))


def milliseconds(draw: Callable[[], object], step: Callable[[], object], window: float) -> float:
    """Of a whole step."""

    def some() -> None:
        for _ in range(STEPS):
            draw()
            step()
        if DEVICE.type == "cuda":
            torch.cuda.synchronize()

    return 1e3 * best(some, rounds=4, window=window) / STEPS


def operations(case: Case) -> int:
    """Floating-point operations of a step's matrix products."""
    case.draw()
    with FlopCounterMode(display=False) as counter:
        case.step()
    return int(counter.get_total_flops())


def measure(name: str, lines: Path, count: int, window: float, rivals: bool) -> None:
    """Appends a line for each way."""
    said, case = CASES[name][0].format(count), CASES[name][1](count)
    known = {"case": said, "paper": case.paper, "operations": operations(case)}
    for way, work in ways(name, count, case, window, rivals):
        line = {**known, "way": way}
        try:
            line["ms"] = work()
        except Exception as error:  # noqa: BLE001  # one way that fails must not cost the others
            traceback.print_exc()
            line["error"] = f"{type(error).__name__}: {error}".splitlines()[0]
        append(lines, line)


def measure_machine(lines: Path) -> None:
    """Appends the device, and what its matrix products and copies reach."""
    line: dict[str, object] = {"machine": machine()}
    if DEVICE.type == "cuda":
        line["device"] = torch.cuda.get_device_name()
        one, other = torch.randn(2, 8192, 8192, device=DEVICE)
        product = torch.empty_like(one)
        for precision, name in (("highest", "float32"), ("high", "TF32")):
            torch.set_float32_matmul_precision(precision)
            spent = milliseconds(nothing_to_wait_for, lambda: torch.mm(one, other, out=product), 0.1)
            line[f"TFLOP/s {name}"] = 2 * 8192**3 / spent / 1e9
        bytes_moved = 2 * one.nbytes
        line["TB/s copied"] = bytes_moved / milliseconds(nothing_to_wait_for, lambda: product.copy_(one), 0.1) / 1e9
    append(lines, line)


def append(lines: Path, line: dict[str, object]) -> None:
    """Adds a line to the file, and prints it."""
    lines.parent.mkdir(parents=True, exist_ok=True)
    with lines.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    print(line, flush=True)


def table(lines: Path) -> str:
    """All lines as text."""
    found = [json.loads(text) for text in lines.read_text(encoding="utf-8").splitlines()]
    rows = [f"{'':24}{'':20}{'ms a step':>10}{'of plain':>10}{'TFLOP/s':>9}  paper's steps"]
    plain: dict[str, float] = {}
    cases = list(dict.fromkeys(line.get("case") for line in found))
    for line in sorted(found, key=lambda line: cases.index(line.get("case"))):
        if "machine" in line:
            rows[:0] = [f"{key}: {value if isinstance(value, str) else round(value, 1)}" for key, value in line.items()]
        elif "error" in line:
            rows.append(f"{line['case']:24}{line['way']:20}{line['error']}")
        else:
            spent = line["ms"]
            plain.setdefault(line["case"], spent)
            rows.append(
                f"{line['case']:24}{line['way']:20}{spent:10.3f}{plain[line['case']] / spent:9.1f}x"
                f"{line['operations'] / spent / 1e9:9.1f}  {line['paper']:,}: {line['paper'] * spent / 6e4:.1f} min"
            )
    return "\n".join(rows)


def main() -> None:
    """Measures a case, or prints the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("case", choices=["table", "machine", *CASES])
    parser.add_argument("lines", type=Path)
    parser.add_argument("skills", type=int, nargs="?", default=100)
    parser.add_argument("--seconds", type=float, default=0.3, help="of a round of calls")
    parser.add_argument("--rivals", action="store_true", help="measure the others: they take a minute to compile")
    given = parser.parse_args()
    if given.case == "table":
        print(table(given.lines))
    elif given.case == "machine":
        measure_machine(given.lines)
    else:
        measure(given.case, given.lines, given.skills, given.seconds, given.rivals)


if __name__ == "__main__":
    main()
