"""All-heads IQL against textbook single-skill IQL, closed forms, and a case that it must solve."""

import copy
import dataclasses
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from conftest import bandit
from torch import nn
from torch.distributions import Normal

from skills.files import read_arrays, read_json, write_json
from skills.learning.batches import Batch, Batches
from skills.learning.classes import one_expert
from skills.learning.engine.curves import ends
from skills.learning.engine.stacked import StackedMlp
from skills.learning.learners.iql import Iql, IqlNetworks
from skills.learning.policy import Policy, Shape
from skills.learning.values import expectile_loss
from skills.progress import silent_reporter

CPU = torch.device("cpu")
EXPERTS = one_expert(1, np.arange(1))  # which IQL does not look at
CONFIG = Iql(hidden=32, batch=16, steps=100, learning_rate=3e-3)


def make_shape(skills: int, config: Iql) -> Shape:
    return Shape(4, 2, skills, config.hidden, config.depth, skills if config.trunk == "independent" else 1)


def make_learner(skills: int, config: Iql = CONFIG) -> IqlNetworks:
    return IqlNetworks(make_shape(skills, config), config, torch.Generator().manual_seed(0), CPU)


def make_batch(skills: int, generator: torch.Generator, config: Iql = CONFIG) -> Batch:
    batch = Batch.create(4, 2, skills, config.batch, CPU, config.dropout_of(make_shape(skills, config)))
    batch.pairs[:, :4].normal_(generator=generator)
    batch.pairs[:, 4:-1].uniform_(-1, 1, generator=generator)
    batch.states[:, :-1] = batch.pairs[:, :4]
    batch.next_states[:, :-1].normal_(generator=generator)
    batch.rewards.uniform_(generator=generator)
    batch.continues.bernoulli_(0.8, generator=generator)
    for mask in batch.dropout:
        mask.bernoulli_(0.9, generator=generator).div_(0.9)
    return batch


def torch_mlp(mlp: StackedMlp, index: int, columns: slice = slice(None)) -> nn.Sequential:
    """One perceptron of a stack as ordinary modules; of its last layer these columns."""
    layers: list[nn.Module] = []
    for number, stacked in enumerate(mlp.layers):
        matrix = stacked[index][:, columns] if number == len(mlp.layers) - 1 else stacked[index]
        layers += [linear_of(matrix[:-1], matrix[-1]), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def linear_of(weight: torch.Tensor, bias: torch.Tensor) -> nn.Linear:
    linear = nn.Linear(*weight.shape)
    with torch.no_grad():
        linear.weight.copy_(weight.T)
        linear.bias.copy_(bias)
    return linear


class TextbookIql:
    """IQL for one skill in the usual public PyTorch form: separate modules and optimisers, automatic gradients."""

    def __init__(self, learner: IqlNetworks, skill: int, config: Iql) -> None:
        own = skill if learner.shape.trunks > 1 else 0
        self.config, self.own = config, own
        self.actor = torch_mlp(learner.policy.mlp, own)
        self.log_std = nn.Parameter(torch.zeros(2))
        self.value = torch_mlp(learner.value.mlp, own)
        self.q = [torch_mlp(learner.q.mlp, own + copy_ * learner.shape.trunks) for copy_ in range(2)]
        self.target = copy.deepcopy(self.q)
        rate = config.learning_rate
        self.value_optimizer = torch.optim.Adam(self.value.parameters(), lr=rate)
        self.q_optimizer = torch.optim.Adam([*self.q[0].parameters(), *self.q[1].parameters()], lr=rate)
        self.actor_optimizer = torch.optim.Adam([*self.actor.parameters(), self.log_std], lr=rate)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.actor_optimizer, config.steps)

    def mean(self, batch: Batch) -> torch.Tensor:
        rows = batch.states[:, :-1]
        for layer in self.actor:
            rows = layer(rows)
            if isinstance(layer, nn.ReLU) and batch.dropout:
                number = list(self.actor).index(layer) // 2
                rows = rows * batch.dropout[number][self.own]
        return torch.tanh(rows)

    def update(self, batch: Batch, rewards: torch.Tensor) -> dict[str, torch.Tensor]:
        """rewards: [B]. Returns the losses."""
        states, pairs = batch.states[:, :-1], batch.pairs[:, :-1]
        with torch.no_grad():
            target = torch.minimum(self.target[0](pairs), self.target[1](pairs))
        difference = target - self.value(states)
        expectile = self.config.expectile
        value_loss = (torch.abs(expectile - (difference < 0).float()) * difference**2).mean()
        weight = torch.exp(self.config.inverse_temperature * difference.detach()).clamp(max=self.config.weight_limit)
        self.value_optimizer.zero_grad()
        value_loss.backward()
        self.value_optimizer.step()
        density = Normal(self.mean(batch), self.log_std.clamp(-5, 2).exp()).log_prob(batch.actions).sum(1, keepdim=True)
        policy_loss = -(weight * density).mean()
        self.actor_optimizer.zero_grad()
        policy_loss.backward()
        self.actor_optimizer.step()
        self.schedule.step()
        with torch.no_grad():
            goal = rewards[:, None] + 0.99 * batch.continues * self.value(batch.next_states[:, :-1])
        q_loss = sum(((q(pairs) - goal) ** 2).mean() for q in self.q)
        self.q_optimizer.zero_grad()
        q_loss.backward()
        self.q_optimizer.step()
        with torch.no_grad():
            for slow, fast in zip(self.target, self.q, strict=True):
                for p, q in zip(slow.parameters(), fast.parameters(), strict=True):
                    p.mul_(1 - 0.005).add_(q, alpha=0.005)
        constant = 0.5 * np.log(2 * np.pi) * 2 * weight.mean()  # of the log density, which the learner leaves out
        return {"value": value_loss, "policy": policy_loss - constant, "q": q_loss}


