"""Logs cut into behaviours: faults that were planted in real simulations are told from what is usual."""

from functools import cache

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from skills.bodies.environments import motion_size
from skills.bodies.fast import Simulation
from skills.data.made import shipped
from skills.data.transitions import ACTION_LIMIT, Transitions
from skills.learning.classes import Classes, cluster
from skills.measures.likeness import Likeness
from skills.measures.segments import smoothed
from skills.settings.config import ExpertsConfig

BODIES = {"HalfCheetah-v5": "halfcheetah", "Ant-v5": "ant"}
EPISODES, STEPS = 24, 150  # of a log
FAULTS = ("weak motor", "dead sensor", "push")
MORE = 50  # episodes of the data that are known


@cache
def log_of(env_id: str, seed: int, fault: str = "", episodes: int = EPISODES) -> Transitions:
    """Episodes of the shipped policy, with a fault in all of them.

    "weak motor": the first motor gives half of what is commanded.   "dead sensor": the first joint's angle is read
    as 0.   "push": once, in the middle, the body is thrown back.
    """
    policy = shipped.load(BODIES[env_id], "medium")
    size = motion_size(env_id)
    simulation = Simulation(env_id, episodes)
    generators = [np.random.default_rng([seed, episode]) for episode in range(episodes)]
    now = simulation.reset(generators)
    states, actions = [now], []
    for step in range(STEPS):
        commanded = policy.act(now, generators)
        given = commanded.copy()
        if fault == "weak motor":
            given[:, 0] *= 0.5
        now = simulation.step(given).observations
        if fault == "push" and step == STEPS // 2:
            qvel = simulation.qvel.copy()
            qvel[:, 0] -= 2.0
            now = simulation.set_state(simulation.qpos.copy(), qvel)
        states.append(now)
        actions.append(commanded)
    rows = np.stack(states, axis=1)[:, :, :size].astype(np.float32)
    if fault == "dead sensor":
        rows[:, :, 5 if env_id == "Ant-v5" else 2] = 0.0  # the column behind the torso's height and turn
    count = episodes * STEPS
    acted = np.stack(actions, axis=1).reshape(count, -1).clip(-ACTION_LIMIT, ACTION_LIMIT)
    return Transitions(
        "log", "test/log-v0", env_id, True, rows[:, :-1].reshape(count, size), acted, rows[:, 1:].reshape(count, size),
        np.zeros(count, np.float32), np.zeros(count, bool), np.arange(episodes) * STEPS,
    )  # fmt: skip


@pytest.fixture(scope="module", params=list(BODIES))
def known(request) -> tuple[str, Classes, Likeness]:
    env_id = request.param
    data = log_of(env_id, 1, episodes=MORE)
    classes = cluster(data, 10, ExpertsConfig(max_iterations=20), 1)
    return env_id, classes, Likeness.fit(data, classes.labels, classes.count)


def unusual(known: tuple[str, Classes, Likeness], log: Transitions) -> np.ndarray:
    """[E]"""
    _, classes, likeness = known
    found = classes.classify(log.observations, log.actions, log.next_observations, log.lengths)
    return likeness.unusual(likeness.surprise(log, found), log)


def test_planted_faults_are_ranked_first(known) -> None:
    """All but one short push of an ant, whose feet push it about as much."""
    healthy, truth = unusual(known, log_of(known[0], 2)), np.repeat([0, 1], EPISODES)
    for fault in FAULTS[: 2 if known[0] == "Ant-v5" else 3]:
        faulty = unusual(known, log_of(known[0], 2, fault))
        assert roc_auc_score(truth, np.concatenate([healthy, faulty])) >= 0.85, fault


def test_healthy_logs_of_other_seeds_are_alike(known) -> None:
    first, second = (unusual(known, log_of(known[0], seed)) for seed in (3, 4))
    auc = roc_auc_score(np.repeat([0, 1], EPISODES), np.concatenate([first, second]))
    assert 0.25 < auc < 0.75


def test_what_is_usual_is_near_nought_whatever_the_class(known) -> None:
    env_id, classes, likeness = known
    surprise = likeness.surprise(log_of(env_id, 1, episodes=MORE), classes.labels)
    assert surprise.std() == pytest.approx(1.0, abs=0.1)
    for one in range(classes.count):
        assert abs(np.median(surprise[classes.labels == one])) < 0.5


def test_labels_are_smoothed_within_episodes_only() -> None:
    labels = np.array([0, 0, 1, 0, 0, 1, 1, 1, 1, 0])
    found = smoothed(labels, np.array([5, 5]), 3)
    assert found[:5].tolist() == [0] * 5
    assert found[5:9].tolist() == [1] * 4
    assert smoothed(labels, np.array([5, 5]), 1).tolist() == labels.tolist()


def test_an_episode_is_as_unusual_as_the_length_of_time_says_where_it_is_most(known) -> None:
    """A short moment and a fault that lasts both put their episode first, and nothing but surprise does."""
    env_id, classes, likeness = known
    log = log_of(env_id, 2)
    found = classes.classify(log.observations, log.actions, log.next_observations, log.lengths)
    surprise = likeness.surprise(log, found).clip(max=1.0)
    for rows, height in ((slice(310, 312), 20.0), (slice(300, 450), 3.0)):
        worse = surprise.copy()
        worse[rows] = height
        scores = likeness.unusual(worse, log)
        assert scores.argmax() == 300 // STEPS
        assert scores[2] > likeness.unusual(surprise, log)[2] + 1.0
