"""The small policies that we trained and ship: what they are, how they act, their files.

Letters: N simulations, O observation columns that the policy reads, A action size, H hidden units.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skills.arrays import Float32s
from skills.errors import NOT_FOUND, SkillsError
from skills.files import read_arrays, write_arrays

LEVELS = ("simple", "medium", "expert")
_FOLDER = Path(__file__).parent / "policies"
_HEADER = ("mean", "std", "clip", "log_std", "noise_scales", "gains")


@dataclass(frozen=True)
class ShippedPolicy:
    """A Gaussian policy: a tanh network gives the mean action, the standard deviation does not depend on the state.

    mean, std: [O] float32, the observation normaliser.   clip: normalised observations are cut to +-this.
    layers: (weight [in, out], bias [out]) float32, first to last; the first takes O columns, the last gives A.
    log_std: [A] float32, of the Gaussian that it acts with.
    noise_scales: what that Gaussian's noise is multiplied by, by episode in turn.
    gains: what its mean action is multiplied by, by episode in turn: below 1 the same gait with less vigour.
    """

    mean: Float32s
    std: Float32s
    clip: float
    layers: tuple[tuple[Float32s, Float32s], ...]
    log_std: Float32s
    noise_scales: tuple[float, ...] = (1.0,)
    gains: tuple[float, ...] = (1.0,)

    @property
    def columns(self) -> int:
        """O: it reads the first O columns of an observation (Ant's contact forces come after them)."""
        return len(self.mean)

    @property
    def action_size(self) -> int:
        """A."""
        return len(self.log_std)

    def act(
        self,
        observations: NDArray[np.floating],
        generators: Sequence[np.random.Generator] | None = None,
        episodes: NDArray[np.integer] | None = None,
    ) -> Float32s:
        """Actions [N, A] in [-1, 1] at observations [N, O or more].

        generators: one a simulation, each giving the noise of its own row; None: the mean action.
        episodes: [N] the number of each row's episode, which says how it varies; None: the policy as it was trained.
        """
        hidden = ((observations[:, : self.columns] - self.mean) / self.std).astype(np.float32)
        np.clip(hidden, -self.clip, self.clip, out=hidden)
        for weight, bias in self.layers[:-1]:
            hidden = np.tanh(hidden @ weight + bias)
        weight, bias = self.layers[-1]
        actions = hidden @ weight + bias
        if episodes is not None:
            actions *= _in_turn(self.gains, episodes)
        if generators is not None:
            noise = [generator.standard_normal(self.action_size, dtype=np.float32) for generator in generators]
            spread = np.exp(self.log_std) * np.stack(noise)
            actions += spread if episodes is None else spread * _in_turn(self.noise_scales, episodes)
        return np.clip(actions, -1.0, 1.0, out=actions)


def _in_turn(values: tuple[float, ...], episodes: NDArray[np.integer]) -> Float32s:
    """[N, 1] the value of each episode; they repeat."""
    return np.take(np.array(values, np.float32), episodes, mode="wrap")[:, None]


class Turns:
    """Policies that play the episodes of a dataset in turn: with P of them, number e is that of number e mod P."""

    def __init__(self, policies: Sequence[ShippedPolicy]) -> None:
        self.policies = tuple(policies)

    def act(
        self,
        observations: NDArray[np.floating],
        generators: Sequence[np.random.Generator],
        episodes: NDArray[np.integer],
    ) -> Float32s:
        """Actions [N, A] as `ShippedPolicy.act`, each row's by the policy whose turn its episode is."""
        actions = np.empty((len(observations), self.policies[0].action_size), np.float32)
        for turn, policy in enumerate(self.policies):
            rows = np.flatnonzero(episodes % len(self.policies) == turn)
            if len(rows):
                noise = [generators[row] for row in rows.tolist()]
                own = episodes[rows] // len(self.policies)  # the number among this one's
                actions[rows] = policy.act(observations[rows], noise, own)
        return actions


def path(body: str, level: str, folder: Path = _FOLDER) -> Path:
    """The file of a policy: "ant", "medium" -> ant-medium.npz."""
    return folder / f"{body}-{level}.npz"


def paths(body: str, level: str, folder: Path = _FOLDER) -> tuple[Path, ...]:
    """The files of the policies that play a level's episodes in turn: ant-medium.npz, or walker2d-medium.npz and
    walker2d-medium-2.npz and so on.
    """
    found = [path(body, level, folder)]
    while (following := path(body, f"{level}-{len(found) + 1}", folder)).is_file():
        found.append(following)
    return tuple(found)


def record_path(body: str, folder: Path = _FOLDER) -> Path:
    """The record of how a body's policies were made and what they return."""
    return folder / f"{body}.json"


def exists(body: str, level: str) -> bool:
    """Whether a policy of this level ships with the project."""
    return path(body, level).is_file()


def load(body: str, level: str, folder: Path = _FOLDER) -> ShippedPolicy:
    """Reads a policy. Raises: SkillsError (not found) where there is none of that body and level."""
    return _read(path(body, level, folder))


def load_turns(body: str, level: str, folder: Path = _FOLDER) -> Turns:
    """Reads what plays a level's episodes. Raises: SkillsError (not found) where there is none."""
    return Turns([_read(source) for source in paths(body, level, folder)])


def _read(source: Path) -> ShippedPolicy:
    if not source.is_file():
        known = ", ".join(sorted(file.stem for file in source.parent.glob("*-*.npz"))) or "none"
        raise SkillsError(f"There is no policy {source.stem}.", f"There are: {known}.", NOT_FOUND)
    arrays = read_arrays(source)
    count = sum(name.startswith("weight") for name in arrays)
    missing = [name for name in _HEADER if name not in arrays]
    if missing or not count:
        raise SkillsError(f"{source} is not a policy: it lacks {', '.join(missing or ['weight0'])}.")
    layers = tuple((arrays[f"weight{index}"], arrays[f"bias{index}"]) for index in range(count))
    scales, gains = (tuple(float(value) for value in arrays[name]) for name in ("noise_scales", "gains"))
    clip = float(arrays["clip"][0])
    return ShippedPolicy(arrays["mean"], arrays["std"], clip, layers, arrays["log_std"], scales, gains)


def save(policy: ShippedPolicy, target: Path) -> None:
    """Writes a policy as `.npz`, without pickle."""
    arrays = {
        "mean": policy.mean,
        "std": policy.std,
        "clip": np.array([policy.clip], dtype=np.float32),
        "log_std": policy.log_std,
        "noise_scales": np.array(policy.noise_scales),
        "gains": np.array(policy.gains),
    }
    for index, (weight, bias) in enumerate(policy.layers):
        arrays |= {f"weight{index}": weight, f"bias{index}": bias}
    write_arrays(target, arrays)
