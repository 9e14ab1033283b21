"""IQL for K skills at once against plain single-skill IQL, in one run.

    python bench/iql.py [K] [SECONDS]

The other side is the usual public PyTorch form: separate modules and optimisers, automatic gradients, the data in
memory. Each side runs for windows of SECONDS, in turn. Prints updates/s of each, the skill-updates/s of all heads
against the plain form's, and K = 1 against it.
"""

import copy
import os
import sys

os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # before torch starts its threads, as the command line does

import numpy as np
import torch
from timing import best, in_turn, record
from torch import nn

from skills.data.transitions import Transitions
from skills.learning.batches import Batches
from skills.learning.engine.workers import beside
from skills.learning.learners.iql import Iql, IqlNetworks
from skills.learning.matrix import Rewards
from skills.learning.policy import Shape

OBSERVATION, ACTION, ROWS = 17, 6, 100_000
CONFIG = Iql()


def plain_mlp(inputs: int, outputs: int) -> nn.Sequential:
    hidden = CONFIG.hidden
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, outputs)
    )


def plain_seconds(data: Transitions, window: float) -> float:
    """Seconds of an update of one skill."""
    value, actor = plain_mlp(OBSERVATION, 1), plain_mlp(OBSERVATION, ACTION)
    q = nn.ModuleList(plain_mlp(OBSERVATION + ACTION, 1) for _ in range(2))
    target = copy.deepcopy(q).requires_grad_(False)
    log_std = nn.Parameter(torch.zeros(ACTION))
    value_optimizer = torch.optim.Adam(value.parameters(), lr=CONFIG.learning_rate)
    q_optimizer = torch.optim.Adam(q.parameters(), lr=CONFIG.learning_rate)
    actor_optimizer = torch.optim.Adam([*actor.parameters(), log_std], lr=CONFIG.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(actor_optimizer, CONFIG.steps)
    states, actions, nexts = map(torch.from_numpy, (data.observations, data.actions, data.next_observations))
    rewards, continues = torch.from_numpy(data.rewards), torch.from_numpy(~data.terminated).float()

    def step() -> None:
        rows = torch.randint(ROWS, (CONFIG.batch,))
        s, a, after, r, c = states[rows], actions[rows], nexts[rows], rewards[rows], continues[rows]
        sa = torch.cat([s, a], dim=1)
        with torch.no_grad():
            target_q = torch.minimum(*(one(sa) for one in target))
            future = value(after)
        advantage = target_q - value(s)
        weight = torch.where(advantage > 0, CONFIG.expectile, 1 - CONFIG.expectile)
        value_optimizer.zero_grad(set_to_none=True)
        (weight * advantage**2).mean().backward()
        value_optimizer.step()
        goal = r[:, None] + c[:, None] * CONFIG.discount * future
        q_optimizer.zero_grad(set_to_none=True)
        first, second = (nn.functional.mse_loss(one(sa), goal) for one in q)
        (first + second).backward()  # type: ignore[no-untyped-call]
        q_optimizer.step()
        for slow, fast in zip(target.parameters(), q.parameters(), strict=True):
            slow.data.mul_(1 - CONFIG.polyak).add_(fast.data, alpha=CONFIG.polyak)
        density = torch.distributions.Normal(torch.tanh(actor(s)), log_std.clamp(-5, 2).exp()).log_prob(a).sum(1)  # type: ignore[no-untyped-call]
        clipped = torch.exp(CONFIG.inverse_temperature * advantage.detach()).clamp(max=CONFIG.weight_limit)[:, 0]
        actor_optimizer.zero_grad(set_to_none=True)
        (-(clipped * density).mean()).backward()
        actor_optimizer.step()
        schedule.step()

    return best(step, rounds=6, window=window)


def our_seconds(data: Transitions, count: int, window: float) -> float:
    """Seconds of an update of `count` skills, the draw and the gather of their rewards included."""
    labels = np.random.default_rng(0).random((ROWS, count), np.float32).astype(np.float16)
    shape, device = Shape(OBSERVATION, ACTION, count, CONFIG.hidden, CONFIG.depth), torch.device("cpu")
    mean, std = map(torch.from_numpy, data.scaling)
    rewards = Rewards(labels, np.ones(count, np.float32))
    batches = Batches(data, rewards, CONFIG, mean, std, torch.Generator(), device)
    with beside(device) as helper, batches:
        learner = IqlNetworks(shape, CONFIG, torch.Generator().manual_seed(0), device, helper)
        updates = [lambda batch=batch: learner.update(batch) for batch in batches.buffers]

        def step() -> None:
            index, _ = batches.take()
            updates[index]()

        return best(step, rounds=6, window=window)


def main(count: int = 100, window: float = 0.5) -> None:
    """Measures, prints and records."""
    generator = np.random.default_rng(0)
    observations, after = (generator.standard_normal((ROWS, OBSERVATION), np.float32) for _ in range(2))
    data = Transitions(
        "random", "test/random-v0", "HalfCheetah-v5", True, observations,
        generator.uniform(-0.99, 0.99, (ROWS, ACTION)).astype(np.float32), after,
        generator.random(ROWS, np.float32), np.zeros(ROWS, bool), np.arange(0, ROWS, 1000),
    )  # fmt: skip
    plain, one, all_heads = in_turn(
        lambda: plain_seconds(data, window),
        lambda: our_seconds(data, 1, window),
        lambda: our_seconds(data, count, window),
    )
    record(
        "iql",
        f"IQL updates, {OBSERVATION} + {ACTION} inputs, 256 wide, batch 256 (python bench/iql.py {count} {window})\n"
        f"plain PyTorch, 1 skill   {1 / plain:7.1f} updates/s\n"
        f"this, 1 skill            {1 / one:7.1f} updates/s   {plain / one:.1f} times as fast\n"
        f"this, {count} skills         {1 / all_heads:7.1f} updates/s   "
        f"{count * plain / all_heads:.0f} times the skill-updates of the plain form",
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *map(float, sys.argv[2:3]))
