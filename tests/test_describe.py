"""Labels of constructed motions with known answers."""

from dataclasses import replace

import numpy as np
import pytest

from skills import motion
from skills.describe import describe, find_families, label_skills, tell_apart
from skills.rollout import Rollouts

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
        (cheetah(x=-25), "backward 5.0 m/s"),
        (cheetah(x=10, tilt=np.pi), "forward 2.0 m/s, on its back"),
        (cheetah(x=10, pitch=4 * np.pi), "forward 2.0 m/s, somersaults forward"),
        (cheetah(pitch=-4 * np.pi), "stays in place, somersaults backward"),
    ],
)
def test_labels(qpos, label):
    assert describe(qpos, SECONDS, None) == label


def test_a_fall_is_said():
    assert describe(ant(x=10), SECONDS, 2.34) == "forward 2.0 m/s, falls at 2.3 s"


def test_a_single_step_is_no_error():
    assert describe(ant(x=10)[:1], SECONDS, 0.05) == "stays in place, falls at 0.1 s"


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
    labels = [describe(qpos, SECONDS, None) for qpos in played]
    assert labels[:4] == ["forward 2.0 m/s"] * 4
    assert tell_apart(labels, played, SECONDS) == [
        "forward 2.0 m/s",
        "forward 2.0 m/s, veers left",
        "forward 2.0 m/s, veers right, 2.0 steps/s",
        "forward 2.0 m/s, veers right, 3.0 steps/s",
        "left 1.0 m/s",
    ]
    leaning = [cheetah(x=10), cheetah(x=10, tilt=0.2), cheetah(x=10.1)]
    assert tell_apart(["forward 2.0 m/s"] * 3, leaning, SECONDS) == [
        "forward 2.00 m/s",
        "forward 2.0 m/s, leans forward 11 deg",
        "forward 2.02 m/s",
    ]


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


def test_families_are_the_behaviours_that_were_put_in():
    kinds = [(10, 0, 0), (0, 0, 6), (10, 0, 0.1), (0, 8, 0), (10.2, 0, 0), (0, 0, 6.2), (0, 8.1, 0)]
    found = find_families(_rollouts(kinds))
    assert found.family.tolist() == [0, 1, 0, 2, 0, 1, 2] or found.family.tolist() == [0, 2, 0, 1, 0, 2, 1]
    assert sorted(found.order.tolist()) == list(range(7))
    assert (np.diff(found.family[found.order]) >= 0).all()  # families stand together, the largest first
    assert found.representatives[0] in (0, 2, 4)
    assert [found.family[skill] for skill in found.representatives] == [0, 1, 2]
    assert np.abs(found.places).max() == pytest.approx(1)
    assert set(found.axes) <= {"forward speed", "leftward speed", "turning left"}
    again = find_families(_rollouts(kinds))
    np.testing.assert_array_equal(found.places, again.places)


def test_distances_are_zero_to_oneself_and_symmetric():
    found = find_families(_rollouts([(10, 0, 0), (0, 5, 0), (0, 0, 5)]))
    assert (np.diag(found.distances) == 0).all()
    np.testing.assert_allclose(found.distances, found.distances.T)


@pytest.mark.parametrize("count", [1, 2])
def test_few_skills_are_one_family(count):
    found = find_families(_rollouts([(10, 0, 0), (0, 5, 0)][:count]))
    assert found.family.tolist() == [0] * count
    assert len(found.representatives) == 1


def test_labels_of_rollouts_say_who_falls():
    rollouts = _rollouts([(10, 0, 0), (0, 5, 0)])
    fallen = rollouts.terminated.copy()
    fallen[1, :2] = True
    assert label_skills(replace(rollouts, terminated=fallen)) == ["forward 2.0 m/s", "left 1.0 m/s, falls at 5.0 s"]
