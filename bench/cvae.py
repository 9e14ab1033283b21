"""Stacked training of K CVAEs against training them one after another, in one run.

    python bench/cvae.py [K] [SECONDS]

Table 8's sizes for MuJoCo (H 128, batches of 128 + 128) with Ant's 27 + 8 inputs. The other side is the usual form:
modules, automatic gradients, one optimiser a class, written in this file. Each side runs for windows of SECONDS, in
turn. Prints the time of a step of all K, the ratio, and the share of the machine's matrix peak.
"""

import contextlib
import itertools
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # before torch starts its threads, as the command line does

import torch
from timing import best, clock, in_turn, matrix_peak, record
from torch import Tensor, nn

from skills.learning.cvae.model import CvaeSettings, CvaeShape
from skills.learning.cvae.training import train
from skills.learning.rows import Members

OBSERVATION, ACTION = 27, 8
ROWS = 20_000
CONFIG = CvaeSettings(iterations=100_000)  # more than are timed
ROUNDS = 8


class _EnoughError(Exception):
    """Ends a training that has been timed."""


class PlainCvae(nn.Module):
    """One CVAE of modules, and its loss."""

    def __init__(self) -> None:
        super().__init__()
        hidden, latent = CONFIG.hidden, 2 * ACTION
        self.encoder = nn.Sequential(
            nn.Linear(OBSERVATION + ACTION, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()
        )
        self.mean, self.log_std = nn.Linear(hidden, latent), nn.Linear(hidden, latent)
        self.decoder = nn.Sequential(
            nn.Linear(OBSERVATION + latent, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, ACTION), nn.Tanh(),
        )  # fmt: skip

    def loss(self, rows: Tensor, noise: Tensor) -> Tensor:
        encoded = self.encoder(rows)
        mean, log_std = self.mean(encoded), self.log_std(encoded).clamp(-4, 15)
        std = log_std.exp()
        decoded = self.decoder(torch.cat([rows[:, :OBSERVATION], mean + std * noise], dim=1))
        divergence = (0.5 * (mean**2 + std**2 - 1) - log_std).mean()
        own = slice(CONFIG.batch, None)
        calibration = (mean[own] ** 2).sum(1).mean() + (std[own] ** 2).sum(1).mean()
        evidence = nn.functional.mse_loss(decoded, rows[:, OBSERVATION:]) + CONFIG.kl_weight * divergence
        total: Tensor = evidence + CONFIG.calibration * calibration
        return total


def plain_seconds(rows: Tensor, window: float) -> float:
    """Seconds of one step of one class."""
    model = PlainCvae()
    optimizer = torch.optim.Adam(model.parameters(), lr=CONFIG.learning_rate)
    members = torch.arange(200)

    def step() -> None:
        drawn = [rows[torch.randint(len(rows), (CONFIG.batch,))], rows[members[torch.randint(200, (CONFIG.batch,))]]]
        loss = model.loss(torch.cat(drawn), torch.randn(2 * CONFIG.batch, 2 * ACTION))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return best(step, rounds=ROUNDS, window=window)


def stacked_seconds(rows: Tensor, count: int, window: float) -> float:
    """Seconds of one step of all classes, in the fastest window of a training, draws and gathers included."""
    members = Members(torch.arange(len(rows)), torch.linspace(0, len(rows), count + 1).long())
    marks: list[tuple[int, float]] = []

    def note(done: int, total: int) -> None:
        now = clock()
        if not marks or now - marks[-1][1] >= window:
            marks.append((done, now))
        if len(marks) > ROUNDS:
            raise _EnoughError

    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(_EnoughError):
        with_ones = torch.cat([rows, torch.ones(len(rows), 1)], dim=1)
        train(with_ones, members, ACTION, CONFIG, torch.Generator().manual_seed(0), Path(folder), note)
    return min((end - start) / (after - before) for (before, start), (after, end) in itertools.pairwise(marks))


def operations() -> int:
    """Multiplications and additions of one class's step: forward, and backward but for the data's own gradient."""
    shape = CvaeShape(OBSERVATION, ACTION, CONFIG.hidden)
    products = [a * b for sizes in (shape.encoder, shape.decoder) for a, b in itertools.pairwise(sizes)]
    unneeded = shape.encoder[0] * shape.hidden + OBSERVATION * shape.hidden
    return 2 * 2 * CONFIG.batch * (3 * sum(products) - unneeded)


def main(count: int = 100, window: float = 0.5) -> None:
    """Measures, prints and records."""
    rows = torch.randn(ROWS, OBSERVATION + ACTION).clamp(-1, 1)
    stacked, plain, slowness = in_turn(
        lambda: stacked_seconds(rows, count, window),
        lambda: count * plain_seconds(rows, window),
        lambda: 1.0 / matrix_peak(window),
    )
    peak = 1.0 / slowness
    share = count * operations() / stacked / peak
    record(
        "cvae",
        f"A step of {count} CVAEs, {OBSERVATION} + {ACTION} inputs (python bench/cvae.py {count} {window})\n"
        f"one after another   {plain * 1e3:8.1f} ms\n"
        f"stacked             {stacked * 1e3:8.1f} ms   {plain / stacked:.1f} times as fast; "
        f"{share:.0%} of the matrix peak, {peak / 1e9:.0f} GFLOP/s",
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *map(float, sys.argv[2:3]))
