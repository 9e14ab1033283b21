"""K-means classes: scikit-learn's own labels, and every refusal."""

import dataclasses

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import StandardScaler

from skills.data.transitions import Transitions
from skills.errors import USAGE, SkillsError
from skills.learning import minibatches
from skills.learning.classes import Classes, cluster, one_expert
from skills.settings.config import ExpertsConfig


@pytest.fixture(scope="module")
def classes(cheetah: Transitions) -> Classes:
    return cluster(cheetah, 7, ExpertsConfig(), seed=1)


def test_labels_are_those_of_scikit_learn(cheetah, classes):
    raw = np.concatenate([cheetah.observations, cheetah.actions, cheetah.next_observations], axis=1)
    features = StandardScaler().fit_transform(raw.astype(np.float64)).astype(np.float32)
    expected = KMeans(n_clusters=7, random_state=1, n_init=1, max_iter=300).fit(features).labels_
    agreement = (classes.labels == expected).mean()
    assert agreement > 0.999  # a row on a border may fall to either side: the scaling rounds differently


@pytest.mark.parametrize("window", [1, 8])
def test_classify_finds_the_class_of_known_rows(cheetah, window):
    classes = cluster(cheetah, 7, ExpertsConfig(window=window), seed=1)
    found = classes.classify(cheetah.observations, cheetah.actions, cheetah.next_observations, cheetah.lengths)
    assert (found == classes.labels).mean() > 0.999


def test_a_window_averages_the_steps_around_a_row_in_its_episode(cheetah):
    cut = dataclasses.replace(cheetah, episode_starts=np.array([0, 500, 503]))
    raw = np.concatenate([cut.observations, cut.actions, cut.next_observations], axis=1).astype(np.float64)
    averaged = np.empty_like(raw)
    for row in range(len(raw)):
        first, last = next((a, b) for a, b in [(0, 500), (500, 503), (503, 2000)] if a <= row < b)
        averaged[row] = raw[max(row - 2, first) : min(row + 3, last)].mean(axis=0)
    classes = cluster(cut, 7, ExpertsConfig(window=5), seed=1)
    np.testing.assert_allclose(classes.mean, averaged.mean(axis=0), atol=1e-5)
    features = StandardScaler().fit_transform(averaged).astype(np.float32)
    expected = KMeans(n_clusters=7, random_state=1, n_init=1, max_iter=300).fit(features).labels_
    assert (classes.labels == expected).mean() > 0.99
    assert (classes.labels != cluster(cut, 7, ExpertsConfig(), seed=1).labels).mean() > 0.1


def test_members_are_the_rows_of_each_class(classes):
    rows, starts = classes.members()
    assert sorted(rows) == list(range(len(classes.labels)))
    for index in range(classes.count):
        assert set(classes.labels[rows[starts[index] : starts[index + 1]]]) == {index}
    assert classes.support.sum() == pytest.approx(1.0)


def test_same_seed_same_bytes_and_a_round_trip(cheetah, classes, tmp_path):
    again = cluster(cheetah, 7, ExpertsConfig(), seed=1)
    classes.save(tmp_path / "a.npz")
    again.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    loaded = Classes.load(tmp_path / "a.npz")
    for name, array in vars(classes).items():
        np.testing.assert_array_equal(array, getattr(loaded, name))


def test_a_column_that_never_changes_is_no_feature(cheetah):
    observations = cheetah.observations.copy()
    observations[:, 3] = 5.0
    flat = dataclasses.replace(cheetah, observations=observations)
    classes = cluster(flat, 3, ExpertsConfig(), seed=0)
    assert 3 not in classes.columns
    assert np.isfinite(classes.centroids).all()


def test_more_classes_than_rows_is_refused(cheetah):
    with pytest.raises(SkillsError, match=r"2001 classes .* 2000 transitions") as caught:
        cluster(cheetah, 2001, ExpertsConfig(), seed=0)
    assert caught.value.exit_code == USAGE


def test_too_few_distinct_rows_are_refused(cheetah):
    repeated = {
        name: np.repeat(getattr(cheetah, name)[:3], 50, axis=0)
        for name in ("observations", "actions", "next_observations", "rewards", "terminated")
    }
    copies = dataclasses.replace(cheetah, **repeated, episode_starts=np.array([0]))
    with pytest.raises(SkillsError, match="classes are empty") as caught:
        cluster(copies, 5, ExpertsConfig(), seed=0)
    assert "at most 3" in caught.value.hint


def test_one_expert_is_there_for_every_seed():
    experts = one_expert(10, np.array([7, 3, 4]), copies=2)
    rows, starts = experts.members()
    assert rows.tolist() == [3, 4, 7, 3, 4, 7]
    assert starts.tolist() == [0, 3, 6]
    assert experts.labels.tolist() == [-1, -1, -1, 0, 0, -1, -1, 0, -1, -1]
    assert experts.support.tolist() == [0.3, 0.3]
    nothing = np.zeros((5, 4), np.float32)
    assert experts.classify(nothing, nothing, nothing, np.array([5])).tolist() == [-1] * 5


def test_one_expert_makes_the_round_trip(tmp_path):
    one_expert(10, np.array([7, 3, 4]), copies=2).save(tmp_path / "experts.npz")
    assert Classes.load(tmp_path / "experts.npz").members()[1].tolist() == [0, 3, 6]


@pytest.mark.parametrize("window", [1, 8])
def test_mini_batches_find_what_k_means_of_all_rows_finds(window, monkeypatch):
    """Three clouds far apart, in episodes of each: all that there is to find is found, with the same scaling."""
    monkeypatch.setattr(minibatches, "ROWS", 300)
    generator = np.random.default_rng(0)
    cloud = np.repeat(generator.integers(0, 3, 90), 20)
    observations = (10.0 * cloud[:, None] + generator.standard_normal((1800, 4))).astype(np.float32)
    actions = generator.uniform(-1, 1, (1800, 2)).astype(np.float32)
    data = Transitions(
        "clouds", "test/clouds-v0", "Hopper-v5", True, observations, actions, observations,
        np.zeros(1800, np.float32), np.zeros(1800, bool), np.arange(0, 1800, 20),
    )  # fmt: skip
    whole = cluster(data, 3, ExpertsConfig(window=window), seed=1)
    batched = cluster(data, 3, ExpertsConfig(window=window, batched_above=1799), seed=1)
    assert adjusted_rand_score(cloud, whole.labels) == adjusted_rand_score(cloud, batched.labels) == 1.0
    np.testing.assert_allclose(batched.mean, whole.mean, rtol=1e-5)
    np.testing.assert_allclose(batched.scale, whole.scale, rtol=1e-5)
    assert np.array_equal(batched.columns, whole.columns)


def test_mini_batches_are_for_more_rows_than_is_stated(cheetah, classes):
    """At the stated number K-means is of all rows, to the byte; above it classes agree with those, and repeat."""
    at = cluster(cheetah, 7, ExpertsConfig(batched_above=len(cheetah)), seed=1)
    assert np.array_equal(at.centroids, classes.centroids)
    above, again = (cluster(cheetah, 7, ExpertsConfig(batched_above=len(cheetah) - 1), seed=1) for _ in range(2))
    assert not np.array_equal(above.centroids, classes.centroids)
    assert np.array_equal(above.centroids, again.centroids)
    assert np.array_equal(above.labels, again.labels)
    assert min(above.sizes) > 0
