"""What README.md and docs/ print: commands with options and settings that there are, links that lead somewhere."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
import typer
from typer.main import get_command

from skills.cli.app import app
from skills.plugins import LEARNERS, MAKERS, MEASURES
from skills.settings.change import settings_of
from skills.settings.config import DataConfig, ExpertsConfig, RolloutConfig

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in PAGES}
COMMAND = re.compile(r"(?:^|&& |\| |= )skills (?=[a-z])(.*)")
USAGE_ERROR: Any = typer.BadParameter.__base__  # of click, or of the copy of it that Typer has
WHERE = pytest.mark.parametrize("page", TEXTS)


def commands(text: str) -> Iterator[str]:
    """What stands behind `skills` in blocks of commands and between backticks."""
    fenced = re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)
    blocks = "\n".join([*fenced, *re.findall(r"^    (.*)", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M)])
    inline = re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
    for line in [*blocks.splitlines(), *(" ".join(one.split()) for one in inline)]:
        found = COMMAND.search(re.sub(r"\s#.*", "", line.strip()))
        if found:
            yield re.sub(r"[][]|&& .*|\.\.\.(?=\s|$)", "", found[1])


def refused(line: str) -> str | None:
    """Why the program would not take a command; None where it would. Words in capitals stand for anything."""
    command: Any = get_command(app)
    words = shlex.split(line)
    while hasattr(command, "commands"):
        if not words:
            return None
        if words[0] not in command.commands:
            return f"no command {words[0]}"
        command = command.commands[words.pop(0)]
    context = command.make_context("skills", [], resilient_parsing=True)
    context.resilient_parsing = False  # it was for an empty command; with it every option would be taken
    try:
        given, *_ = command.make_parser(context).parse_args(words)
    except USAGE_ERROR as error:
        return str(error)
    for one in command.params:
        value = given.get(one.name)
        known = choices(one)
        if known and isinstance(value, str) and not value.isupper() and value not in known:
            return f"{one.name} is none of {known}: {value}"
    return None


def choices(option: Any) -> tuple[str, ...]:
    """The words that an option or argument may be; () where it is anything."""
    if hasattr(option, "type"):  # Typer before 0.29
        return tuple(getattr(option.type, "choices", ()))
    kind = option.type_descriptor.annotation
    return get_args(kind) if get_origin(kind) is Literal else ()


@WHERE
def test_every_command_can_be_given(page: str) -> None:
    found = list(commands(TEXTS[page]))
    assert {line: why for line in found if (why := refused(line))} == {}


def test_commands_are_found_and_wrong_ones_refused() -> None:
    assert sum(len(list(commands(text))) for text in TEXTS.values()) > 150
    assert list(commands("`skills show\nRUN`")) == ["show RUN"]
    assert refused("discover ant-medium --preset quik")
    assert refused("discover ant-medium --sed 1")
    assert refused("discovr ant-medium")
    assert refused("reproduce table99")


@WHERE
def test_every_setting_that_is_named_is_there(page: str) -> None:
    named = set(re.findall(r"\b(?:data|experts|reward|policy|rollout)\.[a-z_]+(?==| = |`)", TEXTS[page]))
    files = {name for name in named if name.endswith((".py", ".md"))}
    assert sorted(named - files - SETTINGS) == []


def _settings() -> Iterator[str]:
    stages: list[tuple[str, type[Any]]] = [("data", DataConfig), ("experts", ExpertsConfig), ("rollout", RolloutConfig)]
    stages += [("reward", MAKERS.load(name)) for name in MAKERS.names()]
    stages += [("policy", LEARNERS.load(name)) for name in LEARNERS.names()]
    stages += [(name, MEASURES.load(name)) for name in MEASURES.names()]
    for stage, owner in stages:
        yield from (one.name for one in settings_of(stage, owner))


SETTINGS = {*_settings(), "policy.learner", "reward.maker"}


def anchors(text: str) -> set[str]:
    """Of a page's headings, as they are made on the web."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@WHERE
def test_every_link_leads_somewhere(page: str) -> None:
    lost = []
    for link in re.findall(r"\]\(([^)\s]+)\)", TEXTS[page]):
        if link.startswith("http"):
            continue
        name, _, anchor = link.partition("#")
        target = (ROOT / page).parent / name if name else ROOT / page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            lost.append(link)
    assert lost == []
