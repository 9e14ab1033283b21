"""Do the bodies do what they are told in the diverse sets? The tables in docs/data.md.

    python bench/diverse.py [--steps 200000] [name ...]

Makes each set in a temporary folder, as `skills data make NAME --steps N` does, and reads from it, command by command,
what was asked and what was done. The first second of a command is not judged.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator

import minari
import numpy as np

from skills.data import catalog, store
from skills.data.made import embedded
from skills.data.made.joystick import JOYSTICKS
from skills.data.minari import open_dataset
from tools.behaviours.following import Drive, Following, follow, measured

NAMES = [f"{body}-diverse" for body in JOYSTICKS]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=200_000)
    parser.add_argument("names", nargs="*", default=NAMES)
    asked = parser.parse_args()
    for name in asked.names:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["MINARI_DATASETS_PATH"] = folder
            entry = catalog.resolve(name)
            began = time.monotonic()
            made = embedded.make(entry, asked.steps)
            seconds = time.monotonic() - began
            dataset = open_dataset(made)
            joystick = JOYSTICKS[str(entry.body)]
            table(name, joystick.env_id, follow(joystick, list(episodes(dataset))), seconds)


def episodes(dataset: minari.MinariDataset) -> Iterator[Drive]:
    """Of a set with commands."""
    for episode in dataset.iterate_episodes():
        yield Drive(
            np.asarray(episode.observations),
            episode.infos[store.LABEL],
            episode.infos["command"],
            bool(episode.terminations[-1]),
        )


def table(name: str, env_id: str, cells: list[Following], seconds: float) -> None:
    """Prints one set's."""
    rows, fallen = sum(cell.rows for cell in cells), sum(cell.fallen for cell in cells)
    followed = sum(cell.followed * cell.rows for cell in cells) / rows
    reached = sum(cell.followed >= 0.5 for cell in cells)
    print(
        f"{name}: {rows} steps made in {seconds:.0f} s; {reached} of {len(cells)} cells reached; commands followed "
        f"{followed:.0%}; {fallen} falls\n"
    )
    print(f"| cell | steps | asked: {'; '.join(measured(env_id)[0])} | done | followed | falls |")
    print("|---|---|---|---|---|---|")
    for cell in cells:
        print(
            f"| {cell.name} | {cell.rows} | {numbers(cell.asked)} | {numbers(cell.done)} | {cell.followed:.0%} "
            f"| {cell.fallen} |"
        )
    print(flush=True)


def numbers(values: np.ndarray) -> str:
    """As "1.50; -0.02"."""
    return "; ".join(f"{value:.2f}" for value in values + 0.0)


if __name__ == "__main__":
    main()
