"""Names: every one resolves, mistakes are told with the nearest."""

import pytest

from skills.bodies import references
from skills.data import catalog
from skills.errors import NOT_FOUND, SkillsError

BODIES = ("ant", "halfcheetah", "walker2d", "hopper")


def test_every_name_of_the_four_bodies_can_be_made_here() -> None:
    made = catalog.embedded_names()
    assert {f"{body}-{level}" for body in BODIES for level in catalog.LEVELS} <= set(made)
    assert len(catalog.LEVELS) == 7


def test_there_are_six_mazes_and_twelve_hand_sets_with_official_ids() -> None:
    ids = {name: catalog.resolve(name).official_id for name in catalog.names()}
    mazes = {name for name in ids if name.startswith("antmaze-")}
    hands = {name for name in ids if name.split("-")[0] in ("pen", "door", "hammer", "relocate")}
    assert (len(mazes), len(hands)) == (6, 12)
    assert ids["antmaze-umaze-play"] == "D4RL/antmaze/umaze-v1"
    assert ids["antmaze-large-diverse"] == "D4RL/antmaze/large-diverse-v1"
    assert ids["relocate-cloned"] == "D4RL/relocate/cloned-v2"
    assert ids["ant-medium"] == "mujoco/ant/medium-v0"
    assert ids["ant-medium-expert"] is None


def test_names_and_ids_are_all_different() -> None:
    entries = [catalog.resolve(name) for name in catalog.names()]
    ids = [minari_id for entry in entries for minari_id in entry.ids]
    assert len(set(ids)) == len(ids)
    assert len(set(catalog.names())) == len(entries)


def test_mixtures_name_their_parts() -> None:
    assert catalog.resolve("hopper-medium-replay").parts == ("random", "simple", "medium")
    assert catalog.resolve("hopper-medium").parts == ("medium",)


@pytest.mark.parametrize("minari_id", ["mujoco/ant/expert-v0", "mine/run-v3", "cartpole-test-v0", "a/b"])
def test_any_minari_id_stands_for_itself(minari_id: str) -> None:
    entry = catalog.resolve(minari_id)
    assert (entry.official_id, entry.embedded_id, entry.env_id) == (minari_id, None, None)


@pytest.mark.parametrize(
    "name", ["a/../../b-v0", "../b-v0", "/etc/x-v0", "a//b-v0", "x-v0/", "a b-v0", "x-v0\n", "./x-v0"]
)
def test_what_leads_elsewhere_stands_for_nothing(name: str) -> None:
    with pytest.raises(SkillsError, match="Unknown dataset") as caught:
        catalog.resolve(name)
    assert caught.value.exit_code == NOT_FOUND


def test_the_id_of_a_set_made_here_is_never_the_official_one() -> None:
    entry = catalog.resolve("skills/ant/medium-v0")
    assert (entry.official_id, entry.embedded_id, entry.env_id) == (None, "skills/ant/medium-v0", "Ant-v5")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("ant-medum", "ant-medium"), ("antmaze-umaze", "antmaze-umaze-play"), ("doors-human", "door-human")],
)
def test_a_mistake_is_told_with_the_nearest_name(name: str, nearest: str) -> None:
    with pytest.raises(SkillsError, match=nearest) as caught:
        catalog.resolve(name)
    assert caught.value.exit_code == NOT_FOUND


def test_every_named_environment_has_reference_returns() -> None:
    for name in catalog.names():
        low, high = references.reference_returns(str(catalog.resolve(name).env_id))
        assert low < high
    assert references.reference_returns("AntMaze_Large-v4") == (0.0, 1.0)
    with pytest.raises(SkillsError, match="no reference returns"):
        references.reference_returns("Pendulum-v1")
