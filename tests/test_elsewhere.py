"""Files whose numbers are somewhere else, or more than there is memory for, are refused before they are read."""

import io
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from files import ROWS, hops, write

from skills import memory
from skills.data import importing
from skills.data import minari as reader
from skills.data.about import about
from skills.data.minari_root import minari_root
from skills.errors import ENVIRONMENT, SkillsError
from skills.files import read_arrays

NAME = "other/hops-v0"
MB = 1 << 20


def kept_outside(group: h5py.Group, name: str, private: Path) -> None:
    """An array whose numbers are the bytes of another file."""
    size = private.stat().st_size
    group.create_dataset(name, (size,), "u1", external=[(str(private), 0, size)])


def of_pieces(group: h5py.Group, name: str, private: Path) -> None:
    layout = h5py.VirtualLayout((ROWS, 11), "f8")
    layout[:] = h5py.VirtualSource(str(private.with_suffix(".hdf5")), "secret", (ROWS, 11))
    group.create_virtual_dataset(name, layout, fillvalue=0)


def linked(group: h5py.Group, name: str, private: Path) -> None:
    group[name] = h5py.ExternalLink(str(private.with_suffix(".hdf5")), "/secret")


def group_linked(group: h5py.Group, name: str, private: Path) -> None:
    group[name] = h5py.ExternalLink(str(private.with_suffix(".hdf5")), "/")


ELSEWHERE: dict[str, tuple[Callable[[h5py.Group, str, Path], None], str]] = {
    "external storage": (kept_outside, "keeps its numbers in another file"),
    "virtual": (of_pieces, "is made of pieces of other files"),
    "external link": (linked, "is a link to somewhere else"),
    "external link to a group": (group_linked, "is a link to somewhere else"),
}


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A file of bytes, and one of HDF5 beside it, that no dataset may hold."""
    path = tmp_path / "private.bin"
    path.write_bytes(b"password" * 88)
    with h5py.File(path.with_suffix(".hdf5"), "w") as file:
        file["secret"] = np.full((ROWS, 11), 42.0)
    return path


@pytest.mark.parametrize("name", ["observations", "infos/deep/qpos"])
@pytest.mark.parametrize("what", ELSEWHERE)
def test_an_import_takes_nothing_from_elsewhere(tmp_path: Path, private: Path, what: str, name: str) -> None:
    add, message = ELSEWHERE[what]
    arrays = {kept: array for kept, array in hops().items() if kept not in (name, "next_observations")}
    path = write(tmp_path / "hops.hdf5", arrays)
    with h5py.File(path, "a") as file:
        add(file, name, private)
    with pytest.raises(SkillsError, match=f"{name} in .*hops.hdf5 {message}.*It was not read"):
        importing.import_file(path, NAME, "Hopper-v5")
    assert not list(minari_root().rglob("*.hdf5"))


@pytest.mark.parametrize("name", ["observations", "rewards", "infos/deep/qpos"])
@pytest.mark.parametrize("what", ELSEWHERE)
def test_a_dataset_is_read_from_itself_alone(tmp_path: Path, private: Path, what: str, name: str) -> None:
    add, message = ELSEWHERE[what]
    importing.import_file(write(tmp_path / "hops.npz", hops()), NAME, "Hopper-v5")
    with h5py.File(minari_root() / NAME / "data" / "main_data.hdf5", "a") as file:
        if name in file["episode_1"]:
            del file["episode_1"][name]
        add(file["episode_1"], name, private)
    with pytest.raises(SkillsError, match=f"{name} in episode_1 of {NAME} {message}"):
        about(NAME)
    with pytest.raises(SkillsError, match=f"{name} in episode_1 of {NAME} {message}"):
        reader.load(NAME, NAME, steps=None, columns="motion")


@pytest.mark.parametrize("link", [h5py.SoftLink("/episode_0"), h5py.ExternalLink("private.hdf5", "/")])
def test_an_episode_that_is_a_link_is_not_read(tmp_path: Path, link: object) -> None:
    importing.import_file(write(tmp_path / "hops.npz", hops()), NAME, "Hopper-v5")
    with h5py.File(minari_root() / NAME / "data" / "main_data.hdf5", "a") as file:
        del file["episode_1"]
        file["episode_1"] = link
    with pytest.raises(SkillsError, match=f"episode_1 in {NAME} is a link to somewhere else"):
        about(NAME)


def test_groups_in_a_circle_are_read_once(tmp_path: Path) -> None:
    path = write(tmp_path / "hops.hdf5", hops())
    with h5py.File(path, "a") as file:
        file.create_group("around")["again"] = file["/"]
        file["alias"] = h5py.SoftLink("/observations")
    importing.import_file(path, NAME, "Hopper-v5")
    assert about(NAME).steps == ROWS


def zeros(rows: int, lie: int | None = None, name: str = "notes") -> tuple[str, bytes, int]:
    """(name, header, bytes that follow) of an array of zeros [rows, 11] in float64.   lie: the rows it claims."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (lie or rows, 11)})
    return f"{name}.npy", header.getvalue(), rows * 11 * 8


