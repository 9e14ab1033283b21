"""The general world, which plays Gymnasium's own environments, against the batched one; what a body is found to be."""

import warnings
from pathlib import Path
from typing import Any

import gymnasium
import mujoco
import numpy as np
import pytest
from minari import create_dataset_from_buffers as store
from minari.data_collector import EpisodeBuffer

from skills.api.performer import flat
from skills.bodies.body import body_of, derive
from skills.bodies.fast import Simulation
from skills.bodies.gym import GymWorld
from skills.bodies.making import make
from skills.bodies.worlds import open_world
from skills.data.minari import load
from skills.errors import NOT_FOUND, USAGE, SkillsError

BATCHED = ["Ant-v5", "HalfCheetah-v5", "Walker2d-v5", "Hopper-v5"]
STEPS = 120


@pytest.mark.parametrize("env_id", BATCHED)
def test_both_worlds_play_the_same_to_the_bit(env_id: str) -> None:
    """Starts, observations, poses and ends; rewards to rounding. Simulations that ended rest."""
    one, other = Simulation(env_id, 3, threads=2), GymWorld(derive(env_id), 3, threads=2)
    generators = [[np.random.default_rng([7, seed]) for seed in range(3)] for _ in range(2)]
    np.testing.assert_array_equal(one.reset(generators[0]), other.reset(generators[1]))
    draws, playing = np.random.default_rng(1), np.arange(3)
    for _ in range(STEPS):
        actions = draws.uniform(-1, 1, (3, one.action_size)).astype(np.float32)[playing]
        batched, general = one.step(actions, playing), other.step(actions, playing)
        np.testing.assert_array_equal(batched.observations, general.observations)
        np.testing.assert_allclose(batched.rewards, general.rewards, rtol=1e-12, atol=1e-12)
        for ends in ("terminated", "truncated", "failed"):
            np.testing.assert_array_equal(getattr(batched, ends), getattr(general, ends))
        np.testing.assert_array_equal(one.qpos[playing], other.qpos[playing])
        playing = playing[~(batched.terminated | batched.truncated)]
    assert other.poses is None
    other.close()


@pytest.mark.parametrize("env_id", BATCHED)
def test_what_is_derived_is_what_was_typed_in(env_id: str) -> None:
    known, found = body_of(env_id), derive(env_id)
    for name in ("observation_size", "motion_size", "episode_steps", "root", "leads", "travels", "planar", "tracked"):
        assert getattr(known, name) == getattr(found, name), name
    assert found.seconds_per_step == pytest.approx(known.seconds_per_step)
    for name in ("pose", "rates"):
        np.testing.assert_array_equal(getattr(known, name), getattr(found, name))
    np.testing.assert_array_equal(known.actions.low, found.actions.low)


FOUND = {  # root, the body that is followed, steps of an episode, s a step, the bound of actions, columns kept of all
    "Humanoid-v5": ("free", "torso", 1000, 0.015, 0.4, 45, 348),
    "Swimmer-v5": ("level", "torso", 1000, 0.04, 1.0, 8, 8),
    "Reacher-v5": ("fixed", "fingertip", 50, 0.02, 1.0, 10, 10),
    "Pusher-v5": ("fixed", "r_wrist_flex_link", 100, 0.05, 2.0, 23, 23),
    "InvertedDoublePendulum-v5": ("fixed", "cart", 1000, 0.05, 1.0, 9, 9),
    "FetchReach-v4": ("fixed", "robot0:gripper_camera_depth_frame", 50, 0.04, 1.0, 16, 16),
    "AdroitHandDoor-v1": ("fixed", "lfdistal", 200, 0.01, 1.0, 39, 39),
    "FrankaKitchen-v1": ("fixed", "panda0_rightfinger", 280, 0.08, 1.0, 93, 93),  # with goals in dicts of dicts
    "PointMaze_UMaze-v3": ("level", "particle", 300, 0.01, 1.0, 8, 8),
}


