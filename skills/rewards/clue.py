"""CLUE's reward maker: calibrated CVAEs, one an expert, turn closeness to the expert into a reward (eq. 6).

Letters: N transitions, K experts, O observation columns, A action size, Z latent size, E episodes.
"""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skills.checkpoint import save_tensors
from skills.config import RewardConfig
from skills.dataset import Transitions
from skills.errors import SkillsError
from skills.experts import Classes
from skills.files import replacing, write_arrays
from skills.progress import Progress, Reporter
from skills.rewards import LABELS, SCALES
from skills.rewards.cvae import StackedCvae, train

MODELS = "cvae.safetensors"
CHECKPOINT = "cvae.checkpoint.safetensors"
FILES = (MODELS, LABELS, SCALES)

_CHUNK = 1024  # rows encoded at once; bounds memory to this many rows times K
_EPISODE_SPREAD = 1000.0  # each skill's episode sums are scaled to span this much, as IQL does for locomotion


def make_rewards(
    transitions: Transitions,
    experts: Classes,
    config: RewardConfig,
    device: torch.device,
    generator: torch.Generator,
    folder: Path,
    reporter: Reporter,
) -> None:
    """Trains the CVAEs and labels every transition for every expert.

    Writes into `folder`: cvae.safetensors, labels.f16 and scales.npz (see `skills.rewards`), and a checkpoint that the
    caller removes once these are noted as done.
    """
    rows = _standardised(transitions).to(device)
    members, starts = (torch.from_numpy(array) for array in experts.members())
    action_size = transitions.actions.shape[1]
    count = experts.count
    progress = reporter(f"training {count} CVAEs", "steps")
    cvae = train(rows, members, starts, action_size, config, generator, folder / CHECKPOINT, progress)
    with torch.no_grad():
        centres = _centres(cvae, rows, members, starts)
        progress = reporter(f"labelling for {count} skills", "rows")
        sums = _label(cvae, centres, rows, transitions.episode_starts, config, generator, folder / LABELS, progress)
    write_arrays(folder / SCALES, {"scale": _scales(sums)})
    save_tensors(folder / MODELS, {**cvae.state_dict(), "centres": centres})


def squared_distance(mean: Tensor, std: Tensor, centre: Tensor, noise: Tensor | None, distance: str) -> Tensor:
    """d^2 of eq. 6 between a posterior and an expert's centre: [..., Z] each -> [...].

    `expected`: |mu - z_e|^2 + |sigma|^2, which is what the paper's sampled distance is on average, without its noise.
    `sample`: |z - z_e|^2 with z = mu + sigma noise, the paper's text.   `mean`: |mu - z_e|^2.
    """
    if distance == "sample":
        assert noise is not None, "a sampled distance needs noise"
        return torch.addcmul(mean - centre, std, noise).square_().sum(dim=-1)
    to_mean = (mean - centre).square_().sum(dim=-1)
    return to_mean + std.square().sum(dim=-1) if distance == "expected" else to_mean


def _standardised(transitions: Transitions) -> Tensor:
    """(s, a) of every transition with standardised observations, [N, O + A]."""
    mean, std = transitions.scaling
    scaled = (transitions.observations - mean) / std
    return torch.from_numpy(np.concatenate([scaled, transitions.actions], axis=1))


def _centres(cvae: StackedCvae, rows: Tensor, members: Tensor, starts: Tensor) -> Tensor:
    """z_e, the mean of the posterior means over each expert's transitions, [K, 1, Z]."""
    sizes = starts.diff()
    total = torch.zeros(cvae.count, cvae.latent_size, dtype=torch.float64, device=rows.device)
    for start in range(0, int(sizes.max()), _CHUNK):
        offsets = torch.arange(start, start + _CHUNK).expand(cvae.count, -1)
        inside = offsets < sizes[:, None]
        chosen = members[starts[:-1, None] + offsets.minimum(sizes[:, None] - 1)]
        mean, _ = cvae.encode(rows[chosen.to(rows.device)])
        total += (mean * inside[..., None].to(rows.device)).double().sum(dim=1)
    return (total / sizes[:, None].to(rows.device)).float()[:, None]


def _label(
    cvae: StackedCvae,
    centres: Tensor,
    rows: Tensor,
    episode_starts: NDArray[np.int64],
    config: RewardConfig,
    generator: torch.Generator,
    path: Path,
    progress: Progress,
) -> NDArray[np.float64]:
    """Writes the rewards [N, K] as float16, a chunk at a time; returns their sums by episode, [E, K]."""
    episodes = np.searchsorted(episode_starts, np.arange(len(rows)), side="right") - 1
    sums = np.zeros((len(episode_starts), cvae.count))
    with replacing(path) as temporary, temporary.open("wb") as file:
        for start in range(0, len(rows), _CHUNK):
            chunk = rows[start : start + _CHUNK]
            mean, log_std = cvae.encode(chunk.expand(cvae.count, -1, -1))
            noise = torch.randn(mean.shape, generator=generator).to(mean) if config.distance == "sample" else None
            distance = squared_distance(mean, log_std.exp(), centres, noise, config.distance)
            labels = torch.exp(-config.temperature * distance).T.contiguous().cpu().numpy()
            _check_finite(labels)
            file.write(labels.astype(np.float16).tobytes())
            np.add.at(sums, episodes[start : start + _CHUNK], labels)
            progress(start + len(chunk), len(rows))
    return sums


def _check_finite(labels: NDArray[np.float32]) -> None:
    broken = np.flatnonzero(~np.isfinite(labels).all(axis=0))
    if len(broken):
        raise SkillsError(
            f"The reward of skill {broken[0]} (and {len(broken) - 1} others) is not a number: its CVAE has diverged.",
            "Lower reward.learning_rate, or give the skill more data with a smaller --skills.",
        )


def _scales(sums: NDArray[np.float64]) -> NDArray[np.float32]:
    """[K] 1000 / (max - min over episodes of the summed reward); 1 where every episode sums to the same.

    Without this the advantages are of order 0.01 and every skill becomes the same behaviour clone.
    """
    spread = sums.max(axis=0) - sums.min(axis=0)
    return np.where(spread > 0, _EPISODE_SPREAD / np.where(spread > 0, spread, 1.0), 1.0).astype(np.float32)
