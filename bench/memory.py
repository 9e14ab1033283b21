"""Memory and time of reading a Minari dataset, at growing sizes.

    python bench/memory.py [rows ...]     (100000 1000000 10000000)

For each size: writes a set of Hopper's columns in a temporary folder (episodes of 1,000 steps; 17 MB for 100,000 rows),
reads it in a process of its own, takes its digest and its scaling, and prints what that process took at most.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

import gymnasium
import numpy as np
from gymnasium.spaces import Box
from minari.data_collector import EpisodeBuffer

from skills.data import minari, store

_EPISODE = 1000
_NAME = "bench/hopper-v0"


def episodes(rows: int) -> Iterator[EpisodeBuffer]:
    generator = np.random.default_rng(0)
    ends = np.zeros(_EPISODE, bool)
    for _ in range(rows // _EPISODE):
        yield EpisodeBuffer(
            observations=generator.standard_normal((_EPISODE + 1, 11), dtype=np.float32),
            actions=generator.uniform(-1, 1, (_EPISODE, 3)).astype(np.float32),
            rewards=generator.standard_normal(_EPISODE, dtype=np.float32),
            terminations=ends,
            truncations=np.roll(~ends & (np.arange(_EPISODE) == 0), -1),
        )


def write(rows: int) -> None:
    description = store.Description(
        Box(-np.inf, np.inf, (11,)), Box(-1.0, 1.0, (3,)), gymnasium.spec("Hopper-v5"), "noise", "For bench/memory.py."
    )
    store.write(_NAME, description, episodes(rows))


def measure() -> None:
    """Reads the set; prints rows, seconds and bytes at most, before and after."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    data = minari.load(_NAME, _NAME, steps=None, columns="motion")
    seconds = time.perf_counter() - start
    data.digest  # noqa: B018  (computing it is the point)
    data.scaling  # noqa: B018
    print(len(data), f"{seconds:.1f}", before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def main() -> None:
    print(f"{'rows':>12}  {'reading':>9}  {'most memory':>12}  {'of it Python and its libraries':>30}  bytes a row")
    for rows in [int(argument) for argument in sys.argv[1:]] or [100_000, 1_000_000, 10_000_000]:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["MINARI_DATASETS_PATH"] = folder
            write(rows)
            command = [sys.executable, __file__, "--measure"]
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
        count, seconds, before, most = done.stdout.split()
        memory, base = int(most) / 1e6, int(before) / 1e6  # ru_maxrss counts in kB
        each = (memory - base) * 1e9 / int(count)
        print(f"{int(count):>12,}  {seconds:>7} s  {memory:>9.2f} GB  {base:>27.2f} GB  {each:.0f}")


if __name__ == "__main__":
    measure() if "--measure" in sys.argv else main()
