"""What cannot be read or written, told apart: only what is damaged is called so, and nothing else is to be deleted."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import h5py
import numpy as np
import pytest
from commands import Done, skills
from files import hops, write

from skills.data import importing
from skills.data.columns import apart
from skills.data.tables import opened
from skills.data.transitions import Transitions
from skills.errors import ENVIRONMENT, FAILED, FAULT, NOT_FOUND, SkillsError
from skills.files import read_arrays, read_json
from skills.learning.engine.checkpoint import load_tensors
from skills.troubles import DamagedError, disk_of, reading, writing

NAME = "mine/hops-v0"
_PASSABLE = stat.S_IXGRP | stat.S_IXOTH
HOLDING = "import h5py, sys; file = h5py.File(sys.argv[1], 'a'); print('held', flush=True); sys.stdin.read()"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with a small dataset."""
    write(tmp_path / "hops.npz", hops())
    importing.import_file(tmp_path / "hops.npz", NAME, "Hopper-v5")
    return tmp_path


def files(home: Path) -> tuple[Path, Path]:
    """(the data, the metadata) of the dataset."""
    folder = home / "minari" / NAME / "data"
    return folder / "main_data.hdf5", folder / "metadata.json"


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Another program has the file open for writing."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        yield
        other.communicate()


@contextmanager
def barred(path: Path) -> Iterator[None]:
    """This user may not read the file; the superuser, who may read all, is somebody else for as long."""
    path.chmod(0)
    if os.geteuid() == 0:
        for folder in path.parents:  # pytest keeps its folders to their owner
            if folder.stat().st_mode & _PASSABLE != _PASSABLE:
                folder.chmod(folder.stat().st_mode | _PASSABLE)
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)
    else:
        yield


def refused(done: Done, code: int = FAILED) -> str:
    """What a command said that was refused, on one or two lines."""
    assert done.returncode == code, done.stderr
    words = done.stderr[done.stderr.index("error: ") :]
    assert len(words.splitlines()) <= 2
    return words


def test_a_set_that_another_program_writes_is_in_use_and_none_the_worse(home: Path) -> None:
    with held(files(home)[0]):
        said = refused(skills(home, "data", "show", NAME))
    assert "is in use: another program has it open for writing" in said
    assert "Nothing is wrong with it" in said
    assert skills(home, "data", "show", NAME).returncode == 0


def test_a_file_that_its_writer_left_open_is_that(home: Path) -> None:
    path = home / "hops.hdf5"
    leaving = (
        "import h5py, os, sys; file = h5py.File(sys.argv[1], 'w', libver='latest'); file['a'] = [1.0]; "
        "file.swmr_mode = True; file.flush(); os._exit(0)"  # as a killed program does
    )
    subprocess.run([sys.executable, "-c", leaving, str(path)], check=True)
    said = refused(skills(home, "data", "import", path, "--env", "Hopper-v5", "--name", "mine/b-v0"))
    assert f"{path} was left open by the program that wrote it" in said
    assert f"h5clear -s {path}" in said


def test_so_is_a_file_that_is_to_be_imported(home: Path) -> None:
    path = write(home / "hops.hdf5", hops())
    with held(path):
        said = refused(skills(home, "data", "import", path, "--env", "Hopper-v5", "--name", "mine/b-v0"))
    assert f"{path} is in use" in said


@pytest.mark.parametrize("place", [0, 1])
def test_a_set_that_this_user_may_not_read_is_that(home: Path, place: int) -> None:
    with barred(files(home)[place]), pytest.raises(SkillsError, match="cannot be read: this user is not permitted"):
        importing.minari.load(NAME, NAME, steps=None, columns="motion")


def test_what_may_not_be_read_of_a_run_is_that(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("{}")
    with barred(path), pytest.raises(SkillsError, match="not permitted") as caught:
        read_json(path)
    assert "chmod" in caught.value.hint


def filtered(path: Path, name: str) -> None:
    """Makes an array of a file one that is compressed with Zstandard, as HDF5 itself cannot."""
    with h5py.File(path, "a") as file:
        rows = file[name][()]
        del file[name]
        created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        created.set_chunk(rows.shape)
        created.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, (3,))
        kind = h5py.h5t.py_create(rows.dtype)
        made = h5py.h5d.create(file.id, name.encode(), kind, h5py.h5s.create_simple(rows.shape), created)
        made.write_direct_chunk((0,) * rows.ndim, b"(\xb5/\xfd not ours to read", 0)


