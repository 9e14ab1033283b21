"""The simulation against Gymnasium itself, every number of every step."""

import gymnasium
import numpy as np
import pytest

from skills.bodies.fast import Simulation
from skills.data.made import shipped
from skills.errors import SkillsError

BODIES = {"ant": "Ant-v5", "halfcheetah": "HalfCheetah-v5", "walker2d": "Walker2d-v5", "hopper": "Hopper-v5"}
STEPS = 300
COUNT = 3


@pytest.mark.parametrize("env_id", BODIES.values())
def test_reset_gives_the_state_of_a_seeded_gymnasium_reset(env_id):
    simulation = Simulation(env_id, 2)
    observations = simulation.reset([np.random.default_rng(seed) for seed in (3, 4)])
    with gymnasium.make(env_id) as env:
        for row, seed in enumerate((3, 4)):
            np.testing.assert_array_equal(observations[row], env.reset(seed=seed)[0])


@pytest.mark.parametrize("trained", [False, True], ids=["random", "trained"])
@pytest.mark.parametrize("body", BODIES)
def test_steps_are_those_of_gymnasium(body, trained):
    """Through terminations: each simulation that ends starts again, its Gymnasium twin with it."""
    policy = shipped.load(body, "medium") if trained else None
    simulation = Simulation(BODIES[body], COUNT, threads=2)
    twins = [gymnasium.make(BODIES[body]) for _ in range(COUNT)]
    generator = np.random.default_rng(0)
    observations = simulation.reset([np.random.default_rng(seed) for seed in range(COUNT)])
    for seed, twin in enumerate(twins):
        twin.reset(seed=seed)
    ends = 0
    for step_number in range(STEPS):
        if policy is None:
            actions = generator.uniform(-1, 1, (COUNT, simulation.action_size)).astype(np.float32)
        else:
            actions = policy.act(observations, [generator] * COUNT)
        step = simulation.step(actions)
        observations = step.observations
        for row, twin in enumerate(twins):
            expected, reward, terminated, truncated, _ = twin.step(actions[row])
            np.testing.assert_array_equal(observations[row], expected, err_msg=f"step {step_number}")
            assert step.rewards[row] == pytest.approx(reward, rel=1e-12, abs=1e-12)
            assert (step.terminated[row], step.truncated[row]) == (terminated, truncated)
            np.testing.assert_array_equal(simulation.qpos[row], twin.unwrapped.data.qpos)
            np.testing.assert_array_equal(simulation.qvel[row], twin.unwrapped.data.qvel)
            if terminated:
                ends += 1
                seed = 100 * ends + row
                expected, _ = twin.reset(seed=seed)
                only = np.array([row])
                observations[only] = simulation.reset([np.random.default_rng(seed)], only)
                np.testing.assert_array_equal(observations[row], expected)
    if not trained and simulation.environment.terminates:
        assert ends > 0


def test_the_time_limit_truncates_and_a_reset_starts_it_again():
    simulation = Simulation("HalfCheetah-v5", 2)
    simulation.reset([np.random.default_rng(seed) for seed in range(2)])
    still, second = np.zeros((2, 6), dtype=np.float32), np.array([1])
    for _ in range(999):
        assert not simulation.step(still).truncated.any()
    simulation.reset([np.random.default_rng(9)], second)
    assert simulation.step(still).truncated.tolist() == [True, False]


@pytest.mark.parametrize("env_id", ["Ant-v5", "Walker2d-v5"])
def test_a_simulation_does_not_depend_on_its_neighbours_or_on_threads(env_id):
    actions = np.random.default_rng(1).uniform(-1, 1, (50, 5, 8))
    results = []
    for count, threads in ((1, 1), (5, 1), (5, 2)):
        simulation = Simulation(env_id, count, threads)
        simulation.reset([np.random.default_rng(seed) for seed in range(count)])
        for row in actions:
            last = simulation.step(row[:count, : simulation.action_size]).observations[0]
        results.append(last)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_an_unknown_environment_is_refused_with_the_nearest():
    with pytest.raises(SkillsError, match="Ant-v5"):
        Simulation("Ant-v6", 1)
