"""Presets: what each is, what its options are called, and which of them fit together."""

import json
from dataclasses import replace

import pytest

from skills.errors import USAGE, SkillsError
from skills.learning.learners.iql import Iql
from skills.learning.rewards.clue import Clue
from skills.runs.command import options
from skills.runs.configure import make_config
from skills.settings.config import Config


def test_paper_preset_is_table_8():
    config = make_config("ant-medium", preset="paper")
    reward, policy = config.reward, config.policy
    assert (reward.hidden, reward.batch, reward.iterations, reward.learning_rate) == (128, 128, 10_000, 1e-4)
    assert (reward.calibration, reward.kl_weight, reward.distance, reward.temperature) == (0.1, 0.5, "sample", 1.0)
    assert (policy.expectile, policy.inverse_temperature, policy.learning_rate) == (0.7, 3.0, 3e-4)
    assert (policy.steps, policy.hidden, policy.batch, policy.discount, policy.polyak) == (1e6, 256, 256, 0.99, 0.005)
    assert config.skills == 100
    assert config.data.steps is None


def test_options_remake_the_configuration():
    assert options(make_config("ant-medium")) == ""
    assert options(make_config("ant-medium", preset="smoke", skills=7, seed=3)) == "--preset smoke --skills 7 --seed 3 "


def test_quick_is_one_rule_for_all_bodies():
    first, *others = (
        replace(make_config(name), dataset="any")
        for name in ("ant-medium", "walker2d-medium", "hopper-diverse", "log.npz")
    )
    assert (first.experts.features, first.experts.strides, first.policy.name) == ("behaviour", 1, "reach")
    assert all(one == first for one in others)


@pytest.mark.parametrize(
    ("asked", "features", "strides", "learner"),
    [
        ({"skills": "auto"}, "behaviour", 6, "reach"),
        ({"preset": "paper"}, "step", 1, "iql"),
        ({"preset": "smoke"}, "step", 1, "reach"),
        ({"mode": "sparse"}, "step", 1, "iql"),
        ({"set": {"experts.features": "policy"}}, "policy", 6, "bc"),
        ({"set": {"experts.features": "step"}, "learner": "iql"}, "step", 1, "iql"),
    ],
)
def test_what_classes_are_cut_by_and_who_learns_them(asked, features, strides, learner):
    config = make_config("walker2d-medium", **asked)
    assert (config.experts.features, config.experts.strides, config.policy.name) == (features, strides, learner)


def test_a_window_of_steps_is_refused_where_classes_are_of_strides():
    with pytest.raises(SkillsError, match=r"experts\.window = 142") as caught:
        make_config("walker2d-medium", set={"experts.window": 142})
    assert "experts.strides" in caught.value.hint
    assert make_config("walker2d-medium", set={"experts.window": 142, "experts.features": "step"}).experts.window == 142


def test_settings_of_each_domain():
    maze = make_config("antmaze-umaze-play", mode="sparse", preset="paper")
    reward = Clue(
        hidden=512, batch=256, iterations=100_000, learning_rate=1e-3, calibration=0.8, temperature=10.0,
        standardise=False, distance="sample",
    )  # fmt: skip
    assert maze.reward == reward
    policy = Iql(expectile=0.9, inverse_temperature=10.0, reward_shift=-1.0, standardise=False, trunk="independent")
    assert maze.policy == policy
    assert (maze.experts.trajectories, maze.rollout.rollouts, maze.rollout.task) == (5, 100, "evaluation")
    hand = make_config("pen-human", preset="paper")
    assert (hand.reward.iterations, hand.policy.inverse_temperature, hand.policy.dropout) == (100_000, 0.5, 0.1)
    quick = make_config("antmaze-umaze-play")
    assert (quick.reward.hidden, quick.reward.temperature, quick.policy.reward_shift) == (128, 10.0, -1.0)
    alone = make_config("antmaze-umaze-play", mode="sparse")
    paper_true = make_config("antmaze-umaze-play", mode="sparse", maker="true", preset="paper")
    assert (alone.reward.hidden, alone.reward.batch, alone.reward.iterations) == (512, 256, 3_000)
    assert (alone.reward.scaled, maze.reward.scaled, paper_true.reward.scaled) == (False, True, False)
    assert (alone.policy.td_steps, alone.policy.inverse_temperature, alone.policy.standardise) == (20, 1.0, True)
    assert alone.policy.expectile == 0.9
    paper = make_config("halfcheetah-medium", mode="imitation", expert="halfcheetah-expert", preset="paper")
    assert (paper.reward.iterations, paper.policy.steps, paper.rollout.rollouts) == (10_000, 1_000_000, 10)
    assert (paper.reward.temperature, make_config("ant-medium").reward.temperature) == (0.01, 1.0)


