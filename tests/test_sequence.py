"""Sequences of skills: read, played one after the other, past the time limit."""

import numpy as np
import pytest
from constant import constant_policy

from skills.errors import USAGE, SkillsError
from skills.playing.sequence import Piece, held, parse_sequence, perform, schedule_of


def test_a_sequence_is_read_as_it_is_written() -> None:
    parts = parse_sequence(" 17*3s, 4 * 2.5 s,17*0.5", 20)
    assert parts == (Piece(17, 3.0), Piece(4, 2.5), Piece(17, 0.5))
    assert parse_sequence(", ".join(map(str, parts)), 20) == parts
    assert schedule_of(parts, "Ant-v5").tolist() == [17] * 60 + [4] * 50 + [17] * 10
    assert schedule_of((Piece(1, 0.001),), "Ant-v5").tolist() == [1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no part"),
        ("17", "is no part"),
        ("17*", "is no part"),
        ("17*0s", "is no part"),
        ("17*1.2.3s", "is no part"),
        ("-1*3s", "is no part"),
        ("1*3s,", "is no part"),
        ("20*3s", "no skill 20"),
        ("1*400s, 1*300s", "lasts 700 s"),
    ],
)
def test_what_is_no_sequence_is_named(text: str, said: str) -> None:
    with pytest.raises(SkillsError, match=said) as caught:
        parse_sequence(text, 20)
    assert caught.value.exit_code == USAGE


def test_each_step_is_its_skills_and_the_time_limit_ends_nothing() -> None:
    policy = constant_policy("HalfCheetah-v5", [0.0, 0.5, -0.5])
    schedule = np.repeat([[0, 1, 2, 1]], 300, axis=1)
    played = perform(policy, "HalfCheetah-v5", schedule, 1)
    assert played.seen.lengths.tolist() == [1200]
    actions = np.array([0.0, 0.5, -0.5])[schedule[0]]
    np.testing.assert_allclose(played.seen.actions[0], actions[:, None].repeat(6, axis=1), atol=1e-5)
    assert not played.ended.any()
    assert played.fates("HalfCheetah-v5")[0].step <= 1200
    before, acted, after = played.rows()
    assert len(before) == len(acted) == len(after) == 1200
    np.testing.assert_array_equal(before[1:], after[:-1])


def test_a_fall_ends_it_and_the_last_state_stays() -> None:
    policy = constant_policy("Hopper-v5", [1.0])
    played = perform(policy, "Hopper-v5", held(np.array([0]), 2, 400), 2)
    assert played.ended.all()
    fates = played.fates("Hopper-v5")
    assert not [one for one in fates if one.survives]
    assert [one.step for one in fates] == played.seen.lengths.tolist()
    for trial, length in enumerate(played.seen.lengths):
        assert 0 < length < 400
        assert (played.qpos[trial, length:] == played.qpos[trial, length]).all()
        assert (played.qpos[trial, length] != played.qpos[trial, length - 1]).any()
