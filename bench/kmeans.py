"""K-means by mini-batches of episodes, against K-means of all rows: agreement, time.

    python bench/kmeans.py [DATASET] [CLASSES] [ROWS ...]     (halfcheetah-medium 100 50000 200000)

Agreement is the adjusted Rand index of the labels, 1 for the same classes; beside it that of two K-means of all rows
with other seeds, which is how far classes are the data's at all. Inertia is the squared distance to the centroid, over
that of K-means of all rows with the same seed.
"""

import sys
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score
from timing import clock, record

from skills.data import sources
from skills.data.transitions import Transitions
from skills.learning.classes import Classes, cluster
from skills.settings.config import ExpertsConfig

WHOLE = ExpertsConfig()
BATCHED = replace(WHOLE, batched_above=1)


def inertia(data: Transitions, classes: Classes) -> float:
    """Mean squared distance of a row to the centroid of its class, in feature space."""
    found = 0.0
    for start in range(0, len(data), 65_536):
        part = slice(start, start + 65_536)
        raw = np.concatenate([data.observations[part], data.actions[part], data.next_observations[part]], axis=1)
        features = (raw[:, classes.columns] - classes.mean) / classes.scale
        found += float(np.square(features - classes.centroids[classes.labels[part]]).sum())
    return found / len(data)


def timed(data: Transitions, count: int, config: ExpertsConfig, seed: int) -> tuple[Classes, float]:
    start = clock()
    classes = cluster(data, count, config, seed)
    return classes, clock() - start


def line(data: Transitions, count: int) -> str:
    """One size: two seeds of K-means of all rows, two of mini-batches."""
    whole, seconds = timed(data, count, WHOLE, 1)
    other, _ = timed(data, count, WHOLE, 2)
    batched, fast = timed(data, count, BATCHED, 1)
    again, _ = timed(data, count, BATCHED, 2)
    pairs: list[tuple[NDArray[np.int32], NDArray[np.int32]]] = [
        (whole.labels, batched.labels), (other.labels, again.labels), (whole.labels, other.labels),
        (batched.labels, again.labels),
    ]  # fmt: skip
    agreed = " ".join(f"{adjusted_rand_score(*pair):8.3f}" for pair in pairs)
    ratio = inertia(data, batched) / inertia(data, whole)
    least = f"{whole.sizes.min():>6} {batched.sizes.min():>6}"
    return f"{len(data):>9} {seconds:9.1f} {fast:9.1f} {agreed} {ratio:8.3f} {least}"


def main(dataset: str = "halfcheetah-medium", classes: str = "100", *rows: str) -> None:
    """Measures, prints and records."""
    sizes = [int(float(size)) for size in rows or ("50000", "200000")]
    data = sources.load(dataset, steps=max(sizes))
    head = "     rows     all s  batches s   all/b 1  all/b 2  all 1/2  b 1/2  inertia  smallest class: all, batches"
    lines = [f"(python bench/kmeans.py {dataset} {classes} {' '.join(map(str, sizes))})", head]
    lines += [line(data.first(size), int(classes)) for size in sizes]
    record("kmeans", "\n".join(lines))


if __name__ == "__main__":
    main(*sys.argv[1:])