def add_zeros(path: Path, rows: int, lie: int | None = None, name: str = "notes") -> None:
    """Adds an array of zeros to an archive, compressed to a thousandth."""
    member, header, count = zeros(rows, lie, name)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive, archive.open(member, "w") as out:
        out.write(header)
        for _ in range(count // MB):
            out.write(bytes(MB))
        out.write(bytes(count % MB))


def test_members_that_are_not_used_are_not_read(tmp_path: Path) -> None:
    path = write(tmp_path / "hops.npz", hops())
    add_zeros(path, 2_000_000)
    said: list[str] = []
    tracemalloc.start()
    importing.import_file(path, NAME, "Hopper-v5", notify=said.append)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50 * MB  # of the 168 that the other array would take
    assert said[:-1] == [f"Left out, not being numbers of {ROWS} rows: notes."]


def test_objects_that_are_not_used_are_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "hops.npz", {**hops(), "infos": np.array([{}] * ROWS, object)})
    said: list[str] = []
    importing.import_file(path, NAME, "Hopper-v5", notify=said.append)
    assert said[:-1] == [f"Left out, not being numbers of {ROWS} rows: infos."]


def test_a_member_that_is_larger_than_the_memory_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "big.npz", {name: array for name, array in hops().items() if "obs" not in name})
    add_zeros(path, 1_000_000, name="observations")
    add_zeros(path, 1_000_000, name="actions2")
    monkeypatch.setattr(memory, "free_memory", lambda: 80 * MB)
    with pytest.raises(SkillsError, match=r"observations.npy of .*big.npz takes 0.1 GB of memory, and 0.1 GB are free"):
        read_arrays(path)


@pytest.mark.parametrize("lie", [10**12, ROWS + 1, 1])
def test_a_header_that_says_another_size_is_damage(tmp_path: Path, lie: int) -> None:
    arrays = {name: array for name, array in hops().items() if name != "observations"}
    path = write(tmp_path / "lie.npz", arrays)
    add_zeros(path, ROWS, lie, "observations")
    with pytest.raises(SkillsError, match="says that it is float64"):
        importing.import_file(path, NAME, "Hopper-v5")
    with pytest.raises(SkillsError, match="is damaged"):
        read_arrays(path)


def test_a_directory_that_says_more_than_can_be_compressed_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "lie.npz"
    member, header, count = zeros(10_000_000)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, header)
    told, true = ((len(header) + more).to_bytes(4, "little") for more in (count, 0))
    path.write_bytes(path.read_bytes().replace(true, told))
    with pytest.raises(SkillsError, match=r"880,000,\d+ are said to be in"):
        read_arrays(path)


def test_an_episode_that_says_it_is_larger_than_the_memory_is_not_read(tmp_path: Path) -> None:
    importing.import_file(write(tmp_path / "hops.npz", hops()), NAME, "Hopper-v5")
    with h5py.File(minari_root() / NAME / "data" / "main_data.hdf5", "a") as file:
        del file["episode_1"]["observations"]
        file["episode_1"].create_dataset("observations", (10**10, 11), "f8", chunks=(10**4, 11))
    with pytest.raises(SkillsError, match=r"observations in episode_1 of .* takes 880.0 GB of memory") as caught:
        about(NAME)
    assert caught.value.exit_code == ENVIRONMENT


def test_rows_that_nobody_wrote_are_not_made_room_for(tmp_path: Path) -> None:
    path = tmp_path / "vast.hdf5"
    with h5py.File(path, "w") as file:
        for name, columns in {"observations": (11,), "actions": (3,), "rewards": ()}.items():
            file.create_dataset(name, (10**11, *columns), "f4", chunks=(10**4, *columns))
    with pytest.raises(SkillsError, match=r"vast.hdf5 into episodes takes 3,200.0 GB of memory"):
        importing.import_file(path, NAME, "Hopper-v5")


def test_metadata_that_speak_of_more_rows_than_fit_are_refused(tmp_path: Path) -> None:
    importing.import_file(write(tmp_path / "hops.npz", hops()), NAME, "Hopper-v5")
    path = minari_root() / NAME / "data" / "metadata.json"
    path.write_text(path.read_text().replace(f'"total_steps": {ROWS}', f'"total_steps": {10**11}'))
    with pytest.raises(SkillsError, match=r"Reading 100,000,000,000 rows of other/hops-v0 takes"):
        reader.load(NAME, NAME, steps=None, columns="motion")


def test_what_is_free_is_the_least_of_what_limits_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 900 kB\nMemAvailable:     500 kB\n")
    monkeypatch.setattr(memory, "_PROC", tmp_path)
    monkeypatch.setattr(memory, "_CGROUP", tmp_path / "none")
    assert memory.free_memory() == 500 * 1024
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.free_memory() == 500 * 1024
    (tmp_path / "memory.max").write_text("300000\n")
    (tmp_path / "memory.stat").write_text("anon 100000\nfile 5\n")
    assert memory.free_memory() == 200_000
