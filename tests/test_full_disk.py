"""A disk that is full while a dataset is written: one message that names the disk, no crash, nothing left.

HDF5 of its own ends the process there with a segmentation fault.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from files import LENGTHS, ROWS, hops, write

from skills.data import room
from skills.data.importing import import_file
from skills.data.minari import load

NAME = "mine/hops-v0"
COPIES = 300  # of the hops: 3,600 rows, about a megabyte
LIMITED = """
import resource, signal, sys
from pathlib import Path
from skills.data.importing import import_file
from skills.errors import SkillsError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
if int(sys.argv[2]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    import_file(Path(sys.argv[1]), sys.argv[3], "Hopper-v5")
except SkillsError as error:
    print(error)
"""


@pytest.fixture
def hopping(tmp_path: Path) -> Path:
    """A file of many hops."""
    return write(tmp_path / "hops.npz", {name: np.concatenate([array] * COPIES) for name, array in hops().items()})


def imported(file: Path, limit: int, **places: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", LIMITED, str(file), str(limit), NAME]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | places, check=False)


def left(root: Path) -> list[str]:
    return [path.name for path in root.rglob("*") if path.is_file() and path.suffix != ".lock"]


@pytest.mark.parametrize("limit", [2_000, 300_000])
def test_a_write_that_fails_anywhere_is_told(tmp_path: Path, hopping: Path, limit: int) -> None:
    """A limit on the size of files stands in for the full disk: the same call of HDF5's fails."""
    done = imported(hopping, limit)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Cannot write" in done.stdout
    assert left(tmp_path / "minari") == []
    assert imported(hopping, 0).stdout == ""
    read = load(NAME, "hops", steps=None, columns="all")
    assert len(read) == COPIES * ROWS
    np.testing.assert_array_equal(read.observations[-LENGTHS[-1] :], hops()["observations"][-LENGTHS[-1] :])


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts disks of a size."""
    mounted = []

    def mount(size: str) -> Path:
        place = tmp_path / f"disk-{size}"
        place.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], capture_output=True)
        if done.returncode:
            pytest.skip("only root may mount a disk")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", "-l", place], check=True)


def test_a_full_disk_is_named(hopping: Path, disk: Callable[[str], Path]) -> None:
    """On the first there is no room to begin with; on the second there seems to be."""
    for size, said in (("8k", "MB are free on the disk at "), ("600k", "The disk at ")):
        place = disk(size)
        done = imported(hopping, 0, MINARI_DATASETS_PATH=str(place))
        assert (done.returncode, done.stderr) == (0, "")
        assert f"{said}{place}" in done.stdout
        assert left(place) == []


def test_an_interrupt_inside_hdf5_waits_for_the_end_of_an_episode(
    tmp_path: Path, hopping: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background inherits that it is ignored
    write_whole = room._Through.write

    def interrupted(through: room._Through, content: bytes) -> int:
        signal.raise_signal(signal.SIGINT)  # as Ctrl-C in the middle of a write
        return write_whole(through, content)

    monkeypatch.setattr(room._Through, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        import_file(hopping, NAME, "Hopper-v5")
    assert "ignored" not in capfd.readouterr().err
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_where_python_can_raise_nothing_comes_again() -> None:
    program = (
        "import signal\nfrom skills.cli import app\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\napp._heed_ends()\n"
        "class Deaf:\n    def __del__(self): raise KeyboardInterrupt\n"
        "try:\n    one = Deaf()\n    del one\n    for _ in range(10**6): pass\n    print('lost')\n"
        "except KeyboardInterrupt:\n    print('heard')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("heard\n", "")
