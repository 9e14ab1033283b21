"""Data with known behaviours: what several policies that nobody here trained did, mixed or in turn within an episode.

python bench/mixtures.py FOLDER [NAME ...] [--policies POLICIES]

NAME: the sets to make; all unless given.   POLICIES: the folder of the policies' files, ../shared/data/policies beside
the checkout unless given. A set is an .npz that `skills data import FILE --name ID --env ENV --label policy` reads.

Letters: N simulations or rows, O observation columns, A action size.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skills.bodies.environments import motion_size
from skills.bodies.fast import Simulation
from skills.data.made.directions import seen_along_x
from skills.files import write_arrays

Floats = NDArray[np.float64]

_POLICIES = Path(__file__).parents[2] / "shared" / "data" / "policies"
_ACTIVATIONS: dict[str, Callable[[Floats], Floats]] = {
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0.0),
    "identity": lambda x: x,
}
# What a policy reads behind the simulation's own columns: zeros (contact forces that its simulator never filled), and
# the share of the episode that is left.
_BEHIND = {"native": (0, False), "native_time": (0, True), "ant111_zero": (84, False), "ant112_zero": (84, True)}
_QUARTERS = (0.0, 90.0, 180.0, 270.0)


@dataclass(frozen=True)
class Mixture:
    """How a set is made.

    policies: files of them, "trpo_Ant_it200"; with "@90" behind, turned so many degrees to the left.
    rows: in all, as many of each policy.   noise: standard deviation of what is added to the actions.
    own: act with the Gaussian that the policy was trained with; else with its mean.
    seconds: (least, most) that a policy acts before another takes over; None: for whole episodes.
    """

    env_id: str
    policies: tuple[str, ...]
    rows: int = 200_000
    noise: float = 0.0
    own: bool = False
    seconds: tuple[float, float] | None = None
    seed: int = 0


def _turned(*names: str, by: tuple[float, ...] = _QUARTERS) -> tuple[str, ...]:
    return tuple(f"{name}@{degrees:g}" for name in names for degrees in by)


def _of(prefix: str, *checkpoints: int) -> tuple[str, ...]:
    return tuple(f"trpo_{prefix}_it{checkpoint:03d}" for checkpoint in checkpoints)


_CHEETAH = (*_of("HalfCheetah", 60, 500), "rlzoo_ppo_HalfCheetah", "rlzoo_ars_HalfCheetah")
_ANT = (*_of("Ant", 200), "rlzoo_ars_Ant")
_WALKER = (*_of("Walker2d", 80, 120), "rlzoo_ppo_Walker2d")


def _log(env_id: str, policies: tuple[str, ...], noise: float = 0.0, own: bool = False, seed: int = 0) -> Mixture:
    """A log in which policies take turns inside an episode."""
    return Mixture(env_id, policies, 100_000, noise, own, (2.0, 6.0), seed)


_CHEETAHS, _ANTS, _WALKERS, _HOPPERS = "HalfCheetah-v5", "Ant-v5", "Walker2d-v5", "Hopper-v5"
SETS: dict[str, Mixture] = {
    "halfcheetah-mixture": Mixture(_CHEETAHS, _CHEETAH, noise=0.1),
    "ant-mixture": Mixture(_ANTS, _turned(*_ANT), noise=0.1),
    "walker2d-mixture": Mixture(_WALKERS, _WALKER, noise=0.1),
    "halfcheetah-log": _log(_CHEETAHS, (*_CHEETAH, *_of("HalfCheetah", 200)), noise=0.1),
    "ant-log": _log(
        _ANTS, _turned("trpo_Ant_it200", by=_QUARTERS[:3]) + _turned("rlzoo_ars_Ant", by=_QUARTERS[::2]), noise=0.1
    ),
    "walker2d-log": _log(_WALKERS, (*_WALKER, *_of("Walker2d", 60, 200)), noise=0.1),
    # Made otherwise, so that no setting fits the above alone.
    "halfcheetah-six": Mixture(_CHEETAHS, (*_CHEETAH, *_of("HalfCheetah", 40, 160)), own=True, seed=1),
    "halfcheetah-plain": Mixture(
        _CHEETAHS,
        (*_of("HalfCheetah", 0, 80, 320), "rlzoo_ars_HalfCheetah_best", "rlzoo_ppo_HalfCheetah"),
        rows=60_000,
        seed=2,
    ),
    "ant-twelve": Mixture(_ANTS, _turned("rlzoo_ars_Ant_best", *_of("Ant", 160, 320)), own=True, seed=1),
    "ant-five": Mixture(
        _ANTS, (*_turned(*_of("Ant", 100, 280), by=_QUARTERS[::2]), "rlzoo_ppo_Ant"), 100_000, noise=0.05, seed=2
    ),
    "walker2d-five": Mixture(
        _WALKERS,
        (*_of("Walker2d", 60, 100, 240), "rlzoo_ppo_Walker2d", "rlzoo_ars_Walker2d_best"),
        own=True,
        seed=1,
    ),
    "hopper-four": Mixture(
        _HOPPERS, (*_of("Hopper", 60, 160), "rlzoo_ppo_Hopper", "rlzoo_ars_Hopper"), noise=0.05, seed=1
    ),
    "halfcheetah-log-2": _log(
        _CHEETAHS,
        (*_of("HalfCheetah", 40, 120, 440), "rlzoo_ars_HalfCheetah_best", "rlzoo_ppo_HalfCheetah"),
        own=True,
        seed=3,
    ),
    "hopper-log": _log(
        _HOPPERS, (*_of("Hopper", 40, 120, 500), "rlzoo_ppo_Hopper", "rlzoo_ars_Hopper"), noise=0.05, seed=3
    ),
    "ant-log-2": _log(
        _ANTS,
        (
            *_turned(*_of("Ant", 320), by=(0.0, 90.0, 270.0)),
            *_turned("rlzoo_ars_Ant_best", by=(90.0,)),
            *_of("Ant", 120),
        ),
        own=True,
        seed=3,
    ),
}


class Policy:
    """A policy of those files."""

    def __init__(self, folder: Path, name: str) -> None:
        file, _, degrees = name.partition("@")
        with np.load(folder / f"{file}.npz", allow_pickle=False) as arrays:
            meta = json.loads(str(arrays["meta"]))
            self._mean, self._std, self._clip = arrays["obs_mean"], arrays["obs_std"], float(arrays["obs_clip"])
            count = sum(key.startswith("W") and key[1:].isdigit() for key in arrays)
            self._layers = [(arrays[f"W{index}"], arrays[f"b{index}"]) for index in range(count)]
            self._scale, self._shift = arrays["out_scale"], arrays["out_shift"]
            self._spread = np.exp(arrays["log_std"]) if "log_std" in arrays else np.zeros(len(self._shift))
        self._activation = _ACTIVATIONS[meta["act"]]
        self._zeros, self._timed = _BEHIND[meta["obs_adapter"]]
        self._direction = np.deg2rad(float(degrees)) if degrees else None

    def act(self, observations: Floats, left: Floats, noise: Floats | None) -> Floats:
        """Actions [N, A] at pose and motion [N, O]; left: [N] the share of the episode that is left, 1 to 0.

        noise: [N, A] standard normal, of the Gaussian that the policy was trained with; None: its mean.
        """
        if self._direction is None:
            return self._straight(observations, left, noise)
        seen, numbering = seen_along_x(observations, np.full(len(observations), self._direction))
        return np.asarray(numbering.done(self._straight(seen, left, noise)))

    def _straight(self, observations: Floats, left: Floats, noise: Floats | None) -> Floats:
        behind = [np.zeros((len(observations), self._zeros)), *([left[:, None]] if self._timed else [])]
        hidden = (np.concatenate([observations, *behind], axis=1) - self._mean) / self._std
        hidden = hidden.clip(-self._clip, self._clip)
        for weight, bias in self._layers[:-1]:
            hidden = self._activation(hidden @ weight.T + bias)
        weight, bias = self._layers[-1]
        actions = (hidden @ weight.T + bias) * self._scale + self._shift
        return np.asarray(actions if noise is None else actions + self._spread * noise)


def make(mixture: Mixture, folder: Path) -> dict[str, NDArray[np.generic]]:
    """The arrays of a set, episode after episode, each policy's rows as `policy` [N] says."""
    policies = [Policy(folder, name) for name in mixture.policies]
    rng = np.random.default_rng(mixture.seed)
    count = max(1, round(mixture.rows / 1000 / len(policies))) * len(policies)  # episodes side by side
    simulation = Simulation(mixture.env_id, count)
    limit = simulation.environment.episode_steps
    steps = mixture.rows // count
    kept = motion_size(mixture.env_id)
    observations = simulation.reset(rng.spawn(count))[:, :kept]
    own = np.arange(count) % len(policies)  # of each simulation, where it never changes
    acting = own if mixture.seconds is None else rng.integers(len(policies), size=count)
    changes = np.zeros(count, np.int64) if mixture.seconds is None else _until(mixture, simulation, rng, count)
    elapsed, episode = np.zeros(count, np.int64), np.arange(count)
    columns: dict[str, list[NDArray[np.generic]]] = {}
    for _ in range(steps):
        left = 1.0 - elapsed / limit
        actions = np.empty((count, simulation.action_size))
        for index, policy in enumerate(policies):
            rows = np.flatnonzero(acting == index)
            if len(rows):
                noise = rng.standard_normal((len(rows), simulation.action_size)) if mixture.own else None
                actions[rows] = policy.act(observations[rows], left[rows], noise)
        actions += mixture.noise * rng.standard_normal(actions.shape)
        actions = actions.clip(-1.0, 1.0).astype(np.float32)
        step = simulation.step(actions)
        following = step.observations[:, :kept]
        values = {
            "observations": observations.astype(np.float32),
            "actions": actions,
            "next_observations": following.astype(np.float32),
            "rewards": step.rewards,
            "terminations": step.terminated,
            "truncations": step.truncated,
            "episode_ids": episode,
            "policy": acting,
        }
        for name, value in values.items():
            columns.setdefault(name, []).append(np.array(value))
        observations, elapsed = following, elapsed + 1
        ended = np.flatnonzero(step.terminated | step.truncated)
        if len(ended):
            observations[ended] = simulation.reset([rng.spawn(1)[0] for _ in ended], ended)[:, :kept]
            elapsed[ended], episode = 0, episode.copy()
            episode[ended] = episode.max() + 1 + np.arange(len(ended))
        if mixture.seconds is not None:
            changes -= 1
            due = np.flatnonzero(changes <= 0)
            changes[due] = _until(mixture, simulation, rng, len(due))
            acting = acting.copy()
            acting[due] = (acting[due] + rng.integers(1, len(policies), size=len(due))) % len(policies)
    arrays = {
        name: np.stack(values, axis=1).reshape(count * steps, *values[0].shape[1:]) for name, values in columns.items()
    }
    arrays["truncations"][steps - 1 :: steps] |= ~arrays["terminations"][steps - 1 :: steps]
    arrays["policy"] = np.array(mixture.policies)[arrays["policy"]]
    return arrays


def _until(mixture: Mixture, simulation: Simulation, rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    """[N] steps until the next policy takes over."""
    assert mixture.seconds is not None
    return np.rint(rng.uniform(*mixture.seconds, size=count) / simulation.seconds_per_step).astype(np.int64)


def main() -> None:
    """Makes the sets that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", help=f"Of {chr(44).join(SETS)}.")
    parser.add_argument("--policies", type=Path, default=_POLICIES)
    asked = parser.parse_intermixed_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    for name in asked.names or SETS:
        arrays = make(SETS[name], asked.policies)
        path = asked.folder / f"{name}.npz"
        write_arrays(path, arrays)
        ends = np.count_nonzero(arrays["terminations"])
        print(f"{path}: {len(arrays['actions'])} rows, {len(SETS[name].policies)} policies, {ends} falls", flush=True)


if __name__ == "__main__":
    main()
