"""The stacked CVAEs against a slow, literal one-at-a-time implementation, and against closed forms."""

import pytest
import torch
from torch import nn
from torch.distributions import Normal, kl_divergence

from skills.learning.cvae.model import CvaeSettings, CvaeShape, StackedCvae, losses
from skills.learning.cvae.training import train
from skills.learning.engine.optimiser import adam, descend
from skills.learning.engine.stacked import with_ones
from skills.learning.rows import Members
from skills.progress import silent

COUNT, OBSERVATION, ACTION, HIDDEN, BATCH = 3, 5, 2, 16, 8
CONFIG = CvaeSettings(hidden=HIDDEN, batch=BATCH, learning_rate=1e-2)


class LiteralCvae(nn.Module):
    """One CVAE, written as the paper and SPOT have it."""

    def __init__(self, stacked: StackedCvae, index: int) -> None:
        super().__init__()
        latent = 2 * ACTION
        self.e1, self.e2 = nn.Linear(OBSERVATION + ACTION, HIDDEN), nn.Linear(HIDDEN, HIDDEN)
        self.mean, self.log_std = nn.Linear(HIDDEN, latent), nn.Linear(HIDDEN, latent)
        self.d1, self.d2 = nn.Linear(OBSERVATION + latent, HIDDEN), nn.Linear(HIDDEN, HIDDEN)
        self.d3 = nn.Linear(HIDDEN, ACTION)
        first, second, last = stacked.encoder.layers
        linears = (self.e1, self.e2, self.d1, self.d2, self.d3)
        pairs = list(zip(linears, (first, second, *stacked.decoder.layers), strict=True))
        pairs += [(self.mean, last[..., :latent]), (self.log_std, last[..., latent:])]
        with torch.no_grad():
            for ours, theirs in pairs:  # a layer is one matrix whose last row is the bias
                ours.weight.copy_(theirs[index, :-1].T)
                ours.bias.copy_(theirs[index, -1])

    def posterior(self, rows: torch.Tensor) -> Normal:
        hidden = torch.relu(self.e2(torch.relu(self.e1(rows))))
        return Normal(self.mean(hidden), self.log_std(hidden).clamp(-4, 15).exp())

    def loss(self, data: torch.Tensor, expert: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        both = torch.cat([data, expert])
        posterior = self.posterior(both)
        latent = posterior.mean + posterior.stddev * noise
        hidden = torch.relu(self.d1(torch.cat([both[:, :OBSERVATION], latent], dim=1)))
        decoded = torch.tanh(self.d3(torch.relu(self.d2(hidden))))
        prior = Normal(torch.zeros_like(latent), torch.ones_like(latent))
        evidence = ((decoded - both[:, OBSERVATION:]) ** 2).mean() + 0.5 * kl_divergence(posterior, prior).mean()
        own = self.posterior(expert)
        return evidence + 0.1 * ((own.mean**2).sum(1).mean() + (own.stddev**2).sum(1).mean())


SHAPE = CvaeShape(OBSERVATION, ACTION, HIDDEN)


def make(generator: torch.Generator) -> StackedCvae:
    return StackedCvae.create(COUNT, SHAPE, generator)


@pytest.mark.parametrize("log_std", [0.0, -4.0], ids=["usual", "some clamped deviations"])
def test_stacked_training_is_literal_training_of_each_class(log_std):
    """Fifty steps of all at once against each by itself: the same losses, the same weights."""
    generator = torch.Generator().manual_seed(0)
    stacked = make(generator)
    stacked.encoder.layers[2][:, -1, 2 * ACTION :] += log_std
    literal = [LiteralCvae(stacked, index) for index in range(COUNT)]
    stacked = stacked.to_learn()
    optimizer = adam(stacked.layers, CONFIG.learning_rate)
    optimizers = [torch.optim.Adam(model.parameters(), lr=CONFIG.learning_rate) for model in literal]
    for _ in range(50):
        data = torch.randn(COUNT, BATCH, OBSERVATION + ACTION, generator=generator).clamp(-1, 1)
        expert = torch.randn(COUNT, BATCH, OBSERVATION + ACTION, generator=generator).clamp(-1, 1)
        noise = torch.randn(COUNT, 2 * BATCH, 2 * ACTION, generator=generator)
        total = losses(stacked, with_ones(torch.cat([data, expert], dim=1)), noise, CONFIG)["total"]
        descend(optimizer, total.sum())
        for index, model in enumerate(literal):
            expected = model.loss(data[index], expert[index], noise[index])
            optimizers[index].zero_grad()
            expected.backward()
            optimizers[index].step()
            torch.testing.assert_close(total[index], expected, atol=1e-5, rtol=1e-5)
    for index, model in enumerate(literal):
        torch.testing.assert_close(stacked.encoder.layers[0][index, :-1], model.e1.weight.T, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(stacked.encoder.layers[0][index, -1], model.e1.bias, atol=1e-4, rtol=1e-4)


def test_divergence_is_the_closed_form_of_torch():
    generator = torch.Generator().manual_seed(1)
    stacked = make(generator)
    rows = with_ones(torch.randn(COUNT, 2 * BATCH, OBSERVATION + ACTION, generator=generator))
    found = losses(stacked, rows, torch.zeros(COUNT, 2 * BATCH, 2 * ACTION), CONFIG)
    mean, log_std = stacked.encode(rows)
    expected = kl_divergence(Normal(mean, log_std.exp()), Normal(0.0, 1.0)).mean(dim=(1, 2))
    torch.testing.assert_close(found["divergence"], expected)


def test_draws_are_uniform_over_each_class():
    members = Members(torch.tensor([10, 11, 12, 13, 20, 30, 31]), torch.tensor([0, 4, 5, 7]))
    drawn = members.draw(4000, torch.Generator().manual_seed(0))
    assert set(drawn[0].tolist()) == {10, 11, 12, 13}
    assert set(drawn[1].tolist()) == {20}
    counts = torch.bincount(drawn[0] - 10)
    assert counts.min() > 900  # 1000 expected of each; this is over three deviations below


ROWS = with_ones(torch.randn(200, OBSERVATION + ACTION, generator=torch.Generator().manual_seed(3)).clamp(-1, 1))
MEMBERS = Members(torch.arange(200), torch.tensor([0, 30, 50, 80, 100, 120, 140, 160, 180, 200]))
SHORT = CvaeSettings(hidden=HIDDEN, batch=BATCH, iterations=40, learning_rate=1e-2)


def run(folder, config=SHORT, progress=silent):
    generator = torch.Generator().manual_seed(5)
    return train(ROWS, MEMBERS, ACTION, config, generator, folder, progress)


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of two models, so that nine classes are five blocks, the last one smaller."""
    monkeypatch.setattr("skills.learning.cvae.training._BLOCK_FLOATS", 2 * (2 * BATCH * 4 * HIDDEN))


@pytest.mark.usefixtures("small_blocks")
def test_the_number_of_threads_changes_no_byte(tmp_path):
    threads = torch.get_num_threads()
    results = []
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            results.append(run(tmp_path / str(count)).cvae.layers)
    finally:
        torch.set_num_threads(threads)
    assert all(map(torch.equal, *results))


def test_curves_fall(tmp_path):
    curves = run(tmp_path).curves
    assert curves.parts["total"].shape == (40, 9)
    assert (curves.parts["total"][-1] < curves.parts["total"][0]).all()
