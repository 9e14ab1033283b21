"""Configurations: presets, checks, JSON, differences."""

import pytest

from skills.errors import USAGE, SkillsError
from skills.runs.configure import make_config
from skills.settings.config import Config, differences, settings


@pytest.mark.parametrize("preset", ["smoke", "quick", "paper"])
def test_json_round_trip(preset):
    config = make_config("ant-medium", preset=preset, skills=7, seed=3)
    assert Config.from_json(config.to_json()) == config
    assert ("policy.steps", config.policy.steps) in settings(config)


def test_differences_name_every_setting():
    lines = differences(make_config("a/b", preset="smoke"), make_config("a/b", preset="quick"))
    assert "preset: quick there, smoke here" in lines
    assert any(line.startswith("policy.steps: 3000 there, ") for line in lines)
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
