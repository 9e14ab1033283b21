"""SMORe on classes: its losses against closed forms, what is IQL in it against IQL, a case that it must solve."""

import copy
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from conftest import bandit

from skills.learning.batches import Batch, Batches, RowTable
from skills.learning.classes import Classes
from skills.learning.heads import Heads
from skills.learning.learners.iql import Iql, IqlNetworks
from skills.learning.learners.smore import Smore, SmoreNetworks, dwell_loss, reach_loss
from skills.learning.matrix import Rewards
from skills.learning.policy import Policy, Shape
from skills.learning.rows import Members
from skills.progress import silent_reporter
from skills.runs.configure import make_config

CPU = torch.device("cpu")
GAMMA = 0.8
CONFIG = Smore(hidden=24, batch=48, steps=900, learning_rate=5e-3, discount=GAMMA, polyak=0.1)


def classes_of(labels: np.ndarray) -> Classes:
    """Classes of these labels, as if K-means had cut them."""
    plain = np.zeros(1, np.float32)
    return Classes(labels.astype(np.int32), np.zeros((labels.max() + 1, 1), np.float32), np.arange(1), plain, plain + 1)


def chain():
    """(transitions, classes): 0 -> 1 -> 2 -> 2 ..., rows unevenly many; class 0 is state 2, class 1 the two others."""
    states = np.repeat([0, 1, 2], [300, 100, 200])
    rows, _ = bandit(len(states))
    after = np.minimum(states + 1, 2)
    observations, next_observations = (np.eye(3, dtype=np.float32)[one] for one in (states, after))
    whole = replace(
        rows, observations=observations, next_observations=next_observations, terminated=np.zeros(len(rows), bool)
    )
    return whole, classes_of(np.where(states == 2, 0, 1))


def learned(config: Smore) -> torch.Tensor:
    """M of the chain's states, [3, 2 heads]."""
    transitions, classes = chain()
    mean, std = map(torch.from_numpy, transitions.scaling)
    generator = torch.Generator().manual_seed(0)
    shape = Shape(3, 1, 2, config.hidden, trunks=2 if config.trunk == "independent" else 1)
    learner = config.networks(shape, classes, generator, CPU, None)
    unpaid = Rewards(np.zeros((len(transitions), 2), np.float16), np.ones(2, np.float32))
    with Batches(transitions, unpaid, config.batches, mean, std, generator, CPU, classes) as batches:
        learner.begin(batches.table)
        for step in range(config.steps):
            index, _ = batches.take()
            learner.set_step(step)
            learner.update(batches.buffers[index])
    states = torch.cat([(torch.eye(3) - mean) / std, torch.ones(3, 1)], dim=1)
    return learner.value(states)[0, ..., 0].detach()


@pytest.mark.parametrize("trunk", ["shared", "independent"])
def test_dwelling_is_worth_the_discounted_visits(trunk):
    found = learned(replace(CONFIG, trunk=trunk))
    stay, pass_by = 2 / (1 + 200 / 600), 2 / (1 + 400 / 600)  # 2 / (1 + p) of each class
    expected = torch.tensor(
        [[GAMMA**2 * stay / (1 - GAMMA), (1 + GAMMA) * pass_by], [GAMMA * stay / (1 - GAMMA), pass_by],
         [stay / (1 - GAMMA), 0.0]]
    )  # fmt: skip
    torch.testing.assert_close(found, expected, atol=0.35, rtol=0.03)


@pytest.mark.parametrize("trunk", ["shared", "independent"])
def test_reaching_is_worth_what_the_distance_says(trunk):
    found = 3.0 * learned(replace(CONFIG, trunk=trunk, goal="reach"))[:, 0]
    k = 600 / 200
    there = (400 * k - 2) / (2 * k + 1 - GAMMA)
    expected = [-2 + GAMMA * (-2 + GAMMA * there), -2 + GAMMA * there, there]
    assert found.tolist() == pytest.approx(expected, rel=0.03, abs=3.0)


def test_a_class_of_everything_pays_one_a_step():
    """Then the dual is least where d is 1 everywhere: plain cloning."""
    d = torch.linspace(-3, 3, 601)
    rows, members = d.square(), dwell_loss(d, torch.zeros(()))
    assert float(d[(rows + members).argmin()]) == pytest.approx(1.0, abs=0.006)


def test_the_dual_is_iql_on_rewards_of_the_class():
    """Completing the square: the gradient is that of a weighted regression on 2 / (1 + p) of the class, 0 off it."""
    generator = torch.Generator().manual_seed(0)
    score, future = torch.randn(2, 40, generator=generator, dtype=torch.float64)
    score.requires_grad_()
    member = torch.arange(40) < 7
    p = 7 / 40
    dual = (score - future).square().mean() + dwell_loss(score[member], future[member]).mean()
    rewards = torch.where(member, 2 / (1 + p), 0.0)
    regression = (torch.where(member, 1 + 1 / p, 1.0) * (score - rewards - future).square()).mean()
    for ours, theirs in zip(*(torch.autograd.grad(one, score)[0] for one in (dual, regression)), strict=True):
        assert float(ours) == pytest.approx(float(theirs), abs=1e-6)


