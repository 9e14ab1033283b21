"""SMODICE: its dual on a small MDP against the primal that it stands for, and a line that it must walk."""

import dataclasses

import numpy as np
import pytest
import torch
from tabular import GAMMA, divergence, minimum, random_policy, tabular
from walks import pushes, walks

from skills.learning.learners.smodice import Smodice, value_loss, weights_of
from skills.learning.policy import Policy
from skills.learning.weights import effective, evened
from skills.progress import silent_reporter

CPU = torch.device("cpu")
MDP = tabular()
DATA, EXPERT = MDP.occupancy(random_policy(1)), MDP.occupancy(random_policy(2))
RATIO = (MDP.of_states(EXPERT) / MDP.of_states(DATA)).log()[MDP.states]  # r(s) at every pair
COUNTS = torch.tensor([3, 1, 2, 5, 1, 1, 2, 2, 4, 1, 6, 2, 1, 3, 2])
ROWS = torch.arange(len(COUNTS)).repeat_interleave(COUNTS)  # data that are no policy's


def dual(value: torch.Tensor, ratio: torch.Tensor, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(V in first states [1, 4], e at rows [1, n])."""
    excess = ratio + GAMMA * value[MDP.ahead] - value[MDP.states]
    return value[MDP.first][None], excess[rows][None]


def occupancy_of(weights: torch.Tensor) -> torch.Tensor:
    return torch.zeros(len(COUNTS), dtype=torch.float64).index_add_(0, ROWS, weights) / len(ROWS)


def test_the_minimum_of_kl_is_the_primal_and_the_weights_its_occupancy():
    value, found = minimum(5, lambda v: value_loss(*dual(v, RATIO, ROWS), GAMMA, "kl").sum())
    weights = weights_of(dual(value, RATIO, ROWS)[1], "kl")[0]
    occupancy = occupancy_of(weights / weights.mean())
    assert MDP.unbalance(occupancy) < 1e-8
    primal = float((occupancy * RATIO).sum()) - divergence(occupancy, COUNTS.double() / len(ROWS))
    assert found == pytest.approx(primal, abs=1e-9)


def test_it_comes_nearer_to_the_expert_than_the_data_are():
    """Rows stand for their density by its logarithm."""
    density = (DATA * len(DATA)).log()
    value, _ = minimum(5, lambda v: value_loss(*dual(v, RATIO + density, torch.arange(15)), GAMMA, "kl").sum())
    weights = weights_of(dual(value, RATIO + density, torch.arange(15))[1], "kl")[0]
    nearer, before = (divergence(MDP.of_states(one), MDP.of_states(EXPERT)) for one in (weights / weights.sum(), DATA))
    assert nearer < 0.8 * before


def test_the_minimum_of_chi_weighs_to_an_occupancy_of_mass_one():
    small = 0.1 * RATIO
    value, _ = minimum(5, lambda v: value_loss(*dual(v, small, ROWS), GAMMA, "chi").sum())
    excess = dual(value, small, ROWS)[1]
    assert excess.min() > -1.0, "the conjugate is the parabola"
    occupancy = occupancy_of(weights_of(excess, "chi")[0])
    assert occupancy.sum() == pytest.approx(1.0, abs=1e-9)
    assert MDP.unbalance(occupancy) < 1e-8
    assert weights_of(torch.tensor([[-3.0, -1.0, 0.5]]), "chi").tolist() == [[0.0, 0.0, 1.5]]


def test_without_a_ratio_data_of_one_policy_are_cloned():
    density = (DATA * len(DATA)).log()
    value, found = minimum(5, lambda v: value_loss(*dual(v, density, torch.arange(15)), GAMMA, "kl").sum())
    weights = weights_of(dual(value, torch.zeros(15), torch.arange(15))[1], "kl")[0]
    assert found == pytest.approx(0.0, abs=1e-9)
    torch.testing.assert_close(weights, weights.mean().expand(15), rtol=1e-6, atol=0.0)


def test_a_constant_more_of_v_scales_the_weights_and_nothing_else():
    value, more = torch.linspace(-1, 1, 5, dtype=torch.float64), 3.0
    first, excess = dual(value, RATIO, ROWS)
    shifted = dual(value + more, RATIO, ROWS)
    torch.testing.assert_close(value_loss(*shifted, GAMMA, "kl"), value_loss(first, excess, GAMMA, "kl"))
    share = weights_of(shifted[1], "kl") / weights_of(excess, "kl")
    torch.testing.assert_close(share, torch.full_like(share, np.exp(-(1 - GAMMA) * more)))


def test_weights_of_far_too_large_an_excess_are_numbers():
    excess = torch.tensor([[400.0, 0.0]], requires_grad=True)
    value_loss(torch.zeros(1, 2), excess, 0.99, "kl").sum().backward()
    assert torch.isfinite(excess.grad).all()
    assert torch.isfinite(weights_of(excess, "kl")).all()
    torch.testing.assert_close(evened(torch.tensor([[400.0, 400.0 + float(np.log(3))]])), torch.tensor([[0.5, 1.5]]))
    assert effective(torch.tensor([[1.0, 1.0, 1.0, 1.0], [5.0, 0.0, 0.0, 0.0]])).tolist() == [1.0, 0.25]


@pytest.mark.parametrize("settings", [{}, {"divergence": "chi", "normalise": True, "ends": "absorbing"}])
def test_it_goes_where_the_expert_was_without_having_seen_how(settings, tmp_path):
    transitions, experts = walks()
    hidden = dataclasses.replace(transitions, actions=transitions.actions.copy())
    hidden.actions[-transitions.demonstrations :] = np.nan  # of the expert
    config = Smodice(hidden=32, steps=600, batch=128, learning_rate=2e-3, discount=0.9, classifier_steps=400,
                     classifier_batch=64, **settings)  # fmt: skip
    config.train(hidden, experts, None, CPU, torch.Generator().manual_seed(0), tmp_path, silent_reporter)
    policy = Policy.load(tmp_path)
    for skill in range(2):
        assert min(pushes(policy, skill)) > 0.1
        assert np.mean(pushes(policy, skill)) > 0.2, "the data push neither way"
    assert pushes(policy, 0) != pushes(policy, 1), "a network of its own for each seed"
