"""All that speaks of falls and survival says the same of the same rollouts: measures, labels, summary, page, films."""

import numpy as np
import pytest
from motions import HOPPER

from skills.bodies.environments import seconds_per_step
from skills.bodies.fates import OUTCOMES
from skills.data.transitions import Transitions
from skills.learning.classes import Classes
from skills.learning.matrix import Rewards
from skills.measures.intervals import every_trial
from skills.measures.judged.quality import quality
from skills.measures.overview import measure
from skills.measures.profile import behaviour
from skills.measures.summary import summary
from skills.playing.rollout import Rollouts
from skills.playing.trials import Trials
from skills.progress import silent_reporter
from skills.videos.films.films import Style, starts_film

K, R, T = 4, 3, 1000
STEP = seconds_per_step(HOPPER)


@pytest.fixture(scope="module")
def rollouts() -> Rollouts:
    """Hoppers for 8 s: 0 hops on; 1 falls after 2 s each time; 2 tips over after 4 s once in three; 3 stands still."""
    steps = np.arange(T + 1) * STEP
    qpos = np.zeros((K, R, T + 1, 6), np.float32)
    qpos[..., 1] = 1.25
    qpos[:3, :, :, 0] = steps * np.array([0.9, 1.0, 1.1])[None, :, None]
    qpos[:3, :, :, 3:] = 0.3 * np.sin(12 * steps)[:, None]
    lengths = np.full((K, R), T, np.int32)
    lengths[1], lengths[2, 0] = 250, 500
    qpos[1, :, 250:, 1] = 0.65
    qpos[2, 0, 500:, 2] = 0.3
    for skill, index in ((1, 0), (1, 1), (1, 2), (2, 0)):
        qpos[skill, index, lengths[skill, index] :] = qpos[skill, index, lengths[skill, index]]
    played = np.arange(T) < lengths[..., None]
    classes = np.where(played, np.arange(K)[:, None, None], -1).astype(np.int16)
    return Rollouts(qpos, lengths, lengths < T, played.astype(np.float32), classes, np.array(STEP))


@pytest.fixture
def document(hopper: Transitions, rollouts: Rollouts) -> dict:
    labels = np.arange(len(hopper), dtype=np.int32) % K
    plain = np.zeros(3, np.float32)
    classes = Classes(labels, np.zeros((K, 3), np.float32), np.arange(3), plain, plain + 1)
    rewards = Rewards((labels[:, None] == np.arange(K)).astype(np.float16), np.ones(K, np.float32))
    return measure(hopper, classes, rewards, rollouts, silent_reporter)


SURVIVAL = [1.0, 0.25, (0.5 + 2) / 3, 1.0]


def test_measures_and_labels(document):
    skills = document["skills"]
    assert [skill["fates"] for skill in skills] == [
        {"stays up": 3}, {"falls": 3}, {"stays up": 2, "tips over": 1}, {"stands still": 3}
    ]  # fmt: skip
    assert [skill["survival"] for skill in skills] == pytest.approx(SURVIVAL)
    assert [skill["ended_seconds"] for skill in skills] == [None, pytest.approx(2.0), pytest.approx(4.0), None]
    assert [", ".join(skill["label"].split(", ")[1:]) for skill in skills] == [
        "", "falls at 2.0 s", "tips over in 1 of 3", ""
    ]  # fmt: skip
    assert skills[3]["label"] == "stands still"


def test_the_summary(document):
    assert document["summary"]["fates"] == {"stays up": 5, "falls": 3, "stands still": 3, "tips over": 1}
    (line,) = (line for line in summary(document, T) if line.name == "Survival")
    assert line.value == pytest.approx(100 * np.median(SURVIVAL), abs=0.05)
    assert line.explanation.endswith("of 12 rollouts: stays up 5, stands still 3, falls 3, tips over 1")


def test_the_page(document, rollouts):
    _, skills = behaviour(rollouts, HOPPER, np.array([]))
    assert [skill["ended"] for skill in skills] == ["", "falls in 3 of 3", "tips over in 1 of 3", ""]
    assert [bool(skill["ended"]) for skill in skills] == [value < 1 for value in SURVIVAL]
    assert [skill["ended_seconds"] for skill in skills] == [skill["ended_seconds"] for skill in document["skills"]]


def test_the_films_of_other_starts(rollouts):
    style = Style(HOPPER, width=48, height=48)
    texts = [[pane.text for pane in starts_film(rollouts, skill, style, 8.0).panes] for skill in range(K)]
    assert texts[1] == ["start 1, falls at 2.0 s", "start 3, falls at 2.0 s"]
    assert sorted(texts[2]) in (["start 1, tips over at 4.0 s", "start 3"], ["start 2", "start 3"])
    assert texts[3] == ["start 1, stands still", "start 3, stands still"]


def test_the_table_of_an_evaluation(rollouts):
    """Of trials with the same fates."""
    fates = rollouts.fates(HOPPER)
    codes = np.array([[OUTCOMES.index(one.outcome) for one in of_skill] for of_skill in fates], np.int8)
    survived = np.array([[one.step for one in of_skill] for of_skill in fates])
    empty = np.zeros((K, R, 1, 1), np.float32)
    trials = Trials(empty, np.ones((K, R), np.int64), np.zeros((K, R, 1), np.int16), np.zeros((K, R)), survived, codes)
    found = quality(np.zeros((K, R)), trials, STEP, T, every_trial(K, R))
    assert found["survival"] == pytest.approx(np.mean(SURVIVAL))
    assert found["time_to_fall"] == pytest.approx((3 * 2.0 + 4.0) / 4)
    assert (found["falls"], found["tips"], found["stands"]) == pytest.approx((3 / 12, 1 / 12, 3 / 12))
