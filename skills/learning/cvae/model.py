"""K calibrated CVAEs, trained together (CLUE, eq. 4, 5 and 7; what it leaves open is SPOT's, Wu et al. 2022).

The model, its loss, and the loss's gradient written out; `training.py` trains it.

Letters: K experts, B rows of a batch, O observation columns, A action size, H hidden width, Z = 2A latent size, P
parameters of one model.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

import torch
from torch import Tensor

from skills.learning.engine.stacked import StackedMlp, Workspace, initial, parameter_count, tanh_gradient

_LOG_STD_RANGE = (-4.0, 15.0)
_clamp_gradient = torch.ops.aten.hardtanh_backward.grad_input  # nothing where it was clamped, into a buffer of ours


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

    @property
    def parameters(self) -> int:
        """P."""
        return parameter_count(self.encoder) + parameter_count(self.decoder)


class StackedCvae:
    """K conditional variational auto-encoders of actions given observations: views of one flat tensor [K, P]."""

    def __init__(self, flat: Tensor, shape: CvaeShape) -> None:
        self.flat = flat
        self.shape = shape
        boundary = parameter_count(shape.encoder)
        self.encoder = StackedMlp(flat[:, :boundary], shape.encoder)
        self.decoder = StackedMlp(flat[:, boundary:], shape.decoder)

    @staticmethod
    def create(count: int, shape: CvaeShape, generator: torch.Generator) -> "StackedCvae":
        """`count` untrained models, on the CPU."""
        stacks = [initial(count, sizes, generator) for sizes in (shape.encoder, shape.decoder)]
        return StackedCvae(torch.cat(stacks, dim=1), shape)

    @property
    def count(self) -> int:
        """K."""
        return len(self.flat)

    @cached_property
    def latents_turned(self) -> Tensor:
        """What the decoder's first layer does to the latents, transposed, [K, H, Z]."""
        return self.decoder.turned[0][..., self.shape.observation_size :]

    def range(self, part: slice) -> "StackedCvae":
        """Some of the models, on the same memory."""
        return StackedCvae(self.flat[part], self.shape)

    def encode(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Rows (s, a, 1), [K or 1, B, O + A + 1] -> mean and log std of the posterior, [K, B, Z] each."""
        return posterior(self.encoder(rows))

    def tensors(self) -> dict[str, Tensor]:
        """The matrices by name, for files."""
        return self.encoder.named_layers("encoder") | self.decoder.named_layers("decoder")

    @staticmethod
    def from_tensors(tensors: dict[str, Tensor], shape: CvaeShape) -> "StackedCvae":
        """The models whose matrices `tensors` gave."""
        parts = [f"{part}.{index}" for part in ("encoder", "decoder") for index in range(len(shape.encoder) - 1)]
        return StackedCvae(torch.cat([tensors[name].flatten(1) for name in parts], dim=1), shape)


def posterior(encoded: Tensor) -> tuple[Tensor, Tensor]:
    """The encoder's output [..., 2Z] -> mean and clamped log std, [..., Z] each."""
    mean, log_std = encoded.chunk(2, dim=-1)
    return mean, log_std.clamp(*_LOG_STD_RANGE)


class Pass:
    """One pass of K models over 2B rows, B of the dataset and B of each class: the loss, then its gradient.

    Eq. 4 and 5 over all rows:   mean (a_hat - a)^2 + beta mean KL(q(z|s,a) || N(0, I))
    Eq. 7 over the class's rows:   lambda (sum mu^2 + sum sigma^2)
    """

    def __init__(self, count: int, shape: CvaeShape, config: CvaeSettings, device: torch.device) -> None:
        rows, latents, size = 2 * config.batch, shape.latent_size, shape.observation_size
        self._config = config
        self.gradient = StackedCvae(torch.zeros(count, shape.parameters, device=device), shape)
        self.inputs = torch.ones(count, rows, shape.encoder[0] + 1, device=device)  # (s, a, 1)
        self._decoder_inputs = torch.ones(count, rows, shape.decoder[0] + 1, device=device)  # (s, z, 1)
        self._encoder = Workspace(count, rows, shape.encoder, device)
        self._decoder = Workspace(count, rows, shape.decoder, device, gradients_of=self._encoder)
        self.log_std, self.std, self._by_latents = (torch.empty(count, rows, latents, device=device) for _ in range(3))
        self._by_encoded = torch.empty(count, rows, 2 * latents, device=device)
        self._by_actions = torch.empty(count, rows, shape.action_size, device=device)
        # Twice what a row's mu^2 + sigma^2 weighs in the loss: the KL's share and, for the class, the calibration's.
        self._pull = torch.full((rows, 1), config.kl_weight / (rows * latents), device=device)
        self._pull[config.batch :] += 2.0 * config.calibration / config.batch
        self._divergence = torch.tensor(-config.kl_weight / (rows * latents), device=device)  # the KL's, by log sigma
        # Views made once: each that is made anew in a step takes Python's lock, for which the other thread waits.
        self._input_rows = self.inputs.flatten(0, 1)
        self._states, self._actions = self.inputs[..., :size], self.inputs[..., size:-1]
        self._decoder_states, self._latents = self._decoder_inputs[..., :size], self._decoder_inputs[..., size:-1]
        self.mean, self._encoded_log_std = self._encoder.output.chunk(2, dim=-1)  # mu, [K, 2B, Z], and before the clamp
        self._by_mean, self._by_log_std = self._by_encoded.chunk(2, dim=-1)

    def read(self, table: Tensor, rows: Tensor) -> None:
        """Fills `inputs` with rows [K, 2B] of a table of (s, a, 1), [N, O + A + 1]."""
        torch.index_select(table, 0, rows.flatten(), out=self._input_rows)

    def forward(self, cvae: StackedCvae, noise: Tensor) -> None:
        """Encodes and decodes `inputs`.   noise: standard normal, [K, 2B, Z]."""
        self._encoder.forward(cvae.encoder, self.inputs)
        torch.clamp(self._encoded_log_std, *_LOG_STD_RANGE, out=self.log_std)
        torch.exp(self.log_std, out=self.std)
        self._decoder_states.copy_(self._states)
        torch.addcmul(self.mean, self.std, noise, out=self._latents)
        self._decoder.forward(cvae.decoder, self._decoder_inputs).tanh_()

    def losses(self) -> dict[str, Tensor]:
        """Each model's loss and its parts, [K] each, after `forward`; and `sigma`, the mean std of the class's rows."""
        config = self._config
        squares = self.mean.square() + self.std.square()
        parts = {
            "reconstruction": (self._decoder.output - self._actions).square().mean(dim=(1, 2)),
            "divergence": (0.5 * (squares - 1.0) - self.log_std).mean(dim=(1, 2)),
            "calibration": squares[:, config.batch :].sum(dim=2).mean(dim=1),
            "sigma": self.std[:, config.batch :].mean(dim=(1, 2)),
        }
        evidence = parts["reconstruction"] + config.kl_weight * parts["divergence"]
        return {"total": evidence + config.calibration * parts["calibration"], **parts}

    def backward(self, cvae: StackedCvae, noise: Tensor) -> None:
        """Writes the loss's derivative by every parameter into `gradient`, after `forward` with the same noise."""
        # Reconstruction, through the tanh: 2 (a_hat - a) (1 - a_hat^2), averaged over rows and columns.
        decoded, by_actions = self._decoder.output, self._by_actions
        torch.sub(decoded, self._actions, out=by_actions).mul_(2.0 / by_actions[0].numel())
        tanh_gradient(by_actions, decoded, grad_input=by_actions)
        first = self._decoder.backward(cvae.decoder, self.gradient.decoder, self._decoder_inputs, by_actions)
        torch.bmm(first, cvae.latents_turned, out=self._by_latents)
        # z = mu + sigma noise; d sigma / d log sigma = sigma; the pull is towards mu = 0 and sigma = 0, and the KL's
        # -log sigma holds against it. A clamped log std gets no gradient.
        torch.addcmul(self._by_latents, self.mean, self._pull, out=self._by_mean)
        by_std = self._by_latents.mul_(noise).addcmul_(self.std, self._pull)
        torch.addcmul(self._divergence, by_std, self.std, out=self._by_log_std)
        _clamp_gradient(self._by_log_std, self._encoded_log_std, *_LOG_STD_RANGE, grad_input=self._by_log_std)
        self._encoder.backward(cvae.encoder, self.gradient.encoder, self.inputs, self._by_encoded)
