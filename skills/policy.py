"""The policy of all skills: acts, saves and loads; knows no training.

Letters: B rows, O observation columns, A action size, K skills.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skills.checkpoint import load_tensors, save_tensors
from skills.files import read_json, write_json

LOG_STD_RANGE = (-5.0, 2.0)
_CONFIG = "config.json"
_WEIGHTS = "weights.safetensors"


@dataclass(frozen=True)
class Shape:
    """The sizes of a policy network."""

    observation_size: int
    action_size: int
    skills: int
    hidden: int


def mlp(inputs: int, hidden: int, outputs: int, generator: torch.Generator) -> nn.Sequential:
    """inputs -> hidden -> hidden -> outputs with ReLU, initialised as `torch.nn.Linear` is, from `generator`."""
    layers: list[nn.Module] = []
    for size, out in ((inputs, hidden), (hidden, hidden), (hidden, outputs)):
        # The default start of nn.Linear would draw from the global generator.
        linear = nn.utils.skip_init(nn.Linear, size, out)  # type: ignore[no-untyped-call]  # torch ships no type for it
        bound = size**-0.5
        nn.init.uniform_(linear.weight, -bound, bound, generator=generator)
        nn.init.uniform_(linear.bias, -bound, bound, generator=generator)
        layers += [linear, nn.ReLU(inplace=True)]
    return nn.Sequential(*layers[:-1])


class Policy(nn.Module):
    """A Gaussian per skill: tanh means from one shared trunk, a free log std per skill and action.

    Observations are standardised inside, so it acts on what the environment gives.
    """

    FILES = (_CONFIG, _WEIGHTS)

    mean: Tensor
    std: Tensor

    def __init__(self, shape: Shape, mean: Tensor, std: Tensor, generator: torch.Generator) -> None:
        super().__init__()
        self.shape = shape
        self.network = mlp(shape.observation_size, shape.hidden, shape.skills * shape.action_size, generator)
        self.log_std = nn.Parameter(torch.zeros(shape.skills, shape.action_size))
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def standardise(self, observations: Tensor) -> Tensor:
        """[B, O] -> [B, O]."""
        return (observations - self.mean) / self.std

    def means(self, standardised: Tensor) -> Tensor:
        """The mean action of every skill: standardised observations [B, O] -> [B, K, A]."""
        actions = torch.tanh(self.network(standardised))
        return actions.view(-1, self.shape.skills, self.shape.action_size)

    @torch.no_grad()
    def act(self, observations: NDArray[np.floating], skills: NDArray[np.integer]) -> NDArray[np.float32]:
        """The mean action [B, A] of skill skills[b] in observations[b], [B, O]. Further columns are ignored."""
        seen = torch.as_tensor(observations[:, : self.shape.observation_size], dtype=torch.float32)
        means = self.means(self.standardise(seen.to(self.mean.device)))
        actions: NDArray[np.float32] = means[torch.arange(len(seen)), torch.as_tensor(skills)].cpu().numpy()
        return actions

    def std_of_actions(self) -> NDArray[np.float32]:
        """[K, A] standard deviation of each skill's Gaussian."""
        std: NDArray[np.float32] = self.log_std.detach().clamp(*LOG_STD_RANGE).exp().cpu().numpy()
        return std

    def save(self, folder: Path) -> None:
        """Writes config.json and weights.safetensors."""
        save_tensors(folder / _WEIGHTS, self.state_dict())
        write_json(folder / _CONFIG, {"schema_version": 1, **asdict(self.shape)})

    @staticmethod
    def load(folder: Path) -> "Policy":
        """Reads what `save` wrote, to the CPU."""
        document = read_json(folder / _CONFIG)
        shape = Shape(**{name: document[name] for name in Shape.__dataclass_fields__})
        weights = load_tensors(folder / _WEIGHTS)
        policy = Policy(shape, weights["mean"], weights["std"], torch.Generator())
        policy.load_state_dict(weights)
        return policy
