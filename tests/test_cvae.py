"""The stacked CVAEs against a slow, literal one-at-a-time implementation, and against closed forms."""

import pytest
import torch
from torch import nn
from torch.distributions import Normal, kl_divergence

from skills.config import RewardConfig
from skills.progress import silent
from skills.rewards.cvae import StackedCvae, _draw, loss, train

COUNT, OBSERVATION, ACTION, HIDDEN, BATCH = 3, 5, 2, 16, 8
CONFIG = RewardConfig(hidden=HIDDEN, batch=BATCH, learning_rate=1e-2)


class LiteralCvae(nn.Module):
    """One CVAE, written as the paper and SPOT have it."""

    def __init__(self, stacked: StackedCvae, index: int) -> None:
        super().__init__()
        latent = 2 * ACTION
        self.e1, self.e2 = nn.Linear(OBSERVATION + ACTION, HIDDEN), nn.Linear(HIDDEN, HIDDEN)
        self.mean, self.log_std = nn.Linear(HIDDEN, latent), nn.Linear(HIDDEN, latent)
        self.d1, self.d2 = nn.Linear(OBSERVATION + latent, HIDDEN), nn.Linear(HIDDEN, HIDDEN)
        self.d3 = nn.Linear(HIDDEN, ACTION)
        last = stacked.encoder.layers[2]
        pairs = [(self.e1, stacked.encoder.layers[0]), (self.e2, stacked.encoder.layers[1])]
        pairs += list(zip((self.d1, self.d2, self.d3), stacked.decoder.layers, strict=True))
        with torch.no_grad():
            for ours, theirs in pairs:
                ours.weight.copy_(theirs.weight[index].T)
                ours.bias.copy_(theirs.bias[index, 0])
            for part, columns in ((self.mean, slice(0, latent)), (self.log_std, slice(latent, None))):
                part.weight.copy_(last.weight[index][:, columns].T)
                part.bias.copy_(last.bias[index, 0, columns])

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


def make(generator: torch.Generator) -> StackedCvae:
    return StackedCvae(COUNT, OBSERVATION, ACTION, HIDDEN, generator)


def test_stacked_training_is_literal_training_of_each_class():
    generator = torch.Generator().manual_seed(0)
    stacked = make(generator)
    literal = [LiteralCvae(stacked, index) for index in range(COUNT)]
    optimizer = torch.optim.Adam(stacked.parameters(), lr=CONFIG.learning_rate)
    optimizers = [torch.optim.Adam(one.parameters(), lr=CONFIG.learning_rate) for one in literal]
    for _ in range(50):
        data = torch.randn(COUNT, BATCH, OBSERVATION + ACTION, generator=generator).clamp(-1, 1)
        expert = torch.randn(COUNT, BATCH, OBSERVATION + ACTION, generator=generator).clamp(-1, 1)
        noise = torch.randn(COUNT, 2 * BATCH, 2 * ACTION, generator=generator)
        total, _ = loss(stacked, data, expert, noise, CONFIG)
        optimizer.zero_grad()
        total.sum().backward()
        optimizer.step()
        for index, one in enumerate(literal):
            expected = one.loss(data[index], expert[index], noise[index])
            optimizers[index].zero_grad()
            expected.backward()
            optimizers[index].step()
            torch.testing.assert_close(total[index], expected, atol=1e-5, rtol=1e-5)


def test_divergence_is_the_closed_form_of_torch():
    generator = torch.Generator().manual_seed(1)
    stacked = make(generator)
    rows = torch.randn(COUNT, 2 * BATCH, OBSERVATION + ACTION, generator=generator)
    noise = torch.zeros(COUNT, 2 * BATCH, 2 * ACTION)
    _, parts = loss(stacked, rows[:, :BATCH], rows[:, BATCH:], noise, CONFIG)
    mean, log_std = stacked.encode(rows)
    expected = kl_divergence(Normal(mean, log_std.exp()), Normal(0.0, 1.0)).mean(dim=(1, 2))
    torch.testing.assert_close(parts["divergence"], expected)


def test_draws_are_uniform_over_each_class():
    members, starts = torch.tensor([10, 11, 12, 13, 20, 30, 31]), torch.tensor([0, 4, 5, 7])
    drawn = _draw(members, starts, 4000, torch.Generator().manual_seed(0))
    assert set(drawn[0].tolist()) == {10, 11, 12, 13}
    assert set(drawn[1].tolist()) == {20}
    counts = torch.bincount(drawn[0] - 10)
    assert counts.min() > 900  # 1000 expected of each; this is over three deviations below


def test_training_interrupted_at_a_checkpoint_ends_in_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr("skills.checkpoint.SECONDS_BETWEEN", 0.0)
    rows = torch.randn(200, OBSERVATION + ACTION, generator=torch.Generator().manual_seed(3)).clamp(-1, 1)
    members, starts = torch.arange(200), torch.tensor([0, 50, 120, 200])
    config = RewardConfig(hidden=HIDDEN, batch=BATCH, iterations=40)

    def run(path, progress=silent):
        generator = torch.Generator().manual_seed(5)
        return train(rows, members, starts, ACTION, config, generator, path, progress).state_dict()

    def stop_halfway(done, total):
        if done >= 20:
            raise KeyboardInterrupt

    whole = run(tmp_path / "whole.safetensors")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut.safetensors", stop_halfway)
    steps: list[int] = []
    resumed = run(tmp_path / "cut.safetensors", lambda done, total: steps.append(done))
    assert min(steps) > 10, "the second run continues, it does not begin again"
    for name, tensor in whole.items():
        assert torch.equal(tensor, resumed[name]), name
