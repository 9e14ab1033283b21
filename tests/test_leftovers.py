"""What killed processes leave is cleared by the next, and what they had finished is known."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from files import ROWS, hops, write

from skills.data.importing import import_file
from skills.data.minari import load
from skills.errors import USAGE, SkillsError
from skills.files import clear_leftovers

IMPORT = """
import os, signal, sys
from pathlib import Path
from skills.data import store
from skills.data.importing import import_file

def die(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[3] == "end":
    install = store.install
    store.install = lambda *arguments: (install(*arguments), die())
import_file(Path(sys.argv[1]), sys.argv[2], "Hopper-v5", progress=die if sys.argv[3] == "middle" else lambda *_: None)
"""


def killed(file: Path, minari_id: str, where: str) -> None:
    """Imports a file in a process that is killed there."""
    done = subprocess.run([sys.executable, "-c", IMPORT, str(file), minari_id, where], check=False)
    assert done.returncode == -signal.SIGKILL


def half_made(root: Path) -> list[Path]:
    return [path for path in (root / ".skills").rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_a_half_written_set_is_cleared_by_the_next_of_any_name(tmp_path: Path) -> None:
    file = write(tmp_path / "hops.npz", hops())
    killed(file, "mine/a-v0", "middle")
    assert half_made(tmp_path / "minari")
    import_file(file, "mine/b-v0", "Hopper-v5")
    assert half_made(tmp_path / "minari") == []
    import_file(file, "mine/a-v0", "Hopper-v5")
    assert len(load("mine/a-v0", "a", steps=None, columns="all")) == ROWS


def test_an_import_that_was_killed_at_its_end_is_known(tmp_path: Path) -> None:
    file = write(tmp_path / "hops.npz", hops())
    killed(file, "mine/a-v0", "end")
    said: list[str] = []
    import_file(file, "mine/a-v0", "Hopper-v5", notify=said.append)
    assert said == ["mine/a-v0 is there already: it was made of this very file, in this way."]
    other = write(tmp_path / "other.npz", hops(seed=1))
    for path, options in ((other, {}), (file, {"clip": True})):
        with pytest.raises(SkillsError, match="There is a dataset mine/a-v0 already") as caught:
            import_file(path, "mine/a-v0", "Hopper-v5", **options)
        assert caught.value.exit_code == USAGE
    assert half_made(tmp_path / "minari") == []


def test_only_what_the_dead_have_left_is_cleared(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead, alive = tmp_path / f".table.{ended.pid}.partial.json", tmp_path / f".table.{os.getppid()}.partial.json"
    for path in (dead, alive, tmp_path / "table.json"):
        path.touch()
    clear_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([alive.name, "table.json"])
