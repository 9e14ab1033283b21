"""IQ-Learn: its loss on bandits whose answer is known, and a line that it must walk."""

import math

import pytest
import torch
from walks import falling, pushes, walks

from skills.learning.learners.iqlearn import Iqlearn, residual_loss
from skills.learning.policy import Policy
from skills.progress import silent_reporter

CPU = torch.device("cpu")
EXPERT, DATA = [0] * 7 + [1] * 3, [0] * 5 + [1] * 5


def solved(kind: str, temperature: float) -> tuple[list[float], list[float]]:
    """(Q of two actions, the policy) of a bandit: the policy is always the best for Q, its actions are all counted."""
    rows = torch.tensor(EXPERT if kind == "expert" else EXPERT + DATA)
    q = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    rate = 0.5 * temperature
    for _ in range(1500):
        policy = torch.softmax(q.detach() / temperature, dim=0)
        value = (policy * (q - temperature * policy.log())).sum().expand(1, len(rows))
        loss = residual_loss(q[rows][None], value, torch.zeros(1, len(rows)), len(EXPERT), 0.0, kind).sum()
        (slope,) = torch.autograd.grad(loss, q)
        q = (q - rate * slope).detach().requires_grad_()
    return q.tolist(), torch.softmax(q.detach() / temperature, dim=0).tolist()


@pytest.mark.parametrize(
    ("kind", "temperature", "q", "policy"),
    [
        ("expert", 1.0, (0.1316, -0.3070), (0.6079, 0.3921)),
        ("expert", 0.1, (0.0231, -0.0540), (0.6838, 0.3162)),
        ("contrast", 0.1, (0.0305, -0.0457), (0.6817, 0.3183)),
    ],
)
def test_bandits_come_to_their_closed_forms(kind, temperature, q, policy):
    found, chosen = solved(kind, temperature)
    assert found == pytest.approx(q, abs=1e-4)
    assert chosen == pytest.approx(policy, abs=1e-4)
    shown = torch.tensor([0.7, 0.3])
    if kind == "expert":
        assert chosen == pytest.approx(
            [float(p) * (1 - value) for p, value in zip(shown, found, strict=True)], abs=1e-6
        )
    else:  # Q = 2 al (p - pi) / m, m = (p + p_D) / 2
        expected = [float(p - own) / ((float(p) + 0.5) / 2) for p, own in zip(shown, chosen, strict=True)]
        assert found == pytest.approx(expected, abs=1e-6)


def test_what_is_sure_imitates_exactly():
    assert solved("expert", 0.01)[1] == pytest.approx([0.7, 0.3], abs=5e-3)


def test_first_states_are_the_experts_where_the_loss_is_v0():
    residual = torch.tensor([[1.0, 3.0, 0.0, 2.0]])
    value, future = torch.tensor([[4.0, 6.0, 100.0, 100.0]]), torch.tensor([[1.0, 2.0, 3.0, 50.0]])
    squares = 14.0 / 4 / 2  # mean d^2 / (4 al)
    for kind, middle in (("v0", 0.1 * 5.0), ("contrast", (210.0 - 56.0) / 4)):
        found = residual_loss(residual, value, future, 2, 0.9, kind)
        assert found.item() == pytest.approx(middle - 2.0 + squares)
    alone = residual_loss(residual[:, :2], value[:, :2], future[:, :2], 2, 0.9, "expert")
    assert alone.item() == pytest.approx(3.5 - 2.0 + 10.0 / 2 / 2)


@pytest.mark.parametrize("settings", [{}, {"loss": "v0", "ends": "mask"}, {"loss": "expert", "ends": "mask"}])
def test_it_does_what_the_expert_does(settings, tmp_path):
    transitions, experts = walks()
    config = Iqlearn(hidden=32, steps=600, batch=64, discount=0.9, learning_rate=2e-3, actor_rate=2e-3, **settings)
    config.train(falling(transitions), experts, None, CPU, torch.Generator().manual_seed(0), tmp_path, silent_reporter)
    policy = Policy.load(tmp_path)
    for skill in range(2):
        assert min(pushes(policy, skill)[1:]) > 0.2, "at 0 and 1, where the expert was"
        assert all(math.isfinite(push) for push in pushes(policy, skill))
    assert pushes(policy, 0) != pushes(policy, 1), "a network of its own for each seed"
