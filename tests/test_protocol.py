"""The protocol: the same times on every body, or the same counts of steps."""

import pytest

from skills.playing.protocol import Protocol, protocol_of


@pytest.mark.parametrize("env_id", ["Ant-v5", "HalfCheetah-v5"])
def test_on_the_bodies_that_it_was_frozen_for_both_are_the_same(env_id):
    assert protocol_of(env_id) == protocol_of(env_id, "steps") == Protocol(10, 200, 32, 0.99)


@pytest.mark.parametrize("env_id", ["Walker2d-v5", "Hopper-v5"])
def test_short_steps_are_more_for_the_same_time(env_id):
    found = protocol_of(env_id)
    assert (found.steps, found.window) == (800, 200)  # four fifths of an episode, 6.4 s; 1.6 s
    assert found.discount ** (1 / 0.008) == pytest.approx(0.99 ** (1 / 0.05))
    assert protocol_of(env_id, "steps") == Protocol()
    assert [protocol_of(env_id, unit, 25).trials for unit in ("seconds", "steps")] == [25, 25]
