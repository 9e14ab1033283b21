"""K calibrated CVAEs, trained together (CLUE, eq. 4, 5 and 7; what it leaves open is SPOT's, Wu et al. 2022).

Letters: N transitions, K experts, B rows of a batch, O observation columns, A action size, Z = 2A latent size.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from skills.checkpoint import Checkpoint
from skills.config import RewardConfig
from skills.progress import Progress
from skills.stacked import StackedMlp

_LOG_STD_RANGE = (-4.0, 15.0)
_REPORT_EVERY = 10  # steps between two calls of progress


class StackedCvae(nn.Module):
    """K conditional variational auto-encoders of actions given observations.

    Encoder: (s, a) -> H -> H -> mean and log std of z.   Decoder: (s, z) -> H -> H -> tanh -> a.
    """

    def __init__(
        self, count: int, observation_size: int, action_size: int, hidden: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.count = count
        self.latent_size = 2 * action_size
        inputs = observation_size + action_size
        self.encoder = StackedMlp(count, [inputs, hidden, hidden, 2 * self.latent_size], generator)
        self.decoder = StackedMlp(count, [observation_size + self.latent_size, hidden, hidden, action_size], generator)

    def encode(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Rows (s, a) [K, B, O + A] -> mean and log std of the posterior, [K, B, Z] each."""
        mean, log_std = self.encoder(rows).chunk(2, dim=-1)
        return mean, log_std.clamp(*_LOG_STD_RANGE)

    def decode(self, observations: Tensor, latents: Tensor) -> Tensor:
        """[K, B, O], [K, B, Z] -> actions [K, B, A]."""
        return torch.tanh(self.decoder(torch.cat([observations, latents], dim=-1)))


def loss(
    cvae: StackedCvae, data_rows: Tensor, expert_rows: Tensor, noise: Tensor, config: RewardConfig
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of each of the K models, [K], and its parts.

    data_rows, expert_rows: (s, a) of D and of each class, [K, B, O + A].   noise: standard normal, [K, 2B, Z].

    Eq. 4 and 5 over both batches:  mean (a_hat - a)^2 + beta mean KL(q(z|s,a) || N(0, I))
    Eq. 7 over the class's batch:   lambda (sum mu^2 + sum sigma^2)
    """
    rows = torch.cat([data_rows, expert_rows], dim=1)
    mean, log_std = cvae.encode(rows)
    std = log_std.exp()
    action_size = cvae.latent_size // 2
    observations, actions = rows[..., :-action_size], rows[..., -action_size:]
    decoded = cvae.decode(observations, torch.addcmul(mean, std, noise))
    reconstruction = (decoded - actions).square().mean(dim=(1, 2))
    squared_distance = mean.square() + std.square()
    divergence = (0.5 * (squared_distance - 1.0) - log_std).mean(dim=(1, 2))
    calibration = squared_distance[:, data_rows.shape[1] :].sum(dim=2).mean(dim=1)
    total = reconstruction + config.kl_weight * divergence + config.calibration * calibration
    return total, {"reconstruction": reconstruction, "divergence": divergence, "calibration": calibration}


def train(
    rows: Tensor,
    members: Tensor,
    starts: Tensor,
    action_size: int,
    config: RewardConfig,
    generator: torch.Generator,
    checkpoint: Path,
    progress: Progress,
) -> StackedCvae:
    """Trains one CVAE per expert.

    rows: standardised (s, a) of the dataset, [N, O + A], on the device to train on.
    members, starts: expert k is rows[members[starts[k]:starts[k + 1]]].
    generator: a CPU generator; initial weights and every draw come from it.
    """
    count = len(starts) - 1
    cvae = StackedCvae(count, rows.shape[1] - action_size, action_size, config.hidden, generator).to(rows.device)
    optimizer = torch.optim.Adam(cvae.parameters(), lr=config.learning_rate, fused=True)
    saved = Checkpoint(checkpoint, cvae.state_dict(), {"optimizer": optimizer}, generator)
    for step in range(saved.restore(), config.iterations):
        data_rows = rows[torch.randint(len(rows), (config.batch,), generator=generator).to(rows.device)]
        expert_rows = rows[_draw(members, starts, config.batch, generator).to(rows.device)]
        noise = torch.randn(count, 2 * config.batch, cvae.latent_size, generator=generator).to(rows.device)
        # One batch of the dataset serves all classes: they share no parameter, so each still sees uniform draws.
        total, _ = loss(cvae, data_rows.expand(count, -1, -1), expert_rows, noise, config)
        optimizer.zero_grad(set_to_none=True)
        total.sum().backward()  # type: ignore[no-untyped-call]  # torch ships no type for it
        optimizer.step()
        saved.save_if_due(step + 1)
        if (step + 1) % _REPORT_EVERY == 0 or step + 1 == config.iterations:
            progress(step + 1, config.iterations)
    return cvae


def _draw(members: Tensor, starts: Tensor, batch: int, generator: torch.Generator) -> Tensor:
    """Uniform draws with replacement from each expert's transitions: dataset rows [K, B]."""
    sizes = starts.diff()
    uniform = torch.rand(len(sizes), batch, generator=generator, dtype=torch.float64)
    offsets = (uniform * sizes[:, None]).long()
    return members[starts[:-1, None] + offsets]
