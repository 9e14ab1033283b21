"""How time and memory grow with the number of rows and of skills.

    python bench/scale.py [LARGEST_N] [LARGEST_K]

N from 1e5 (or less) to LARGEST_N rows at 25 skills, and K from 10 to LARGEST_K skills at the smallest N: seconds of
labelling, ms of a CVAE step and of an IQL step, and peak memory, each point in a process of its own. Prints a table and
draws bench/results/scale.svg (needs the `bench` extra). Memory may grow with N x (O + A), the data itself, never with
N x K.
"""

import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # before torch starts its threads, as the command line does

import numpy as np
import torch
from timing import RESULTS, random_transitions, record

from skills.learning.classes import Classes
from skills.learning.learners.iql import Iql
from skills.learning.matrix import Rewards
from skills.learning.rewards.clue import Clue
from skills.progress import Progress

OBSERVATION, ACTION = 27, 8
CVAE_STEPS, IQL_STEPS = 20, 60
SKILLS_AT_N = 25


def point(total: int, count: int) -> dict[str, float]:
    """Times and memory of one size, on random data of that size."""
    data = random_transitions(total, OBSERVATION, ACTION)
    labels = (np.arange(total) % count).astype(np.int32)
    nothing = np.zeros(0, np.float32)
    classes = Classes(labels, np.zeros((count, 1), np.float32), np.zeros(0, np.int64), nothing, nothing)
    marks: dict[str, list[tuple[int, float]]] = {}

    def reporter(task: str, unit: str) -> Progress:
        noted = marks.setdefault(task.split()[0], [])
        noted.append((0, time.perf_counter()))
        return lambda done, all_of_it: noted.append((done, time.perf_counter()))

    device = torch.device("cpu")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        Clue(iterations=CVAE_STEPS).make(
            data,
            classes,
            device,
            torch.Generator().manual_seed(0),
            folder,
            reporter,
        )
        training = marks.pop("training")
        Iql(steps=IQL_STEPS).train(
            data, classes, Rewards.open(folder, total), device,
            torch.Generator().manual_seed(0), folder, reporter,
        )  # fmt: skip
    return {
        "label_s": marks["labelling"][-1][1] - marks["labelling"][0][1],
        "cvae_step_ms": _rate(training) * 1e3,
        "iql_step_ms": _rate(marks["training"]) * 1e3,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "data_gb": total * (2 * OBSERVATION + ACTION) * 4 / 2**30,
    }


def _rate(noted: list[tuple[int, float]]) -> float:
    """Seconds a step, of the fastest stretch between two reports; the first holds the start."""
    pairs = itertools.pairwise(noted[1:])
    return min((after - before) / (done - was) for (was, before), (done, after) in pairs)


def in_its_own_process(total: int, count: int) -> dict[str, float]:
    """`point`, with a peak memory of its own."""
    command = [sys.executable, __file__, "--point", str(total), str(count)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return found


def draw(by_rows: dict[int, dict[str, float]], by_skills: dict[int, dict[str, float]]) -> None:
    """scale.svg: four panels a row of sizes, on logarithmic axes with a line of slope one."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    panels = ("label_s", "cvae_step_ms", "iql_step_ms", "peak_gb")
    figure, axes = plt.subplots(2, len(panels), figsize=(14, 6), layout="constrained")
    for row, (sizes, title) in zip(axes, ((by_rows, "rows N"), (by_skills, "skills K")), strict=True):
        for axis, name in zip(row, panels, strict=True):
            x, y = list(sizes), [one[name] for one in sizes.values()]
            axis.loglog(x, y, "o-", label="measured")
            axis.loglog(x, [y[0] * value / x[0] for value in x], ":", color="grey", label="linear")
            axis.set(xlabel=title, ylabel=name.replace("_", ", "))
    axes[0, 0].legend()
    RESULTS.mkdir(exist_ok=True)
    figure.savefig(RESULTS / "scale.svg", metadata={"Date": None})


def main(largest_rows: int = 10_000_000, largest_skills: int = 400) -> None:
    """Measures, prints, draws and records."""
    smallest = min(100_000, largest_rows)
    rows = [smallest * 10**power for power in range(8) if smallest * 10**power <= largest_rows]
    skills = [count for count in (10, 25, 50, 100, 200, 400) if count <= largest_skills]
    by_rows = {total: in_its_own_process(total, SKILLS_AT_N) for total in rows}
    by_skills = {count: in_its_own_process(smallest, count) for count in skills}
    names = list(by_rows[smallest])
    lines = [
        f"(python bench/scale.py {largest_rows} {largest_skills})",
        "         N    K " + " ".join(f"{n:>13}" for n in names),
    ]
    table = [(total, SKILLS_AT_N, one) for total, one in by_rows.items()]
    table += [(smallest, count, one) for count, one in by_skills.items()]
    lines += [f"{total:>10} {count:>4} " + " ".join(f"{one[n]:13.3f}" for n in names) for total, count, one in table]
    record("scale", "\n".join(lines))
    draw(by_rows, by_skills)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--point"]:
        print(json.dumps(point(*map(int, sys.argv[2:4]))))
    else:
        main(*(int(float(value)) for value in sys.argv[1:3]))
