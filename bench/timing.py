"""What the benchmarks share: the least disturbed time, the matrix peak, random data, a record of where and when; and
the command line of those that are of runs.
"""

import argparse
import os
import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from skills.data.transitions import Transitions
from skills.runs.folder import RunFolder, find

ON_ONE_CORE = torch.get_num_threads() == 1
# With OMP_NUM_THREADS=1 the time is the processor's: comparable on a busy machine, where a clock on the wall is not.
clock = time.process_time if ON_ONE_CORE else time.perf_counter
RESULTS = Path(__file__).parent / "results"


def best(work: Callable[[], object], rounds: int = 5, window: float = 0.0) -> float:
    """Seconds of one call: the fastest of some rounds, each of calls for `window` seconds, after a warm-up.

    Compare only times of the same window: a shorter one is likelier to fall into an undisturbed moment.
    """
    work()
    return min(_round(work, window) for _ in range(rounds))


def _round(work: Callable[[], object], window: float) -> float:
    start, calls, seconds = clock(), 0, 0.0
    while calls == 0 or seconds < window:
        work()
        calls, seconds = calls + 1, clock() - start
    return seconds / calls


def in_turn(*measurements: Callable[[], float], turns: int = 3) -> list[float]:
    """The least that each gives over some turns: a slow minute of the machine hits all of a turn."""
    return [min(found) for found in zip(*([measure() for measure in measurements] for _ in range(turns)), strict=True)]


def matrix_peak(window: float = 0.0) -> float:
    """Floating-point operations a second of a large float32 matrix product, on torch's threads; see `best`."""
    size = 1024
    one, other, product = torch.randn(size, size), torch.randn(size, size), torch.empty(size, size)
    return 2 * size**3 / best(lambda: torch.mm(one, other, out=product), rounds=8, window=window)


def random_transitions(total: int, observation_size: int, action_size: int) -> Transitions:
    """Rows of noise, in episodes of a thousand."""
    generator = np.random.default_rng(0)
    observations = generator.standard_normal((total, observation_size), np.float32)
    actions = generator.uniform(-0.99, 0.99, (total, action_size)).astype(np.float32)
    return Transitions(
        "random", "test/random-v0", "Ant-v5", True, observations, actions, observations,
        np.zeros(total, np.float32), np.zeros(total, bool), np.arange(0, total, 1000),
    )  # fmt: skip


def machine() -> str:
    """Hardware, versions, load and date, for the head of a result."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    name = next((line.split(": ")[1] for line in lines if line.startswith("model name")), platform.processor())
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {name}, {torch.get_num_threads()} threads of {os.cpu_count()} cores, "
        f"torch {torch.__version__}, load average {load} (idle would be below 1), "
        f"{'processor' if ON_ONE_CORE else 'wall'} time"
    )


def record(name: str, text: str) -> None:
    """Prints a result and writes it to bench/results."""
    whole = f"{machine()}\n{text}\n"
    print(whole)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.txt").write_text(whole, encoding="utf-8")


def parser_of(about: str | None) -> argparse.ArgumentParser:
    """A command line that is explained by a benchmark's own words."""
    return argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)


def record_runs(name: str, about: str | None, title: str, table: Callable[[RunFolder], list[str]]) -> None:
    """Prints and records the lines about each run that the command line names."""
    parser = parser_of(about)
    parser.add_argument("runs", nargs="+", metavar="RUN")
    names = parser.parse_args().runs
    lines = [f"{title} (python bench/{name}.py {' '.join(names)})"]
    for run in names:
        lines += table(find(run))
    record(name, "\n".join(lines))
