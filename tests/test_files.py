"""Files are whole or absent; a full disk is one clear message."""

import resource
import subprocess
import sys

import numpy as np
import pytest

from skills.errors import SkillsError
from skills.files import read_arrays, read_json, replacing, write_arrays, write_json


def test_an_error_leaves_the_old_file_and_no_trace(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"old": True})

    def fail_halfway():
        with replacing(path) as temporary:
            temporary.write_text("half a fi")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert read_json(path) == {"old": True}
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_arrays_come_back_and_have_the_same_bytes(tmp_path):
    arrays = {"x": np.arange(5, dtype=np.float32), "name": np.array("αβ")}
    write_arrays(tmp_path / "a.npz", arrays)
    write_arrays(tmp_path / "b.npz", arrays)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    loaded = read_arrays(tmp_path / "a.npz")
    np.testing.assert_array_equal(loaded["x"], arrays["x"])
    assert loaded["name"] == "αβ"


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not really", b"\x93NUMPY"])
def test_a_damaged_archive_is_named(tmp_path, content):
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(SkillsError, match=r"a\.npz is damaged"):
        read_arrays(path)


def test_pickled_arrays_are_not_read(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.array([{"a": 1}], dtype=object))
    with pytest.raises(SkillsError, match=r"Python objects \(pickle\), which are never read"):
        read_arrays(path)


def test_nan_is_not_json(tmp_path):
    with pytest.raises(ValueError, match="Out of range"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_a_file_is_writing(tmp_path):
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(SkillsError, match="Cannot write"):
        write_json(tmp_path / "taken" / "a.json", {})
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_write_that_does_not_fit_keeps_the_old_file(tmp_path):
    """A limit on the size of files stands in for the full disk: the same call fails in the same way, with OSError."""
    program = (
        "import numpy as np, resource, signal, sys; from pathlib import Path\n"
        "from skills.files import write_arrays\n"
        "from skills.errors import SkillsError\n"
        "path = Path(sys.argv[1])\n"
        "write_arrays(path, {'x': np.zeros(10)})\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))\n"
        "try: write_arrays(path, {'x': np.zeros(100_000)})\n"
        "except SkillsError as error: print(error.message)\n"
    )
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 4096
    path = tmp_path / "a.npz"
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    assert "Cannot write" in done.stdout
    assert len(read_arrays(path)["x"]) == 10
    assert [file.name for file in tmp_path.iterdir()] == ["a.npz"]
