"""Twelve smoke runs on Ray, by one worker and by two of which one is killed: the same bytes, and what two cores gain.

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

from timing import record

from skills.data import sources
from skills.files import sha256
from skills.runs.layout import Layout, runs_in

COMMAND = [sys.executable, "-m", "skills.cli.app"]
GRID = "datasets: {dataset}\nmethods: {{clue: , bc: {{learner: bc}}}}\nseeds: {seeds}\npreset: smoke\n"
ROWS = 12_000  # of the preset smoke


def main(dataset: str = "hopper-medium", seeds: str = "6") -> None:
    """Measures, prints and records."""
    sources.load(dataset, steps=ROWS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        grid = folder / "grid.yaml"
        grid.write_text(GRID.format(dataset=dataset, seeds=seeds))
        one, _ = swept(grid, folder / "one", 1, killing=False)
        two, lost = swept(grid, folder / "two", 2, killing=True)
        runs = runs_in(folder / "two")
        same = sum(contents(run) == contents(folder / "one" / run.name) for run in runs)
        alone = folder / "alone"
        subprocess.run(
            [*COMMAND, "discover", dataset, "--preset", "smoke", "--no-videos", "-q", "--run", str(alone)], check=True
        )
        same_alone = contents(folder / "two" / f"{dataset}-clue-1") == contents(alone)
        lines = [
            f"(python bench/sweep.py {dataset} {seeds})",
            f"{len(runs)} runs by one worker {one:.0f} s; by two, one killed, {two:.0f} s: {one / two:.2f} times",
            f"begun again after the kill: {lost}",
            f"runs with the same bytes by one worker and by two: {same} of {len(runs)}",
            f"{dataset}-clue-1 has the bytes of `skills discover` alone: {same_alone}",
        ]
    record("sweep", "\n".join(lines))


def swept(grid: Path, out: Path, workers: int, *, killing: bool) -> tuple[float, int]:
    """(seconds of a sweep, how many runs were begun again).   killing: a worker, once the first run is finished."""
    start = time.perf_counter()
    command = [*COMMAND, "sweep", str(grid), "--out", str(out), "--workers", str(workers)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as sweep:
        assert sweep.stderr is not None
        lost = 0
        for line in sweep.stderr:
            lost += "again: its process died" in line
            if killing and ": done" in line:
                os.kill(a_worker(), signal.SIGKILL)
                killing = False
    if sweep.returncode:
        raise SystemExit(f"the sweep ended with {sweep.returncode}")
    return time.perf_counter() - start, lost


def a_worker() -> int:
    """The process of one that is at work."""
    while True:
        listed = subprocess.run(["ps", "-A", "-o", "pid=,args="], capture_output=True, text=True, check=True).stdout
        lines = [line.split(None, 1) for line in listed.splitlines()]
        found = [int(pid) for pid, words in lines if words.startswith("ray::_do")]
        if found:
            return found[0]


def contents(run: Path) -> dict[str, str]:
    """The digest of each file of a run's stages."""
    layout = Layout(run)
    files = [layout.experts_file, layout.rollouts_file, layout.measures_file]
    files += [path for folder in (layout.rewards_folder, layout.policy_folder) for path in folder.iterdir()]
    return {path.relative_to(run).as_posix(): sha256(path) for path in files}


if __name__ == "__main__":
    main(*sys.argv[1:])
