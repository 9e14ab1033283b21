"""Labels of constructed motions with known answers."""

from dataclasses import replace

import numpy as np
import pytest

from skills.bodies import motion
from skills.measures.describe import describe, fall_words, label_skills, tell_apart
from skills.playing.rollout import Rollouts

SECONDS = 0.05
STEPS = 100  # 5 s


def ant(x=0.0, y=0.0, turn=0.0, roll=0.0):
    """An ant that travels (x, y) m and turns by `turn` rad over the rollout, rolled over by `roll`."""
    share = np.linspace(0, 1, STEPS + 1)
    qpos = np.zeros((STEPS + 1, 15), np.float32)
    qpos[:, 0], qpos[:, 1], qpos[:, 2] = x * share, y * share, 0.5
    yaw = turn * share
    qpos[:, 3], qpos[:, 4] = np.cos(yaw / 2) * np.cos(roll / 2), np.cos(yaw / 2) * np.sin(roll / 2)
    qpos[:, 5], qpos[:, 6] = np.sin(yaw / 2) * np.sin(roll / 2), np.sin(yaw / 2) * np.cos(roll / 2)
    return qpos


def cheetah(x=0.0, pitch=0.0, tilt=0.0):
    """A half-cheetah that travels x m and pitches by `pitch` rad from `tilt`."""
    share = np.linspace(0, 1, STEPS + 1)
    qpos = np.zeros((STEPS + 1, 9), np.float32)
    qpos[:, 0], qpos[:, 2] = x * share, tilt + pitch * share
    return qpos


def circle(turns):
    """An ant that walks circles of 10 m in all, and faces where it goes."""
    qpos = ant(turn=turns * 2 * np.pi)
    angle = np.linspace(0, turns * 2 * np.pi, STEPS + 1)
    radius = 10 / (2 * np.pi * turns)
    qpos[:, 0], qpos[:, 1] = radius * np.sin(angle), radius * (1 - np.cos(angle))
    return qpos


def there_and_back(qpos):
    """The same body, 10 m on its way and home again."""
    qpos[:, 0] = 5 - np.abs(np.linspace(-5, 5, STEPS + 1))
    return qpos


def roll_over(until):
    """An ant on its back from 4 s on, for that share of the last second."""
    qpos = ant()
    qpos[80 : 80 + round(21 * until)] = ant(roll=np.pi)[0]
    return qpos


@pytest.mark.parametrize(
    ("qpos", "label"),
    [
        (ant(x=10), "forward 2.0 m/s"),
        (ant(y=5), "left 1.0 m/s"),
        (ant(x=-5, y=-5), "back right 1.4 m/s"),
        (ant(), "stays in place"),
        (ant(x=0.2), "stays in place"),
        (ant(turn=5 * np.pi / 2), "stays in place, turns left 90 deg/s"),
        (ant(x=10, turn=-np.pi), "forward 2.0 m/s, turns right 36 deg/s"),
        (ant(roll=np.pi), "stays in place, on its back"),
        (circle(turns=2), "circles left 1.5 m/s, turns left 144 deg/s"),
        (circle(turns=-2), "circles right 1.5 m/s, turns right 144 deg/s"),
        (there_and_back(ant()), "wanders 1.8 m/s"),
        (there_and_back(cheetah()), "back and forth 1.8 m/s"),
        (roll_over(1.0), "stays in place, rolls over at 4.0 s"),
        (roll_over(0.6), "stays in place, on its back 13 % of the time"),
        (cheetah(x=-25), "backward 5.0 m/s"),
        (cheetah(x=10, tilt=np.pi), "forward 2.0 m/s, on its back"),
        (cheetah(x=10, pitch=4 * np.pi), "forward 2.0 m/s, somersaults forward"),
        (cheetah(pitch=-4 * np.pi), "stays in place, somersaults backward"),
    ],
)
def test_labels(qpos, label):
    assert describe(qpos, SECONDS) == label


def test_a_fall_is_said():
    assert describe(ant(x=10), SECONDS, "falls at 2.3 s") == "forward 2.0 m/s, falls at 2.3 s"


def test_a_single_step_is_no_error():
    assert describe(ant(x=10)[:1], SECONDS) == "stays in place"


def _swinging(qpos, rate, size=0.4):
    """The same body with a joint that swings `rate` times a second."""
    qpos[:, -1] = size * np.sin(2 * np.pi * rate * SECONDS * np.arange(len(qpos)))
    return qpos


