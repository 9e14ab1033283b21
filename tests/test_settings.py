"""Settings: what each means, what it may be, and that what is given by name comes back as it was given."""

import ast
import json
import re
import shlex
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from skills.cli.app import app
from skills.cli.options import given_settings
from skills.errors import USAGE, SkillsError
from skills.measures.judged import measures
from skills.plugins import LEARNERS, MAKERS, MEASURES
from skills.runs.command import command
from skills.runs.configure import make_config
from skills.settings.change import Setting, changed, settings_of, with_settings
from skills.settings.config import Config, DataConfig, ExpertsConfig, RolloutConfig, settings

ROOT = Path(__file__).parents[1]
STAGES = {"data": DataConfig, "experts": ExpertsConfig, "rollout": RolloutConfig}
OWNERS = [*STAGES.items()]
OWNERS += [("reward", MAKERS.load(name)) for name in MAKERS.names()]
OWNERS += [("policy", LEARNERS.load(name)) for name in LEARNERS.names()]
OWNERS += [(name, MEASURES.load(name)) for name in MEASURES.names()]
ALL = [(owner, one) for stage, owner in OWNERS for one in settings_of(stage, owner)]


def values(one: Setting) -> st.SearchStrategy[Any]:
    """Every value that a setting may have."""
    kinds = get_args(one.kind) if NoneType in get_args(one.kind) else (one.kind,)
    return st.one_of(*(_values(kind, one.lowest) for kind in kinds))


def _values(kind: Any, lowest: float) -> st.SearchStrategy[Any]:
    if get_origin(kind) is Literal:
        return st.sampled_from(get_args(kind))
    if get_origin(kind) is tuple:
        return st.lists(st.integers(0, 10**6), min_size=1, max_size=4).map(tuple)
    found: dict[Any, st.SearchStrategy[Any]] = {
        bool: st.booleans(),
        int: st.integers(int(lowest) if lowest > 0 else 0, 10**9),
        float: st.floats(max(lowest, -1e30), 1e30),
        str: st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1).filter(
            lambda text: text != "none"
        ),
        NoneType: st.none(),
    }
    return found[kind]


@pytest.mark.parametrize(("owner", "one"), ALL, ids=[f"{owner.__name__}-{one.name}" for owner, one in ALL])
def test_every_setting_has_a_meaning_and_a_default_that_it_may_have(owner: type, one: Setting) -> None:
    assert len(one.meaning) > 1
    assert one.may_be
    stage, name = one.name.split(".")
    assert getattr(changed({stage: owner()}, {one.name: one.default})[stage], name) == one.default


@given(data=st.data())
def test_what_is_set_comes_back_through_json_and_the_command_line(data: st.DataObject) -> None:
    config = make_config("ant-medium")
    known = [one for name in ("data", "experts", "reward", "policy", "rollout")
             for one in settings_of(name, type(getattr(config, name)))]  # fmt: skip
    # Of an expert there is nothing to say where there are many, nor of a window where classes are of strides; lambda
    # has an option of its own.
    unsaid = ("experts.expert", "experts.episodes", "experts.trajectories", "experts.window")
    known = [one for one in known if one.name not in unsaid]
    chosen = data.draw(st.lists(st.sampled_from(known), unique_by=lambda one: one.name, max_size=4))
    changes = {one.name: data.draw(values(one), label=one.name) for one in chosen}
    made = with_settings(config, changes)
    assert {name: value for name, value in settings(made) if name in changes} == changes
    assert Config.from_json(json.loads(json.dumps(made.to_json()))) == made
    assert _remade(command(made, Path("runs/it"))) == made


