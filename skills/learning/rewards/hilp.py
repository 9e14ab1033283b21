"""HILP's rewards: how far along a direction of a latent space a step leads, the direction being the class's prompt.

HILP (Park, Kreiman and Levine, ICML 2024) lays states out so that how many steps one is from another is the distance
between their places phi, which a goal-conditioned value learns from all of the data, knowing nothing of classes:
    V(s, g) = -|phi(s) - phi(g)|,   it aims at -1 + gamma V(s', g), weighted by the expectile
Two of them learn side by side, each from its own slow copy, weighted by the lower; goals are later states of the same
episode, or any. A task is then the direction that its rewards ask for: what is wanted is regressed on places,
    z_k = argmin_z E[(1[row of class k] - share of class k - z (phi(s') - mean))^2], of length 1
    r_k(s') = z_k (phi(s') - mean)
As in the official code for zero-shot tasks; there one policy is learned for all z and asked for z_k, here the learner
has a head for each z_k, as for any other rewards. Of the two, phi is the first's. ReLU for its normalised tanh.

Letters: N transitions, K experts, B rows of a batch, O observation columns, D dimensions of phi, E episodes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skills.choices import Domain, Mode, Preset
from skills.data.transitions import Transitions
from skills.learning.batches import scaling
from skills.learning.classes import Classes
from skills.learning.engine.checkpoint import Checkpoint, save_tensors
from skills.learning.engine.device import generator_on
from skills.learning.engine.optimiser import adam, descend, state_of
from skills.learning.engine.stacked import StackedMlp, initial, with_ones
from skills.learning.matrix import LABELS, SCALES, write
from skills.learning.rewards import RewardMaker
from skills.learning.rewards.indicator import indicators
from skills.plugins import Layer
from skills.progress import Reporter, sparsely

MODELS = "hilp.safetensors"
CHECKPOINT = "hilp.checkpoint.safetensors"

_POLYAK = 0.005
_NEAREST = 1e-6  # of squared distances: the root has no slope at 0
_RIDGE = 1e-6  # of phi's mean square
_CHUNK = 8192  # rows placed at once


@dataclass(frozen=True)
class Hilp(RewardMaker):
    """Places of states, learned once for all classes; a direction for each class."""

    name = "hilp"
    files = (MODELS, LABELS, SCALES)
    checkpoints = CHECKPOINT

    hidden: Annotated[int, "units of each of the two hidden layers of phi"] = 512
    batch: Annotated[int, "rows per step"] = 1024
    iterations: Annotated[int, "steps"] = 100_000
    learning_rate: Annotated[float, "of Adam"] = 1e-4
    dimensions: Annotated[int, "D of phi"] = 50
    expectile: Annotated[float, "tau"] = 0.5
    discount: Annotated[float, "gamma of distances; later goals are 1 / (1 - gamma) steps on in the mean"] = 0.98
    random_goals: Annotated[float, "share of goals that are any states; the others are later ones of the episode"] = (
        0.375
    )

    @classmethod
    def needs(cls, preset: Preset, mode: Mode, domain: Domain) -> Layer:
        """`quick` speaks of a model for each class; this is one for all."""
        return {"reward": {"hidden": 256, "batch": 256, "iterations": 5_000}} if preset == "quick" else {}

    def make(
        self,
        transitions: Transitions,
        experts: Classes,
        device: torch.device,
        generator: torch.Generator,
        folder: Path,
        reporter: Reporter,
    ) -> None:
        """Learns phi, finds the prompts and labels every transition."""
        mean, std = scaling(transitions, standardise=True)
        states, ends = (
            with_ones((torch.from_numpy(array) - mean) / std).to(device)
            for array in (transitions.observations, transitions.next_observations)
        )
        left = torch.from_numpy(transitions.left).to(device)
        phi = train(states, ends, left, self, generator, folder, reporter)
        placed = np.concatenate(
            [phi(ends[None, at : at + _CHUNK])[0].cpu().numpy() for at in range(0, len(ends), _CHUNK)]
        )
        placed -= placed.mean(axis=0)
        found = prompts(placed, indicators(experts, len(placed)))
        progress = sparsely(reporter(f"labelling for {experts.count} skills", "rows"))
        blocks = (placed[at : at + _CHUNK] @ found for at in range(0, len(placed), _CHUNK))
        write(folder, blocks, transitions, progress, scaled=self.scaled)
        save_tensors(folder / MODELS, phi.named_layers("phi") | {"prompts": torch.from_numpy(found)})


def prompts(placed: NDArray[np.float32], wanted: Iterator[NDArray[np.float32]]) -> NDArray[np.float32]:
    """[D, K] z_k above.   placed: [N, D] phi of next states, of mean 0.   wanted: [n, K] of all rows, some at once."""
    places = placed.astype(np.float64)
    products: NDArray[np.float64] = np.zeros((places.shape[1], 1))
    done = 0
    for part in wanted:  # the share of the class falls out: places have mean 0
        products = products + places[done : done + len(part)].T @ part
        done += len(part)
    squares = places.T @ places
    squares += _RIDGE * max(np.trace(squares) / len(squares), 1e-12) * np.eye(len(squares))
    found = np.linalg.solve(squares, products)
    return np.asarray(found / np.maximum(np.linalg.norm(found, axis=0), 1e-12), np.float32)


def train(
    states: Tensor,
    ends: Tensor,
    left: Tensor,
    config: Hilp,
    generator: torch.Generator,
    folder: Path,
    reporter: Reporter,
) -> StackedMlp:
    """phi, the first of the two.

    states, ends: (s, 1) and (s', 1), [N, O + 1].   left: [N], as `Transitions.left`.
    generator: a CPU generator; initial weights and every draw come from it, or on a GPU from one that it seeds.
    """
    sizes = [states.shape[1] - 1, config.hidden, config.hidden, config.dimensions]
    both = StackedMlp.of(initial(2, sizes, generator), sizes).to(states.device).to_learn()
    slow = StackedMlp(layer.detach().clone() for layer in both.layers)
    optimizer = adam(both.layers, config.learning_rate)
    own = generator_on(states.device, generator)
    kept = both.named_layers("phi") | slow.named_layers("slow") | state_of(optimizer, "adam")
    saved = Checkpoint(folder / CHECKPOINT, kept, own)
    progress = sparsely(reporter("training distances", "steps"))
    for step in range(saved.restore(), config.iterations):
        rows = torch.randint(len(states), (config.batch,), generator=own, device=own.device)
        goals = ends[goals_of(rows, left, config, own)]
        descend(optimizer, loss(both, slow, states[rows], ends[rows], goals, config))
        slow.approach(both, _POLYAK)
        saved.save_if_due(step + 1)
        progress(step + 1, config.iterations)
    saved.save(config.iterations)
    return both.range(slice(0, 1)).detached()


def goals_of(rows: Tensor, left: Tensor, config: Hilp, generator: torch.Generator) -> Tensor:
    """[B] the rows whose next states are the goals of rows [B]."""
    shape, device = rows.shape, rows.device
    any_row, later, uniform = (torch.rand(shape, generator=generator, device=device) for _ in range(3))
    ahead = (torch.log1p(-later) / np.log(config.discount)).long()  # geometric, from 0 on
    following = rows + torch.minimum(ahead, left[rows] - 1)
    return torch.where(uniform < config.random_goals, (any_row * len(left)).long(), following)


def loss(both: StackedMlp, slow: StackedMlp, states: Tensor, ends: Tensor, goals: Tensor, config: Hilp) -> Tensor:
    """The sum over the two of the expectile loss above, at (s, 1), (s', 1) and (g, 1), [B, O + 1] each.

    A goal is a next state, so it is one step at least from where it is looked for.
    """
    values = -distances(both, states, goals)
    with torch.no_grad():
        ahead = -distances(slow, ends, goals)
        aims = config.discount * ahead - 1.0  # [2, B]
        advantage = aims.amin(dim=0) + distances(slow, states, goals).mean(dim=0)
        weights = torch.where(advantage >= 0, config.expectile, 1.0 - config.expectile)
    return (weights * (aims - values).square()).mean(dim=1).sum()


def distances(phi: StackedMlp, states: Tensor, goals: Tensor) -> Tensor:
    """[2, B] |phi(s) - phi(g)|."""
    apart = phi(states[None]) - phi(goals[None])
    return apart.square().sum(dim=-1).clamp(min=_NEAREST).sqrt()
