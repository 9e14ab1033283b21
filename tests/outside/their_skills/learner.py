"""Behaviour cloning that weights rows by their reward."""

from dataclasses import dataclass
from typing import Annotated

import torch

from skills.learning.learners import Learner
from skills.learning.policy import Policy, Shape


@dataclass(frozen=True)
class WeightedClone(Learner):
    """A head for each skill; a row counts as much as it earns."""

    name = "mine"
    checkpoint = "mine.safetensors"

    my_setting: Annotated[int, "how many updates"] = 10
    hidden: Annotated[int, "units of each hidden layer"] = 16

    def train(self, transitions, experts, rewards, device, generator, folder, reporter):
        """Clones."""
        observations, actions = (torch.from_numpy(one) for one in (transitions.observations, transitions.actions))
        shape = Shape(observations.shape[1], actions.shape[1], experts.count, self.hidden)
        mean, std = (torch.from_numpy(one) for one in transitions.scaling)
        policy = Policy(shape, mean, std, generator)
        weights = torch.from_numpy(rewards.labels * rewards.scale).float()
        optimizer = torch.optim.Adam(policy.parameters())
        progress = reporter("cloning by weight", "steps")
        for step in range(self.my_setting):
            optimizer.zero_grad()
            errors = (policy.means(policy.standardise(observations)) - actions[:, None]).square().mean(dim=-1)
            (weights * errors).mean().backward()
            optimizer.step()
            progress(step + 1, self.my_setting)
        policy.save(folder)
        return policy
