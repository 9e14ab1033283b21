"""Collects AntMaze sets and prints how many episodes reach their goal, and how fast they are collected.

    python bench/antmaze.py --steps 20000

The sets go to a temporary folder. Speed is that of `embedded.make`, writing the dataset included.
"""

import argparse
import os
import tempfile
import time

from skills.data import catalog
from skills.data.made import antmaze, embedded
from skills.data.minari import open_dataset


def measure(name: str, steps: int) -> str:
    """One line of the table for a dataset made from nothing."""
    began = time.perf_counter()
    dataset = open_dataset(embedded.make(catalog.resolve(name), steps))
    speed = dataset.total_steps / (time.perf_counter() - began)
    reached = {
        episode.id: len(episode)
        for episode in dataset.iterate_episodes()
        if episode.rewards.sum() >= antmaze.SUCCESS_RETURN
    }
    share = len(reached) / dataset.total_episodes
    useful = sum(reached.values()) / dataset.total_steps
    mean = sum(reached.values()) / max(len(reached), 1)
    return f"| {name} | {dataset.total_episodes} | {share:.0%} | {mean:.0f} | {useful:.0%} | {speed:,.0f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20_000, help="rows of each set, at least")
    steps = parser.parse_args().steps
    print("| dataset | episodes | reach the goal | steps to it | rows of those episodes | steps/s |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as root:
        os.environ["MINARI_DATASETS_PATH"] = root
        for name in [name for name in catalog.embedded_names() if name.startswith("antmaze-")]:
            print(measure(name, steps), flush=True)


if __name__ == "__main__":
    main()
