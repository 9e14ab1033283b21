"""What learners share that compare the expert with the data: distributions, slopes, starts, steps."""

import math

import numpy as np
import pytest
import torch
from conftest import shrunk
from torch.distributions import Normal, TransformedDistribution
from torch.distributions.transforms import TanhTransform
from torch.utils._python_dispatch import TorchDispatchMode
from walks import LENGTH, falling, walks

from skills.learning import parts
from skills.learning.batches import scaling
from skills.learning.engine.stacked import StackedMlp, initial, with_ones
from skills.learning.engine.starts import he_normal, orthogonal, xavier_uniform
from skills.learning.slopes import Sloped, between, penalty
from skills.learning.steps import StepTables, draw_rows, paired, steps_of
from skills.learning.tanh_normal import TanhActors, TanhNormal
from skills.plugins import LEARNERS
from skills.progress import silent_reporter

CPU = torch.device("cpu")


def made(ends: str) -> StepTables:
    transitions, experts = walks(episodes=6, shown=2)
    transitions = falling(transitions)
    generator = torch.Generator().manual_seed(0)
    return steps_of(transitions, experts, scaling(transitions, True), ends, CPU, generator)


@pytest.mark.parametrize("limit", [None, 7.0])
def test_likelihoods_are_those_of_torch(limit):
    generator = torch.Generator().manual_seed(0)
    output = torch.randn(3, 50, 4, generator=generator, dtype=torch.float64)
    found = TanhNormal.of(output, limit)
    theirs = TransformedDistribution(Normal(found.mean, found.log_std.exp()), TanhTransform())
    noise = torch.randn(3, 50, 2, generator=generator, dtype=torch.float64)
    actions, likelihood = found.act(noise)
    inside = actions.abs().amax(dim=-1) < 1 - 1e-6
    torch.testing.assert_close(likelihood[inside], theirs.log_prob(actions).sum(-1)[inside], rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(found.log_likelihood(actions)[inside], likelihood[inside], rtol=1e-6, atol=1e-6)
    assert inside.double().mean() > 0.5
    far, sure = found.act(torch.full_like(noise, 30.0))
    assert torch.isfinite(sure).all()
    assert far.max() <= 1.0


def test_ranges_of_the_spread_and_the_mean():
    output = torch.tensor([[100.0, -100.0, 100.0, -100.0]])
    cut, free = TanhNormal.of(output, 7.0), TanhNormal.of(output, None)
    assert cut.mean.tolist() == [[7.0, -7.0]]
    assert free.mean.tolist() == [[100.0, -100.0]]
    assert cut.log_std.tolist() == free.log_std.tolist() == [[2.0, -5.0]]
    assert TanhNormal.of(torch.zeros(1, 2), None).log_std.item() == pytest.approx(-1.5)  # -5 + 3.5


@pytest.mark.parametrize("smooth", [False, True])
def test_slopes_and_their_penalty_are_those_of_differentiating_twice(smooth):
    sizes, generator = [3, 16, 8, 1], torch.Generator().manual_seed(1)
    mlp = StackedMlp.of(initial(2, sizes, generator).double(), sizes).to_learn()
    network = Sloped(mlp, smooth=smooth)
    rows = torch.randn(2, 20, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    found, slopes = network.slopes(with_ones(rows))
    (theirs,) = torch.autograd.grad(network(with_ones(rows)).sum(), rows, create_graph=True)
    torch.testing.assert_close(slopes, theirs)
    torch.testing.assert_close(found, network(with_ones(rows)))
    ours = torch.autograd.grad(penalty(slopes, 1.0).sum(), mlp.layers, allow_unused=True)
    twice = torch.autograd.grad((theirs.norm(dim=-1) - 1.0).square().mean(dim=1).sum(), mlp.layers, allow_unused=True)
    for one, other, layer in zip(ours, twice, mlp.layers, strict=True):
        if one is None:  # the last bias has no part in a slope
            one = torch.zeros_like(layer)
        torch.testing.assert_close(one, torch.zeros_like(layer) if other is None else other, rtol=1e-6, atol=1e-9)


def test_a_penalty_of_no_slope_has_a_gradient():
    slopes = torch.zeros(1, 4, 3, requires_grad=True)
    penalty(slopes, 0.0).sum().backward()
    assert torch.isfinite(slopes.grad).all()
    assert penalty(torch.full((1, 4, 1), 3.0), 1.0).item() == pytest.approx(4.0)
    ends = between(torch.zeros(1, 2, 2), torch.ones(1, 2, 2), torch.tensor([[[1.0], [0.25]]]))
    assert ends.tolist() == [[[0.0, 0.0], [0.75, 0.75]]]


def test_starts():
    sizes, generator = [40, 60, 60, 2], torch.Generator().manual_seed(0)
    for start in (xavier_uniform, he_normal, orthogonal):
        layers = StackedMlp.of(start(3, sizes, generator), sizes).layers
        assert all((layer[:, -1] == 0).all() for layer in layers)
        assert not torch.equal(layers[1][0], layers[1][1])
        weights = layers[1][:, :-1]
        if start is xavier_uniform:
            bound = math.sqrt(6 / 120)
            assert 0.98 * bound < weights.abs().max() <= bound
            assert weights.std() == pytest.approx(bound / math.sqrt(3), rel=0.03)
        elif start is he_normal:
            assert weights.std() == pytest.approx(math.sqrt(2 / 60), rel=0.03)
            assert weights.abs().max() <= 2 * math.sqrt(2 / 60) / 0.8796 + 1e-6
        else:
            torch.testing.assert_close(weights @ weights.transpose(1, 2), torch.eye(60).expand(3, -1, -1))
            narrow = layers[2][:, :-1]
            torch.testing.assert_close(narrow.transpose(1, 2) @ narrow, torch.eye(2).expand(3, -1, -1))


def test_ends_that_count_nothing():
    steps = made("mask")
    assert steps.states.shape == (8 * LENGTH, 3)
    assert steps.continues.tolist() == ([1.0] * (LENGTH - 1) + [0.0]) * 8
    assert (len(steps.data), len(steps.union)) == (6 * LENGTH, 8 * LENGTH)
    assert steps.starts.tolist() == list(range(0, 6 * LENGTH, LENGTH))
    assert len(steps.all_starts) == 8
    assert set(steps.experts.rows.tolist()) == set(range(6 * LENGTH, 8 * LENGTH))


def test_ends_in_a_state_of_their_own():
    steps, total = made("absorbing"), 8 * LENGTH
    absorbing, behind = [0.0, 0.0, 1.0, 1.0], total + 1 + 10 * 6
    assert steps.states.shape == steps.next_states.shape == (behind, 4)
    assert (steps.continues == 1).all()
    assert (steps.states[:total, 2] == 0).all()
    assert (
        steps.states[total:].unique(dim=0).tolist() == steps.next_states[total:].unique(dim=0).tolist() == [absorbing]
    )
    flags = steps.next_states[:total, 2].view(8, LENGTH)
    assert (flags[:, -1] == 1).all()
    assert (flags[:, :-1] == 0).all()
    assert steps.next_states[LENGTH - 1].tolist() == absorbing
    assert steps.actions[total].item() == 0.0
    assert 0.4 < steps.actions[total + 1 :].abs().mean() < 0.6
    assert steps.data.tolist() == [*range(6 * LENGTH), *range(total + 1, behind)]
    assert steps.union.tolist() == [*range(total), *range(total + 1, behind), total, total]
    counts = np.bincount(steps.experts.rows.numpy(), minlength=total + 1)
    assert counts[total] == 2 * 2, "two seeds, two ends each"
    assert steps.experts.starts.tolist() == [0, 2 * LENGTH + 2, 4 * LENGTH + 4]


def test_pairs_and_draws():
    steps = made("mask")
    rows = torch.tensor([[0, 5], [7, 7]])
    assert steps.pairs(rows).shape == (2, 2, 4)
    assert torch.equal(steps.pairs(rows)[1, 0], torch.cat([steps.states[7, :2], steps.actions[7], torch.ones(1)]))
    several = paired(steps.states[rows[:1]], torch.zeros(3, 2, 1))
    assert several.shape == (3, 2, 4)
    into = torch.zeros(1, 4000, dtype=torch.int64)
    draw_rows(steps.data, into, torch.Generator().manual_seed(0))
    counts = torch.bincount(into[0], minlength=len(steps.states))
    assert (counts[: 6 * LENGTH] > 0).all()
    assert (counts[6 * LENGTH :] == 0).all()


@pytest.mark.parametrize("ends", ["mask", "absorbing"])
def test_a_policy_does_what_is_the_mean_of_its_actors(ends):
    steps = made(ends)
    actors = TanhActors(steps, 16, 1e-3, orthogonal, torch.Generator().manual_seed(0), None)
    policy = actors.to_policy()
    observations = steps.states[:30, :2] * steps.scaling[1] + steps.scaling[0]
    expected = torch.tanh(actors.at(steps.states[None, :30]).mean)
    for skill in range(2):
        acted = torch.from_numpy(policy.act(observations.numpy(), np.full(30, skill)))
        torch.testing.assert_close(acted, expected[skill].detach(), rtol=1e-4, atol=1e-5)
    spread = actors.at(steps.states[steps.data][None]).log_std.mean(dim=1)
    torch.testing.assert_close(policy.log_std, spread, rtol=1e-5, atol=1e-5)


class AsksNothing(TorchDispatchMode):
    """Refuses what a captured graph cannot have: the host asking what is in a tensor."""

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        name = str(function.overloadpacket)
        assert name not in ("aten._local_scalar_dense", "aten.nonzero", "aten.masked_select")
        places = arguments[1] if name.startswith("aten.index") else []
        assert not any(isinstance(one, torch.Tensor) and one.dtype == torch.bool for one in places), name
        return function(*arguments, **(keywords or {}))


@pytest.mark.parametrize("name", ["iqlearn", "valuedice", "demodice", "smodice"])
def test_a_step_asks_the_host_for_nothing(name, tmp_path, monkeypatch):
    taken = []

    def watched(step, state, device):
        assert not any(tensor.requires_grad for tensor in state), "they are copied back after the capture"

        def watching():
            with AsksNothing():
                step()
            taken.append(step)

        return watching

    monkeypatch.setattr(parts, "captured", watched)
    transitions, experts = walks(episodes=6)
    config = shrunk(LEARNERS.load(name)(), hidden=8, batch=16, steps=3, classifier_batch=16, classifier_steps=3)
    generator = torch.Generator().manual_seed(0)
    config.train(falling(transitions), experts, None, CPU, generator, tmp_path, silent_reporter)
    assert len(taken) == (6 if name == "smodice" else 3)
    for asking in (lambda: torch.ones(2)[torch.ones(2) > 0], lambda: float(torch.ones(1))):
        with AsksNothing(), pytest.raises(AssertionError):
            asking()
