"""Measures on constructed rollouts with known answers."""

from dataclasses import replace

import numpy as np
import pytest

from skills.data.transitions import Transitions
from skills.learning.classes import Classes
from skills.learning.matrix import Rewards
from skills.measures.overview import measure, reward_aucs
from skills.measures.summary import summary as lines_of
from skills.playing.rollout import Rollouts
from skills.progress import silent_reporter

K, R, T = 4, 3, 50
SECONDS = 0.05


@pytest.fixture
def classes(cheetah: Transitions) -> Classes:
    labels = np.arange(len(cheetah), dtype=np.int32) % K
    plain = np.zeros(3, np.float32)
    return Classes(labels, np.zeros((K, 3), np.float32), np.arange(3), plain, plain + 1)


@pytest.fixture
def rewards(classes: Classes) -> Rewards:
    labels = (classes.labels[:, None] == np.arange(K)).astype(np.float16)
    return Rewards(labels, np.ones(K, np.float32))


@pytest.fixture
def rollouts() -> Rollouts:
    """Skill k runs at k m/s, give or take 0.1 by rollout; skill 3 falls after 20 steps in two of three rollouts.

    Skills 0 and 1 stay in their own class; 2 is there for half of its steps; 3 never.
    """
    qpos = np.zeros((K, R, T + 1, 9), np.float32)
    lengths = np.full((K, R), T, np.int32)
    lengths[3, :2] = 20
    rewards = np.ones((K, R, T), np.float32)
    classes = np.zeros((K, R, T), np.int16)
    classes[1] = 1
    classes[2, :, ::2] = 2
    for skill in range(K):
        for rollout in range(R):
            steps = np.minimum(np.arange(T + 1), lengths[skill, rollout])
            qpos[skill, rollout, :, 0] = steps * SECONDS * (skill + 0.1 * (rollout - 1))
    for rollout in range(2):
        rewards[3, rollout, 20:] = 0
        classes[3, rollout, 20:] = -1
    return Rollouts(qpos, lengths, lengths < T, rewards, classes, np.array(SECONDS))


def test_measures_of_constructed_skills(cheetah, classes, rewards, rollouts):
    document = measure(cheetah, classes, rewards, rollouts, silent_reporter)
    skills = document["skills"]
    assert [skill["speed"] for skill in skills] == pytest.approx([0, 1, 2, 3], abs=1e-5)
    assert skills[1]["speed_within"] == pytest.approx(np.std([0.9, 1.0, 1.1]), abs=1e-5)
    assert [skill["support"] for skill in skills] == pytest.approx([0.25] * 4)
    assert [skill["occupancy_ratio"] for skill in skills] == pytest.approx([4, 4, 2, 0])
    assert [skill["reward_auc"] for skill in skills] == [1.0] * 4
    assert [skill["episode_return"] for skill in skills] == pytest.approx([50, 50, 50, 30])
    assert skills[1]["displacement"] == pytest.approx(2.5, abs=1e-4)
    assert skills[3]["fates"] == {"leaves its bounds": 2, "stays up": 1}  # its environment has none
    assert skills[3]["ended_seconds"] == pytest.approx(1.0)
    assert skills[3]["survival"] == pytest.approx((20 + 20 + 50) / 150)
    assert skills[0]["ended_seconds"] is None
    assert skills[0]["survival"] == 1
    assert [skill["shown"] for skill in skills[:3]] == [1, 1, 1]
    assert skills[1]["path"][0] == [0, 0]
    assert skills[1]["path"][-1] == pytest.approx([2.5, 0])


def test_summary_of_constructed_skills(cheetah, classes, rewards, rollouts):
    found = measure(cheetah, classes, rewards, rollouts, silent_reporter)["summary"]
    assert found["occupancy_ratio_median"] == pytest.approx(3.0)
    assert found["held_share"] == pytest.approx(0.75)
    assert found["speed_between"] == pytest.approx(np.std([0, 1, 2, 3]), abs=1e-5)
    assert found["speed_within"] == pytest.approx(np.std([0.9, 1.0, 1.1]), abs=1e-5)
    assert found["speed_spread_ratio"] == pytest.approx(found["speed_between"] / found["speed_within"])
    assert found["fates"] == {"stays up": 10, "leaves its bounds": 2}
    assert found["return_best_normalised"] is None  # 50 steps are no episode


def test_one_rollout_of_a_skill_says_nothing_of_its_spread(cheetah, classes, rewards, rollouts):
    each = {name: array[:, :1] for name, array in vars(rollouts).items() if array is not None and array.ndim}
    document = measure(cheetah, classes, rewards, replace(rollouts, **each), silent_reporter)
    assert document["summary"]["speed_spread_ratio"] is None
    assert "Speed spread" not in [line.name for line in lines_of(document, 50)]
    whole = measure(cheetah, classes, rewards, rollouts, silent_reporter)
    assert "Speed spread" in [line.name for line in lines_of(whole, 50)]


def test_normalised_return_of_whole_episodes(cheetah, classes, rewards, rollouts):
    longer = np.zeros((K, R, 1000), np.float32)
    longer[..., :T] = rollouts.rewards
    whole = Rollouts(**{**vars(rollouts), "rewards": longer})
    found = measure(cheetah, classes, rewards, whole, silent_reporter)["summary"]
    assert found["return_best_normalised"] == pytest.approx(100 * (50 + 280.178953) / (12135 + 280.178953))


def test_copies_have_no_spread_between_them(cheetah, classes, rewards, rollouts):
    same = Rollouts(**{**vars(rollouts), "qpos": np.repeat(rollouts.qpos[1:2], K, axis=0)})
    full = Rollouts(**{**vars(same), "lengths": np.full((K, R), T, np.int32)})
    assert np.ptp(full.speed, axis=0) == pytest.approx([0, 0, 0])
    assert measure(cheetah, classes, rewards, full, silent_reporter)["summary"]["speed_between"] == pytest.approx(0)


def test_shuffled_rewards_rank_at_chance(classes, rewards):
    generator = np.random.default_rng(0)
    shuffled = Rewards(generator.permutation(rewards.labels), rewards.scale)
    assert reward_aucs(classes, shuffled, silent_reporter) == pytest.approx([0.5] * K, abs=0.05)
