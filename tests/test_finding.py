"""Finding skills by what data say of classes, on constructed steps whose answer is known."""

import numpy as np
import pytest

from skills.bodies.fast import Simulation
from skills.errors import USAGE, SkillsError
from skills.measures.aims import check_one_aim, goal_aim, parse_goals, reward_aim
from skills.measures.descriptor import Windows
from skills.measures.finding import rank_classes, share_of
from skills.measures.quantities import LoggedSteps

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
