"""The descriptor against the real simulator, and on motions with known answers."""

import mujoco
import numpy as np
import pytest

from skills.bodies.environments import ENVIRONMENTS, load_model
from skills.bodies.fast import Simulation
from skills.measures.descriptor import Windows, cut_windows, describe, fit_whitening, read_steps

WINDOW = 32


@pytest.mark.parametrize("env_id", ENVIRONMENTS)
def test_body_frame_velocities_are_those_of_mujoco(env_id):
    simulation = Simulation(env_id, 3)
    generator = np.random.default_rng(0)
    observations = simulation.reset([generator] * 3)
    for _ in range(10):  # gently: a walker's observation cuts velocities at 10
        observations = simulation.step(generator.uniform(-0.3, 0.3, (3, simulation.action_size))).observations
    steps = read_steps(observations, env_id)
    model, data = load_model(env_id), mujoco.MjData(load_model(env_id))
    for row in range(3):
        data.qpos, data.qvel = simulation.qpos[row], simulation.qvel[row]
        mujoco.mj_forward(model, data)
        axes = data.xmat[1].reshape(3, 3)
        assert steps.axes[row] == pytest.approx(axes, abs=1e-9)
        spin_and_velocity = np.empty(6)
        own_frame = 1
        mujoco.mj_objectVelocity(model, data, mujoco.mjtObj.mjOBJ_XBODY, 1, spin_and_velocity, own_frame)
        assert steps.features[row, 1:4] == pytest.approx(axes.T @ [0, 0, -1], abs=1e-9)
        assert steps.features[row, 4:7] == pytest.approx(spin_and_velocity[3:], abs=1e-6)
        assert steps.features[row, 7:10] == pytest.approx(spin_and_velocity[:3], abs=1e-6)


def observation(heading: float, speed: float, yaw_rate: float = 0.0) -> np.ndarray:
    """An upright ant that moves forward and turns."""
    seen = np.zeros(27)
    seen[0] = 0.6
    seen[1], seen[4] = np.cos(heading / 2), np.sin(heading / 2)
    seen[13:15] = speed * np.cos(heading), speed * np.sin(heading)
    seen[18] = yaw_rate
    return seen


def test_the_same_walk_in_any_direction_is_the_same_behaviour():
    walks = [np.tile(observation(heading, 1.5), (WINDOW, 1)) for heading in (0.0, 1.0, -2.5)]
    steps = read_steps(np.concatenate(walks), "Ant-v5")
    found = describe(steps, cut_windows(np.arange(3) * WINDOW, np.full(3, WINDOW), WINDOW))
    assert found[1] == pytest.approx(found[0], abs=1e-9)
    assert found[2] == pytest.approx(found[0], abs=1e-9)
    assert found[0, -4:] == pytest.approx([1.5 * WINDOW * 0.05, 0, 0, 0], abs=1e-9)


def test_turning_once_around_is_two_pi():
    rate = 2 * np.pi / (WINDOW * 0.05)
    rows = np.stack([observation(rate * 0.05 * step, 0.0, rate) for step in range(WINDOW)])
    found = describe(read_steps(rows, "Ant-v5"), cut_windows(np.array([0]), np.array([WINDOW]), WINDOW))
    assert found[0, -1] == pytest.approx(2 * np.pi)


def test_windows_stay_within_their_sequences():
    windows = cut_windows(np.array([0, 70, 90]), np.array([70, 20, 33]), 32)
    assert windows.starts.tolist() == [0, 32, 70, 90]
    assert windows.lengths.tolist() == [32, 32, 20, 32]
    assert windows.middles.tolist() == [16, 48, 80, 106]


def test_a_window_is_described_by_mean_and_spread_and_a_short_one_by_what_there_is():
    rows = np.stack([observation(0.0, speed) for speed in (1.0, 3.0, 100.0)])
    steps = read_steps(rows, "Ant-v5")
    found = describe(steps, Windows(np.array([0]), np.array([2]), WINDOW))
    size = steps.features.shape[1]
    assert found[0, 4] == pytest.approx(2)
    assert found[0, size + 4] == pytest.approx(1)
    assert found[0, -4] == pytest.approx(2 * WINDOW * 0.05)


def test_whitened_rows_are_decorrelated_and_of_unit_variance():
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(5000, 3)) @ generator.normal(size=(3, 3)) + 7
    rows = np.concatenate([rows, np.ones((5000, 1))], axis=1)  # a column that never changes
    assert np.cov(fit_whitening(rows).transform(rows).T) == pytest.approx(np.eye(3), abs=1e-6)