def _remade(line: str) -> Config:
    """The configuration of a command, as the command line understands it."""
    program, discover, dataset, *options = shlex.split(line)
    assert (program, discover) == ("skills", "discover")
    pairs = list(zip(options[::2], options[1::2], strict=True))
    given = dict(pairs)
    return make_config(
        dataset,
        preset=given.get("--preset", "quick"),
        trunk=given.get("--policy", "shared"),
        learner=given.get("--learner"),
        skills="auto" if given.get("--skills") == "auto" else None,
        calibration=float(given["--lambda"]) if "--lambda" in given else None,
        env=given.get("--env"),
        set=given_settings([value for option, value in pairs if option == "--set"]),
    )


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("policy.trunk", "independent", "independent"),
        ("policy.steps", "5000", 5000),
        ("policy.reward_shift", "-1.5", -1.5),
        ("reward.learning_rate", "1e-3", 1e-3),
        ("reward.scaled", "false", False),
        ("rollout.noise", "true", True),
        ("data.steps", "none", None),
        ("data.steps", "7", 7),
        ("rollout.task", "none", None),
        ("rollout.task", "evaluation", "evaluation"),
        ("experts.episodes", "0,17", (0, 17)),
        ("experts.episodes", [3], (3,)),
    ],
)
def test_text_becomes_what_the_setting_is(name: str, text: Any, value: Any) -> None:
    stage, own = name.split(".")
    found = getattr(getattr(with_settings(make_config("ant-medium"), {name: text}), stage), own)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "value", "possible"),
    [
        ("policy.steps", "many", "a whole number, 1 or more"),
        ("policy.steps", "0", "a whole number, 1 or more"),
        ("policy.steps", 2.5, "a whole number, 1 or more"),
        ("policy.steps", True, "a whole number, 1 or more"),
        ("policy.steps", float("inf"), "a whole number, 1 or more"),
        ("policy.steps", None, "a whole number, 1 or more"),
        ("policy.discount", "nan", "a number, 0 or more"),
        ("policy.discount", "-0.5", "a number, 0 or more"),
        ("policy.reward_shift", "inf", "a number"),
        ("policy.reward_shift", "1e999", "a number"),
        ("reward.scaled", "maybe", "true or false"),
        ("reward.scaled", 1, "true or false"),
        ("reward.scaled", [True], "true or false"),
        ("policy.trunk", "both", "shared or independent"),
        ("data.steps", "-3", "a whole number, 1 or more or none"),
        ("experts.episodes", "1,x", "whole numbers, as 0,3,17 or none"),
        ("experts.episodes", (-1,), "whole numbers, as 0,3,17 or none"),
        ("experts.episodes", 4, "whole numbers, as 0,3,17 or none"),
        ("rollout.task", 4, "text or none"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_possible(name: str, value: Any, possible: str) -> None:
    with pytest.raises(SkillsError) as caught:
        with_settings(make_config("ant-medium"), {name: value})
    assert caught.value.message == f"{name}={value} is not possible."
    assert caught.value.hint == f"It must be {possible}."
    assert caught.value.exit_code == USAGE


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("policy.step", "policy.steps"),
        ("rewards.temperature", "reward.temperature"),
        ("experts.windows", "experts.window"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(name: str, meant: str) -> None:
    with pytest.raises(SkillsError, match=f"Unknown setting '{re.escape(name)}'") as caught:
        make_config("ant-medium", set={name: 1})
    assert meant in caught.value.hint
    assert "skills show --settings" in caught.value.hint
    assert caught.value.exit_code == USAGE


def test_a_setting_needs_a_value() -> None:
    with pytest.raises(SkillsError, match=r"--set policy\.steps sets nothing") as caught:
        given_settings(["policy.steps"])
    assert caught.value.exit_code == USAGE
    assert given_settings([" policy.steps = 3", "rollout.task=a=b"]) == {"policy.steps": "3", "rollout.task": "a=b"}


def _errors() -> Iterator[tuple[str, str]]:
    """(where, what is said) of every SkillsError of the repository."""
    for path in sorted(path for room in ("skills", "cli", "videos") for path in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "SkillsError":
                parts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
                yield f"{path}:{node.lineno}", " ".join(part for part in parts if isinstance(part, str))


def test_errors_ask_only_for_settings_and_options_that_can_be_given() -> None:
    known = {one.name for _, one in ALL}
    stages = "|".join({name.split(".")[0] for name in known})
    options = set(chain.from_iterable(_options(typer.main.get_command(app))))
    asked = list(_errors())
    assert len(asked) > 100
    for where, text in asked:
        for name in re.findall(rf"\b(?:{stages})\.[a-z_]+(?=[ =,.])", text):
            assert name in known, f"{where} asks for the setting {name}"
        for option in re.findall(r"--[a-z][a-z-]*", text):
            assert option in options, f"{where} asks for the option {option}"


def _options(command: Any) -> Iterator[list[str]]:
    for parameter in command.params:
        yield [*parameter.opts, *parameter.secondary_opts]
    for inner in getattr(command, "commands", {}).values():
        yield from _options(inner)


def test_settings_of_measures_are_listed_by_the_names_that_evaluate_takes() -> None:
    owners = [(name, MEASURES.load(name)) for name in MEASURES.names()]
    named = {one.name: one.default for owner in owners for one in settings_of(*owner)}
    assert named
    assert measures({name: str(value) for name, value in named.items()}) == measures()
