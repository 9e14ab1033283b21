"""CLUE's reward maker: calibrated CVAEs, one an expert, turn closeness to the expert into a reward (eq. 6).

Letters: N transitions, K experts, O observation columns, A action size, Z latent size, E episodes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skills.choices import Distance, Domain, Mode, Preset
from skills.data.transitions import Transitions
from skills.errors import SkillsError
from skills.files import replacing
from skills.learning.classes import Classes
from skills.learning.cvae.model import CvaeSettings, CvaeShape, StackedCvae
from skills.learning.cvae.training import CHECKPOINT, MODEL_SHARES, Trained, train, train_share
from skills.learning.engine.checkpoint import load_tensors, save_tensors
from skills.learning.engine.curves import FILE as CURVES
from skills.learning.engine.shares import Share, shares_of
from skills.learning.engine.workers import Workers
from skills.learning.matrix import LABELS, SCALES, write
from skills.learning.rewards import RewardMaker
from skills.learning.rows import Members, standardised_rows
from skills.plugins import Layer
from skills.progress import Reporter
from skills.troubles import reading

MODELS = "cvae.safetensors"
_LABELS = "labels"  # what the shares of the labels are called
_CHUNK = 1024  # rows labelled at once on a core; bounds memory to this many rows times K
_CHUNK_ON_GPU = 8192
_BLOCK = 4  # models whose activations for a chunk stay in a core's cache
_RANKING_SEED = 20231108  # of the noise in `Models.rewards`
_WAVE = 4  # chunks for each core between two writes


@dataclass(frozen=True)
class Clue(CvaeSettings, RewardMaker):
    """The calibrated CVAEs and the reward they give (paper eq. 4-7, Table 8, MuJoCo column)."""

    name = "clue"
    files = (MODELS, CURVES, LABELS, SCALES)
    checkpoints = CHECKPOINT
    shares = (MODEL_SHARES, _LABELS)

    distance: Annotated[Distance, "d^2 on average over the posterior; or of a sample of it, the paper's text"] = (
        "expected"
    )
    temperature: Annotated[float, "c in exp(-c d^2)"] = 1.0
    standardise: Annotated[bool, "the observations"] = True

    @classmethod
    def needs(cls, preset: Preset, mode: Mode, domain: Domain) -> Layer:
        """Of one expert, softer rewards; in a maze, as the sparse ones are, not scaled.

        An expert is far from all of the data (d^2 is about Z there, 1 on its own rows): with c = 1 the reward is 0 but
        for rare moments that pass for the expert's, which the policy then chases until it falls (score on
        walker2d-medium 13, with this 100). So close to 0 it is about 1 - c d^2, graded over all of the data.
        """
        if mode != "skills" and domain == "locomotion":
            return {"reward": {"temperature": 0.01}}
        if mode != "skills" and domain == "antmaze" and preset == "quick":
            return {"reward": {"scaled": False}}
        return {}

    def make(
        self,
        transitions: Transitions,
        experts: Classes,
        device: torch.device,
        generator: torch.Generator,
        folder: Path,
        reporter: Reporter,
    ) -> None:
        """Trains the CVAEs and labels every transition for every expert."""
        rows, members = self._inputs(transitions, experts, device)
        progress = reporter(f"training {experts.count} CVAEs", "steps")
        trained = train(rows, members, transitions.actions.shape[1], self, generator, folder, progress)
        trained.curves.save(folder)
        with Workers(count=1 if rows.is_cuda else None) as workers:
            labeller = self._labeller(trained, rows, members, generator, workers)
            progress = reporter(f"labelling for {experts.count} skills", "rows")
            files = shares_of(folder, _LABELS)
            labels = _joined(files, labeller) if files else labels_of(labeller, workers)
            write(folder, labels, transitions, progress, scaled=self.scaled)
        save_tensors(folder / MODELS, {**labeller.cvae.tensors(), "centres": labeller.centres})

    def make_share(
        self,
        what: str,
        share: Share,
        transitions: Transitions,
        experts: Classes,
        device: torch.device,
        generator: torch.Generator,
        folder: Path,
        reporter: Reporter,
    ) -> None:
        """Trains some of the CVAEs; or, once all are there, labels some of the rows for all of them."""
        rows, members = self._inputs(transitions, experts, device)
        action_size = transitions.actions.shape[1]
        progress = reporter(f"training {experts.count} CVAEs", "steps")
        if what == MODEL_SHARES:
            train_share(rows, members, action_size, self, generator, folder, progress, share)
            return
        trained = train(rows, members, action_size, self, generator, folder, progress)
        with Workers(count=1 if rows.is_cuda else None) as workers, replacing(share.file(folder, what)) as temporary:
            labeller = self._labeller(trained, rows, members, generator, workers)
            own = share.slice(-(-len(rows) // labeller.chunk))
            progress = reporter(f"labelling for {experts.count} skills", "rows")
            done, total = own.start * labeller.chunk, min(own.stop * labeller.chunk, len(rows))
            with temporary.open("wb") as file:
                for labels in labels_of(labeller, workers, own):
                    file.write(labels.tobytes())
                    done += len(labels)
                    progress(done, total)

    def _inputs(self, transitions: Transitions, experts: Classes, device: torch.device) -> tuple[Tensor, Members]:
        """((s, a, 1) of the dataset, [N, O + A + 1]; the rows of each class)."""
        rows = standardised_rows(transitions, transitions.scaling if self.standardise else None).to(device)
        return rows, Members(*(torch.from_numpy(array) for array in experts.members()))

    def _labeller(
        self, trained: Trained, rows: Tensor, members: Members, generator: torch.Generator, workers: Workers
    ) -> "Labeller":
        cvae = trained.cvae.to(rows.device)
        centres = _centres(cvae, rows, members, workers)
        seed = int(torch.randint(2**62, (), generator=generator))
        return Labeller(cvae, centres, rows, self, seed)

    def model(self, folder: Path, reference: Transitions) -> "Models":
        """The trained CVAEs."""
        return Models(folder, reference, self)


@dataclass(frozen=True)
class Latents:
    """Posteriors of rows.   mean, std: [n, Z].   centre: z_e, [Z]."""

    mean: NDArray[np.float32]
    std: NDArray[np.float32]
    centre: NDArray[np.float32]


class Models:
    """The trained CVAEs of a run: what they say of any rows.

    reference: the transitions that they were trained on, whose scaling they take.
    """

    def __init__(self, folder: Path, reference: Transitions, config: Clue) -> None:
        tensors = load_tensors(folder / MODELS)
        self._centres = tensors.pop("centres")
        size, action_size = reference.observations.shape[1], reference.actions.shape[1]
        self._cvae = StackedCvae.from_tensors(tensors, CvaeShape(size, action_size, config.hidden))
        self._reference, self._config = reference, config

    def of_steps(
        self, observations: NDArray[np.float32], actions: NDArray[np.float32], expert: int
    ) -> NDArray[np.float32]:
        """[B] eq. 6 of one expert."""
        one = slice(expert, expert + 1)
        inputs = self._inputs(slice(None), replace(self._reference, observations=observations, actions=actions))
        labeller = Labeller(self._cvae.range(one), self._centres[one], inputs, self._config, _RANKING_SEED)
        starts = range(0, len(inputs), labeller.chunk)
        return np.concatenate([np.zeros((0, 1), np.float32), *(labeller.label(start) for start in starts)])[:, 0]

    def rewards(self, rows: NDArray[np.integer], transitions: Transitions, distance: Distance) -> NDArray[np.float32]:
        """[n, K] eq. 6 with that distance, of some rows of transitions."""
        config = replace(self._config, distance=distance)
        inputs = self._inputs(rows, transitions)
        with Workers() as workers:
            labeller = Labeller(self._cvae, self._centres, inputs, config, _RANKING_SEED)
            return np.concatenate(list(labels_of(labeller, workers)))

    def spread(self, rows: NDArray[np.integer], transitions: Transitions) -> NDArray[np.float64]:
        """[K] how far the posterior means of rows lie from z_e: the root of the mean square."""
        total = np.zeros(self._cvae.count)
        inputs = self._inputs(rows, transitions)
        for start in range(0, len(rows), _CHUNK):
            mean, _ = self._cvae.encode(inputs[start : start + _CHUNK][None])
            total += (mean - self._centres).square().sum(dim=(1, 2)).double().numpy()
        return np.asarray(np.sqrt(total / len(rows)))

    def latents(self, rows: NDArray[np.integer], transitions: Transitions, expert: int) -> Latents:
        """Of some rows, in the model of one expert."""
        model = self._cvae.range(slice(expert, expert + 1))
        mean, log_std = model.encode(self._inputs(rows, transitions)[None])
        return Latents(mean[0].numpy(), log_std[0].exp().numpy(), self._centres[expert, 0].numpy())

    def _inputs(self, rows: NDArray[np.integer] | slice, transitions: Transitions) -> Tensor:
        """(s, a, 1), [n, O + A + 1]."""
        part = replace(transitions, observations=transitions.observations[rows], actions=transitions.actions[rows])
        return standardised_rows(part, self._reference.scaling if self._config.standardise else None)


def squared_distance(mean: Tensor, std: Tensor, centre: Tensor, noise: Tensor | None, distance: Distance) -> Tensor:
    """d^2 of eq. 6 between a posterior and an expert's centre: [..., Z] each -> [...].

    `expected`: |mu - z_e|^2 + |sigma|^2, which is what the paper's sampled distance is on average, without its noise.
    `sample`: |z - z_e|^2 with z = mu + sigma noise, the paper's text.
    """
    if distance == "sample":
        assert noise is not None, "a sampled distance needs noise"
        return torch.addcmul(mean - centre, std, noise).square_().sum(dim=-1)
    return (mean - centre).square_().sum(dim=-1) + std.square().sum(dim=-1)


def _centres(cvae: StackedCvae, rows: Tensor, members: Members, workers: Workers) -> Tensor:
    """z_e, the mean of the posterior means over each expert's transitions, [K, 1, Z]."""
    centres = torch.zeros(cvae.count, 1, cvae.shape.latent_size, dtype=torch.float64, device=rows.device)

    def average(index: int) -> None:
        model = cvae.range(slice(index, index + 1))
        start, stop = int(members.starts[index]), int(members.starts[index + 1])
        for first in range(start, stop, _CHUNK):
            own = members.rows[first : min(first + _CHUNK, stop)].to(rows.device)
            centres[index] += model.encode(rows[own][None])[0].double().sum(dim=1)
        centres[index] /= stop - start

    workers.run(average, range(cvae.count))
    return centres.float()


