"""Finding skills by what data say of classes, on constructed steps whose answer is known."""

import numpy as np
import pytest
from constant import constant_run

from skills.bodies.fast import Simulation
from skills.errors import USAGE, SkillsError
from skills.measures.aims import check_one_aim, goal_aim, parse_goals, reward_aim
from skills.measures.descriptor import Windows
from skills.measures.finding import beginnings_of, rank_classes, rank_played, share_of
from skills.measures.quantities import LoggedSteps
from skills.playing.beginnings import Beginnings
from skills.playing.rollout import Transcript

SIZE = 17  # columns of HalfCheetah's observation: 8 of pose, then 9 of velocity, the first along x
VX = 8


def cheetah_steps(speeds: np.ndarray) -> LoggedSteps:
    """Steps that end at these speeds along x, all else at rest."""
    states = np.zeros((len(speeds), SIZE), np.float32)
    after = states.copy()
    after[:, VX] = speeds
    return LoggedSteps(states, np.full((len(speeds), 6), 0.5, np.float32), after, "HalfCheetah-v5")


def test_quantities_are_those_of_the_state_after_the_step() -> None:
    steps = cheetah_steps(np.array([1.0, 2.0]))
    assert steps.quantities["vx"].tolist() == [1.0, 2.0]
    assert steps.quantities["speed"].tolist() == [1.0, 2.0]
    assert steps.quantities["energy"].tolist() == [0.25, 0.25]
    assert steps.upright.tolist() == [1.0, 1.0]
    assert steps.velocity.shape == (2, 3)


def test_quantities_agree_with_the_simulation() -> None:
    simulation = Simulation("Ant-v5", 1)
    before = simulation.reset([np.random.default_rng(0)])
    generator = np.random.default_rng(1)
    for _ in range(20):
        action = generator.uniform(-1, 1, (1, 8)).astype(np.float32)
        place = simulation.qpos[0, :3].copy()
        after = simulation.step(action).observations
        steps = LoggedSteps(before, action, after, "Ant-v5")
        moved = (simulation.qpos[0, :3] - place) / simulation.seconds_per_step
        assert steps.height[0] == pytest.approx(simulation.qpos[0, 2])
        assert steps.velocity[0] == pytest.approx(simulation.qvel[0, :3])
        assert steps.speed[0] == pytest.approx(np.hypot(*simulation.qvel[0, :2]))
        assert np.abs(moved - steps.velocity[0]).max() < 3.0  # of one step: the velocity at its end, not its mean
        before = after


@pytest.fixture
def three() -> tuple[LoggedSteps, Windows, np.ndarray]:
    """Six windows of two steps of classes 0, 0, 2, 2, none and 0."""
    steps = cheetah_steps(np.array([1, 3, 2, 2, 5, 7, 4, 4, 50, 50, -1, -1], float))
    return steps, Windows(np.arange(0, 12, 2), np.full(6, 2), 2), np.array([0, 0, 2, 2, -1, 0])


def test_the_class_whose_windows_are_worth_most_is_first(three) -> None:
    steps, windows, labels = three
    found = rank_classes(reward_aim("vx"), steps, windows, labels, 3)
    assert [(one.skill, one.expected, one.windows) for one in found.candidates] == [(2, 5.0, 2), (0, 1.0, 3)]
    assert found.candidates[0].spread == pytest.approx(1.0)
    assert (found.mean, found.best) == (pytest.approx(63 / 6), 50.0)
    assert rank_classes(reward_aim("-vx"), steps, windows, labels, 3).candidates[0].skill == 0


def test_a_goal_is_about_the_mean_speed_of_a_window_not_its_swing(three) -> None:
    steps, windows, labels = three
    aim = goal_aim({"vx": 2.0}, steps.quantities, windows)
    found = rank_classes(aim, steps, windows, labels, 3)
    scale = np.std([2, 2, 6, 4, 50, -1])
    assert found.candidates[0].skill == 0
    assert found.candidates[0].expected == pytest.approx(-(0 + 0 + 3) / 3 / scale)  # steps 1 and 3 are 2 in the mean
    assert found.candidates[0].values == {"vx": 1.0}
    assert found.best == 0.0


def transcript(*speeds: list[float]) -> Transcript:
    """Simulations of three steps at most, each at these speeds until its end, with a torque of 0.5."""
    seen = Transcript(len(speeds), 3, SIZE, 6)
    for number, each in enumerate(speeds):
        seen.lengths[number] = len(each)
        seen.states[number, 1 : len(each) + 1, VX] = each
        seen.actions[number, : len(each)] = 0.5
    return seen


