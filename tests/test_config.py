"""Configurations: presets, checks, JSON, differences."""

import pytest

from skills.config import Config, differences, settings
from skills.errors import USAGE, SkillsError
from skills.presets import make_config, options


def test_paper_preset_is_table_8():
    config = make_config("ant-medium", preset="paper")
    reward, policy = config.reward, config.policy
    assert (reward.hidden, reward.batch, reward.iterations, reward.learning_rate) == (128, 128, 10_000, 1e-4)
    assert (reward.calibration, reward.kl_weight, reward.distance, reward.temperature) == (0.1, 0.5, "sample", 1.0)
    assert (policy.expectile, policy.inverse_temperature, policy.learning_rate) == (0.7, 3.0, 3e-4)
    assert (policy.steps, policy.hidden, policy.batch, policy.discount, policy.polyak) == (1e6, 256, 256, 0.99, 0.005)
    assert config.skills == 100
    assert config.data.steps is None


@pytest.mark.parametrize("preset", ["smoke", "quick", "paper"])
def test_json_round_trip(preset):
    config = make_config("ant-medium", preset=preset, skills=7, seed=3)
    assert Config.from_json(config.to_json()) == config
    assert ("policy.steps", config.policy.steps) in settings(config)


def test_options_remake_the_configuration():
    assert options(make_config("ant-medium")) == ""
    assert options(make_config("ant-medium", preset="smoke", skills=7, seed=3)) == "--preset smoke --skills 7 --seed 3 "


def test_quick_sees_further_on_walker2d():
    walker = make_config("walker2d-medium")
    assert (walker.experts.window, walker.policy.td_steps) == (142, 6)
    assert walker.policy.discount ** (0.05 / 0.008) == pytest.approx(0.99, abs=1e-4)
    others = [make_config("ant-medium"), make_config("walker2d-medium", preset="paper")]
    others.append(make_config("walker2d-medium", mode="imitation", expert="walker2d-expert"))
    assert {(config.experts.window, config.policy.td_steps, config.policy.discount) for config in others} == {
        (1, 1, 0.99)
    }


def test_differences_name_every_setting():
    lines = differences(make_config("a/b", preset="smoke"), make_config("a/b", preset="quick"))
    assert "preset: quick there, smoke here" in lines
    assert any(line.startswith("policy.steps: 30000 there, ") for line in lines)
    assert differences(make_config("a/b"), make_config("a/b")) == []


@pytest.mark.parametrize(
    ("changes", "named"), [({"preset": "huge"}, "huge"), ({"skills": 1}, "--skills 1"), ({"seed": -4}, "--seed -4")]
)
def test_bad_values_are_named(changes, named):
    with pytest.raises(SkillsError, match=named) as caught:
        make_config("ant-medium", **changes)
    assert caught.value.exit_code == USAGE
    assert caught.value.hint


def test_another_version_is_refused():
    document = make_config("ant-medium").to_json()
    with pytest.raises(SkillsError, match="schema version 99"):
        Config.from_json({**document, "schema_version": 99})
    document.pop("reward")
    with pytest.raises(SkillsError, match="does not fit"):
        Config.from_json(document)
