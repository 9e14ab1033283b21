"""Small files of transitions, as people bring them, for the tests of importing and of what is refused."""

from pathlib import Path

import h5py
import numpy as np

from skills.bodies.fast import Simulation

Arrays = dict[str, np.ndarray]

LENGTHS = (4, 3, 5)  # of the episodes: one ends in a failure, one at its time limit, one is cut by the end of the file
ROWS = sum(LENGTHS)


def hops(seed: int = 0) -> Arrays:
    """Three short hops of a hopper acting at random, with all the arrays that D4RL's files have.

    The rewards are numbers of ours, and so is what ends the episodes.
    """
    generator = np.random.default_rng(seed)
    actions = generator.uniform(-1, 1, (ROWS, 3)).astype(np.float32)
    simulation = Simulation("Hopper-v5", 1)
    episodes, acting = [], iter(actions)
    for length in LENGTHS:
        states = [simulation.reset([generator])]
        states += [simulation.step(next(acting)[None]).observations for _ in range(length)]
        episodes.append(np.concatenate(states))
    terminals, timeouts = np.zeros(ROWS, bool), np.zeros(ROWS, bool)
    terminals[LENGTHS[0] - 1] = timeouts[LENGTHS[0] + LENGTHS[1] - 1] = True
    return {
        "observations": np.concatenate([states[:-1] for states in episodes]).astype(np.float32),
        "next_observations": np.concatenate([states[1:] for states in episodes]).astype(np.float32),
        "actions": actions,
        "rewards": generator.normal(size=ROWS).astype(np.float32),
        "terminals": terminals,
        "timeouts": timeouts,
    }


def write(path: Path, arrays: Arrays) -> Path:
    """Writes an `.npz`, or an `.hdf5` with a slash in a name for a group."""
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    else:
        with h5py.File(path, "w") as file:
            for name, array in arrays.items():
                file.create_dataset(name, data=array)
    return path
