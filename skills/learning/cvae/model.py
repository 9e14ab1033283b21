"""K calibrated CVAEs, trained together (CLUE, eq. 4, 5 and 7; what it leaves open is SPOT's, Wu et al. 2022).

The model and its loss; `training.py` trains it.

Letters: K experts, B rows of a batch, O observation columns, A action size, H hidden width, Z = 2A latent size.
"""

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from skills.learning.engine.stacked import StackedMlp, initial

_LOG_STD_RANGE = (-4.0, 15.0)


@dataclass(frozen=True)
class CvaeSettings:
    """What the models are and how they are trained (paper eq. 4, 5 and 7, Table 8, MuJoCo column)."""

    hidden: Annotated[int, "units of each of the two hidden layers of encoder and decoder"] = 128
    batch: Annotated[int, "rows of the data, and as many of the class, per step"] = 128
    iterations: Annotated[int, "steps"] = 10_000
    learning_rate: Annotated[float, "of Adam"] = 1e-4
    calibration: Annotated[float, "lambda, weight of the term that binds the experts' posterior to the origin"] = 0.1
    kl_weight: Annotated[float, "beta"] = 0.5


@dataclass(frozen=True)
class CvaeShape:
    """The sizes of one CVAE.

    Encoder: (s, a) -> H -> H -> mean and log std of z.   Decoder: (s, z) -> H -> H -> tanh -> a.
    """

    observation_size: int
    action_size: int
    hidden: int

    @property
    def latent_size(self) -> int:
        """Z."""
        return 2 * self.action_size

    @property
    def encoder(self) -> list[int]:
        """Layer sizes."""
        return [self.observation_size + self.action_size, self.hidden, self.hidden, 2 * self.latent_size]

    @property
    def decoder(self) -> list[int]:
        """Layer sizes."""
        return [self.observation_size + self.latent_size, self.hidden, self.hidden, self.action_size]


class StackedCvae:
    """K conditional variational auto-encoders of actions given observations."""

    def __init__(self, encoder: StackedMlp, decoder: StackedMlp, shape: CvaeShape) -> None:
        self.encoder, self.decoder, self.shape = encoder, decoder, shape

    @staticmethod
    def create(count: int, shape: CvaeShape, generator: torch.Generator) -> "StackedCvae":
        """`count` untrained models, on the CPU."""
        encoder, decoder = (
            StackedMlp.of(initial(count, sizes, generator), sizes) for sizes in (shape.encoder, shape.decoder)
        )
        return StackedCvae(encoder, decoder, shape)

    @property
    def count(self) -> int:
        """K."""
        return len(self.encoder.layers[0])

    @property
    def layers(self) -> list[Tensor]:
        """All matrices."""
        return [*self.encoder.layers, *self.decoder.layers]

    def range(self, part: slice) -> "StackedCvae":
        """Some of the models, on the same memory."""
        return StackedCvae(self.encoder.range(part), self.decoder.range(part), self.shape)

    def to(self, device: torch.device) -> "StackedCvae":
        """The same models there."""
        return StackedCvae(self.encoder.to(device), self.decoder.to(device), self.shape)

    def to_learn(self) -> "StackedCvae":
        """A copy whose matrices are leaves that gradients are of."""
        return StackedCvae(self.encoder.to_learn(), self.decoder.to_learn(), self.shape)

    def encode(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Rows (s, a, 1), [K or 1, B, O + A + 1] -> mean and log std of the posterior, [K, B, Z] each."""
        mean, log_std = self.encoder(rows).chunk(2, dim=-1)
        return mean, log_std.clamp(*_LOG_STD_RANGE)

    def tensors(self) -> dict[str, Tensor]:
        """The matrices by name, for files."""
        return self.encoder.named_layers("encoder") | self.decoder.named_layers("decoder")

    @staticmethod
    def from_tensors(tensors: dict[str, Tensor], shape: CvaeShape) -> "StackedCvae":
        """The models whose matrices `tensors` gave."""
        encoder, decoder = (
            StackedMlp(tensors[f"{part}.{index}"] for index in range(len(shape.encoder) - 1))
            for part in ("encoder", "decoder")
        )
        return StackedCvae(encoder, decoder, shape)


def losses(cvae: StackedCvae, rows: Tensor, noise: Tensor, config: CvaeSettings) -> dict[str, Tensor]:
    """Each model's loss, its parts, and `sigma`, the mean std of the class's rows: [K] each.

    Eq. 4 and 5 over all rows:   mean (a_hat - a)^2 + beta mean KL(q(z|s,a) || N(0, I))
    Eq. 7 over the class's rows:   lambda (sum mu^2 + sum sigma^2)

    rows: (s, a, 1), [K, 2B, O + A + 1], B of the dataset and B of each class.   noise: standard normal, [K, 2B, Z].
    """
    size = cvae.shape.observation_size
    mean, log_std = cvae.encode(rows)
    std = log_std.exp()
    latents = torch.addcmul(mean, std, noise)
    decoded = torch.tanh(cvae.decoder(torch.cat([rows[..., :size], latents, rows[..., -1:]], dim=-1)))
    squares = mean.square() + std.square()
    parts = {
        "reconstruction": mse_loss(decoded, rows[..., size:-1], reduction="none").mean(dim=(1, 2)),
        "divergence": (0.5 * (squares - 1.0) - log_std).mean(dim=(1, 2)),
        "calibration": squares[:, config.batch :].sum(dim=2).mean(dim=1),
        "sigma": std[:, config.batch :].detach().mean(dim=(1, 2)),
    }
    evidence = parts["reconstruction"] + config.kl_weight * parts["divergence"]
    return {"total": evidence + config.calibration * parts["calibration"], **parts}