@pytest.mark.skipif(find_spec("hdf5plugin") is not None, reason="the filter is installed")
def test_a_filter_that_is_not_installed_is_named(home: Path) -> None:
    path = write(home / "hops.hdf5", hops())
    filtered(path, "rewards")
    said = refused(skills(home, "data", "import", path, "--env", "Hopper-v5", "--name", "mine/b-v0"), ENVIRONMENT)
    assert "compressed with a filter that h5py does not have" in said
    assert "number 32015" in said
    assert "pip install hdf5plugin" in said
    filtered(files(home)[0], "episode_1/rewards")
    said = refused(skills(home, "data", "show", NAME), ENVIRONMENT)
    assert "number 32015" in said


def test_an_array_that_is_not_used_may_have_any_filter(home: Path) -> None:
    path = write(home / "hops.hdf5", {**hops(), "pictures": np.zeros((3, 4))})
    filtered(path, "pictures")
    assert skills(home, "data", "import", path, "--env", "Hopper-v5", "--name", "mine/b-v0").returncode == 0


def test_infos_of_python_objects_are_left_out_and_said(home: Path) -> None:
    rows = hops()
    path = home / "objects.npz"
    np.savez(path, **rows, infos=np.array([{}] * len(rows["rewards"]), object))
    done = skills(home, "data", "import", path, "--env", "Hopper-v5", "--name", "mine/b-v0")
    assert done.returncode == 0, done.stderr
    assert "Left out, not being numbers of 12 rows: infos" in done.stderr
    with opened(path) as columns:
        assert apart(columns, 3, path)["infos"] is columns["infos"]  # and are not read to be taken apart


def test_objects_that_are_asked_for_are_refused_as_objects(home: Path) -> None:
    rows = hops()
    path = home / "objects.npz"
    np.savez(path, **rows, infos=np.array([{}] * len(rows["rewards"]), object))
    done = skills(home, "data", "import", path, "--env", "Hopper-v5", "--name", "mine/b-v0", "--label", "infos")
    assert "holds Python objects (pickle), which are never read" in refused(done)


def test_what_there_is_no_memory_for_is_not_damaged() -> None:
    with pytest.raises(SkillsError, match="not enough memory to read a file") as caught, reading("a file"):
        np.empty(10**15)
    assert caught.value.exit_code == ENVIRONMENT


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    with pytest.raises(SkillsError, match=r"Cannot write .*No space left") as caught, writing(tmp_path / "a"):
        Path("/dev/full").write_text("much")
    place, _ = disk_of(tmp_path)
    assert f"The disk at {place} is full" in caught.value.hint
    assert os.path.ismount(place)
    assert tmp_path.resolve().is_relative_to(place)


