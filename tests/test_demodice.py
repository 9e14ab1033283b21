"""DemoDICE: its dual on a small MDP against the primal that it stands for, and a line that it must walk."""

import pytest
import torch
from tabular import GAMMA, divergence, minimum, random_policy, tabular
from walks import falling, pushes, walks

from skills.learning.learners.demodice import Demodice, ratio, ratio_slope, value_loss
from skills.learning.policy import Policy
from skills.learning.weights import evened
from skills.progress import silent_reporter

CPU = torch.device("cpu")
MDP = tabular()
UNION, EXPERT = MDP.occupancy(random_policy(1)), MDP.occupancy(random_policy(2))
DENSITY, RATIO = (UNION * len(UNION)).log(), (EXPERT / UNION).log()  # rows stand for their density by its logarithm


def dual(value: torch.Tensor, ratios: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(nu in first states [1, 4], A at every pair [1, 15])."""
    return value[MDP.first][None], (ratios + GAMMA * value[MDP.ahead] - value[MDP.states])[None]


def solved(ratios: torch.Tensor, alpha: float) -> tuple[torch.Tensor, float]:
    """(the weights w of every pair, their mean over U's density 1; the minimum)."""
    more = (1.0 + alpha) * DENSITY  # inside of the exponent it is over 1 + alpha
    value, found = minimum(5, lambda v: value_loss(*dual(v, ratios + more), GAMMA, alpha).sum())
    occupancy = evened(dual(value, ratios + more)[1] / (1.0 + alpha))[0] / len(UNION)
    return occupancy / UNION, found


def test_of_an_expert_that_can_be_the_weights_are_the_ratio_and_nu_says_nothing():
    weights, found = solved(RATIO, 0.0)
    assert found == pytest.approx(0.0, abs=1e-10)
    torch.testing.assert_close(weights, EXPERT / UNION, rtol=1e-6, atol=0.0)


@pytest.mark.parametrize("alpha", [0.5, 2.0])
def test_the_minimum_is_the_primal_and_the_weights_its_occupancy(alpha):
    weights, found = solved(RATIO, alpha)
    occupancy = weights * UNION
    assert MDP.unbalance(occupancy) < 1e-8
    primal = -divergence(occupancy, EXPERT) - alpha * divergence(occupancy, UNION)
    assert found == pytest.approx(primal, abs=1e-9)


def test_without_a_ratio_or_with_much_of_the_data_these_are_cloned():
    for ratios, alpha, close in ((torch.zeros(15), 0.0, 1e-6), (RATIO, 1e4, 1e-3)):
        weights, _ = solved(ratios, alpha)
        torch.testing.assert_close(weights, torch.ones(15, dtype=torch.float64), rtol=close, atol=0.0)


def test_a_constant_more_of_nu_changes_nothing():
    value = torch.linspace(-1, 1, 5, dtype=torch.float64)
    some, other = dual(value, RATIO), dual(value + 7.0, RATIO)
    torch.testing.assert_close(value_loss(*some, GAMMA, 0.5), value_loss(*other, GAMMA, 0.5))
    torch.testing.assert_close(evened(some[1]), evened(other[1]))


def test_the_ratio_is_bounded_and_its_slope_right():
    ends = ratio(torch.tensor([-200.0, 200.0], dtype=torch.float64))
    assert ends.tolist() == pytest.approx([-6.907, 13.816], abs=1e-3)
    logits = torch.linspace(-6, 6, 50, dtype=torch.float64, requires_grad=True)
    (theirs,) = torch.autograd.grad(ratio(logits).sum(), logits)
    torch.testing.assert_close(ratio_slope(logits.detach()), theirs)
    assert ratio(torch.zeros(1)).item() == pytest.approx(0.0, abs=5e-3)


@pytest.mark.parametrize("ends", ["absorbing", "mask"])
def test_it_does_what_the_expert_does(ends, tmp_path):
    transitions, experts = walks()
    config = Demodice(hidden=32, steps=600, batch=128, learning_rate=2e-3, discount=0.9, ends=ends)
    config.train(falling(transitions), experts, None, CPU, torch.Generator().manual_seed(0), tmp_path, silent_reporter)
    policy = Policy.load(tmp_path)
    for skill in range(2):
        assert min(pushes(policy, skill)) > 0.2
    assert pushes(policy, 0) != pushes(policy, 1), "a network of its own for each seed"