class Labeller:
    """Labels a range of rows for every skill."""

    def __init__(self, cvae: StackedCvae, centres: Tensor, rows: Tensor, config: Clue, seed: int) -> None:
        block = cvae.count if rows.is_cuda else _BLOCK
        self.rows, self.count = rows, cvae.count
        self.cvae, self.centres = cvae, centres
        self.chunk = _CHUNK_ON_GPU if rows.is_cuda else _CHUNK
        self._config, self._seed = config, seed
        self._blocks = [slice(first, min(first + block, cvae.count)) for first in range(0, cvae.count, block)]
        self._models = [cvae.range(block) for block in self._blocks]

    def label(self, start: int) -> NDArray[np.float32]:
        """The rewards of rows start..start + chunk, [n, K]."""
        chunk = self.rows[start : start + self.chunk]
        labels = torch.empty(self.count, len(chunk), device=chunk.device)
        generator = torch.Generator(chunk.device).manual_seed(self._seed ^ start)
        for block, model in zip(self._blocks, self._models, strict=True):
            mean, log_std = model.encode(chunk[None])
            noise = None
            if self._config.distance == "sample":
                noise = torch.randn(mean.shape, generator=generator, device=mean.device)
            distance = squared_distance(mean, log_std.exp(), self.centres[block], noise, self._config.distance)
            torch.exp(distance.mul_(-self._config.temperature), out=labels[block])
        return labels.T.contiguous().cpu().numpy()