@pytest.mark.parametrize(
    ("skills", "changes"),
    [
        (1, {}),
        (1, {"dropout": 0.1, "depth": 3, "inverse_temperature": 10.0}),
        (3, {"trunk": "independent"}),
        (3, {"trunk": "independent", "dropout": 0.1}),
    ],
    ids=["one skill", "one, dropout, three layers", "independent", "independent, dropout"],
)
def test_a_skill_with_its_own_trunk_is_textbook_iql(skills, changes):
    """Fifty updates of all skills at once against each by itself: the same losses, the same networks."""
    config = dataclasses.replace(CONFIG, **changes)
    learner = make_learner(skills, config)
    textbook = [TextbookIql(learner, skill, config) for skill in range(skills)]
    generator = torch.Generator().manual_seed(7)
    for step in range(50):
        batch = make_batch(skills, generator, config)
        learner.set_step(step)
        learner.update(batch)
        losses = learner.losses()
        for skill, one in enumerate(textbook):
            for name, expected in one.update(batch, batch.rewards[:, skill]).items():
                torch.testing.assert_close(losses[name][skill], expected.float(), atol=1e-5, rtol=1e-5, msg=name)
    inputs = torch.randn(64, 4, generator=generator)
    means = learner.to_policy(torch.zeros(4), torch.ones(4)).means(inputs)
    for skill, one in enumerate(textbook):
        torch.testing.assert_close(means[:, skill], torch.tanh(one.actor(inputs)), atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(learner.log_std[skill], one.log_std, atol=1e-4, rtol=1e-4)


def test_shared_trunk_is_one_network_of_all_heads():
    """Losses summed over skills, autograd, one optimiser a network: the literal reading of all heads at once."""
    learner = make_learner(3)

    actor, value = torch_mlp(learner.policy.mlp, 0), torch_mlp(learner.value.mlp, 0)
    q1, q2 = (torch_mlp(learner.q.mlp, copy_) for copy_ in range(2))
    t1, t2 = copy.deepcopy(q1), copy.deepcopy(q2)
    log_std = nn.Parameter(torch.zeros(3, 2))
    actor_optimizer = torch.optim.Adam([*actor.parameters(), log_std], lr=CONFIG.learning_rate)
    value_optimizer = torch.optim.Adam(value.parameters(), lr=CONFIG.learning_rate)
    q_optimizer = torch.optim.Adam([*q1.parameters(), *q2.parameters()], lr=CONFIG.learning_rate)
    generator = torch.Generator().manual_seed(3)
    for step in range(50):
        batch = make_batch(3, generator)
        learner.set_step(step)
        learner.update(batch)
        actor_optimizer.param_groups[0]["lr"] = CONFIG.learning_rate * 0.5 * (1 + np.cos(np.pi * step / CONFIG.steps))
        s, sa = batch.states[:, :-1], batch.pairs[:, :-1]
        difference = torch.minimum(t1(sa), t2(sa)).detach() - value(s)
        by_skill = {"value": (torch.abs(0.7 - (difference < 0).float()) * difference**2).mean(dim=0)}
        weight = torch.exp(3.0 * difference.detach()).clamp(max=100.0)
        value_optimizer.zero_grad()
        by_skill["value"].sum().backward()
        value_optimizer.step()
        deviation = (batch.actions[:, None] - torch.tanh(actor(s)).view(-1, 3, 2)) / log_std.exp()
        by_skill["policy"] = (weight * (0.5 * deviation**2 + log_std).sum(dim=2)).mean(dim=0)
        actor_optimizer.zero_grad()
        by_skill["policy"].sum().backward()
        actor_optimizer.step()
        goal = (batch.rewards + 0.99 * batch.continues * value(batch.next_states[:, :-1])).detach()
        by_skill["q"] = sum(((q(sa) - goal) ** 2).mean(dim=0) for q in (q1, q2))
        q_optimizer.zero_grad()
        by_skill["q"].sum().backward()
        q_optimizer.step()
        with torch.no_grad():
            for slow, fast in ((t1, q1), (t2, q2)):
                for p, q in zip(slow.parameters(), fast.parameters(), strict=True):
                    p.mul_(1 - 0.005).add_(q, alpha=0.005)
        for name, losses in learner.losses().items():
            torch.testing.assert_close(losses, by_skill[name].detach(), atol=1e-5, rtol=1e-5)
    means = learner.to_policy(torch.zeros(4), torch.ones(4)).means(s)
    torch.testing.assert_close(means, torch.tanh(actor(s)).view(-1, 3, 2), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("trunk", ["shared", "independent"])
def test_settled_values_begin_where_each_skill_is_told(trunk):
    config = dataclasses.replace(CONFIG, trunk=trunk)
    plain, settled = (make_learner(3, config) for _ in range(2))
    told = torch.tensor([100.0, -20.0, 0.0])
    settled.settle(told)
    batch = make_batch(3, torch.Generator().manual_seed(1), config)
    for name, rows in (("q", batch.pairs), ("target", batch.pairs), ("value", batch.states)):
        before, after = (getattr(one, name)(rows)[..., 0].detach() for one in (plain, settled))
        torch.testing.assert_close(after - before, told.expand_as(after), rtol=0, atol=1e-4)


def test_values_climb_as_said_unless_they_begin_settled():
    """Rewards of 1, no ends: what is left of the climb to 1 / (1 - gamma) falls by e in 1 / (polyak (1 - gamma))."""
    config = dataclasses.replace(CONFIG, discount=0.9, polyak=0.05, expectile=0.5)
    generator = torch.Generator().manual_seed(1)
    climbing, settled = (make_learner(1, config) for _ in range(2))
    settled.settle(torch.tensor([10.0]))
    for _ in range(200):
        batch = make_batch(1, generator, config)
        batch.rewards[:], batch.continues[:] = 1.0, 1.0
        for learner in (climbing, settled):
            learner.update(batch)
    seen = make_batch(1, generator, config)
    assert float(settled.target(seen.pairs).mean()) == pytest.approx(10.0, abs=0.2)
    reached = float(climbing.target(seen.pairs).mean())
    assert 4.5 < reached < 10.0 * (1.0 - np.exp(-1.0)) + 0.2, "Q is a little behind what it aims at"


def test_log_std_out_of_its_range_is_clamped_and_left_alone():
    learner = make_learner(2)
    with torch.no_grad():
        learner.log_std.copy_(torch.tensor([[-6.0, 0.0], [3.0, 0.0]]))
    learner.update(make_batch(2, torch.Generator().manual_seed(0)))
    assert learner.log_std[:, 0].tolist() == [-6.0, 3.0]
    assert (learner.log_std[:, 1] != 0).all()


def test_equal_rewards_give_equal_skills():
    """Heads that start equal and are paid equally stay equal: no head leaks into another."""
    learner = make_learner(3)
    with torch.no_grad():
        for heads in (learner.q, learner.value):
            heads.mlp.layers[-1].copy_(heads.mlp.layers[-1][..., :1].expand_as(heads.mlp.layers[-1]).clone())
        last = learner.policy.mlp.layers[-1]
        last.copy_(last[..., :2].repeat(1, 1, 3))
    learner.target.mlp.approach(learner.q.mlp, 1.0)
    generator = torch.Generator().manual_seed(1)
    for step in range(20):
        batch = make_batch(3, generator)
        batch.rewards.copy_(batch.rewards[:, :1].expand(-1, 3).clone())
        learner.set_step(step)
        learner.update(batch)
    means = learner.to_policy(torch.zeros(4), torch.ones(4)).means(torch.randn(8, 4, generator=generator))
    torch.testing.assert_close(means[:, 0], means[:, 2], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("expectile", [0.5, 0.7, 0.9])
def test_expectile_of_a_coin(expectile):
    """Minimising over v for targets 0 and 1 gives v = tau in closed form."""
    targets = torch.tensor([0.0, 1.0])
    grid = torch.linspace(0, 1, 1001)
    losses = expectile_loss(targets - grid[:, None], expectile).mean(dim=1)
    assert float(grid[losses.argmin()]) == pytest.approx(expectile, abs=2e-3)


def test_each_skill_does_what_it_is_paid_for(tmp_path):
    transitions, rewards = bandit()
    config = Iql(hidden=32, batch=256, steps=800, learning_rate=3e-3, inverse_temperature=10.0)
    generator = torch.Generator().manual_seed(0)
    policy = config.train(transitions, EXPERTS, rewards, CPU, generator, tmp_path, silent_reporter)
    seen = np.zeros((2, 2), np.float32)
    acted = policy.act(seen, np.array([0, 1]))[:, 0]
    assert acted[0] == pytest.approx(0.5, abs=0.15)
    assert acted[1] == pytest.approx(-0.5, abs=0.15)


@pytest.mark.parametrize("changes", [{}, {"trunk": "independent"}])
def test_two_threads_give_the_bytes_of_one(tmp_path, changes):
    transitions, rewards = bandit(500)
    config = dataclasses.replace(Iql(hidden=48, batch=64, steps=200), **changes)
    before, written = torch.get_num_threads(), []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        try:
            folder = tmp_path / str(threads)
            config.train(transitions, EXPERTS, rewards, CPU, torch.Generator().manual_seed(2), folder, silent_reporter)
            assert torch.get_num_threads() == threads, "what was set is put back"
        finally:
            torch.set_num_threads(before)
        written.append([(folder / name).read_bytes() for name in ("weights.safetensors", "curves.npz")])
    assert written[0] == written[1]


def test_an_error_in_the_other_thread_is_raised(monkeypatch):
    learner = make_learner(2)
    with ThreadPoolExecutor(1) as helper:
        learner._helper = helper
        monkeypatch.setattr(learner, "_update_policy", lambda batch, advantage: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            learner.update(make_batch(2, torch.Generator().manual_seed(0)))


def test_curves_are_the_losses_of_the_steps_they_name(tmp_path):
    """The first point is the loss of the first update, of the same draws; the losses that can fall do."""
    transitions, rewards = bandit()
    config = Iql(hidden=32, batch=256, steps=400, learning_rate=3e-3)
    generator = torch.Generator().manual_seed(0)
    config.train(transitions, EXPERTS, rewards, CPU, generator, tmp_path, silent_reporter)
    curves = read_arrays(tmp_path / "curves.npz")
    assert curves["step"].tolist() == list(range(0, 400, 4))
    generator.manual_seed(0)
    learner = IqlNetworks(Shape(2, 1, 2, 32), config, generator, CPU)
    mean, std = map(torch.from_numpy, transitions.scaling)
    with Batches(transitions, rewards, config, mean, std, generator, CPU) as batches:
        learner.update(batches.buffers[batches.take()[0]])
    for name, losses in learner.losses().items():
        np.testing.assert_array_equal(curves[name][0], losses)
    first, last = ends(tmp_path)["q"]
    assert last < 0.5 * first


@pytest.mark.parametrize("changes", [{}, {"trunk": "independent"}])
def test_policy_round_trip(tmp_path, changes):
    policy = make_learner(3, dataclasses.replace(CONFIG, **changes)).to_policy(torch.zeros(4), torch.ones(4))
    policy.save(tmp_path)
    loaded = Policy.load(tmp_path)
    observations = np.random.default_rng(0).standard_normal((5, 4))
    skills = np.array([0, 1, 2, 0, 1])
    np.testing.assert_array_equal(policy.act(observations, skills), loaded.act(observations, skills))
    one = loaded.act(observations[2:3], np.array([2]))
    np.testing.assert_allclose(loaded.act(observations, skills)[2:3], one, rtol=1e-5, atol=1e-6)


def test_policy_files_of_earlier_versions_load(tmp_path):
    """A config.json without the later fields of a shape is a policy without what they describe."""
    policy = make_learner(3).to_policy(torch.zeros(4), torch.ones(4))
    policy.save(tmp_path)
    document = read_json(tmp_path / "config.json")
    for name in ("trunks", "depth"):
        del document[name]
    write_json(tmp_path / "config.json", document)
    assert Policy.load(tmp_path).shape == policy.shape
