"""Stacked TD3+BC against textbook TD3+BC with modules and automatic gradients, and a case that it must solve."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from skills.learning.batches import Batch, Batches
from skills.learning.classes import Classes, one_expert
from skills.learning.engine.stacked import StackedMlp
from skills.learning.learners.td3bc import Td3Bc, Td3BcNetworks
from skills.learning.matrix import Rewards
from skills.learning.policy import Policy, Shape
from skills.progress import silent_reporter

CPU = torch.device("cpu")
CONFIG = Td3Bc(hidden=32, batch=16, steps=100, learning_rate=3e-3)
OBSERVATIONS, ACTIONS, SKILLS = 4, 2, 3


def torch_mlp(mlp: StackedMlp, index: int) -> nn.Sequential:
    """One perceptron of a stack as ordinary modules."""
    layers: list[nn.Module] = []
    for stacked in mlp.layers:
        linear = nn.Linear(stacked.shape[1] - 1, stacked.shape[2])
        with torch.no_grad():
            linear.weight.copy_(stacked[index, :-1].T)
            linear.bias.copy_(stacked[index, -1])
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class TextbookTd3Bc:
    """TD3+BC for one skill, written as its authors write it."""

    def __init__(self, learner: Td3BcNetworks, skill: int) -> None:
        self.actor = torch_mlp(learner.networks["actor"], skill)
        self.critics = [torch_mlp(learner.networks["q"], skill + copy * SKILLS) for copy in range(2)]
        self.actor_target, self.critic_targets = copy.deepcopy(self.actor), copy.deepcopy(self.critics)
        parameters = [*self.critics[0].parameters(), *self.critics[1].parameters()]
        self.critic_optimizer = torch.optim.Adam(parameters, lr=CONFIG.learning_rate)
        self.actor_optimizer = torch.optim.Adam(self.actor.parameters(), lr=CONFIG.learning_rate)
        self.total_it = 0

    def update(self, batch: Batch, reward: torch.Tensor, noise: torch.Tensor) -> None:
        self.total_it += 1
        state, action, next_state = batch.states[:, :-1], batch.actions, batch.next_states[:, :-1]
        with torch.no_grad():
            clipped = (noise * 0.2).clamp(-0.5, 0.5)
            next_action = (torch.tanh(self.actor_target(next_state)) + clipped).clamp(-1, 1)
            first, second = (critic(torch.cat([next_state, next_action], 1)) for critic in self.critic_targets)
            target = reward[:, None] + batch.continues * 0.99 * torch.min(first, second)
        critic_loss = sum(F.mse_loss(critic(torch.cat([state, action], 1)), target) for critic in self.critics)
        self.critic_optimizer.zero_grad()
        critic_loss.backward()
        self.critic_optimizer.step()
        if self.total_it % 2 == 0:
            pi = torch.tanh(self.actor(state))
            q = self.critics[0](torch.cat([state, pi], 1))
            actor_loss = -2.5 / q.abs().mean().detach() * q.mean() + F.mse_loss(pi, action)
            self.actor_optimizer.zero_grad()
            actor_loss.backward()
            self.actor_optimizer.step()
            pairs = zip([self.actor, *self.critics], [self.actor_target, *self.critic_targets], strict=True)
            for net, slow in pairs:
                for new, old in zip(net.parameters(), slow.parameters(), strict=True):
                    old.data.copy_(0.005 * new.data + 0.995 * old.data)


def make_batch(generator: torch.Generator) -> Batch:
    batch = Batch.create(OBSERVATIONS, ACTIONS, SKILLS, CONFIG.batch, CPU)
    batch.pairs[:, :OBSERVATIONS].normal_(generator=generator)
    batch.pairs[:, OBSERVATIONS:-1].uniform_(-1, 1, generator=generator)
    batch.states[:, :-1] = batch.pairs[:, :OBSERVATIONS]
    batch.next_states[:, :-1].normal_(generator=generator)
    batch.rewards.uniform_(generator=generator)
    batch.continues.bernoulli_(0.8, generator=generator)
    return batch


def test_each_skill_is_textbook_td3_bc():
    shape = Shape(OBSERVATIONS, ACTIONS, SKILLS, CONFIG.hidden, trunks=SKILLS)
    learner = Td3BcNetworks(shape, CONFIG, torch.Generator().manual_seed(0), CPU)
    textbook = [TextbookTd3Bc(learner, skill) for skill in range(SKILLS)]
    generator = torch.Generator().manual_seed(7)
    for step in range(50):
        batch = make_batch(generator)
        noise = torch.randn(SKILLS, CONFIG.batch, ACTIONS, generator=generator)
        learner.update(batch, noise, step)
        for skill, one in enumerate(textbook):
            one.update(batch, batch.rewards[:, skill], noise[skill])
    states = torch.randn(64, OBSERVATIONS, generator=generator)
    policy = learner.to_policy(torch.zeros(OBSERVATIONS), torch.ones(OBSERVATIONS))
    for skill, one in enumerate(textbook):
        ours = torch.from_numpy(policy.act(states.numpy(), np.full(64, skill)))
        torch.testing.assert_close(ours, torch.tanh(one.actor(states)).detach(), atol=1e-4, rtol=1e-4)
        for copy_, target in enumerate(one.critic_targets):
            slow = torch_mlp(learner.targets["q"], skill + copy_ * SKILLS)
            pairs = torch.cat([states, ours], dim=1)
            torch.testing.assert_close(slow(pairs), target(pairs), atol=1e-4, rtol=1e-4)


@pytest.fixture
def signs(cheetah):
    """(data, experts, rewards): action 0 is rewarded by skill 0 for being high, by skill 1 for being low."""
    generator = np.random.default_rng(0)
    actions = generator.uniform(-0.9, 0.9, cheetah.actions.shape).astype(np.float32)
    data = dataclasses.replace(cheetah, actions=actions, terminated=np.ones(len(cheetah), np.bool_))
    labels = (actions[:, :1] * [[1.0, -1.0]]).astype(np.float16)
    plain = np.zeros(0, np.float32)
    experts = Classes(np.zeros(len(cheetah), np.int32), np.zeros((1, 0), np.float32), plain.astype(int), plain, plain)
    return data, experts, Rewards(labels, np.ones(2, np.float32))


def learn(signs, folder, steps: int) -> Policy:
    config = dataclasses.replace(CONFIG, steps=steps, batch=64, learning_rate=1e-3)
    generator = torch.Generator().manual_seed(0)
    return config.train(*signs, CPU, generator, folder, silent_reporter)


def test_it_prefers_the_rewarded_actions(signs, tmp_path):
    learn(signs, tmp_path, 400)
    policy = Policy.load(tmp_path)
    rows = signs[0].observations[:500]
    high, low = (policy.act(rows, np.full(500, skill))[:, 0].mean() for skill in range(2))
    assert high > 0.4
    assert low < -0.4


def test_a_share_of_each_batch_is_the_experts(cheetah):
    config = dataclasses.replace(CONFIG, batch=100, expert_share=0.5)
    rewards = Rewards((np.arange(len(cheetah)) < 50).astype(np.float16)[:, None], np.ones(1, np.float32))
    mean, std = (torch.from_numpy(array) for array in cheetah.scaling)
    experts = one_expert(len(cheetah), np.arange(50))
    generator = torch.Generator().manual_seed(0)
    with Batches(cheetah, rewards, config, mean, std, generator, CPU, experts) as batches:
        shares = [float(batches.buffers[batches.take()[0]].rewards.mean()) for _ in range(20)]
    assert np.mean(shares) == pytest.approx(0.5 + 0.5 * 50 / len(cheetah), abs=0.01)
