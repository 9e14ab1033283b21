"""Families of constructed motions with known answers."""

from dataclasses import replace

import numpy as np
import pytest
from test_describe import _rollouts as rollouts_of

from skills.measures.families import find_families

ANT = "Ant-v5"


def test_families_are_the_behaviours_that_were_put_in():
    kinds = [(10, 0, 0), (0, 0, 6), (10, 0, 0.1), (0, 8, 0), (10.2, 0, 0), (0, 0, 6.2), (0, 8.1, 0)]
    found = find_families(rollouts_of(kinds), ANT)
    assert found.family.tolist() == [0, 1, 0, 2, 0, 1, 2] or found.family.tolist() == [0, 2, 0, 1, 0, 2, 1]
    assert sorted(found.order.tolist()) == list(range(7))
    assert (np.diff(found.family[found.order]) >= 0).all()  # families stand together, the largest first
    assert found.representatives[0] in (0, 2, 4)
    assert [found.family[skill] for skill in found.representatives] == [0, 1, 2]
    assert np.abs(found.places).max() == pytest.approx(1)
    assert set(found.axes) <= {"forward speed", "leftward speed", "turning left"}
    again = find_families(rollouts_of(kinds), ANT)
    np.testing.assert_array_equal(found.places, again.places)


def test_families_are_the_behaviours_of_the_classes_where_the_data_have_told():
    rollouts = rollouts_of([(10, 0, 0), (0, 5, 0), (0, 0, 5), (9, 0, 0)])
    classes = np.zeros_like(rollouts.classes)
    classes[0], classes[1], classes[2] = 2, 1, 0  # skill 0 does the other behaviour; skill 3 does its own, class 0's
    found = find_families(replace(rollouts, classes=classes), ANT, np.array([7, 7, 4, 7]))
    assert found.family.tolist() == [0, 0, 1, 0]  # the larger is the first, whatever its number was
    assert found.representatives.tolist() == [1, 2]  # of equals the first; of one the one
    assert len(found.names) == 2


@pytest.mark.parametrize(("on_their_backs", "stands"), [([0], 1), ([0, 1, 2], 0)])
def test_what_is_seen_on_its_back_stands_for_others_only_where_most_lie(on_their_backs, stands):
    rollouts = rollouts_of([(10, 0, 0)] * 4)
    qpos = rollouts.qpos.copy()
    qpos[on_their_backs, :, :, 3:7] = [0, 1, 0, 0]
    found = find_families(replace(rollouts, qpos=qpos), ANT, np.zeros(4, np.int64))
    assert found.representatives.tolist() == [stands]


def test_what_comes_to_a_stand_does_not_stand_for_what_goes_on():
    rollouts = rollouts_of([(10, 0, 0)] * 3)
    qpos = rollouts.qpos.copy()
    half = qpos.shape[2] // 2
    qpos[0, :, half:] = qpos[0, :, half : half + 1]
    performs_most = np.where(np.arange(3) == 0, 0, -1)[:, None, None]
    classes = np.broadcast_to(performs_most, rollouts.classes.shape).copy()
    found = find_families(replace(rollouts, qpos=qpos, classes=classes), ANT, np.zeros(3, np.int64))
    assert found.representatives.tolist() == [1]


def test_distances_are_zero_to_oneself_and_symmetric():
    found = find_families(rollouts_of([(10, 0, 0), (0, 5, 0), (0, 0, 5)]), ANT)
    assert (np.diag(found.distances) == 0).all()
    np.testing.assert_allclose(found.distances, found.distances.T)


@pytest.mark.parametrize("count", [1, 2])
def test_few_skills_are_one_family(count):
    found = find_families(rollouts_of([(10, 0, 0), (0, 5, 0)][:count]), ANT)
    assert found.family.tolist() == [0] * count
    assert len(found.representatives) == 1


def test_families_have_names_that_differ():
    kinds = [(10, 0, 0), (10.1, 0, 0), (10.2, 0, 0), (0, 8, 0), (0, 8.1, 0), (0, 0, 6), (0, 0, 6.1), (0, 0, 6.2)]
    rollouts = rollouts_of(kinds)
    qpos, fallen = rollouts.qpos.copy(), rollouts.terminated.copy()
    fallen[3:5], qpos[3:5, :, -1, 2] = True, 1.1
    found = find_families(replace(rollouts, terminated=fallen, qpos=qpos), ANT)
    names = {found.names[found.family[skill]] for skill in (0, 3, 5)}
    assert names == {
        "slides forward, about 2.0 m/s",
        "slides sideways to the left, about 1.6 m/s, leaps too high",
        "turns left",
    }


def test_families_that_do_the_same_have_names_that_differ():
    rollouts = rollouts_of([(10, 0, 0)] * 4)
    found = find_families(rollouts, ANT, np.array([0, 0, 1, 1]))
    assert len(set(found.names)) == 2
