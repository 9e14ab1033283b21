"""ValueDICE: what its objective is at its minimum on a small MDP, and a line that it must walk."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tabular import ACTIONS, GAMMA, divergence, minimum, random_policy, tabular
from walks import falling, pushes, walks

from skills.errors import USAGE, SkillsError
from skills.learning.batches import scaling
from skills.learning.learners.valuedice import Valuedice, ValuediceNetworks, objective, scaling_of, unevenness
from skills.learning.policy import Policy
from skills.learning.steps import draw_rows, steps_of
from skills.progress import silent_reporter

CPU = torch.device("cpu")
MDP = tabular()
OWN, THEIRS = random_policy(1), random_policy(2)
COUNTS = torch.tensor([3, 1, 2, 5, 1, 1, 2, 2, 4, 1, 6, 2, 1, 3, 2])
SHOWN = torch.tensor([1, 2, 1, 1, 3, 2, 1, 1, 2, 2, 1, 4, 1, 2, 1])
EXPERT, DATA = (torch.arange(15).repeat_interleave(counts) for counts in (SHOWN, COUNTS))


def worth(nu: torch.Tensor, policy: np.ndarray, share: float, expert=EXPERT, ratio=0.0) -> torch.Tensor:
    """J [1] of a table nu [15] and a policy, each action counted by how likely it is.

    ratio: added to y at every pair.
    """
    by_state = (nu.view(-1, ACTIONS) * torch.from_numpy(policy)).sum(dim=1)
    y = nu - GAMMA * by_state[MDP.ahead]
    return objective(by_state[MDP.first][None], (y + ratio)[expert][None], y[DATA][None], GAMMA, share)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
def test_the_minimum_is_minus_the_divergence_of_the_mixtures(share):
    _, found = minimum(15, lambda nu: worth(nu, OWN, share).sum())
    ours, theirs, data = (
        MDP.occupancy(OWN),
        SHOWN / SHOWN.sum(dtype=torch.float64),
        COUNTS / COUNTS.sum(dtype=torch.float64),
    )
    mixed = (1 - share) * ours + share * data, (1 - share) * theirs + share * data
    assert found == pytest.approx(-divergence(*mixed), abs=1e-8)


def test_it_is_0_with_a_constant_nu_where_the_policy_is_the_experts():
    """Of an expert whose density stands for its rows by its logarithm."""
    density = (MDP.occupancy(THEIRS) * 15).log()
    nu, found = minimum(15, lambda nu: worth(nu, THEIRS, 0.0, torch.arange(15), density).sum())
    assert found == pytest.approx(0.0, abs=1e-8)
    torch.testing.assert_close(nu, nu.mean().expand(15), rtol=0.0, atol=1e-4)
    nu, found = minimum(15, lambda nu: worth(nu, OWN, 0.0, torch.arange(15), density).sum())
    assert found < -0.01
    assert nu.std() > 0.1


def test_without_replay_the_data_are_not_read():
    first, expert = torch.zeros(1, 4), torch.rand(1, 4)
    some, other = (objective(first, expert, torch.full((1, 4), data), 0.9, 0.0) for data in (0.0, 50.0))
    assert torch.equal(some, other)


def test_layers_are_kept_near_orthogonal():
    layer = torch.zeros(2, 4, 3)
    layer[:, :3] = torch.eye(3)
    layer[:, 3] = 7.0  # the bias has no part
    assert unevenness([layer, layer]).tolist() == [0.0, 0.0]
    layer[1, 0, 1] = 2.0
    assert unevenness([layer]).tolist() == [0.0, 8.0]


def test_observations_are_standardised_by_the_expert_but_not_by_what_stands_still():
    transitions, experts = walks()
    rows = np.unique(experts.members()[0])
    mean, spread = scaling_of(transitions, rows)
    shown = transitions.observations[rows]
    np.testing.assert_allclose(mean, shown.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(spread, shown.std(axis=0) + 1e-3, rtol=1e-5)
    still = transitions.observations.copy()
    still[rows] = 1.0
    stood = replace(transitions, observations=still)
    np.testing.assert_allclose(scaling_of(stood, rows)[1], 0.1 * stood.scaling[1], rtol=1e-5)


def perceptron(layers: list[torch.Tensor], rows: torch.Tensor) -> torch.Tensor:
    """One perceptron at rows without a one."""
    for layer in layers[:-1]:
        rows = torch.relu(rows @ layer[:-1] + layer[-1])
    return rows @ layers[-1][:-1] + layers[-1][-1]


def test_each_skills_gradients_are_those_of_the_text():
    """Both networks' at the old parameters, against loops with a penalty that is differentiated twice."""
    (transitions, experts), batch = walks(), 32
    config = Valuedice(hidden=16, batch=batch)
    generator = torch.Generator().manual_seed(0)
    steps = steps_of(falling(transitions), experts, scaling(transitions, True), "absorbing", CPU, generator)
    networks = ValuediceNetworks(steps, config, generator)
    before = [[layer.detach().clone() for layer in mlp.layers] for mlp in (networks.nu, networks.actors.mlp)]
    networks.draw(torch.Generator().manual_seed(2))
    networks.update()
    again = torch.Generator().manual_seed(2)
    expert, rows = steps.experts.draw(batch, again), torch.zeros(1, batch, dtype=torch.int64)
    draw_rows(steps.data, rows, again)
    noise, shares = torch.randn(2, 3 * batch, 1, generator=again), torch.rand(2, 2 * batch, 1, generator=again)
    for skill in range(2):
        nu, actor = ([layer[skill].clone().requires_grad_() for layer in layers] for layers in before)
        s, a, s2 = (table[expert[skill]] for table in (steps.states, steps.actions, steps.next_states))
        t, b, t2 = (table[rows[0]] for table in (steps.states, steps.actions, steps.next_states))

        def act(states, part, actor=actor, skill=skill):
            mean, free = perceptron(actor, states[:, :-1]).chunk(2, dim=1)
            std = torch.exp(-5 + 3.5 * (torch.tanh(free) + 1))
            return torch.tanh(mean + std * noise[skill, part * batch : (part + 1) * batch])

        def value(states, actions, nu=nu):
            return perceptron(nu, torch.cat([states[:, :-1], actions], dim=1))[:, 0]

        a2, b2 = act(s2, 1), act(t2, 2)
        y_expert, y_data = value(s, a) - 0.99 * value(s2, a2), value(t, b) - 0.99 * value(t2, b2)
        mean = 0.9 * y_expert.exp().mean() + 0.1 * y_data.exp().mean()
        j = mean.log() - 0.9 * 0.01 * value(s, act(s, 0)).mean() - 0.1 * y_data.mean()
        some = torch.cat([torch.cat([s[:, :-1], a], 1), torch.cat([s2[:, :-1], a2], 1)]).detach()
        others = torch.cat([torch.cat([t[:, :-1], b], 1), torch.cat([t2[:, :-1], b2], 1)]).detach()
        points = (shares[skill] * some + (1 - shares[skill]) * others).requires_grad_()
        (slopes,) = torch.autograd.grad(perceptron(nu, points).sum(), points, create_graph=True)
        bent = (slopes.norm(dim=1) - 1).square().mean()
        uneven = sum((w[:-1].T @ w[:-1] * (1 - torch.eye(w.shape[1]))).square().sum() for w in actor)
        for layer, one in zip(
            networks.nu.layers, torch.autograd.grad(j + 10 * bent, nu, retain_graph=True), strict=True
        ):
            expected = one if layer is not networks.nu.layers[-1] else torch.cat([one[:-1], torch.zeros(1, 1)])
            torch.testing.assert_close(layer.grad[skill], expected, rtol=1e-3, atol=1e-5)
        for layer, one in zip(networks.actors.mlp.layers, torch.autograd.grad(-j + 1e-4 * uneven, actor), strict=True):
            torch.testing.assert_close(layer.grad[skill], one, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("settings", [{}, {"replay": 0.0, "ends": "mask"}])
def test_it_does_what_the_expert_does(settings, tmp_path):
    transitions, experts = walks()
    config = Valuedice(hidden=32, steps=600, batch=64, discount=0.9, learning_rate=3e-3, actor_rate=1e-3, **settings)
    config.train(falling(transitions), experts, None, CPU, torch.Generator().manual_seed(0), tmp_path, silent_reporter)
    policy = Policy.load(tmp_path)
    for skill in range(2):
        assert min(pushes(policy, skill)) > 0.2
    assert pushes(policy, 0) != pushes(policy, 1), "a network of its own for each seed"


def test_a_share_of_everything_is_refused():
    with pytest.raises(SkillsError, match=r"policy\.replay 1 ") as caught:
        Valuedice(replay=1.0)
    assert caught.value.exit_code == USAGE
