"""The policy of all skills: acts, saves and loads; knows no training.

Letters: B rows, O observation columns, A action size, K skills.
"""

import itertools
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skills.files import MAKE_AGAIN, read_json, write_json
from skills.learning.engine.checkpoint import load_tensors, save_tensors
from skills.learning.engine.stacked import StackedMlp, initial, parameter_count, with_ones
from skills.learning.flow import Flow, FlowShape
from skills.troubles import reading

LOG_STD_RANGE = (-5.0, 2.0)
_CONFIG = "config.json"
_FLOW = "flow"  # in it
_WEIGHTS = "weights.safetensors"


@dataclass(frozen=True)
class Shape:
    """The sizes of a policy network.

    trunks: 1, which all skills share, or one for each skill.   depth: hidden layers, of `hidden` units each.
    """

    observation_size: int
    action_size: int
    skills: int
    hidden: int
    depth: int = 2
    trunks: int = 1

    def layers(self, inputs: int, width: int) -> list[int]:
        """Sizes of a trunk's layers, from the inputs to `width` outputs for each of its skills."""
        return [inputs, *[self.hidden] * self.depth, width * (self.skills // self.trunks)]


class SharedTrunk(nn.Sequential):
    """One perceptron with all skills' actions as outputs: [B, O] -> [B, K * A]; ReLU between the layers."""

    def __init__(self, sizes: list[int]) -> None:
        layers: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise(sizes):
            # The default start of nn.Linear would draw from the global generator.
            linear = nn.utils.skip_init(nn.Linear, inputs, outputs)  # type: ignore[no-untyped-call]  # torch has no type
            layers += [linear, nn.ReLU(inplace=True)]
        super().__init__(*layers[:-1])

    @property
    def _linears(self) -> list[nn.Linear]:
        return [layer for layer in self if isinstance(layer, nn.Linear)]

    @torch.no_grad()
    def load_flat(self, flat: Tensor) -> None:
        """Takes the `StackedMlp.flat` of one perceptron, [1, P]."""
        sizes = [self._linears[0].in_features, *(linear.out_features for linear in self._linears)]
        for linear, matrix in zip(self._linears, StackedMlp.of(flat, sizes).layers, strict=True):
            linear.weight.copy_(matrix[0, :-1].T)
            linear.bias.copy_(matrix[0, -1])

    def flat_of(self, skill: int, action_size: int) -> Tensor:
        """The parameters of one skill's perceptron, [1, P], as `load_flat` takes them."""
        matrices = [torch.cat([linear.weight.T, linear.bias[None]]) for linear in self._linears]
        matrices[-1] = matrices[-1][:, skill * action_size : (skill + 1) * action_size]
        return torch.cat([matrix.flatten() for matrix in matrices])[None]


class OwnTrunks(nn.Module):
    """A perceptron for each skill: [B, O] -> [B, K * A]."""

    def __init__(self, trunks: int, sizes: list[int]) -> None:
        super().__init__()
        self._sizes = sizes
        self.flat = nn.Parameter(torch.empty(trunks, parameter_count(sizes)))

    def forward(self, observations: Tensor) -> Tensor:
        """Every skill's actions."""
        actions = StackedMlp.of(self.flat, self._sizes)(with_ones(observations)[None])
        return actions.transpose(0, 1).flatten(1)

    def of(self, observations: Tensor, skills: Tensor) -> Tensor:
        """[B, A] the actions of skill skills[b] in observations[b], [B, O], and of no other."""
        if len(skills) == 1:  # nothing to sort: by far most of what an environment or a hand costs
            own = StackedMlp.of(self.flat[int(skills)][None], self._sizes)
            return own(with_ones(observations)[None])[0]
        present, group, counts = torch.unique(skills, return_inverse=True, return_counts=True)
        order = group.argsort(stable=True)
        place = torch.empty_like(group)  # of each row among those of its skill
        place[order] = torch.arange(len(group), device=group.device) - (counts.cumsum(0) - counts)[group[order]]
        rows = observations.new_zeros(len(present), int(counts.max()), observations.shape[1] + 1)
        rows[group, place] = with_ones(observations)
        flat = self.flat if len(present) == len(self.flat) else self.flat[present]
        return StackedMlp.of(flat, self._sizes)(rows)[group, place]

    @torch.no_grad()
    def load_flat(self, flat: Tensor) -> None:
        """Takes a `StackedMlp.flat`, [trunks, P]."""
        self.flat.copy_(flat)

    def flat_of(self, skill: int, action_size: int) -> Tensor:
        """The parameters of one skill's perceptron, [1, P]."""
        return self.flat[skill : skill + 1]


class Policy(nn.Module):
    """A Gaussian per skill: means from a trunk through a tanh, or through a flow; a free log std per skill and action.

    Observations are standardised inside, so it acts on what the environment gives.
    """

    FILES = (_CONFIG, _WEIGHTS)

    mean: Tensor
    std: Tensor

    def __init__(
        self, shape: Shape, mean: Tensor, std: Tensor, generator: torch.Generator, flow: Flow | None = None
    ) -> None:
        """flow: what the networks' outputs are latents of; None: they are actions, but for a tanh."""
        super().__init__()
        self.shape = shape
        self.flow = flow
        sizes, trunks = shape.layers(shape.observation_size, shape.action_size), shape.trunks
        self.network = SharedTrunk(sizes) if trunks == 1 else OwnTrunks(trunks, sizes)
        self.network.load_flat(initial(trunks, sizes, generator))
        self.log_std = nn.Parameter(torch.zeros(shape.skills, shape.action_size))
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def standardise(self, observations: Tensor) -> Tensor:
        """[B, O] -> [B, O]."""
        return (observations - self.mean) / self.std

    def means(self, standardised: Tensor) -> Tensor:
        """The mean action of every skill: standardised observations [B, O] -> [B, K, A]."""
        outputs = self.network(standardised).view(-1, self.shape.skills, self.shape.action_size)
        return self.outward(outputs, standardised[:, None])

    def outward(self, outputs: Tensor, standardised: Tensor) -> Tensor:
        """The actions [..., A] that outputs of the networks, [..., A], mean in observations [..., O]."""
        return torch.tanh(outputs) if self.flow is None else self.flow.decode(outputs, standardised)

    @torch.no_grad()
    def act(self, observations: NDArray[np.floating], skills: NDArray[np.integer]) -> NDArray[np.float32]:
        """The mean action [B, A] of skill skills[b] in observations[b], [B, O]. Further columns are ignored."""
        seen = torch.as_tensor(observations[:, : self.shape.observation_size], dtype=torch.float32)
        seen = self.standardise(seen.to(self.mean.device))
        wanted = torch.as_tensor(skills, device=seen.device)
        if isinstance(self.network, OwnTrunks):
            means = self.outward(self.network.of(seen, wanted), seen)
        else:
            means = self.means(seen)[torch.arange(len(seen)), wanted]
        actions: NDArray[np.float32] = means.cpu().numpy()
        return actions

    @torch.no_grad()
    def alone(self, skill: int) -> "Policy":
        """The policy of one skill by itself, K = 1: its means are that skill's."""
        shape = replace(self.shape, skills=1, trunks=1)
        policy = Policy(shape, self.mean, self.std, torch.Generator(), self.flow)
        policy.network.load_flat(self.network.flat_of(skill, shape.action_size))
        policy.log_std.copy_(self.log_std[skill : skill + 1])
        return policy

    def std_of_actions(self) -> NDArray[np.float32]:
        """[K, A] standard deviation of each skill's Gaussian."""
        std: NDArray[np.float32] = self.log_std.detach().clamp(*LOG_STD_RANGE).exp().cpu().numpy()
        return std

    def save(self, folder: Path) -> None:
        """Writes config.json and weights.safetensors."""
        save_tensors(folder / _WEIGHTS, self.state_dict())
        flow = {} if self.flow is None else {_FLOW: asdict(self.flow.shape)}
        write_json(folder / _CONFIG, {"schema_version": 1, **asdict(self.shape), **flow})

    @staticmethod
    def load(folder: Path) -> "Policy":
        """Reads what `save` wrote, to the CPU. Raises: SkillsError where it is damaged."""
        document = read_json(folder / _CONFIG)
        with reading(folder / _CONFIG, MAKE_AGAIN):
            shape = Shape(**{name: document[name] for name in Shape.__dataclass_fields__ if name in document})
            flow = Flow(FlowShape(**document[_FLOW]), torch.Generator()) if _FLOW in document else None
        weights = load_tensors(folder / _WEIGHTS)
        with reading(folder, MAKE_AGAIN):  # its two files do not fit together
            policy = Policy(shape, weights["mean"], weights["std"], torch.Generator(), flow)
            policy.load_state_dict(weights)
        return policy
