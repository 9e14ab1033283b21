"""All-heads IQL against textbook single-skill IQL, closed forms, and a case that it must solve."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import Normal

from skills.config import PolicyConfig
from skills.dataset import Transitions
from skills.learners.iql import Batch, Critics, Learner, expectile_loss, train
from skills.policy import Policy, Shape
from skills.progress import silent_reporter
from skills.rewards import Rewards

CONFIG = PolicyConfig(hidden=32, batch=16, steps=100, learning_rate=3e-3)


def make_learner(skills: int, seed: int = 0) -> Learner:
    generator = torch.Generator().manual_seed(seed)
    shape = Shape(observation_size=4, action_size=2, skills=skills, hidden=CONFIG.hidden)
    policy = Policy(shape, torch.zeros(4), torch.ones(4), generator)
    return Learner(policy, Critics(shape, generator), CONFIG)


def make_batch(skills: int, generator: torch.Generator) -> Batch:
    return Batch(
        observations=torch.randn(16, 4, generator=generator),
        actions=torch.rand(16, 2, generator=generator) * 2 - 1,
        next_observations=torch.randn(16, 4, generator=generator),
        rewards=torch.rand(16, skills, generator=generator),
        continues=(torch.rand(16, 1, generator=generator) > 0.2).float(),
    )


def test_one_skill_is_textbook_iql():
    """V, actor, Q, target: separate modules and optimisers, one head, in the usual public PyTorch form."""
    learner = make_learner(1)
    actor, log_std = copy.deepcopy(learner.policy.network), nn.Parameter(torch.zeros(1, 2))
    value = copy.deepcopy(learner.critics.value)
    q1, q2 = (copy.deepcopy(network) for network in learner.critics.q)
    t1, t2 = copy.deepcopy(q1), copy.deepcopy(q2)
    value_optimizer = torch.optim.Adam(value.parameters(), lr=CONFIG.learning_rate)
    q_optimizer = torch.optim.Adam([*q1.parameters(), *q2.parameters()], lr=CONFIG.learning_rate)
    actor_optimizer = torch.optim.Adam([*actor.parameters(), log_std], lr=CONFIG.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(actor_optimizer, CONFIG.steps)
    generator = torch.Generator().manual_seed(7)
    for step in range(50):
        batch = make_batch(1, generator)
        learner.update(batch, step)
        s, a = batch.observations, batch.actions
        sa = torch.cat([s, a], dim=1)
        with torch.no_grad():
            target_q = torch.minimum(t1(sa), t2(sa))
        difference = target_q - value(s)
        value_loss = (torch.abs(0.7 - (difference < 0).float()) * difference**2).mean()
        weight = torch.exp(3.0 * difference.detach()).clamp(max=100.0)
        value_optimizer.zero_grad()
        value_loss.backward()
        value_optimizer.step()
        density = Normal(torch.tanh(actor(s)), log_std.clamp(-5, 2).exp()).log_prob(a).sum(1, keepdim=True)
        actor_optimizer.zero_grad()
        (-(weight * density).mean()).backward()
        actor_optimizer.step()
        schedule.step()
        with torch.no_grad():
            goal = batch.rewards + 0.99 * batch.continues * value(batch.next_observations)
        q_optimizer.zero_grad()
        (((q1(sa) - goal) ** 2).mean() + ((q2(sa) - goal) ** 2).mean()).backward()
        q_optimizer.step()
        with torch.no_grad():
            for slow, fast in ((t1, q1), (t2, q2)):
                for p, q in zip(slow.parameters(), fast.parameters(), strict=True):
                    p.mul_(1 - 0.005).add_(q, alpha=0.005)
    inputs = torch.randn(64, 4, generator=generator)
    torch.testing.assert_close(learner.policy.means(inputs)[:, 0], torch.tanh(actor(inputs)), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(learner.policy.log_std, log_std, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(learner.critics.value(inputs), value(inputs), atol=1e-4, rtol=1e-4)
    rows = torch.randn(64, 6, generator=generator)
    torch.testing.assert_close(learner.critics.targets(rows), torch.minimum(t1(rows), t2(rows)), atol=1e-4, rtol=1e-4)


def test_equal_rewards_give_equal_skills():
    """Heads that start equal and are paid equally stay equal: no head leaks into another."""
    learner = make_learner(3)
    networks = [*learner.critics.q, *learner.critics.target, learner.critics.value]
    with torch.no_grad():
        for network in networks:
            network[-1].weight.copy_(network[-1].weight[:1].expand_as(network[-1].weight))
            network[-1].bias.copy_(network[-1].bias[:1].expand_as(network[-1].bias))
        last = learner.policy.network[-1]
        last.weight.copy_(last.weight[:2].repeat(3, 1))
        last.bias.copy_(last.bias[:2].repeat(3))
    generator = torch.Generator().manual_seed(1)
    for step in range(20):
        batch = make_batch(3, generator)
        same = Batch(
            batch.observations, batch.actions, batch.next_observations, batch.rewards[:, :1].expand(-1, 3),
            batch.continues,
        )  # fmt: skip
        learner.update(same, step)
    means = learner.policy.means(torch.randn(8, 4, generator=generator))
    torch.testing.assert_close(means[:, 0], means[:, 2], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("expectile", [0.5, 0.7, 0.9])
def test_expectile_of_a_coin(expectile):
    """Minimising over v for targets 0 and 1 gives v = tau in closed form."""
    targets = torch.tensor([0.0, 1.0])
    grid = torch.linspace(0, 1, 1001)
    losses = expectile_loss(targets - grid[:, None], expectile).mean(dim=1)
    assert float(grid[losses.argmin()]) == pytest.approx(expectile, abs=2e-3)


def bandit(rows: int = 4000) -> tuple[Transitions, Rewards]:
    """One step each; skill 0 is paid for actions near +0.5, skill 1 for actions near -0.5."""
    generator = np.random.default_rng(0)
    actions = generator.uniform(-0.99, 0.99, (rows, 1)).astype(np.float32)
    observations = generator.standard_normal((rows, 2)).astype(np.float32)
    labels = np.exp(-10.0 * np.square(actions - np.array([[0.5, -0.5]]))).astype(np.float16)
    transitions = Transitions(
        "bandit", "test/bandit-v0", "Hopper-v5", True, observations, actions, observations,
        np.zeros(rows, np.float32), np.ones(rows, bool), np.arange(rows),
    )  # fmt: skip
    return transitions, Rewards(labels, np.ones(2, np.float32))


def test_each_skill_does_what_it_is_paid_for(tmp_path):
    transitions, rewards = bandit()
    config = PolicyConfig(hidden=32, batch=256, steps=800, learning_rate=3e-3, inverse_temperature=10.0)
    policy = train(
        transitions, rewards, config, torch.device("cpu"), torch.Generator().manual_seed(0), tmp_path, silent_reporter
    )
    seen = np.zeros((2, 2), np.float32)
    acted = policy.act(seen, np.array([0, 1]))[:, 0]
    assert acted[0] == pytest.approx(0.5, abs=0.15)
    assert acted[1] == pytest.approx(-0.5, abs=0.15)


def test_interrupted_training_ends_in_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr("skills.checkpoint.SECONDS_BETWEEN", 0.0)
    transitions, rewards = bandit(500)
    config = PolicyConfig(hidden=16, batch=16, steps=120)

    def run(folder, reporter=silent_reporter):
        generator = torch.Generator().manual_seed(2)
        train(transitions, rewards, config, torch.device("cpu"), generator, folder, reporter)
        return (folder / "weights.safetensors").read_bytes()

    def interrupting(task, unit):
        def stop(done, total):
            if done >= 60:
                raise KeyboardInterrupt

        return stop

    whole = run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", interrupting)
    steps: list[int] = []
    assert run(tmp_path / "cut", lambda task, unit: lambda done, total: steps.append(done)) == whole
    assert min(steps) > 40, "the second run continues, it does not begin again"


def test_policy_round_trip(tmp_path):
    learner = make_learner(3)
    learner.policy.save(tmp_path)
    loaded = Policy.load(tmp_path)
    observations = np.random.default_rng(0).standard_normal((5, 4))
    skills = np.array([0, 1, 2, 0, 1])
    np.testing.assert_array_equal(learner.policy.act(observations, skills), loaded.act(observations, skills))