def test_quick_learns_policies_faster_that_the_papers_learn_slowly():
    """Those of IQ-Learn and ValueDICE ten times as fast, in half the batch."""
    rates = {}
    for preset in ("quick", "paper"):
        for learner in ("iqlearn", "valuedice", "demodice", "smodice"):
            asked = {"mode": "imitation", "expert": "hopper-expert", "learner": learner, "preset": preset}
            policy = make_config("hopper-medium", **asked).policy
            actor = getattr(policy, "actor_rate", policy.learning_rate)
            rates[preset, learner] = (policy.learning_rate, actor, policy.batch)
    assert rates == {
        ("quick", "iqlearn"): (3e-4, 3e-4, 128),
        ("quick", "valuedice"): (1e-3, 1e-4, 128),
        ("quick", "demodice"): (1e-3, 1e-3, 256),
        ("quick", "smodice"): (1e-3, 1e-3, 256),
        ("paper", "iqlearn"): (3e-4, 3e-5, 256),
        ("paper", "valuedice"): (1e-3, 1e-5, 256),
        ("paper", "demodice"): (3e-4, 3e-4, 512),
        ("paper", "smodice"): (3e-4, 3e-4, 512),
    }


def test_options_of_the_modes_remake_the_configuration():
    made = make_config(
        "halfcheetah-medium", mode="imitation", expert="a b.npz", episodes=(3, 17), seeds=5, maker="true"
    )
    assert options(made) == "--mode imitation --expert 'a b.npz' --episodes 3,17 --seeds 5 --rewards true "
    assert Config.from_json(json.loads(json.dumps(made.to_json()))) == made
    sparse = make_config("antmaze-umaze-play", mode="sparse", preset="smoke", learner="bc")
    assert options(sparse) == "--preset smoke --mode sparse --trajectories 5 --learner bc "


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"mode": "imitation"}, "needs an expert"),
        ({"mode": "sparse", "expert": "hopper-expert"}, "own successes"),
        ({"mode": "imitation", "expert": "hopper-expert", "skills": 4}, "--skills 4"),
        ({"mode": "imitation", "expert": "hopper-expert", "trajectories": 2, "episodes": (1,)}, "both choose"),
        ({"mode": "imitation", "expert": "hopper-expert", "seeds": 0}, "--seeds 0"),
        ({"mode": "imitation", "expert": "hopper-expert", "trajectories": 0}, "--trajectories 0"),
        ({"expert": "hopper-expert"}, "--expert says nothing"),
        ({"seeds": 5}, "--seeds says nothing"),
        ({"maker": "true"}, "--rewards true is for one expert"),
        ({"learner": "clone"}, "--learner clone is for one expert"),
        ({"mode": "other"}, "Unknown mode 'other'"),
    ],
)
def test_options_that_do_not_fit_the_mode_are_refused(options, said):
    with pytest.raises(SkillsError, match=said) as caught:
        make_config("hopper-medium", **options)
    assert caught.value.exit_code == USAGE
    assert caught.value.hint
