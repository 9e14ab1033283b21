"""A dataset's environment is more than its id: with other arguments or wrappers it is another, and refused by name."""

import json
import warnings
from pathlib import Path
from typing import Any

import gymnasium
import gymnasium_robotics
import minari
import numpy as np
import pytest
from commands import skills
from gymnasium.wrappers import NormalizeObservation, RecordEpisodeStatistics, RescaleAction
from minari.data_collector import EpisodeBuffer

from skills.bodies.specs import otherwise
from skills.data import catalog, sources
from skills.data import minari as reader
from skills.data.made.antmaze import MazeScene
from skills.data.minari_root import minari_root
from skills.errors import FAILED, SkillsError

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
    "frame_skip": (lambda: gymnasium.make("Hopper-v5", frame_skip=1), r"frame_skip=1 \(4 here\)"),
    "xml_file": (lambda: gymnasium.make("Hopper-v5", xml_file="walker2d_v5.xml"), r"xml_file='walker2d_v5.xml'"),
    "health": (lambda: gymnasium.make("Hopper-v5", healthy_z_range=(0.5, 2.0)), "healthy_z_range="),
    "normalised": (lambda: NormalizeObservation(gymnasium.make("Hopper-v5")), "the wrapper NormalizeObservation"),
    "rescaled": (lambda: RescaleAction(gymnasium.make("Hopper-v5"), -0.5, 0.5), "the wrapper RescaleAction"),
}


@pytest.mark.parametrize("what", OTHERS)
def test_another_environment_of_the_same_id_is_refused(what: str) -> None:
    make, message = OTHERS[what]
    spec = make().spec
    assert len(otherwise(spec)) == 1
    if what != "xml_file":  # whose columns are others as well
        collected(make())
        with pytest.raises(SkillsError, match=rf"{NAME} is of Hopper-v5 with {message}.*another environment"):
            reader.load(NAME, NAME, steps=None, columns="motion")


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


def test_a_run_of_another_environment_is_not_begun(tmp_path: Path) -> None:
    collected(gymnasium.make("Hopper-v5", frame_skip=1))
    done = skills(tmp_path, "discover", NAME, "--preset", "smoke", "--no-videos")
    assert done.returncode == FAILED
    assert "is of Hopper-v5 with frame_skip=1 (4 here)" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_every_set_is_asked_whether_it_moves_as_its_body_does() -> None:
    """A half-cheetah has a walker's numbers of columns and of actions."""
    collected(gymnasium.make("HalfCheetah-v5", max_episode_steps=200), 400)
    path = minari_root() / NAME / "data" / "metadata.json"
    metadata = {**json.loads(path.read_text()), "env_spec": gymnasium.spec("Walker2d-v5").to_json()}
    path.write_text(json.dumps(metadata))
    said: list[str] = []
    sources.load(NAME, source="local", notify=said.append)
    assert "does not move as Walker2d-v5 does" in said[-1]
