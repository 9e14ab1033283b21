"""Running in any direction: an ant with its legs renumbered is the same ant, in the simulation too."""

import numpy as np
import pytest

from skills.bodies.fast import Simulation
from skills.data.made import shipped
from skills.data.made.directions import facing, seen_along_x

START = np.array([0, 0, 0.6, 1, 0, 0, 0, 0.1, 1.0, -0.2, -1.0, 0.3, -0.9, 0.05, 1.1])  # legs 1-4: hip, ankle


def quarter_turned(qpos: np.ndarray, quarters: int) -> np.ndarray:
    """The same ant on the same ground, told to face a quarter turn further: its legs count from another one."""
    turned = qpos.copy()
    angle = quarters * np.pi / 2
    turned[3:7] = [np.cos(angle / 2), 0, 0, np.sin(angle / 2)]
    signs = np.array([1.0, -1.0, -1.0, 1.0])
    for leg in range(4):
        real = (leg + quarters) % 4  # what was leg `real` is leg `leg` of an ant that faces further left
        turned[7 + 2 * leg] = qpos[7 + 2 * real]
        turned[8 + 2 * leg] = qpos[8 + 2 * real] * signs[real] * signs[leg]
    return turned


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_the_same_ant_with_other_numbers_moves_the_same(quarters):
    """Both are led along +x by the shipped behaviour; only the numbers of their legs differ."""
    policy = shipped.load("ant", "simple")
    simulation = Simulation("Ant-v5", 2, threads=1)
    observations = simulation.set_state(np.stack([START, quarter_turned(START, quarters)]), np.zeros((2, 14)))
    np.testing.assert_allclose(facing(observations)[1], np.angle(1j**quarters), atol=1e-12)
    for _ in range(25):
        seen, numbering = seen_along_x(observations, np.zeros(2))
        np.testing.assert_allclose(seen[1], seen[0], rtol=1e-6, atol=1e-6)
        observations = simulation.step(numbering.done(policy.act(seen))).observations
    assert simulation.qpos[0, 0] > 0.3
    np.testing.assert_allclose(simulation.qpos[1, :3], simulation.qpos[0, :3], atol=1e-6)


def test_along_x_and_facing_it_nothing_changes():
    observations = np.random.default_rng(0).normal(size=(5, 27))
    observations[:, 1:5] = [1, 0, 0, 0]
    seen, numbering = seen_along_x(observations, np.zeros(5))
    np.testing.assert_allclose(seen, observations)
    actions = np.arange(40.0).reshape(5, 8)
    np.testing.assert_array_equal(numbering.done(actions), actions)


def test_it_runs_where_it_is_told():
    policy = shipped.load("ant", "simple")
    directions = np.linspace(-np.pi, np.pi, 9)[:-1] + 0.2
    simulation = Simulation("Ant-v5", 8, threads=1)
    observations = simulation.reset([np.random.default_rng(seed) for seed in range(8)])
    for _ in range(120):
        seen, numbering = seen_along_x(observations, directions)
        observations = simulation.step(numbering.done(policy.act(seen))).observations
    x, y = simulation.qpos[:, :2].T
    assert (x * np.cos(directions) + y * np.sin(directions)).min() > 4.0
    assert np.abs(np.angle(np.exp(1j * (np.arctan2(y, x) - directions)))).max() < 0.3
