"""PG-Kmeans: policies that were planted, pieces that nobody else would have, every refusal."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score
from test_learned_behaviours import planted

from skills.errors import USAGE, SkillsError
from skills.learning.classes import Classes, cluster
from skills.learning.clones import Sums, errors
from skills.learning.policy_kmeans import Pieces, sharing_out
from skills.runs.command import options
from skills.runs.configure import make_config
from skills.settings.config import ExpertsConfig

BY_POLICY = ExpertsConfig(features="policy", strides=25, max_iterations=50)  # a stride is 8 rows, an episode 200


@pytest.mark.parametrize("turns", [False, True])
def test_planted_policies_are_found(turns):
    data, truth = planted(np.random.default_rng(0), turns)
    config = replace(BY_POLICY, strides=2) if turns else BY_POLICY
    found = cluster(data, 3, config, seed=1)
    assert adjusted_rand_score(truth, found.labels) > (0.8 if turns else 0.99)
    assert found.behaviours.tolist() == [0, 1, 2]
    told = found.classify(data.observations, data.actions, data.next_observations, data.lengths)
    assert adjusted_rand_score(truth, told) > (0.7 if turns else 0.95)


def test_a_piece_is_a_whole_episode_where_that_is_shorter():
    pieces = Pieces.of(np.array([200, 30, 5]), 50)
    assert pieces.starts.tolist() == [0, 50, 100, 150, 200, 230]
    assert pieces.lengths.tolist() == [50, 50, 50, 50, 30, 5]
    assert Pieces.of(np.array([200, 30]), 1000).starts.tolist() == [0, 200]


def test_errors_of_pieces_are_sums_over_their_rows():
    rng = np.random.default_rng(0)
    inputs, actions = rng.standard_normal((240, 7)).astype(np.float32), rng.standard_normal((240, 2)).astype(np.float32)
    weights = rng.standard_normal((3, 7, 2))
    pieces = Pieces.of(np.array([200, 40]), 60)
    rows = errors(inputs, actions, weights)
    expected = [rows[pieces.rows(np.arange(4)) == piece].sum(axis=0) for piece in range(4)]
    np.testing.assert_allclose(pieces.sums(inputs, actions, weights), expected, rtol=1e-5)


def test_in_the_end_no_piece_would_be_better_off_elsewhere_and_no_class_is_empty():
    data, _ = planted(np.random.default_rng(0), turns=True)
    pieces = Pieces.of(data.lengths, 16)
    inputs = np.concatenate([np.ones_like(data.observations[:, :1]), data.observations], axis=1)
    begun = np.zeros(len(pieces.starts), np.intp)  # all are the first's: the four others take what fits it least
    weights, owners = sharing_out(inputs, data.actions, pieces, begun, 5, 200)
    assert sorted(set(owners)) == [0, 1, 2, 3, 4]
    own = Sums.of(inputs, data.actions, pieces.rows(owners), 5).weights()
    np.testing.assert_array_equal(weights, own)
    np.testing.assert_array_equal(pieces.sums(inputs, data.actions, own).argmin(axis=1), owners)


def test_the_same_seed_gives_the_same_bytes_and_they_come_back(tmp_path):
    data, _ = planted(np.random.default_rng(0), turns=False)
    found, again = (cluster(data, 4, BY_POLICY, seed=3) for _ in range(2))
    for one, name in ((found, "one.npz"), (again, "two.npz")):
        one.save(tmp_path / name)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    back = Classes.load(tmp_path / "one.npz")
    args = data.observations, data.actions, data.next_observations, data.lengths
    np.testing.assert_array_equal(back.classify(*args), found.classify(*args))


def test_too_few_pieces_and_no_number_are_refused():
    data, _ = planted(np.random.default_rng(0), turns=False)
    with pytest.raises(SkillsError, match="60 pieces of 25 strides cannot be shared out among 70 policies") as refused:
        cluster(data, 70, BY_POLICY, seed=1)
    assert refused.value.exit_code == USAGE
    with pytest.raises(SkillsError, match="must be said") as refused:
        cluster(data, 8, replace(BY_POLICY, inferred=True), seed=1)
    assert refused.value.exit_code == USAGE


def test_policies_are_cloned_unless_something_else_is_asked_for():
    config = make_config("hopper-medium", set={"experts.features": "policy"})
    assert config.policy.name == "bc"
    assert options(config) == "--set experts.features=policy "
    other = make_config("hopper-medium", learner="reach", set={"experts.features": "policy"})
    assert options(other) == "--learner reach --set experts.features=policy "
