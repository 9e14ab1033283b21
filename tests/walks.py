"""Points on a line that go where they are pushed: data that go about, an expert that goes to the right and stays."""

from dataclasses import replace

import numpy as np

from skills.data.transitions import ACTION_LIMIT, Transitions
from skills.learning.classes import Classes, one_expert
from skills.learning.policy import Policy

GOAL, LENGTH = 2.0, 20


def walks(episodes: int = 60, shown: int = 3, seeds: int = 2) -> tuple[Transitions, Classes]:
    """(the data with the expert's episodes behind them, the expert once a seed).

    A state is (x, 1 - x); x' = x + a / 2. The data push at random, the expert toward x = 2.
    """
    generator = np.random.default_rng(0)
    rows = []
    for episode in range(episodes + shown):
        x = generator.uniform(-1.0, 1.0)
        for _ in range(LENGTH):
            push = generator.uniform(-1.0, 1.0) if episode < episodes else np.clip(2.0 * (GOAL - x), -0.8, 0.8)
            rows.append((x, push, x + 0.5 * push))
            x += 0.5 * push
    before, pushes, after = np.array(rows, np.float32).T
    total, demonstrations = len(rows), shown * LENGTH
    transitions = Transitions(
        "walks", "test/walks-v0", "Hopper-v5", True, np.stack([before, 1 - before], 1),
        pushes[:, None].clip(-ACTION_LIMIT, ACTION_LIMIT), np.stack([after, 1 - after], 1),
        np.zeros(total, np.float32), np.zeros(total, bool), np.arange(0, total, LENGTH), demonstrations=demonstrations,
    )  # fmt: skip
    return transitions, one_expert(total, np.arange(total - demonstrations, total), seeds)


def falling(transitions: Transitions) -> Transitions:
    """The same, where every episode ends in a failure."""
    terminated = np.zeros(len(transitions), bool)
    terminated[LENGTH - 1 :: LENGTH] = True
    return replace(transitions, terminated=terminated)


PLACES = np.array([-1.0, 0.0, 1.0], np.float32)


def pushes(policy: Policy, skill: int) -> list[float]:
    """What a skill does at x = -1, 0 and 1."""
    return policy.act(np.stack([PLACES, 1 - PLACES], 1), np.full(len(PLACES), skill))[:, 0].tolist()
