"""A dataset's environment is more than its id: with other arguments or wrappers it is another, and played as that."""

import contextlib
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import gymnasium_robotics
import minari
import numpy as np
import pytest
from commands import skills
from gymnasium.envs.registration import WrapperSpec
from gymnasium.spaces import Box
from gymnasium.wrappers import (
    ClipAction,
    DiscretizeAction,
    FrameStackObservation,
    NormalizeObservation,
    NormalizeReward,
    RecordEpisodeStatistics,
    RescaleAction,
    TimeAwareObservation,
)
from minari.data_collector import EpisodeBuffer

from skills.bodies.body import body_of
from skills.bodies.keys import Key, read_key
from skills.bodies.specs import key_of, otherwise
from skills.bodies.world import World
from skills.bodies.worlds import open_world
from skills.data import catalog, sources
from skills.data import minari as reader
from skills.data.made.antmaze import MazeScene
from skills.data.minari_root import minari_root
from skills.errors import SkillsError

NAME = "other/spec-v0"


def collected(env: Any, steps: int = 60) -> None:
    """A Minari dataset of random actions, of the environment as it is wrapped and made."""
    env.action_space.seed(0)
    buffers: list[EpisodeBuffer] = []
    while sum(len(buffer.rewards) for buffer in buffers) < steps:
        states, rows, ended = [env.reset(seed=len(buffers))[0]], [], False
        while not ended:
            action = env.action_space.sample()
            state, reward, terminated, truncated, _ = env.step(action)
            states.append(state)
            rows.append((action, float(reward), terminated, truncated))
            ended = terminated or truncated
        actions, rewards, terminations, truncations = (np.array(column) for column in zip(*rows, strict=True))
        buffers.append(
            EpisodeBuffer(
                observations=np.array(states),
                actions=actions,
                rewards=rewards,
                terminations=terminations,
                truncations=truncations,
            )
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spaces = {"observation_space": env.observation_space, "action_space": env.action_space}
        minari.create_dataset_from_buffers(NAME, buffers, env=env.spec, **spaces)


OTHERS = {
    "frame_skip": (lambda: gymnasium.make("Hopper-v5", frame_skip=1), {"kwargs": {"frame_skip": 1}}),
    "health": (
        lambda: gymnasium.make("Hopper-v5", healthy_z_range=(0.5, 2.0)),
        {"kwargs": {"healthy_z_range": [0.5, 2.0]}},
    ),
    "positions": (
        lambda: gymnasium.make("Hopper-v5", exclude_current_positions_from_observation=False),
        {"kwargs": {"exclude_current_positions_from_observation": False}},
    ),
    "time observed": (
        lambda: TimeAwareObservation(gymnasium.make("Hopper-v5")),
        {
            "wrappers": [
                {
                    "name": "TimeAwareObservation",
                    "entry_point": "gymnasium.wrappers.stateful_observation:TimeAwareObservation",
                    "kwargs": {"flatten": True, "normalize_time": False, "dict_time_key": "time"},
                }
            ]
        },
    ),
    "rescaled": (
        lambda: RescaleAction(gymnasium.make("Hopper-v5"), -0.5, 0.5),
        {
            "wrappers": [
                {
                    "name": "RescaleAction",
                    "entry_point": "gymnasium.wrappers.transform_action:RescaleAction",
                    "kwargs": {"min_action": -0.5, "max_action": 0.5},
                }
            ]
        },
    ),
}


@pytest.mark.parametrize("what", OTHERS)
def test_another_environment_of_the_same_id_is_played_as_its_spec_says(what: str) -> None:
    make, made_with = OTHERS[what]
    collected(make())
    data = reader.load(NAME, NAME, steps=None, columns="motion")
    key = read_key(data.env_id)
    assert (key.name, key.made_with) == ("Hopper-v5", made_with)
    body, env = body_of(data.env_id), make()
    assert not body.batched
    assert body.seconds_per_step == pytest.approx(env.unwrapped.dt)
    np.testing.assert_allclose(body.actions.high, env.action_space.high)
    with gymnasium_world(data.env_id) as world:
        world.reset([np.random.default_rng(9)])
        env.reset(seed=9)
        for _ in range(5):
            step = world.step(np.full((1, 3), 0.5, np.float32))
            observation, reward, terminated, *_ = env.step((0.5 * env.action_space.high).astype(np.float32))
            np.testing.assert_array_equal(step.observations[0], observation)
            assert (step.rewards[0], step.terminated[0]) == (reward, terminated)


@contextlib.contextmanager
def gymnasium_world(key: str) -> Iterator[World]:
    """One simulation, closed after use."""
    world = open_world(key, 1)
    yield world
    world.close()


def test_a_model_of_ones_own_under_a_known_id_is_not_the_one_simulated_here() -> None:
    spec = gymnasium.make("Hopper-v5", xml_file="walker2d_v5.xml").spec
    assert otherwise(spec) == ["xml_file='walker2d_v5.xml' ('hopper.xml' here)"]
    assert key_of(spec, NAME) == 'Hopper-v5 {"kwargs": {"xml_file": "walker2d_v5.xml"}}'


@pytest.mark.parametrize("wrap", [NormalizeReward, None])
def test_what_a_set_is_made_with_is_shown_and_nothing_is_scored_that_is_not_the_environments(wrap, tmp_path) -> None:
    env = gymnasium.make("Hopper-v5")
    collected(wrap(env) if wrap else env)
    shown = skills(tmp_path, "data", "show", NAME, "-q", MINARI_DATASETS_PATH=str(minari_root())).stdout
    assert ("of 100 between the references" in shown) == ("reference returns" in shown) == (wrap is None)
    assert ("made with" in shown) == ("the wrapper NormalizeReward" in shown) == (wrap is not None)
    assert "brought by the user" in shown


def test_a_wrapper_that_learned_cannot_be_made_again() -> None:
    collected(NormalizeObservation(gymnasium.make("Hopper-v5")))
    with pytest.raises(SkillsError, match=rf"{NAME} is of Hopper-v5 with the wrapper NormalizeObservation") as caught:
        reader.load(NAME, NAME, steps=None, columns="motion")
    assert "--env none" in caught.value.hint
    assert not body_of(reader.load(NAME, NAME, steps=None, columns="motion", env="log").env_id).plays


def test_a_wrapper_is_what_makes_it_and_not_what_it_is_called() -> None:
    """Else a name would hide one that matters, or have one made that writes films where the dataset says."""
    rescaled = RescaleAction(gymnasium.make("Hopper-v5"), -0.5, 0.5).spec
    assert rescaled is not None
    rescaled.additional_wrappers[-1].name = "TimeLimit"
    assert otherwise(rescaled) == ["the wrapper RescaleAction"]
    filming = gymnasium.make("Hopper-v5").spec
    assert filming is not None
    where = {"video_folder": "/tmp/anywhere"}
    filming.additional_wrappers = (WrapperSpec("Mine", "gymnasium.wrappers.rendering:RecordVideo", where),)
    assert key_of(filming, NAME) == "Hopper-v5"


def test_actions_that_a_wrapper_cut_are_read_as_the_body_took_them() -> None:
    """PPO's Gaussians go beyond the bounds, and `ClipAction` takes any: the body is the one without it."""
    env = ClipAction(gymnasium.make("Hopper-v5"))
    env.action_space = Box(-3.0, 3.0, (3,), np.float32, seed=0)  # what random actions are drawn from
    collected(env)
    stored = next(iter(minari.load_dataset(NAME).iterate_episodes())).actions
    assert np.abs(stored).max() > 2.0
    read = reader.load(NAME, NAME, steps=None, columns="motion")
    assert read.env_id == "Hopper-v5"
    assert body_of(read.env_id).batched
    np.testing.assert_allclose(read.actions[: len(stored)], stored.clip(-1, 1), atol=1e-4)


@pytest.mark.parametrize(
    ("wrap", "said"),
    [
        (lambda env: FrameStackObservation(env, 3), "with the wrapper FrameStackObservation, has stacked frames"),
        (lambda env: DiscretizeAction(env, 3), r"with the wrapper DiscretizeAction, has actions of the space Discrete"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_wrapper_s_name(wrap: Any, said: str) -> None:
    collected(wrap(gymnasium.make("Hopper-v5")))
    with pytest.raises(SkillsError, match=f"{NAME}, {said}") as caught:
        reader.open_usable(NAME)
    assert "picture" not in caught.value.hint


def test_an_environment_that_takes_any_action_is_refused_by_its_name() -> None:
    with pytest.raises(SkillsError, match=r"Skills cannot act in Mountain.*: its actions are Discrete") as caught:
        body_of("MountainCar-v0")
    assert "--env ID" in caught.value.hint


def test_a_wrapper_that_a_key_names_is_made_only_where_it_is_gymnasiums() -> None:
    """A run's manifest may come from anywhere, too."""
    wrapper = {"name": "Popen", "entry_point": "subprocess:Popen", "kwargs": {}}
    with pytest.raises(SkillsError, match="subprocess:Popen is none of Gymnasium's, so it was not run"):
        body_of(str(Key("Hopper-v5", {"wrappers": [wrapper]})))
    inner = {"name": "make", "entry_point": "gymnasium.wrappers.utils:RunningMeanStd", "kwargs": {}}
    with pytest.raises(SkillsError, match="none of Gymnasium's"):
        body_of(str(Key("Hopper-v5", {"wrappers": [inner]})))


@pytest.mark.parametrize(
    "make",
    [
        lambda: gymnasium.make("Hopper-v5"),
        lambda: gymnasium.make("Hopper-v5", frame_skip=4, healthy_z_range=[0.7, float("inf")], render_mode="rgb_array"),
        lambda: gymnasium.make("Hopper-v5", reset_noise_scale=0.1, max_episode_steps=50),
        lambda: RecordEpisodeStatistics(gymnasium.make("Hopper-v5")),
    ],
)
def test_the_same_environment_said_in_other_words_is_read(make: Any) -> None:
    collected(make())
    said: list[str] = []
    data = sources.load(NAME, source="local", notify=said.append)
    assert len(data) >= 60
    assert len(said) == 1  # and it moves as a hopper does


@pytest.mark.parametrize("name", [name for name in catalog.names() if name.startswith("antmaze")])
def test_mazes_are_compared_by_their_walls(name: str) -> None:
    spec = MazeScene(catalog.resolve(name)).env_spec()
    assert otherwise(spec) == []
    assert otherwise(gymnasium_spec(spec.id)) == []
    spec.kwargs["maze_map"] = [row[::-1] for row in spec.kwargs["maze_map"]]
    assert otherwise(spec) == ["a maze_map with other walls"]


def gymnasium_spec(env_id: str) -> Any:
    """The one that gymnasium-robotics registers."""
    gymnasium.register_envs(gymnasium_robotics)
    return gymnasium.spec(env_id)


def test_a_run_of_another_environment_is_begun_in_that(tmp_path: Path) -> None:
    collected(gymnasium.make("Hopper-v5", frame_skip=1))
    done = skills(tmp_path, "discover", NAME, "--preset", "smoke", "--no-videos", "--set", "policy.steps=5")
    assert done.returncode == 0, done.stderr
    manifest = json.loads(next((tmp_path / "runs").rglob("manifest.json")).read_text())
    assert manifest["dataset"]["env_id"] == 'Hopper-v5 {"kwargs": {"frame_skip": 1}}'


def test_every_set_is_asked_whether_it_moves_as_its_body_does() -> None:
    """A half-cheetah has a walker's numbers of columns and of actions."""
    collected(gymnasium.make("HalfCheetah-v5", max_episode_steps=200), 400)
    path = minari_root() / NAME / "data" / "metadata.json"
    metadata = {**json.loads(path.read_text()), "env_spec": gymnasium.spec("Walker2d-v5").to_json()}
    path.write_text(json.dumps(metadata))
    said: list[str] = []
    sources.load(NAME, source="local", notify=said.append)
    assert "does not move as Walker2d-v5 does" in said[-1]
