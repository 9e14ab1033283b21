"""What becomes of bodies in constructed motions with known answers."""

import numpy as np
import pytest
from motions import ANT, CHEETAH, HOPPER, SECONDS, WALKER, ant, cheetah, kicking, then

from skills.bodies.fates import Fate, Outcome, counted, counts, ended_seconds, fate, survived


def ending(env_id, size, height, pitch=0.0):
    """A body of that height and pitch in its last state."""
    qpos = np.zeros((51, size), np.float32)
    qpos[:, 1 if size <= 9 else 2] = 1.2 if size <= 9 else 0.6
    if size > 9:
        qpos[:, 3] = 1.0
    qpos[-1, 1 if size <= 9 else 2] = height
    if size <= 9:
        qpos[-1, 2] = pitch
    return fate(qpos, env_id, ended=True)


@pytest.mark.parametrize(
    ("env_id", "size", "height", "pitch", "outcome"),
    [
        (ANT, 15, 1.01, 0.0, Outcome.LEAPS),
        (ANT, 15, 0.19, 0.0, Outcome.FALLS),
        (WALKER, 9, 0.79, 0.3, Outcome.FALLS),
        (WALKER, 9, 2.01, 0.3, Outcome.LEAPS),
        (WALKER, 9, 1.1, 1.01, Outcome.TIPS),
        (WALKER, 9, 1.1, -1.01, Outcome.TIPS),
        (HOPPER, 6, 0.69, 0.1, Outcome.FALLS),
        (HOPPER, 6, 1.1, -0.21, Outcome.TIPS),
        (HOPPER, 6, 1.1, 0.1, Outcome.LEAVES),
        (WALKER, 9, np.float32(0.8), 0.0, Outcome.FALLS),  # beyond by less than float32 keeps
    ],
)
def test_an_end_is_named_by_the_bound_that_was_left(env_id, size, height, pitch, outcome):
    assert ending(env_id, size, height, pitch) == Fate(outcome, 50)


def test_what_lies_on_its_back_to_the_end_has_not_survived():
    whole = then(ant(x=5), ant(roll=np.pi))
    assert fate(whole, ANT, ended=False) == Fate(Outcome.LIES, 101)
    assert fate(ant(roll=np.pi), ANT, ended=False) == Fate(Outcome.LIES, 0)
    assert fate(kicking(cheetah(x=10, tilt=np.pi)), CHEETAH, ended=False) == Fate(Outcome.LIES, 0)
    assert fate(whole, ANT, ended=True).outcome is Outcome.LIES  # it lay before anything else became of it


def test_a_somersault_is_no_fall_and_rocking_on_its_back_no_recovery():
    assert fate(kicking(cheetah(x=10, pitch=4 * np.pi)), CHEETAH, ended=False).survives
    rocking = then(ant(x=5), ant(roll=np.pi))
    rocking[150:152] = ant()[0]  # a tenth of a second
    assert fate(rocking, ANT, ended=False) == Fate(Outcome.LIES, 101)
    got_up = then(ant(roll=np.pi), kicking(ant(x=10)))
    assert fate(got_up, ANT, ended=False) == Fate(Outcome.STAYS_UP, 200)
    tumbled = then(cheetah(pitch=8 * np.pi), cheetah(tilt=np.pi, steps=1000))
    assert fate(tumbled, CHEETAH, ended=False).step >= 90  # not from the first time that it was upside down


def test_what_stands_and_what_is_stuck():
    assert fate(ant(), ANT, ended=False) == Fate(Outcome.STANDS, 0)
    walked = then(kicking(ant(x=10)), ant())
    found = fate(walked, ANT, ended=False)
    assert found.outcome is Outcome.STANDS
    assert found.step == pytest.approx(100, abs=2)
    stuck = fate(then(kicking(ant(x=10)), kicking(ant())), ANT, ended=False)
    assert (stuck.outcome, stuck.survives) == (Outcome.STUCK, True)
    assert stuck.step == pytest.approx(100, abs=2)
    assert fate(kicking(ant()), ANT, ended=False).outcome is Outcome.STAYS_UP  # it steps on the spot
    assert fate(ant(turn=3), ANT, ended=False).outcome is Outcome.STAYS_UP
    assert fate(kicking(ant(x=10)), ANT, ended=False) == Fate(Outcome.STAYS_UP, 100)


def test_fates_in_words_and_numbers():
    some = [Fate(Outcome.STAYS_UP, 1000), Fate(Outcome.LEAPS, 222), Fate(Outcome.LEAPS, 200), Fate(Outcome.FALLS, 40)]
    assert counts(some) == {"leaps too high": 2, "stays up": 1, "falls": 1}
    assert counted(counts(some)) == "leaps too high in 2 of 4, falls in 1 of 4"
    assert counted(counts(some[:1])) == ""
    assert survived(some, 1000).tolist() == [1.0, 0.222, 0.2, 0.04]
    assert ended_seconds(some, SECONDS) == pytest.approx(0.05 * (222 + 200 + 40) / 3)
    assert ended_seconds(some[:1], SECONDS) is None
    assert [one.words(SECONDS) for one in some] == [
        "",
        "leaps too high at 11.1 s",
        "leaps too high at 10.0 s",
        "falls at 2.0 s",
    ]
    lies, stands = Fate(Outcome.LIES, 80), Fate(Outcome.STANDS, 100)
    assert lies.words(SECONDS) == "lies on its back from 4.0 s on"
    assert Fate(Outcome.LIES, 0).words(SECONDS) == "lies on its back"
    assert stands.words(SECONDS) == "stands still from 5.0 s on"
    assert Fate(Outcome.STUCK, 100).words(SECONDS) == "gets stuck at 5.0 s"


def test_a_single_state_is_no_error():
    assert fate(ant()[:1], ANT, ended=False) == Fate(Outcome.STAYS_UP, 0)
