"""Labelling N rows for K skills, against the machine's matrix peak, in one run.

python bench/label.py [N] [K]
"""

import itertools
import os
import sys
import tempfile
from functools import partial
from pathlib import Path

os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # before torch starts its threads, as the command line does

import torch
from timing import best, matrix_peak, random_transitions, record

from skills.data.transitions import Transitions
from skills.learning.cvae.model import CvaeShape, StackedCvae
from skills.learning.engine.workers import Workers
from skills.learning.matrix import write
from skills.learning.rewards.clue import Clue, Labeller, labels_of
from skills.learning.rows import standardised_rows
from skills.progress import silent

OBSERVATION, ACTION = 27, 8


def label(folder: Path, labeller: Labeller, workers: Workers, data: Transitions) -> None:
    """What is timed: the labels of all rows, written to disk."""
    write(folder, labels_of(labeller, workers), data, silent, scaled=True)


def main(total: int = 20_000, count: int = 100) -> None:
    """Measures, prints and records."""
    shape, generator = CvaeShape(OBSERVATION, ACTION, 128), torch.Generator().manual_seed(0)
    cvae = StackedCvae.create(count, shape, generator)
    data = random_transitions(total, OBSERVATION, ACTION)
    rows = standardised_rows(data, None)
    operations = 2 * total * count * sum(a * b for a, b in itertools.pairwise(shape.encoder))
    peak = matrix_peak(window=1.0)  # about as long as a labelling
    lines = [f"Labelling {total} rows for {count} skills (python bench/label.py {total} {count})"]
    for distance in ("expected", "sample"):
        config = Clue(distance=distance)
        with tempfile.TemporaryDirectory() as folder, Workers() as workers:
            labeller = Labeller(cvae, torch.zeros(count, 1, shape.latent_size), rows, config, 0)
            seconds = best(partial(label, Path(folder), labeller, workers, data), rounds=3)
        share = operations / seconds / peak
        lines.append(f"{distance:<9} {seconds:6.2f} s   {share:.0%} of the matrix peak, {peak / 1e9:.0f} GFLOP/s")
    record("label", "\n".join(lines))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