def test_step_rate_is_the_frequency_of_the_swing():
    assert motion.step_rate(_swinging(ant(), 2.0), SECONDS) == pytest.approx(2.0, abs=0.1)
    assert motion.step_rate(ant(x=10), SECONDS) == 0.0


def test_equal_labels_are_told_apart_and_others_left_alone():
    played = [
        ant(x=10),
        ant(x=10, y=1.5),
        _swinging(ant(x=10, y=-1.5), 2.0),
        _swinging(ant(x=10, y=-1.5), 3.0),
        ant(y=5),
    ]
    labels = [describe(qpos, SECONDS) for qpos in played]
    assert labels[:4] == ["forward 2.0 m/s"] * 4
    assert tell_apart(labels, played, SECONDS) == [
        "forward 2.0 m/s, straight",
        "forward 2.0 m/s, veers left 9 deg",
        "forward 2.0 m/s, veers right 9 deg, 2.0 steps/s",
        "forward 2.0 m/s, veers right 9 deg, 3.0 steps/s",
        "left 1.0 m/s",
    ]
    leaning = [cheetah(x=10), cheetah(x=10, tilt=0.2), cheetah(x=10.1)]
    assert tell_apart(["forward 2.0 m/s"] * 3, leaning, SECONDS) == [
        "forward 2.00 m/s, level",
        "forward 2.0 m/s, leans forward 11 deg",
        "forward 2.02 m/s, level",
    ]


def test_the_trait_that_tells_most_apart_is_said():
    bouncing = [ant(x=10) for _ in range(3)]
    for number, qpos in enumerate(bouncing):
        qpos[:, 2] = 0.5 + 0.1 * (1 + number) * np.sin(np.arange(STEPS + 1))
    assert tell_apart(["forward 2.0 m/s"] * 3, bouncing, SECONDS) == [
        "forward 2.0 m/s, bounces 20 cm",
        "forward 2.0 m/s, bounces 40 cm",
        "forward 2.0 m/s, bounces 60 cm",
    ]


def test_what_stays_in_place_does_not_veer():
    still = [ant(x=0.2), ant(y=0.2)]
    still[1][:, 2] = 0.7
    assert tell_apart(["stays in place"] * 2, still, SECONDS) == [
        "stays in place, torso 50 cm high",
        "stays in place, torso 70 cm high",
    ]


def test_one_fall_of_five_is_not_hidden():
    seconds = np.array([2.0, 5.0, 5.0, 5.0, 3.0])
    assert fall_words(np.array([True, False, False, False, False]), seconds, shown=1) == "falls in 1 of 5"
    assert fall_words(np.array([True, True, True, False, True]), seconds, shown=3) == "falls in 4 of 5"
    assert fall_words(np.zeros(5, bool), seconds, shown=0) == ""


def test_a_fall_is_said_as_the_shown_rollout_has_it():
    seconds = np.array([2.0, 5.0, 5.0, 5.0, 3.0])
    assert fall_words(np.array([True, False, False, False, False]), seconds, shown=0) == "falls at 2.0 s"
    assert fall_words(np.array([True, True, False, False, True]), seconds, shown=4) == "falls at 3.0 s"


def test_skills_that_are_the_same_in_everything_keep_one_label():
    assert len(set(tell_apart(["stays in place"] * 2, [ant(), ant()], SECONDS))) == 1


def _rollouts(kinds):
    """Rollouts of ants, three of each kind (x, y, turn) with a little noise between them."""
    noise = np.random.default_rng(0)
    qpos = np.stack([[ant(*np.add(kind, noise.normal(0, 0.02, 3))) for _ in range(3)] for kind in kinds])
    shape = qpos.shape[:2]
    return Rollouts(
        qpos=qpos,
        lengths=np.full(shape, STEPS, np.int32),
        terminated=np.zeros(shape, bool),
        rewards=np.zeros((*shape, STEPS), np.float32),
        classes=np.zeros((*shape, STEPS), np.int16),
        seconds_per_step=np.array(SECONDS),
    )


def test_labels_of_rollouts_say_who_falls():
    rollouts = _rollouts([(10, 0, 0), (0, 5, 0)])
    fallen = rollouts.terminated.copy()
    fallen[1] = np.arange(3) != rollouts.shown[1]
    assert label_skills(replace(rollouts, terminated=fallen)) == ["forward 2.0 m/s", "left 1.0 m/s, falls in 2 of 3"]
    assert label_skills(replace(rollouts, terminated=~fallen)) == [
        "forward 2.0 m/s, falls at 5.0 s",
        "left 1.0 m/s, falls at 5.0 s",
    ]