def labels_of(labeller: Labeller, workers: Workers, chunks: slice | None = None) -> Iterator[NDArray[np.float32]]:
    """The rewards of all rows in order, a chunk [n, K] at a time.   chunks: of these only."""
    total, chunk, begin = len(labeller.rows), labeller.chunk, 0
    if chunks is not None:
        begin, total = chunks.start * chunk, min(chunks.stop * chunk, total)
    wave = chunk * _WAVE * workers.count
    made: dict[int, NDArray[np.float32]] = {}

    def label(start: int) -> None:
        made[start] = labeller.label(start)

    for first in range(begin, total, wave):
        starts = range(first, min(first + wave, total), chunk)
        workers.run(label, starts)
        for start in starts:
            labels = made.pop(start)
            _check_finite(labels)
            yield labels


def _joined(files: Sequence[Path], labeller: Labeller) -> Iterator[NDArray[np.float32]]:
    """The rewards of all rows in order, that others have labelled, as `labels_of` has them."""
    for file in files:
        with reading(file), file.open("rb") as content:
            while piece := content.read(labeller.chunk * labeller.count * np.dtype(np.float32).itemsize):
                yield np.frombuffer(piece, np.float32).reshape(-1, labeller.count)


def _check_finite(labels: NDArray[np.float32]) -> None:
    broken = np.flatnonzero(~np.isfinite(labels).all(axis=0))
    if len(broken):
        raise SkillsError(
            f"The reward of skill {broken[0]} (and {len(broken) - 1} others) is not a number: its CVAE has diverged.",
            "Lower --set reward.learning_rate=VALUE, or give the skill more data with a smaller --skills.",
        )
