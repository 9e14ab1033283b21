"""Data of a hand before a door: a policy that nobody here trained, acting with more and more noise, and chance.

python bench/door.py FILE [--episodes 80] [--policies POLICIES]

POLICIES: the folder of the policies' files, ../shared/data/policies beside the checkout unless given. FILE is an .npz
that `skills data import FILE --env AdroitHandDoor-v1 --name door/mix-v0 --label policy` reads: 52,000 rows of 260
episodes. Letters: O observation columns, A action size.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from mixtures import Floats, Policy

from skills.bodies.making import make
from skills.files import write_arrays

_ENV = "AdroitHandDoor-v1"
_ACTS = {"dapg": 0.0, "dapg, some noise": 0.1, "dapg, much noise": 0.3, "chance": None}  # noise; None: anything
_BY_CHANCE = 0.25  # of the episodes that the others have
_POLICIES = Path(__file__).parents[2] / "shared" / "data" / "policies"


def episode(env: Any, policy: Policy | None, noise: float, seed: tuple[int, int]) -> Iterator[tuple[Any, ...]]:
    """The rows of an episode: state [O], action [A], state after it, reward, whether it ended, whether it was cut."""
    generator, ended = np.random.default_rng(seed), False
    state: Floats = env.reset(seed=10_000 * seed[0] + seed[1])[0]
    env.action_space.seed(10_000 * seed[0] + seed[1])
    while not ended:
        if policy is None:
            action = env.action_space.sample()
        else:
            action = policy.act(state[None], np.ones(1), None)[0].clip(-1, 1)
            if noise:
                action = (action + noise * generator.standard_normal(action.shape)).clip(-1, 1)
        action = np.asarray(action, np.float32)
        after, reward, terminated, truncated, _ = env.step(action)
        yield state, action, after, reward, terminated, truncated
        state, ended = after, terminated or truncated


def main() -> None:
    """Makes the file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--episodes", type=int, default=80, help="of each noise")
    parser.add_argument("--policies", type=Path, default=_POLICIES)
    asked = parser.parse_args()
    policy, env, rows = Policy(asked.policies, "dapg_door"), make(_ENV), []
    for place, (name, noise) in enumerate(_ACTS.items()):
        count = asked.episodes if noise is not None else max(1, round(_BY_CHANCE * asked.episodes))
        returns = []
        for number in range(count):
            played = list(episode(env, None if noise is None else policy, noise or 0.0, (place, number)))
            rows += [(*row, place * asked.episodes + number, name) for row in played]
            returns.append(sum(row[3] for row in played))
        print(f"{name}: {count} episodes, return {np.mean(returns):.0f} +- {np.std(returns):.0f}", flush=True)
    env.close()
    names = ("observations", "actions", "next_observations", "rewards", "terminations", "truncations")
    columns = map(np.array, zip(*rows, strict=True))
    write_arrays(asked.file, dict(zip((*names, "episode_ids", "policy"), columns, strict=True)))


if __name__ == "__main__":
    main()
