"""The claims of the paper's figure 3, counted in constructed episodes with known answers."""

import numpy as np
import pytest
from conftest import play_randomly
from motions import ANT, CHEETAH, ant, cheetah, kicking, then

from skills.bodies.fates import fate
from skills.data.transitions import Transitions
from skills.evaluation.claims import Counted, directions, flips, in_data, speeds, stretches
from skills.measures.manoeuvres import Recorded


def skill(*episodes, env_id=ANT):
    return [Recorded(qpos, env_id, fate(qpos, env_id, ended=False)) for qpos in episodes]


def test_a_direction_counts_where_half_of_a_skills_episodes_go():
    skills = [
        skill(ant(x=10), ant(x=9)),
        skill(ant(x=10), ant(y=9)),  # half of them each way: both
        skill(ant(x=-10), ant(), ant()),  # a third only
        skill(ant(), ant()),
        skill(ant(x=5, y=5), ant(x=6, y=6)),
        skill(ant(x=5, roll=np.pi)),  # it slides on its back
    ]
    assert directions(skills) == Counted(3, {"forward": 2, "left": 1, "forward left": 1})
    assert directions([]) == Counted(0, {})


def test_flips_are_told_by_what_they_come_to():
    onto = kicking(then(cheetah(x=2), cheetah(tilt=np.pi)))
    up_again = then(kicking(cheetah(tilt=np.pi)), kicking(cheetah(x=5)))
    found = flips(
        [
            skill(up_again, env_id=CHEETAH),
            skill(onto, env_id=CHEETAH),
            skill(cheetah(x=5, pitch=4.1 * np.pi), env_id=CHEETAH),  # passes through every pitch, stays in none
            skill(kicking(cheetah(tilt=-1.5)), env_id=CHEETAH),
            skill(kicking(cheetah(x=9)), env_id=CHEETAH),
            skill(up_again, kicking(cheetah(x=9)), kicking(cheetah(x=9)), env_id=CHEETAH),
        ]
    )
    assert found.number == 2
    assert found.found == {"flips upright": 1, "flips onto its back": 1, "somersaults forward": 1, "rears up": 1}


def test_speeds_are_different_where_no_episode_of_one_is_as_fast_as_another():
    def runs(*paces):
        return skill(*(kicking(cheetah(x=5 * pace)) for pace in paces), env_id=CHEETAH)

    assert speeds([runs(1.0, 1.2), runs(1.1, 1.3), runs(3.0, 3.1), runs(5.0, 5.0)]).number == 3
    assert speeds([runs(1.0, 1.1), runs(1.2, 1.3), runs(1.4, 1.5)]).number == 1  # less than half a metre apart
    assert speeds([runs(1.0, 4.0), runs(2.0, 3.0)]).number == 1  # they overlap
    assert speeds([runs(-2.0), runs(0.0), runs(2.0)]).found == {
        "skills": 3,
        "slowest, m/s": pytest.approx(-2.0),
        "fastest, m/s": pytest.approx(2.0),
    }
    lying = skill(kicking(cheetah(x=10, tilt=np.pi)), env_id=CHEETAH)
    short = skill(cheetah(x=10, steps=20), env_id=CHEETAH)
    assert speeds([lying, short]) == Counted(0, {})


def test_the_data_are_told_by_the_share_of_their_stretches():
    some = skill(*[ant(x=10)] * 150, ant(y=10), ant(y=10), *[ant(x=-1)] * 48)
    assert in_data("directions", some) == {"forward": 0.75, "backward": 0.24, "left": 0.01}
    assert in_data("flips", skill(cheetah(x=5), cheetah(pitch=-4.1 * np.pi), env_id=CHEETAH)) == {
        "somersaults backward": 0.5
    }
    paces = in_data("speeds", skill(*(cheetah(x=pace) for pace in range(101)), env_id=CHEETAH))
    assert list(paces.values()) == pytest.approx([1.0, 19.0])


def test_stretches_of_a_dataset_are_as_it_has_them(cheetah: Transitions):
    found = stretches(cheetah)
    assert len(found) == 500
    assert {len(one.qpos) for one in found} == {80}  # 4 s of 0.05 s each
    first = found[0].qpos
    np.testing.assert_allclose(first[:, 1:], cheetah.observations[:80, :8], atol=1e-6)
    assert first[-1, 0] == pytest.approx(0.05 * cheetah.observations[1:80, 8].sum(), abs=1e-3)


def test_episodes_shorter_than_a_stretch_are_taken_as_they_are():
    hopper = play_randomly("Hopper-v5", episodes=5, steps=200)
    found = stretches(hopper)
    assert max(len(one.qpos) for one in found) == hopper.lengths.max()