@pytest.mark.parametrize("env_id", FOUND)
def test_a_body_is_derived_from_its_environment(env_id: str) -> None:
    body = body_of(env_id)
    assert body.root is not None
    assert body.model is not None
    found = (body.root.kind, body.model.body(body.tracked).name, body.episode_steps)
    assert found == FOUND[env_id][:3]
    assert body.seconds_per_step == pytest.approx(FOUND[env_id][3])
    np.testing.assert_allclose(body.actions.high, FOUND[env_id][4])
    assert (body.motion_size, body.observation_size) == FOUND[env_id][5:]
    assert body.travels == (env_id == "Humanoid-v5")


def test_columns_are_found_in_whatever_order_they_are() -> None:
    """A humanoid that observes its velocities first: by another id, the same columns at other places."""
    body = body_of("Humanoid-v5")
    with gymnasium.make("Humanoid-v5") as env:
        observation, _ = env.reset(seed=3)
        np.testing.assert_allclose(observation[body.pose[2:]], env.unwrapped.data.qpos[2:])
        np.testing.assert_allclose(observation[body.rates], env.unwrapped.data.qvel)
        assert body.pose[:2].tolist() == [-1, -1]


def test_an_environment_without_a_simulator_is_described_by_what_it_observes() -> None:
    world = open_world("Pendulum-v1", 2)
    observed = world.reset([np.random.default_rng(0), np.random.default_rng(1)])
    assert observed.shape == (2, 3)
    np.testing.assert_array_equal(world.qpos, observed)
    np.testing.assert_array_equal(world.poses[:, 7:10], observed)
    assert body_of("Pendulum-v1").model is None
    step = world.step(np.ones((2, 1), np.float32))
    assert (step.rewards < 0).all()
    world.close()


def test_actions_are_mapped_into_the_bounds_of_the_environment() -> None:
    """1 is 2 for a pusher's motors."""
    world = GymWorld(body_of("Pusher-v5"), 1)
    with gymnasium.make("Pusher-v5") as env:
        world.reset([np.random.default_rng(5)])
        expected, _ = env.reset(seed=5)
        np.testing.assert_array_equal(world._observations[0], expected)
        step = world.step(np.ones((1, 7), np.float32))
        np.testing.assert_array_equal(step.observations[0], env.step(np.full(7, 2.0, np.float32))[0])
    world.close()


def test_a_reset_depends_on_nothing_but_its_generator() -> None:
    """In a maze of gymnasium-robotics, which keeps an environment inside, and in an arm's."""
    for env_id in ("PointMaze_UMaze-v3", "FetchReach-v4"):
        world = open_world(env_id, 2)
        first = world.reset([np.random.default_rng(4), np.random.default_rng(5)])
        for _ in range(5):
            world.step(np.ones((2, len(body_of(env_id).actions.low)), np.float32))
        again = world.reset([np.random.default_rng(5), np.random.default_rng(4)])
        np.testing.assert_array_equal(first, again[::-1])
        world.close()


def test_the_end_of_an_episode_is_a_failure_unless_it_is_called_a_success() -> None:
    world = open_world("InvertedDoublePendulum-v5", 2)
    world.reset([np.random.default_rng(0)] * 2)
    for _ in range(60):
        step = world.step(np.ones((2, 1), np.float32))
        if step.terminated.all():
            break
    assert step.terminated.all()
    assert step.failed.all()
    world.close()


def test_ids_that_nothing_registers_are_refused_with_the_way_out() -> None:
    with pytest.raises(SkillsError, match="no environment 'Humanoit-v5'") as caught:
        body_of("Humanoit-v5")
    assert caught.value.exit_code == NOT_FOUND
    assert "Humanoid-v5" in caught.value.hint
    assert "--import" in caught.value.hint
    with pytest.raises(SkillsError, match="no environment 'os:Ant-v5'"):
        body_of("os:Ant-v5")  # a module that an id names is not imported
    with pytest.raises(SkillsError, match="cannot act in"):
        body_of("CartPole-v1")


def test_logs_alone_cannot_be_played() -> None:
    key = 'log {"high": [1.0], "low": [-1.0], "observations": 4}'
    assert not body_of(key).plays
    with pytest.raises(SkillsError, match="Nothing can be played") as caught:
        open_world(key, 1)
    assert caught.value.exit_code == USAGE


