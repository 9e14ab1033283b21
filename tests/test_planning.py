"""Plans over measured switches, on constructed ones whose best is known; and one that is played."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from constant import constant_run, on_their_backs

from skills.bodies.quantities import QUANTITIES
from skills.errors import USAGE, SkillsError
from skills.measures.aims import reward_aim
from skills.measures.planning import SLOT, Plan, aim_of, choose, play_plans, search
from skills.measures.switches import Switches, play_switches
from skills.playing import rollout
from skills.playing.sequence import Piece
from skills.progress import silent_reporter


def switches_of(speeds: list[float], survived: np.ndarray | None = None, seconds: float = 0.0) -> Switches:
    """Skills that run at these speeds and reach each other after so many seconds."""
    count = len(speeds)
    values = np.zeros((count, 5, 10, len(QUANTITIES)), np.float32)
    values[..., list(QUANTITIES).index("vx")] = np.array(speeds)[:, None, None]
    return Switches(
        np.full(count, 5), np.ones((count, count), np.float32) if survived is None else survived.astype(np.float32),
        np.ones((count, count), np.float32), np.full((count, count), seconds, np.float32), values,
        np.ones(count, bool), np.array([3.0, 3.0]),
    )  # fmt: skip


def test_for_a_reward_the_best_skill_is_held() -> None:
    switches = switches_of([1.0, 4.0, 2.0])
    (plan, *_), (single, *_) = search(aim_of("vx", None, switches), switches, 20.0)
    assert plan.parts == single.parts == (Piece(1, 20.0),)
    assert plan.predicted == pytest.approx(4.0)
    assert str(plan) == "1*20s"


def test_a_goal_between_two_skills_is_met_by_both_in_turn() -> None:
    switches = switches_of([1.0, 2.0, 9.0])
    (plan, *_), (single, *_) = search(aim_of(None, "vx=1.5", switches), switches, 20.0)
    spent = {skill: sum(part.seconds for part in plan.parts if part.skill == skill) for skill in (0, 1)}
    assert spent == {0: pytest.approx(10.0), 1: pytest.approx(10.0)}
    assert len(plan.parts) == 2  # no more switches than it takes
    assert plan.predicted == pytest.approx(0.0, abs=1e-6)
    assert len(single.parts) == 1
    assert single.predicted < -0.05


def test_the_way_between_two_skills_counts_for_half_of_each() -> None:
    switches = switches_of([0.0, 4.0], seconds=SLOT)
    (plan, *_), _ = search(aim_of(None, "vx=1", switches), switches, 2 * SLOT)
    assert plan.parts == (Piece(0, SLOT), Piece(1, SLOT))  # 0, then halfway: 2; 1 in the mean
    assert plan.predicted == pytest.approx(0.0, abs=1e-6)


def test_one_does_not_go_where_somebody_fell_and_what_falls_is_not_held() -> None:
    survived = np.ones((3, 3))
    survived[:, 2] = 0.6  # the fastest falls, whoever it follows and itself
    switches = replace(switches_of([1.0, 2.0, 9.0], survived), tried=np.array([5, 5, 1]))
    (plan, *_), (single, *_) = search(aim_of("vx", None, switches), switches, 20.0)
    assert {part.skill for part in plan.parts} == {1}
    assert single.parts == (Piece(1, 20.0),)
    assert plan.stays_up == 1.0


def test_the_time_is_shared_out_whole() -> None:
    switches = switches_of([1.0, 2.0])
    (plan, *_), _ = search(aim_of(None, "vx=1.5", switches), switches, 7.0)
    assert sum(part.seconds for part in plan.parts) == pytest.approx(7.0)


def test_one_aim_is_asked_for() -> None:
    with pytest.raises(SkillsError, match="Neither a reward nor a goal") as caught:
        aim_of(None, None, switches_of([1.0]))
    assert caught.value.exit_code == USAGE


def test_where_every_skill_falls_there_is_nothing_to_plan_with(tmp_path: Path) -> None:
    run = constant_run(tmp_path / "run", "Hopper-v5", [1.0, -1.0])
    with pytest.raises(SkillsError, match="Every skill falls within 2 s"):
        aim_of("vx", None, play_switches(run, 2.0, 2, silent_reporter))


def test_what_was_predicted_is_what_a_plan_does(tmp_path: Path) -> None:
    """A cheetah that holds postures: the energy between two of them is met by both in turn, and played so."""
    run = constant_run(tmp_path / "run", "HalfCheetah-v5", [0.0, 0.8])
    switches = play_switches(run, 2.0, 3, silent_reporter)
    aim = aim_of(None, "energy=0.32", switches)
    plan, single = play_plans(run, aim, choose(run, aim, search(aim, switches, 8.0)))
    assert plan.means[0] == pytest.approx(0.32, abs=0.001)
    assert plan.survival == 1.0
    assert plan.achieved.value is not None
    assert single.achieved.value is not None
    assert plan.achieved.value > single.achieved.value + 0.5


def test_what_is_found_is_of_other_skills_each(tmp_path: Path) -> None:
    switches = switches_of([1.0, 2.0, 3.0])
    plans, singles = search(aim_of("vx", None, switches), switches, 20.0)
    used = [frozenset(part.skill for part in plan.parts) for plan in plans]
    assert len(set(used)) == len(used) > 3
    assert [single.parts[0].skill for single in singles] == [2, 1, 0]


def test_trying_tells_what_measurements_got_wrong(tmp_path: Path) -> None:
    """Measured as if each skill did what the other does, for the wish to be slack: the one that is slack is taken."""
    run = constant_run(tmp_path / "run", "HalfCheetah-v5", [0.0, 0.8])
    right = play_switches(run, 2.0, 2, silent_reporter)
    wrong = replace(right, values=right.values[::-1])
    aim = aim_of("-energy", None, wrong)
    found = search(aim, wrong, 4.0)
    assert found[1][0].parts == (Piece(1, 4.0),)
    plan, single = choose(run, aim, found)
    assert plan.parts == single.parts == (Piece(0, 4.0),)


def test_a_plan_that_is_played_on_its_back_has_not_survived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = constant_run(tmp_path / "run", "HalfCheetah-v5", [0.0, 0.8])
    monkeypatch.setattr(rollout, "start", on_their_backs)
    (played,) = play_plans(run, reward_aim("vx"), [Plan((Piece(0, 2.0),), 0.0, 1.0)])
    assert played.length == 40  # nothing has ended it
    assert played.survival == 0.0