def test_what_a_skill_did_counts_and_not_what_its_class_promised(three) -> None:
    """Skill 2 is of the best class and stumbles in one of its two rollouts; skill 1 has no window of the data."""
    steps, windows, labels = three
    promised = rank_classes(reward_aim("vx"), steps, windows, labels, 3)
    seen = transcript([1.0, 1.0, 1.0], [2.0, 2.0, 2.0], [3.0, 3.0, 3.0], [3.0], [6.0, 6.0, 6.0], [-4.0, -6.0])
    found = rank_played(promised, Beginnings.of(seen, 2, 3), "HalfCheetah-v5")
    assert [(one.skill, one.expected, one.spread) for one in found.candidates] == [
        (1, 3.0, 0.0),
        (0, 1.5, 0.5),
        (2, 0.5, 5.5),
    ]
    assert [one.in_class for one in found.candidates] == [None, 1.0, 5.0]
    assert [(one.windows, one.rollouts) for one in found.candidates] == [(0, 2), (3, 2), (2, 2)]
    assert (found.mean, found.best) == (promised.mean, promised.best)
    assert found.seconds == pytest.approx(0.15)


def test_a_goal_of_rollouts_is_about_their_mean_and_torques_are_known(three) -> None:
    steps, windows, labels = three
    seen = Beginnings.of(transcript([0.0, 4.0], [0.0, 6.0, 0.0], [2.5, 2.5], [3.5, 3.5]), 2, 3)
    goal = rank_classes(goal_aim({"vx": 2.0}, steps.quantities, windows), steps, windows, labels, 3)
    found = rank_played(goal, seen, "HalfCheetah-v5")
    assert [one.skill for one in found.candidates] == [0, 1]
    assert found.candidates[0].expected == 0.0
    assert found.candidates[1].values == {"vx": 3.0}
    energy = rank_classes(reward_aim("-energy"), steps, windows, labels, 3)
    assert rank_played(energy, seen, "HalfCheetah-v5").candidates[0].expected == -0.25


def test_only_the_first_steps_of_rollouts_are_kept_and_read_back(tmp_path) -> None:
    seen = transcript([1.0, 2.0, 3.0], [4.0])
    kept = Beginnings.of(seen, 1, 2)
    assert kept.lengths.tolist() == [[2], [1]]
    kept.save(tmp_path / "beginnings.npz")
    before, actions, after = Beginnings.load(tmp_path / "beginnings.npz").rows()
    assert before[:, VX].tolist() == [0.0, 1.0, 0.0]
    assert after[:, VX].tolist() == [1.0, 2.0, 4.0]
    assert actions.shape == (3, 6)


def test_beginnings_that_do_not_fit_together_are_refused(tmp_path) -> None:
    path = tmp_path / "beginnings.npz"
    whole = Beginnings.of(transcript([1.0], [2.0]), 1, 2)
    Beginnings(whole.states, whole.actions[:1], whole.lengths).save(path)
    with pytest.raises(SkillsError, match=r"beginnings\.npz"):
        Beginnings.load(path)


def test_a_run_that_kept_no_steps_has_none(tmp_path) -> None:
    """Runs of earlier versions: their skills are ranked by their classes."""
    assert beginnings_of(constant_run(tmp_path / "run", "HalfCheetah-v5", [0.0, 0.5])) is None


def test_a_function_of_ones_own_sees_all_steps_at_once(three) -> None:
    steps, windows, labels = three
    aim = reward_aim(lambda seen: seen.velocity[:, 0] - abs(seen.velocity[:, 1]))
    assert rank_classes(aim, steps, windows, labels, 3).candidates[0].expected == 5.0
    with pytest.raises(SkillsError, match="as many finite numbers"):
        rank_classes(reward_aim(lambda seen: 1.0), steps, windows, labels, 3)


def test_goals_are_read_and_others_refused() -> None:
    assert parse_goals(" vx = 1.5, height=-2e-1") == {"vx": 1.5, "height": -0.2}
    for wrong in ("vx", "vx=", "vx=fast", "vx=inf", "vx=1, vx=2", "", "pace=1"):
        with pytest.raises(SkillsError) as caught:
            parse_goals(wrong)
        assert caught.value.exit_code == USAGE


def test_one_task_at_a_time() -> None:
    check_one_aim("vx", None)
    check_one_aim(None, "vx=1")
    for both in ((None, None), ("vx", "vx=1")):
        with pytest.raises(SkillsError, match="What is to be found"):
            check_one_aim(*both)


def test_what_is_gained_over_what_was_promised() -> None:
    found = share_of(np.array([2.0, 4.0, 3.0]), mean=1.0, promised=3.0)
    assert found is not None
    assert found.value == pytest.approx(1.0)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 1.0 < found.high
    assert share_of(np.array([2.0, 4.0]), mean=1.0, promised=1.0) is None