def test_reaching_pins_the_class_between_the_goal_and_the_way_on():
    """At one row of the class: S = (400 k + T) / (2 k + 1) with k = 1 / p and T = -2 + gamma M, in thirds."""
    s, k, ahead = torch.linspace(0, 100, 100_001), 4.0, 30.0
    total = (s - (-2 / 3 + GAMMA * ahead)).square() + k * reach_loss(s)
    expected = (400 * k + 3 * (-2 / 3 + GAMMA * ahead)) / (2 * k + 1)
    assert 3 * float(s[total.argmin()]) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("trunks", [1, 3])
def test_without_its_term_it_is_iql_to_the_bit(trunks, monkeypatch):
    trunk = "independent" if trunks > 1 else "shared"
    shape = Shape(4, 2, 3, 16, trunks=trunks)
    smore = Smore(hidden=16, batch=8, trunk=trunk)
    members = Members(torch.arange(9), torch.tensor([0, 3, 6, 9]))
    ours = SmoreNetworks(shape, smore, members, torch.Generator().manual_seed(0), CPU)
    iql = IqlNetworks(shape, Iql(hidden=16, batch=8, trunk=trunk), torch.Generator().manual_seed(0), CPU)
    with_term = copy.deepcopy(ours)
    with_term.begin(RowTable(torch.rand(9, 7), torch.rand(9, 5), torch.ones(9, 1)))
    monkeypatch.setattr(ours, "_member_losses", lambda: 0.0)
    generator = torch.Generator().manual_seed(1)
    for step in range(10):
        batch = Batch.create(4, 2, 3, 8, CPU)
        for part in (batch.pairs[:, :-1], batch.next_states[:, :-1]):
            part.normal_(generator=generator)
        batch.states[:, :-1] = batch.pairs[:, :4]
        for one in (ours, iql, with_term):
            one.set_step(step)
            one.update(batch)
    assert all((tensor == iql.tensors()[name]).all() for name, tensor in ours.tensors().items())
    assert (with_term.tensors()["q.0"] != ours.tensors()["q.0"]).any()


@pytest.mark.parametrize("trunks", [1, 3])
def test_a_head_by_itself_says_what_it_says_among_all(trunks):
    generator = torch.Generator().manual_seed(0)
    heads = Heads(4, 2, Shape(4, 2, 3, 16, trunks=trunks), generator, CPU, copies=2)
    rows = torch.rand(trunks, 6, 5, generator=generator)
    chosen = torch.tensor([2, 0, 0, 1, 2, 1]) if trunks == 1 else torch.arange(3).repeat_interleave(6)
    found = heads.own(rows, chosen)
    assert found.shape == (2, len(chosen), 2)
    for place, (row, head) in enumerate(zip(rows.flatten(0, 1), chosen, strict=True)):
        torch.testing.assert_close(found[:, place], heads(row[None])[:, 0, head])


def test_classes_are_drawn_evenly_and_their_members_alike():
    starts = torch.tensor([0, 100, 101, 140])
    members = Members(torch.arange(140).flip(0), starts)
    generator = torch.Generator().manual_seed(0)
    seen = torch.zeros(140)
    for _ in range(300):
        classes, rows = members.draw_evenly(20, generator)
        assert set(torch.bincount(classes, minlength=3).tolist()) <= {6, 7}
        assert all(starts[one] <= 139 - row < starts[one + 1] for one, row in zip(classes, rows, strict=True))
        seen += torch.bincount(rows, minlength=140)
    for first, stop in pairwise(starts.tolist()):
        share = seen.flip(0)[first:stop] / seen.sum()
        assert float(share.sum()) == pytest.approx(1 / 3, abs=0.01)
        assert float(share.max() - share.min()) < 1.5 / (stop - first)


@pytest.mark.parametrize("goal", ["dwell", "reach"])
@pytest.mark.parametrize("trunk", ["shared", "independent"])
def test_each_skill_does_what_its_class_does(tmp_path, goal, trunk):
    """Rows of one step each, classes of high and of low actions: no rewards are read."""
    transitions, _ = bandit()
    classes = classes_of(np.where(transitions.actions[:, 0] > 0, 0, 1))
    config = Smore(hidden=32, batch=64, steps=300, learning_rate=5e-3, goal=goal, trunk=trunk, inverse_temperature=5.0)
    config.train(transitions, classes, None, CPU, torch.Generator().manual_seed(0), tmp_path, silent_reporter)
    policy = Policy.load(tmp_path)
    acted = policy.act(transitions.observations[:300], np.arange(300) % 2)[:, 0]
    for skill, middle in enumerate([0.5, -0.5]):
        assert acted[skill::2].mean() == pytest.approx(middle, abs=0.2)


def test_presets_say_how_long_and_it_what_iql_on_rewards_is_told_otherwise():
    plain = make_config("ant-medium", learner="smore").policy
    assert (plain.steps, plain.learning_rate, plain.trunk) == (30_000, 1e-3, "shared")
    for dataset in ("walker2d-medium", "antmaze-umaze-play"):
        assert make_config(dataset, learner="smore").policy == plain
