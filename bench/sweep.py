"""Twelve smoke runs alone, on Ray by one worker, and by two of which one is killed in the middle: the same bytes, and
what two cores gain.

    python bench/sweep.py [DATASET] [SEEDS]     (hopper-medium 6)

Needs the `ray` extra. The runs go into a temporary folder; the dataset is made before anything is timed.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # as a worker of one core has it, so that the run alone has the same bytes
os.environ.setdefault("RAY_worker_niceness", "0")  # Ray's own 15 would measure who else is at work

from timing import record

from skills.data import sources
from skills.files import sha256
from skills.runs.layout import Layout, runs_in

COMMAND = [sys.executable, "-m", "skills.cli.app"]
METHODS: dict[str, list[str]] = {"clue": [], "bc": ["--learner", "bc"]}
GRID = "datasets: {dataset}\nmethods: {{clue: , bc: {{learner: bc}}}}\nseeds: {seeds}\npreset: smoke\n"
ROWS = 12_000  # of the preset smoke


def main(dataset: str = "hopper-medium", seeds: str = "6") -> None:
    """Measures, prints and records."""
    sources.load(dataset, steps=ROWS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        grid = folder / "grid.yaml"
        grid.write_text(GRID.format(dataset=dataset, seeds=seeds))
        alone = by_itself(dataset, int(seeds), folder / "alone")
        one, _ = swept(grid, folder / "one", 1)
        two, lost = swept(grid, folder / "two", 2, kill_after=int(seeds))
        runs = runs_in(folder / "two")
        same = [sum(contents(run) == contents(folder / other / run.name) for run in runs) for other in ("one", "alone")]
        lines = [
            f"(python bench/sweep.py {dataset} {seeds}; seconds here are of the clock)",
            f"{len(runs)} runs by one worker {one:.0f} s; by two, one killed, {two:.0f} s: {one / two:.2f} times",
            f"each by a `skills discover` of its own, one after the other: {alone:.0f} s",
            f"begun again after the kill: {lost}",
            f"runs with the same bytes by one worker and by two: {same[0]} of {len(runs)}",
            f"runs with the same bytes alone and by two: {same[1]} of {len(runs)}",
        ]
    record("sweep", "\n".join(lines))


def by_itself(dataset: str, seeds: int, out: Path) -> float:
    """Seconds that the runs of the grid take as processes of their own, one after the other."""
    start = time.perf_counter()
    for method, options in METHODS.items():
        for seed in range(1, seeds + 1):
            asked = [
                "--preset",
                "smoke",
                "--seed",
                str(seed),
                *options,
                "--run",
                str(out / f"{dataset}-{method}-{seed}"),
            ]
            subprocess.run(
                [*COMMAND, "discover", dataset, *asked, "--no-videos", "-q"], check=True, capture_output=True
            )
    return time.perf_counter() - start


def swept(grid: Path, out: Path, workers: int, *, kill_after: int = 0) -> tuple[float, int]:
    """(seconds of a sweep, how many runs were begun again).   kill_after: so many runs, a worker; 0: none."""
    start = time.perf_counter()
    command = [*COMMAND, "sweep", str(grid), "--out", str(out), "--workers", str(workers)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as sweep:
        assert sweep.stderr is not None
        lost = done = 0
        said: list[str] = []
        for line in sweep.stderr:
            said.append(line)
            lost += "again: its process died" in line
            done += ": done" in line
            if kill_after and done == kill_after:
                os.kill(a_worker(sweep.pid), signal.SIGKILL)
                kill_after = 0
    if sweep.returncode:
        raise SystemExit(f"the sweep ended with {sweep.returncode}:\n{''.join(said)}")
    return time.perf_counter() - start, lost


def a_worker(sweep: int) -> int:
    """The process of one that is at work for a sweep."""
    while True:
        command = ["ps", "-A", "-o", "pid=,ppid=,args="]
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        lines = [line.split(None, 2) for line in listed.splitlines()]
        parents = {int(pid): int(parent) for pid, parent, _ in lines}
        for pid, _, words in lines:
            above = int(pid)
            while above in parents and above != sweep:
                above = parents[above]
            if words.startswith("ray::_do") and above == sweep:
                return int(pid)
        time.sleep(0.02)


def contents(run: Path) -> dict[str, str]:
    """The digest of each file of a run's stages."""
    layout = Layout(run)
    files = [layout.experts_file, layout.rollouts_file, layout.measures_file]
    files += [path for folder in (layout.rewards_folder, layout.policy_folder) for path in folder.glob("*")]
    return {path.relative_to(run).as_posix(): sha256(path) for path in files}


if __name__ == "__main__":
    main(*sys.argv[1:])
