"""What people's files call things reaches the terminal as words, never as commands to it."""

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from commands import skills
from files import ROWS, hops, write
from rich.table import Table

from skills.cli import console, reporting
from skills.data import importing
from skills.data.minari_root import minari_root
from skills.errors import SkillsError
from skills.printable import printable

ROOT = Path(__file__).parents[1]
HOSTILE = {
    "colour": "\x1b[31mred",
    "title": "\x1b]0;title\x07",
    "return": "over\rwritten",
    "bell": "\a",
    "backspaces": "\b\b\b",
    "C1": "\x9b31m",
    "next line": "\x85",
    "bidi": "\u202egnp.exe",
    "isolate": "\u2066abc\u2069",
    "line separator": "\u2028",
    "zero width": "a\u200bb",
    "tag": "\U000e0041",
    "no encoding": "\udc9b",
    "delete": "\x7f",
}
NAME = "other/hops-v0"


def obeyed(text: str) -> list[str]:
    """The characters of a text that a terminal obeys or that cannot be seen."""
    return [one for one in text if one not in "\n\t" and not one.isprintable() and not one.isspace()] + re.findall(
        "[\r\x85\u2028\u2029\x0b\x0c\x1c-\x1f]", text
    )


@pytest.mark.parametrize("what", HOSTILE)
def test_what_a_terminal_obeys_is_shown(what: str) -> None:
    shown = printable(HOSTILE[what])
    assert obeyed(HOSTILE[what])
    assert not obeyed(shown)
    assert json.loads(f'"{shown}"') == HOSTILE[what]


@pytest.mark.parametrize(
    "text", ["", "runs/ant-medium", "Größe 1 → 2 █", "mañana", "ندارد می‌خواهم", "a\tb\nc", r"\u001b"]
)
def test_words_stay_as_they_are(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize("what", HOSTILE)
def test_errors_are_of_words(what: str) -> None:
    error = SkillsError(f"No array {HOSTILE[what]}.", f"It has {HOSTILE[what]}.")
    assert not obeyed(str(error))


@pytest.mark.parametrize("what", HOSTILE)
@pytest.mark.parametrize("terminal", [True, False])
def test_tables_lines_and_bars_are_of_words(monkeypatch: pytest.MonkeyPatch, what: str, terminal: bool) -> None:
    streams = io.StringIO(), io.StringIO()
    for stream in streams:
        stream.isatty = lambda: terminal  # type: ignore[method-assign]
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout", streams[0])
    monkeypatch.setattr("sys.stderr", streams[1])
    console.reset()
    text = f"name {HOSTILE[what]} end"
    table = Table(text)
    table.add_row(text)
    for shown in (table, console.pairs([(text, text)])):
        console.show(shown)
    console.line(text)
    console.document({text: text})
    console.say(text)
    console.error(SkillsError(text, text))
    with reporting.bars() as report:
        report(text, text)(1, 2)
    console.reset()
    written = "".join(stream.getvalue() for stream in streams)
    of_rich = re.compile(r"\r?\x1b\[[0-9;?]*[A-Za-z]")  # colours, and what moves the cursor to draw a bar again
    assert not obeyed(of_rich.sub("", written))
    assert "\x1b[31mred" not in written


@pytest.mark.parametrize("suffix", [".hdf5", ".npz"])
def test_names_in_a_file_are_told_as_words(tmp_path: Path, suffix: str) -> None:
    name = "\x1b[31mred\r\u202e\a"
    path = write(tmp_path / f"hops{suffix}", {**hops(), name: np.zeros(7), f"{name}2": np.zeros(ROWS)})
    done = skills(tmp_path, "data", "import", path, "--env", "Hopper-v5", "--name", NAME)
    assert "red" in done.stderr
    shown = skills(tmp_path, "data", "show", NAME)
    told = skills(tmp_path, "data", "show", NAME, "--json")
    assert (done.returncode, shown.returncode, told.returncode) == (0, 0, 0)
    assert f"infos/{name}2" in [column["name"] for column in json.loads(told.stdout)["local"][0]["columns"]]
    missing = write(tmp_path / f"b{suffix}", {name: np.zeros(7)})
    refused = skills(tmp_path, "data", "import", missing, "--env", "Hopper-v5", "--name", "other/b-v0")
    assert "has no array 'observations'" in refused.stderr
    for one in (done, shown, told, refused):
        assert not obeyed(one.stdout + one.stderr)


def test_what_a_dataset_says_of_itself_is_told_as_words(tmp_path: Path) -> None:
    importing.import_file(write(tmp_path / "hops.npz", hops()), NAME, "Hopper-v5")
    path = minari_root() / NAME / "data" / "metadata.json"
    said = "".join(HOSTILE.values())
    metadata = {**json.loads(path.read_text()), "description": said, "license": said}
    path.write_text(json.dumps(metadata))
    for arguments in (("data", "show", NAME), ("data", "show", NAME, "--json"), ("data", "list")):
        done = skills(tmp_path, *arguments)
        assert done.returncode == 0
        assert not obeyed(done.stdout + done.stderr)


def test_the_command_line_prints_in_one_place() -> None:
    writers = re.compile(r"\bprint\(|typer\.(secho|echo)|\.write\(|Console\(")
    found = [path.name for path in (ROOT / "cli").rglob("*.py") if writers.search(path.read_text(encoding="utf-8"))]
    assert sorted(found) == ["console.py", "fault.py"]  # the last resort writes where no console may be
