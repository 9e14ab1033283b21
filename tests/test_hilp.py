"""HILP's rewards and the indicator: distances that are known, prompts in closed form, a class a column."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from skills.data.transitions import Transitions
from skills.learning.classes import Classes, one_expert
from skills.learning.engine.stacked import StackedMlp, with_ones
from skills.learning.matrix import Rewards
from skills.learning.rewards.hilp import Hilp, distances, goals_of, loss, prompts
from skills.learning.rewards.indicator import Indicator
from skills.learning.rewards.sqil import Sqil
from skills.progress import silent_reporter

CONFIG = Hilp(hidden=64, batch=256, iterations=600, learning_rate=2e-3, dimensions=4)
PLACES, NOISE = 11, 3


def walk() -> Transitions:
    """Up and down a line of eleven places, a step at a time; the other columns are noise."""
    rng, length, episodes = np.random.default_rng(0), 200, 20
    time = np.arange(length + 1) + rng.integers(20, size=(episodes, 1))
    place = np.abs(time % 20 - 10)
    seen = np.concatenate([place[..., None] / 3.0, 0.3 * rng.standard_normal((*place.shape, NOISE))], axis=-1)
    size = length * episodes
    states, ends = (seen[:, part].reshape(size, -1).astype(np.float32) for part in (slice(-1), slice(1, None)))
    moved = np.diff(place, axis=1).reshape(size, 1)
    return Transitions(
        "walk", "", "Hopper-v5", True, states, moved.astype(np.float32) * 0.9, ends, np.zeros(size, np.float32),
        np.zeros(size, bool), np.arange(0, size, length),
    )  # fmt: skip


def classes_of(labels: np.ndarray) -> Classes:
    """Classes of single steps with these labels."""
    one = np.zeros(1, np.float32)
    return Classes(
        labels.astype(np.int32), np.zeros((labels.max() + 1, 1), np.float32), np.zeros(1, np.int64), one, one
    )


def make(maker, data, classes, folder) -> Rewards:
    generator = torch.Generator().manual_seed(0)
    maker.make(data, classes, torch.device("cpu"), generator, folder, silent_reporter)
    assert set(maker.files) <= {path.name for path in folder.iterdir()}
    return Rewards.open(folder, len(data))


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    """(the walk, its rewards, the folder): class k is of steps that end on place k."""
    data, folder = walk(), tmp_path_factory.mktemp("hilp")
    labels = np.rint(data.next_observations[:, 0] * 3.0).astype(np.int32)
    return data, make(CONFIG, data, classes_of(labels), folder), folder, labels


def test_distances_are_the_steps_from_place_to_place(walked):
    from skills.learning.engine.checkpoint import load_tensors

    data, _, folder, labels = walked
    tensors = load_tensors(folder / "hilp.safetensors")
    phi = StackedMlp(tensors[f"phi.{layer}"] for layer in range(3))
    mean, std = data.scaling
    places = phi(with_ones(torch.from_numpy((data.next_observations - mean) / std))[None])[0].numpy()
    middles = np.stack([places[labels == place].mean(axis=0) for place in range(PLACES)])
    apart = np.linalg.norm(middles[:, None] - middles[None], axis=-1)
    steps = np.abs(np.subtract.outer(np.arange(PLACES), np.arange(PLACES)))
    assert np.corrcoef(apart.ravel(), steps.ravel())[0, 1] > 0.95, "noise is no distance"


def test_the_ends_of_the_line_are_what_their_prompts_ask_for(walked):
    _, rewards, _, labels = walked
    means = np.stack([rewards.labels[labels == place].astype(float).mean(axis=0) for place in range(PLACES)])
    assert means[:, 0].argmax() == 0
    assert means[:, -1].argmax() == PLACES - 1
    order = np.corrcoef(means[:, 0], np.arange(PLACES))[0, 1]
    assert order < -0.9, "the nearer, the more"


def test_the_same_seed_gives_the_same_bytes(walked, tmp_path):
    data, _, _, labels = walked
    short = replace(CONFIG, iterations=20)
    for name in ("one", "two"):
        make(short, data, classes_of(labels), tmp_path / name)
    for file in CONFIG.files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_prompts_are_least_squares_of_length_one():
    rng = np.random.default_rng(0)
    placed = rng.standard_normal((500, 6)).astype(np.float32)
    placed -= placed.mean(axis=0)
    wanted = (rng.integers(3, size=500)[:, None] == np.arange(3)).astype(np.float32)
    expected, *_ = np.linalg.lstsq(placed.astype(float), wanted - wanted.mean(axis=0), rcond=None)
    found = prompts(placed, iter(np.split(wanted, [200, 450])))
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected, axis=0), atol=1e-3)


def test_the_loss_is_the_expectile_loss_of_both():
    rng = torch.Generator().manual_seed(0)
    config = replace(CONFIG, expectile=0.9, discount=0.5)
    both, slow = (StackedMlp([torch.randn(2, 4, 2, generator=rng)]) for _ in range(2))
    s, ends, g = (with_ones(torch.randn(5, 3, generator=rng)) for _ in range(3))
    expected = 0.0
    v = {  # by whose it is and where from, [2, B]
        (name, at): -torch.stack([((rows - g) @ phi.layers[0][which]).norm(dim=1) for which in range(2)])
        for name, phi in (("both", both), ("slow", slow))
        for at, rows in (("s", s), ("ends", ends))
    }
    for row in range(5):
        aims = [-1.0 + 0.5 * float(v["slow", "ends"][which, row]) for which in range(2)]
        weight = 0.9 if min(aims) >= float(v["slow", "s"][:, row].mean()) else 0.1
        expected += sum(weight * (aims[which] - float(v["both", "s"][which, row])) ** 2 for which in range(2)) / 5
    assert float(loss(both, slow, s, ends, g, config)) == pytest.approx(expected, rel=1e-4)
    assert distances(both, s, s).max() == pytest.approx(1e-3)


def test_goals_are_later_in_the_episode_or_anywhere():
    left = torch.from_numpy(np.tile(np.arange(200, 0, -1), 10))
    rows = torch.zeros(20_000, dtype=torch.int64) + 400  # the first of the third episode
    generator = torch.Generator().manual_seed(0)
    later = goals_of(rows, left, replace(CONFIG, random_goals=0.0, discount=0.9), generator)
    assert int(later.min()) == 400
    assert int(later.max()) < 600
    assert float((later - 400).float().mean() + 1) == pytest.approx(10.0, rel=0.05), "1 / (1 - gamma)"
    last = goals_of(rows + 199, left, replace(CONFIG, random_goals=0.0), generator)
    assert (last == 599).all(), "an episode's end has no later state than its own next"
    anywhere = goals_of(rows, left, replace(CONFIG, random_goals=1.0), generator)
    assert float(anywhere.float().mean()) == pytest.approx(1000, rel=0.05)


def test_an_indicator_is_one_in_the_class_and_nothing_elsewhere(tmp_path):
    data = walk()
    labels = np.arange(len(data)) % 4
    rewards = make(Indicator(), data, classes_of(labels), tmp_path / "classes")
    np.testing.assert_array_equal(rewards.labels, labels[:, None] == np.arange(4))
    expert = one_expert(len(data), np.arange(100, 300), 2)
    one, other = (make(maker, data, expert, tmp_path / maker.name) for maker in (Indicator(), Sqil()))
    np.testing.assert_array_equal(one.labels, other.labels)
    assert one.labels[:, 0].nonzero()[0].tolist() == list(range(100, 300))
