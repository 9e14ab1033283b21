"""Labels of constructed motions with known answers: what happened is said, and no two skills share one."""

from dataclasses import replace

import numpy as np
import pytest
from motions import ANT, CHEETAH, SECONDS, STEPS, ant, cheetah, kicking, swinging, then

from skills.bodies.fates import Fate, Outcome, fate
from skills.measures.describe import describe, fate_words, label_skills, tell_apart
from skills.measures.manoeuvres import Recorded
from skills.playing.rollout import Rollouts


def shown(qpos, env_id=ANT, *, ended=False):
    return Recorded(qpos, env_id, fate(qpos, env_id, ended=ended))


def label(qpos, env_id=ANT, *, ended=False):
    one = shown(qpos, env_id, ended=ended)
    return describe(one, fate_words(one, [one.fate]))


@pytest.mark.parametrize(
    ("qpos", "said"),
    [
        (ant(x=10), "slides forward 2.0 m/s"),
        (then(ant(x=10), ant(roll=np.pi)), "slides forward 2.0 m/s, lies on its back from 5.0 s on"),
        (kicking(ant(roll=np.pi)), "lies on its back and kicks"),
        (then(ant(steps=40), kicking(ant(roll=np.pi))), "lies on its back and kicks, from 2.1 s on"),
        (ant(), "stands still"),
        (then(kicking(ant(x=10)), ant()), "bounds forward 2.0 m/s, stands still from 5.0 s on"),
        (then(kicking(ant(x=10)), kicking(ant())), "bounds forward 2.0 m/s, gets stuck at 5.0 s"),
    ],
)
def test_what_became_of_it_is_said(qpos, said):
    assert label(qpos).replace("5.1 s", "5.0 s") == said


def test_a_leap_is_no_fall():
    high = ant(x=10)
    high[-1, 2] = 1.2
    assert label(high, ended=True) == "slides forward 2.0 m/s, leaps too high at 5.0 s"


def test_the_start_is_no_motion():
    """A body that is dropped and then stands still stands still, and neither bounces nor steps."""
    dropped = ant()
    dropped[:10, 2] += np.linspace(0.3, 0.0, 10)
    dropped[:10, -1] = np.linspace(0.5, 0.0, 10)
    higher = dropped.copy()
    higher[:, 2] += 0.1
    labels = tell_apart(["stands still"] * 2, [shown(dropped), shown(higher)])
    assert labels == ["stands still, torso 50 cm high", "stands still, torso 60 cm high"]


def test_equal_labels_are_told_apart_and_others_left_alone():
    played = [
        ant(x=10),
        ant(x=10, y=1.5),
        swinging(ant(x=10, y=-1.5), 2.0),
        swinging(ant(x=10, y=-1.5), 3.0),
        ant(y=5),
    ]
    labels = ["forward 2.0 m/s"] * 4 + ["left 1.0 m/s"]
    assert tell_apart(labels, [shown(qpos) for qpos in played]) == [
        "forward 2.0 m/s, straight",
        "forward 2.0 m/s, veers left 9 deg",
        "forward 2.0 m/s, veers right 9 deg, 2.0 steps/s",
        "forward 2.0 m/s, veers right 9 deg, 3.0 steps/s",
        "left 1.0 m/s",
    ]
    leaning = [cheetah(x=10), cheetah(x=10, tilt=0.2), cheetah(x=10.1)]
    assert tell_apart(["forward 2.0 m/s"] * 3, [shown(qpos, CHEETAH) for qpos in leaning]) == [
        "forward 2.00 m/s, level",
        "forward 2.0 m/s, leans forward 11 deg",
        "forward 2.02 m/s, level",
    ]


def test_the_trait_that_tells_most_apart_is_said():
    bouncing = [swinging(ant(x=10), 2.0) for _ in range(3)]
    for number, qpos in enumerate(bouncing):
        qpos[:, 2] = 0.5 + 0.1 * (1 + number) * np.sin(np.arange(STEPS + 1))
    labels = tell_apart(["forward 2.0 m/s"] * 3, [shown(qpos) for qpos in bouncing])
    assert labels == [
        "forward 2.0 m/s, bounces 20 cm",
        "forward 2.0 m/s, bounces 40 cm",
        "forward 2.0 m/s, bounces 60 cm",
    ]


def test_no_two_skills_share_a_label_even_where_they_are_the_same_in_everything():
    labels = tell_apart(["stands still"] * 3, [shown(ant()) for _ in range(3)])
    assert labels == [f"stands still, torso 50 cm high ({place} of 3 alike)" for place in (1, 2, 3)] or labels == [
        f"stands still ({place} of 3 alike)" for place in (1, 2, 3)
    ]


def test_one_fall_of_five_is_not_hidden():
    up, fell = Fate(Outcome.STAYS_UP, 100), Fate(Outcome.FALLS, 40)
    one = shown(ant(x=10))
    assert fate_words(one, [fell, up, up, up, up]) == "falls in 1 of 5"
    assert (
        fate_words(one, [fell, fell, up, Fate(Outcome.LEAPS, 60), fell]) == "falls in 3 of 5, leaps too high in 1 of 5"
    )
    assert fate_words(one, [up] * 5) == ""
    assert fate_words(replace(one, fate=fell), [fell, up, up, up, up]) == "falls at 2.0 s"


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


def test_labels_of_rollouts_say_what_became_of_them():
    rollouts = _rollouts([(10, 0, 0), (0, 5, 0)])
    fallen, qpos = rollouts.terminated.copy(), rollouts.qpos.copy()
    fallen[1] = np.arange(3) != rollouts.shown[1]
    qpos[:, :, -1, 2] = 0.1
    some, all_ = (replace(rollouts, terminated=ended, qpos=qpos) for ended in (fallen, np.ones_like(fallen)))
    assert label_skills(some, ANT, some.fates(ANT)) == [
        "slides forward 2.0 m/s",
        "slides sideways to the left 1.0 m/s, falls in 2 of 3",
    ]
    assert label_skills(all_, ANT, all_.fates(ANT)) == [
        "slides forward 2.0 m/s, falls at 5.0 s",
        "slides sideways to the left 1.0 m/s, falls at 5.0 s",
    ]


def test_a_hundred_skills_of_four_kinds_have_a_hundred_labels():
    kinds = [(10, 0, 0), (0, 5, 0), (0, 0, 5), (0, 0, 0)] * 25
    rollouts = _rollouts(kinds)
    labels = label_skills(rollouts, ANT, rollouts.fates(ANT))
    assert len(set(labels)) == 100
    assert not [one for one in labels if "-0" in one or " 0.0 m/s" in one]
