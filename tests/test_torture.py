"""The torture tells right from wrong: each outcome is made here, from commands and files whose truth is known."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from files import hops, write

from skills.data import importing
from skills.data.minari_root import minari_root
from tests.torture.all import PARTS, attacks
from tests.torture.attack import dice
from tests.torture.crafted import CRAFTED
from tests.torture.damage import DAMAGES
from tests.torture.judge import Outcome, judge
from tests.torture.places import new_place
from tests.torture.plain import wrong_about_rows
from tests.torture.runner import Ended, Running
from tests.torture.same import differences, digests


def ended(code: int | None, err: str = "", out: str = "", left: tuple[str, ...] = ()) -> Ended:
    return Ended(code, out, err, 1.0, left)


def right() -> None:
    return None


@pytest.mark.parametrize(
    ("what", "wrong", "leftovers", "outcome"),
    [
        (ended(0), right, [], Outcome.RIGHT),
        (ended(0), lambda: "a number is another", [], Outcome.WRONG),
        (ended(0), right, ["tmp/x"], Outcome.LEFT),
        (ended(1, "error: it is damaged.\n"), right, [], Outcome.NAMED),
        (ended(1, "error: it is damaged.\n"), right, ["runs/a"], Outcome.LEFT),
        (ended(1, "error: a\n", left=("python worker",)), right, [], Outcome.LEFT),
        (ended(1, "it did not work\n"), right, [], Outcome.TRACEBACK),
        (ended(1, ""), right, [], Outcome.TRACEBACK),
        (ended(1, "error: " + "x" * 300_000), right, [], Outcome.TRACEBACK),
        (ended(1, "Traceback (most recent call last):\n"), right, [], Outcome.TRACEBACK),
        (ended(70, "error: This is a fault of skills itself: KeyError.\n"), right, [], Outcome.TRACEBACK),
        (ended(-11, "error: a\n"), right, [], Outcome.TRACEBACK),
        (ended(None), right, [], Outcome.HANG),
        (ended(0, out="\x1b[2J"), right, [], Outcome.WRONG),
    ],
)
def test_an_outcome_is_what_was_seen(what, wrong, leftovers, outcome) -> None:
    assert judge(what, wrong, leftovers).outcome is outcome


def test_a_command_that_hangs_and_a_child_that_outlives_it_are_seen(tmp_path: Path, monkeypatch) -> None:
    child = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
    monkeypatch.setattr("tests.torture.runner._GRACE", 0.5)
    for code, words in (("left", child), ("hangs", "import time; time.sleep(60)")):
        monkeypatch.setattr("tests.torture.runner.COMMAND", [sys.executable, "-c", words])
        place = new_place(tmp_path / code, 20.0)
        seen = Running(place.path, (), place.variables(), forked=False).end(1.0 if code == "hangs" else 20.0)
        assert (seen.code is None) == (code == "hangs")
        assert bool(seen.left) == (code == "left")
        assert not subprocess.run(["pgrep", "-f", str(tmp_path)], capture_output=True, text=True, check=False).stdout


def test_a_forked_command_is_the_command(tmp_path: Path) -> None:
    place = new_place(tmp_path / "place", 120.0)
    seen = place.run("list", "--json")
    assert (seen.code, seen.err) == (0, "")
    assert json.loads(seen.out)["runs"] == []
    running = place.start("data", "make", "ant-medium", "--steps", "1000000", "-q")
    while running.work() < 0.05:
        time.sleep(0.01)
    assert running.send(signal.SIGKILL)
    assert running.end(20.0).code == -signal.SIGKILL


def test_times_are_no_difference_and_a_bit_is(tmp_path: Path) -> None:
    for name, seconds in (("a", 1.5), ("b", 2.5)):
        (tmp_path / name).mkdir()
        manifest = {"created": name, "stages": {"rewards": {"seconds": seconds, "files": {}}}}
        (tmp_path / name / "manifest.json").write_text(json.dumps(manifest))
        (tmp_path / name / "x.npz").write_bytes(b"abc")
    known = digests(tmp_path / "a")
    assert differences(digests(tmp_path / "b"), known) is None
    (tmp_path / "b" / "x.npz").write_bytes(b"abb")
    (tmp_path / "b" / "y").touch()
    assert differences(digests(tmp_path / "b"), known) == "other: x.npz; too much: y"


def test_a_number_that_is_stored_otherwise_is_seen(tmp_path: Path) -> None:
    file = write(tmp_path / "rows.npz", hops())
    importing.import_file(file, "mine/rows-v0", "Hopper-v5")
    stored = minari_root() / "mine" / "rows-v0" / "data" / "main_data.hdf5"
    assert wrong_about_rows(stored, file) is None
    arrays = hops()
    arrays["rewards"][7] += 0.5
    assert "rewards is stored otherwise at row 7" in str(wrong_about_rows(stored, write(file, arrays)))
    file.write_bytes(b"PK")
    assert wrong_about_rows(stored, file) == "it is imported, and cannot be read"


@pytest.mark.parametrize("kind", DAMAGES)
def test_damage_is_damage_and_the_same_for_the_same_seed(kind: str) -> None:
    content = np.random.default_rng(0).bytes(3000)
    spoilt = [DAMAGES[kind](content, dice(seed, kind)) for seed in (1, 1, 2)]
    assert spoilt[0] == spoilt[1] != content
    assert kind == "emptied" or spoilt[2] != spoilt[1]


@pytest.mark.parametrize("suffix", [".npz", ".hdf5"])
def test_crafted_files_are_made_and_are_others(tmp_path: Path, suffix: str) -> None:
    for number, (kind, craft) in enumerate(CRAFTED[suffix].items()):
        file = write(tmp_path / f"{number}{suffix}", hops())
        before = file.read_bytes()
        craft(file, dice(1, kind))
        assert file.read_bytes() != before, kind
    assert not (tmp_path / "executed").exists()


def test_as_many_attacks_as_were_promised_and_the_same_for_the_same_seed() -> None:
    counts = {name: part.count for name, part in PARTS.items()}
    made = attacks(counts, 1)
    assert counts == {"kills": 100, "damage": 300, "hostile": 150, "hub": 33, "disks": 45}
    assert {name: sum(attack.part == name for attack in made) for name in counts} == counts
    assert made == attacks(counts, 1) != attacks(counts, 2)
