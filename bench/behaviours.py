"""Do the behaviours found in data agree with those that made it, and is their number right?

python bench/behaviours.py FOLDER [NAME ...]

FOLDER: of sets made by `python bench/mixtures.py FOLDER`.   NAME: some of them; all unless given.
"""

import sys
from pathlib import Path

import numpy as np
from mixtures import SETS
from timing import clock, record

from skills.bodies.fast import Simulation
from skills.data.importing import read_file
from skills.learning.behaviours import find
from skills.measures.truth import agreement

_SEEDS = (1, 2, 3)


def main(folder: Path, *names: str) -> None:
    """Measures, prints and records."""
    title = f"{'set':<20} {'rows':>7} {'stride':>7} {'true':>5} {'found':>8} {'ARI':>17} {'NMI':>17} {'seconds':>8}  by"
    lines = [f"Behaviours found, {len(_SEEDS)} seeds (python bench/behaviours.py FOLDER)", title]
    for name in names or SETS:
        env_id, path = SETS[name].env_id, folder / f"{name}.npz"
        transitions = read_file(path, env_id, "motion")
        with np.load(path) as arrays:
            truth = np.unique(arrays["policy"], return_inverse=True)[1]
        began, found = clock(), []
        for seed in _SEEDS:
            found.append(find(transitions, seed))
        seconds = (clock() - began) / len(_SEEDS)
        scores = [agreement(one.labels, truth) for one in found]
        stride = found[0].stride * Simulation(env_id, 1).seconds_per_step
        aris, nmis = (" ".join(f"{getattr(one, score):5.3f}" for one in scores) for score in ("ari", "nmi"))
        counts = " ".join(str(one.count) for one in found)
        how = " ".join("clones" if one.clones else "company" for one in found[:1])
        lines.append(
            f"{name:<20} {len(truth):>7} {stride:>5.2f} s {truth.max() + 1:>5} {counts:>8} {aris} {nmis} "
            f"{seconds:>8.1f}  {how}"
        )
        print(lines[-1], flush=True)
    record("behaviours", "\n".join(lines))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
