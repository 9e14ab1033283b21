"""Pictures beside what is learned from: carried through and shown; alone, refused with the way out."""

from pathlib import Path
from typing import Any

import imageio.v2 as imageio
import minari
import numpy as np
import pytest
from commands import skills
from gymnasium.spaces import Box, Dict
from minari.data_collector import EpisodeBuffer

from skills.data.minari import load
from skills.runs import exemplars
from skills.runs.folder import open_run
from skills.runs.pictures import is_shown, pictures_of, upright

NAME = "logs/camera-v0"
EPISODES, LENGTH, HEIGHT, WIDTH = 3, 60, 6, 10
CAMERA = Box(0, 255, (HEIGHT, WIDTH, 3), np.uint8)


def picture(episode: int, step: int) -> np.ndarray:
    """Its colour says of which moment it is."""
    return np.full((HEIGHT, WIDTH, 3), [60 * episode + 40, 4 * step, 90], np.uint8)


def stored(root: Path, monkeypatch: pytest.MonkeyPatch, space: Any, observe: Any) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(root / "minari"))
    episodes = []
    for number in range(EPISODES):
        generator = np.random.default_rng(number)
        seen = [observe(number, step) for step in range(LENGTH + 1)]
        parts = {name: np.stack([one[name] for one in seen]) for name in seen[0]} if isinstance(seen[0], dict) else seen
        episodes.append(
            EpisodeBuffer(
                observations=parts if isinstance(parts, dict) else np.stack(parts),
                actions=generator.uniform(-1, 1, (LENGTH, 2)).astype(np.float32),
                rewards=np.zeros(LENGTH),
                terminations=np.zeros(LENGTH, bool),
                truncations=np.arange(LENGTH) == LENGTH - 1,
                infos={},
            )
        )
    minari.create_dataset_from_buffers(NAME, episodes, observation_space=space, action_space=Box(-1, 1, (2,)))


def state(episode: int, step: int) -> np.ndarray:
    return np.array([np.sin((1 + episode) * 0.2 * step), np.cos(0.2 * step), step / LENGTH])


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    space = Dict({"camera": CAMERA, "state": Box(-2, 2, (3,), np.float64)})
    stored(tmp_path, monkeypatch, space, lambda *when: {"camera": picture(*when), "state": state(*when)})
    return tmp_path


@pytest.mark.filterwarnings("ignore")
def test_pictures_beside_a_state_are_shown_and_not_learned_from(beside: Path) -> None:
    data = load(NAME, NAME, steps=None, columns="motion")
    np.testing.assert_allclose(data.observations[7], state(0, 7), atol=1e-6)
    few = ("--preset", "smoke", "--skills", "2", "--set", "policy.steps=20", "--run", beside / "run")
    done = skills(beside, "discover", NAME, *few)
    assert done.returncode == 0, done.stderr
    run = open_run(beside / "run")
    found, pictures = exemplars.find(run), pictures_of(run)
    assert pictures is not None
    np.testing.assert_array_equal(pictures.of(2, np.array([3, 59])), [picture(2, 3), picture(2, 59)])
    frames = np.stack(imageio.mimread(run.film(0, "data"), memtest=False))
    step = int(found.starts[0, 0])
    corner = frames[:, 60:68, 60:68].astype(float).mean(axis=(1, 2))  # the middle of the first of four panes
    expected = np.array([picture(int(found.episodes[0, 0]), step + frame)[0, 0] for frame in (0, 20)])
    np.testing.assert_allclose(corner[[0, 20]], expected, atol=14)  # as a film keeps colours


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (3, 4, 5), (4, 5, 3)])
def test_pictures_in_whatever_order_of_axes_are_upright(shape: tuple[int, ...]) -> None:
    assert is_shown(Box(0, 255, shape, np.uint8))
    assert upright(np.zeros((2, *shape), np.uint8)).shape == (2, 4, 5, 3)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("alone", [True, False])
def test_nothing_but_pictures_is_refused_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alone: bool
) -> None:
    space = CAMERA if alone else Dict({"camera": CAMERA})
    stored(tmp_path, monkeypatch, space, lambda *when: picture(*when) if alone else {"camera": picture(*when)})
    done = skills(tmp_path, "discover", NAME, "--preset", "smoke", "--run", tmp_path / "run")
    assert done.returncode == 1
    assert f"{NAME} has nothing but pictures for observations" in done.stderr
    assert "encoder" in done.stderr
    assert not (tmp_path / "run").exists()