def changed(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def test_a_set_of_a_newer_minari_is_told_by_the_versions(home: Path) -> None:
    import minari

    metadata = files(home)[1]
    changed(metadata, f'"minari_version": "{minari.__version__}"', '"minari_version": "9.1.0"')
    changed(metadata, '\\"type\\": \\"Box\\"', '\\"type\\": \\"Ball\\"')
    said = refused(skills(home, "data", "show", NAME), ENVIRONMENT)
    assert f"Minari 9.1.0 wrote it, and {minari.__version__} is here" in said
    assert "delete" not in said.lower()


def test_a_format_that_is_not_known_is_named(home: Path) -> None:
    changed(files(home)[1], '"data_format": "hdf5"', '"data_format": "zarr"')
    assert "kept in the format 'zarr'" in refused(skills(home, "data", "show", NAME), ENVIRONMENT)


@pytest.mark.parametrize("command", [("data", "show", NAME), ("discover", NAME, "--preset", "smoke")])
def test_a_set_of_arrow_without_pyarrow_says_what_to_install(
    home: Path, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "minari.dataset._storages.arrow_storage", raising=False)
    changed(files(home)[1], '"data_format": "hdf5"', '"data_format": "arrow"')
    said = refused(skills(home, *command), ENVIRONMENT)
    assert "pyarrow is not installed" in said
    assert "Nothing is wrong with it" in said


@pytest.mark.parametrize("spoil", ["truncated", "emptied", "other bytes"])
def test_a_damaged_set_is_damaged(home: Path, spoil: str) -> None:
    data = files(home)[0]
    data.write_bytes({"truncated": data.read_bytes()[:700], "emptied": b"", "other bytes": b"x" * 5000}[spoil])
    said = refused(skills(home, "data", "show", NAME))
    assert f"The Minari dataset {NAME} is damaged" in said
    assert "Delete it, and download, import or make it again" in said


@pytest.mark.parametrize("read", [read_json, read_arrays, load_tensors])
def test_what_is_not_there_or_a_folder_is_that(tmp_path: Path, read) -> None:
    with pytest.raises(SkillsError, match="is not there") as caught:
        read(tmp_path / "a")
    assert caught.value.exit_code == NOT_FOUND
    with pytest.raises(SkillsError, match="is a folder; a file is expected"):
        read(tmp_path)
    with pytest.raises(SkillsError, match="cannot be read: file name too long"):
        read(tmp_path / ("a" * 300))


@pytest.mark.parametrize("read", [read_json, read_arrays, load_tensors, lambda path: opened(path).__enter__()])
def test_nobody_waits_for_a_pipe(tmp_path: Path, read) -> None:
    os.mkfifo(tmp_path / "a.npz")
    (tmp_path / "device.npz").symlink_to("/dev/zero")
    for name in ("a.npz", "device.npz"):
        with pytest.raises(SkillsError, match="is no file: a pipe, a device or a socket stands there"):
            read(tmp_path / name)


def test_nor_for_one_in_the_place_of_a_set(home: Path) -> None:
    data, metadata = files(home)
    data.unlink()
    os.mkfifo(data)
    assert "a pipe, a device or a socket stands there" in refused(skills(home, "data", "show", NAME))
    metadata.unlink()
    os.mkfifo(metadata)
    assert "not on this machine yet" in skills(home, "data", "show", NAME).stdout
    os.mkfifo(home / "x.hdf5")
    done = skills(home, "data", "import", home / "x.hdf5", "--env", "Hopper-v5", "--name", "mine/x-v0")
    assert "a pipe, a device or a socket stands there" in refused(done)


def test_a_fault_of_this_program_is_none_of_the_file() -> None:
    with pytest.raises(AttributeError), reading("a file"):
        Transitions.rows_of(None, [])  # type: ignore[arg-type]  # a fault, raised in this program's own code
    with pytest.raises(SkillsError, match="a file is damaged: short"), reading("a file"):
        raise DamagedError("short")


def test_a_fault_is_one_line_how_to_report_it_and_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from skills.runs import folder

    monkeypatch.setattr(folder, "all_paths", lambda: 1 // 0)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    done = skills(tmp_path, "list")
    words = refused(done, FAULT)
    assert words.startswith("error: This is a fault of skills itself: ZeroDivisionError")
    assert "in skills.cli.list line" in words
    (account,) = tmp_path.glob("skills-fault-*.txt")
    assert str(account) in words
    assert "Traceback (most recent call last)" in account.read_text()
    assert "command: " in account.read_text()


def test_a_fault_that_cannot_be_saved_is_told_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from skills.runs import folder

    monkeypatch.setattr(folder, "all_paths", lambda: 1 // 0)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    assert "There is nowhere to save its traceback" in refused(skills(tmp_path, "list"), FAULT)


def test_a_file_of_thousands_of_demonstrations_is_said_in_ten_lines(home: Path) -> None:
    path = home / "nested.hdf5"
    with h5py.File(path, "w") as file:
        for number in range(1500):
            for name in ("obs", "actions"):
                file.create_dataset(f"data/demonstration_{number}_of_a_long_name/{name}", data=np.zeros((2, 3)))
    done = skills(home, "data", "import", path, "--env", "Hopper-v5", "--name", "mine/b-v0")
    assert "It keeps 1,500 demonstrations apart" in refused(done)
    assert len(done.stderr) < 1500


def test_an_error_of_any_length_is_ten_lines() -> None:
    from skills.cli import console

    text = console.brief("\n".join("much " * 1000 for _ in range(500)), 7)
    assert len(text.splitlines()) == 7
    assert len(text) < 7 * 900
    assert text.endswith("... and 494 lines more")