ROBOT = """
<mujoco><option timestep="0.01"/><worldbody>
  <geom type="plane" size="5 5 .1"/>
  <body name="ball" pos="1 0 .2"><freejoint/><geom size=".1"/></body>
  <body name="base" pos="0 0 .5"><freejoint/><geom type="box" size=".2 .1 .05"/>
    <body name="upper" pos=".2 0 0"><joint name="hip" axis="0 1 0" range="-1 1" limited="true"/>
      <geom type="capsule" fromto="0 0 0 0 0 -.2" size=".03"/>
      <body name="lower" pos="0 0 -.2"><joint name="knee" axis="0 1 0"/>
        <geom type="capsule" size=".03" fromto="0 0 0 0 0 -.2"/>
      </body></body></body>
</worldbody><actuator><motor joint="hip" ctrlrange="-3 5" ctrllimited="true"/><motor joint="knee"/></actuator></mujoco>
"""


def test_a_model_of_ones_own_is_played_by_its_pose_and_velocity(tmp_path) -> None:
    """The robot is the tree with the most joints, though a ball comes before it."""
    path = tmp_path / "robot.xml"
    path.write_text(ROBOT)
    body = body_of(str(path))
    assert body.model is not None
    assert body.root is not None
    assert (body.root.kind, body.root.first, body.model.body(body.tracked).name) == ("free", 7, "base")
    assert body.observation_size == body.model.nq - 2 + body.model.nv
    assert (body.actions.low.tolist(), body.actions.high.tolist()) == ([-3.0, -1.0], [5.0, 1.0])
    world = open_world(str(path), 2)
    world.reset([np.random.default_rng(0), np.random.default_rng(1)])
    assert world.poses is not None
    for _ in range(20):
        step = world.step(np.zeros((2, 2), np.float32))
    np.testing.assert_allclose(world.poses[:, 2], world.qpos[:, 9], atol=0.02)
    assert np.isfinite(step.observations).all()
    assert not step.terminated.any()
    world.close()


def test_what_is_no_model_is_refused(tmp_path) -> None:
    path = tmp_path / "robot.xml"
    with pytest.raises(SkillsError, match="There is no file"):
        body_of(str(path))
    path.write_text("<mujoco><nothing/></mujoco>")
    with pytest.raises(SkillsError, match="MuJoCo cannot read"):
        body_of(str(path))
    path.write_text("<mujoco><worldbody><body><freejoint/><geom size='.1'/></body></worldbody></mujoco>")
    body_of.cache_clear()
    with pytest.raises(SkillsError, match="no actuators"):
        body_of(str(path))
    assert mujoco.MjModel.from_xml_path(str(path)).nu == 0


def test_goals_in_dicts_of_dicts_are_read_as_they_are_played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kitchen keeps a goal for each of its things: what is stored of it and what a world of it observes are alike."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    kitchen = make("FrankaKitchen-v1")
    seen, played = [kitchen.reset(seed=3)[0]], 12
    for _ in range(played):
        seen.append(kitchen.step(np.zeros(9, np.float32))[0])
    episode = EpisodeBuffer(
        observations=_stacked(seen), actions=np.zeros((played, 9), np.float32), rewards=np.zeros(played),
        terminations=np.zeros(played, bool), truncations=np.arange(played) == played - 1, infos={},
    )  # fmt: skip
    space = kitchen.observation_space
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        store(
            "kitchen/still-v0", [episode], env=kitchen.spec,
            observation_space=space, action_space=kitchen.action_space,
        )  # fmt: skip
    kitchen.close()
    data = load("kitchen/still-v0", "kitchen", steps=None, columns="motion")
    assert data.observation_parts[2] == ("achieved_goal/kettle", 7)
    expected = [gymnasium.spaces.flatten(space, one) for one in seen]
    np.testing.assert_allclose(data.observations, expected[:-1], atol=1e-6)
    np.testing.assert_allclose(flat(seen[0]), expected[0], atol=1e-6)
    world = open_world("FrankaKitchen-v1", 1)
    assert world.reset([np.random.default_rng(3)]).shape == (1, 93)
    world.close()


def _stacked(states: list[Any]) -> Any:
    """An episode's observations, part by part."""
    if not isinstance(states[0], dict):
        return np.stack(states)
    return {name: _stacked([one[name] for one in states]) for name in states[0]}
