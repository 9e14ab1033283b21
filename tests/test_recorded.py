"""Logs of a robot that is not simulated, with a model that its recorded states are filmed in: `--env none --xml`."""

from pathlib import Path

import imageio.v2 as imageio
import numpy as np
import pytest
from commands import skills
from test_midst import ARM

from skills.errors import USAGE
from skills.playing.rollout import Rollouts
from skills.runs import exemplars
from skills.runs.folder import open_run

EPISODES, LENGTH = 4, 90
FEW = ("--preset", "smoke", "--skills", "2", "--set", "policy.steps=20")


def swings(number: int) -> np.ndarray:
    """[T, 2] the arm's joints: slow in some episodes, fast in others."""
    times = 0.05 * np.arange(LENGTH)
    return np.stack([np.sin((1 + 3 * (number % 2)) * times), np.cos(times)], axis=1)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "arm.xml").write_text(ARM)
    return tmp_path / "arm.xml"


def log(path: Path, **more: np.ndarray) -> Path:
    """What an encoder saw of the arm, which is not its pose, and what was commanded."""
    joints = np.concatenate([swings(number) for number in range(EPISODES)])
    seen = np.concatenate([np.sin(joints), np.square(joints)], axis=1)
    ids = np.repeat(np.arange(EPISODES), LENGTH)
    np.savez(path, observations=seen, actions=np.gradient(joints, axis=0), episode_ids=ids, **more)
    return path


def test_the_data_s_own_poses_are_filmed_in_the_model(tmp_path: Path, model: Path) -> None:
    joints = np.concatenate([swings(number) for number in range(EPISODES)])
    path = log(tmp_path / "arm.npz", qpos=joints)
    done = skills(tmp_path, "discover", path, "--env", "none", "--xml", model, *FEW, "--no-videos")
    assert done.returncode == 0, done.stderr
    run = open_run(tmp_path / "runs" / "arm")
    found, rollouts = exemplars.find(run), Rollouts.load(run.rollouts_file)
    assert found.origin == "recorded"
    for skill in range(2):
        length = int(rollouts.lengths[skill, 0])
        shown = rollouts.qpos[skill, 0, : length + 1]
        near = [np.abs(shown - swings(number)[: length + 1]).max() for number in range(2)]
        assert length == LENGTH - 2  # all of an episode: its last row is left out, and there is a step less than rows
        assert min(near) < 1e-6
    rendered = skills(tmp_path, "render", "arm", "--all", "--size", "64", "--seconds", "1", "-q")
    assert rendered.returncode == 0, rendered.stderr
    frame = imageio.mimread(run.film(0), memtest=False)[0]
    assert len(np.unique(frame.reshape(-1, 3), axis=0)) > 200  # a body on a floor, in light and shadow, not lines
    assert run.film(0, "data").is_file()


@pytest.mark.parametrize("columns", [0, 5])
def test_a_log_without_the_states_of_the_model_is_refused_before_anything_is_learned(
    tmp_path: Path, model: Path, columns: int
) -> None:
    more = {"qpos": np.zeros((EPISODES * LENGTH, columns))} if columns else {}
    done = skills(tmp_path, "discover", log(tmp_path / "arm.npz", **more), "--env", "none", "--xml", model, *FEW)
    assert done.returncode == USAGE, done.stderr
    assert ("has (5,) numbers" if columns else "has no recorded states (infos/qpos)") in done.stderr
    assert "it takes 2: shoulder, elbow" in done.stderr
    assert not (tmp_path / "runs").exists()
