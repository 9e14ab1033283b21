"""Hostile surroundings: environment variables that are meant for others, or wrong; files that are none."""

import json
import os
import socket
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from tests.naming_code import hostile
from tests.torture.attack import Attack, Bench
from tests.torture.datasets import SHOW
from tests.torture.judge import Outcome, Verdict, judge
from tests.torture.places import IMPORT, SET_ID, SMALL, Place
from tests.torture.plain import wrong_about_rows
from tests.torture.same import differences, digests

_MAKE = ("data", "make", "hopper-random", "--steps", "300", "-q")
_VARIABLES: tuple[dict[str, str | None], ...] = (
    {"MUJOCO_GL": "osmesa"}, {"MUJOCO_GL": "egl"}, {"MUJOCO_GL": "glfw"}, {"MUJOCO_GL": "mesa"}, {"MUJOCO_GL": ""},
    {"MUJOCO_GL": "egl", "PYOPENGL_PLATFORM": "osmesa"}, {"PYOPENGL_PLATFORM": "osmesa"},
    {"HOME": None}, {"HOME": ""}, {"HOME": "/nonexistent"}, {"HOME": "/proc"}, {"HOME": "relative"},
    {"TMPDIR": "/nonexistent"}, {"TMPDIR": ""}, {"SKILLS_RUNS": ""}, {"SKILLS_RUNS": "/proc/runs"},
    {"MINARI_DATASETS_PATH": ""}, {"MINARI_DATASETS_PATH": "data"}, {"MINARI_DATASETS_PATH": "~/data"},
    {"MINARI_DATASETS_PATH": "/etc/hostname"}, {"MINARI_DATASETS_PATH": "/proc/data"},
    {"MINARI_DATASETS_PATH": None, "HOME": None}, {"MINARI_DATASETS_PATH": "{place}/linked"},
    {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}, {"LANG": "C", "PYTHONUTF8": "0", "LC_ALL": "POSIX"},
    {"COLUMNS": "0"}, {"COLUMNS": "-5"}, {"COLUMNS": "many"}, {"TERM": "none"}, {"TERM": ""}, {"FORCE_COLOR": "1"},
    {"NO_COLOR": ""}, {"OMP_NUM_THREADS": "0"}, {"OMP_NUM_THREADS": "many"}, {"OMP_NUM_THREADS": "-1"},
    {"CUDA_VISIBLE_DEVICES": "17"}, {"CUDA_VISIBLE_DEVICES": "x"}, {"HF_ENDPOINT": "no address"},
    {"HF_HUB_OFFLINE": "perhaps"}, {"IMAGEIO_FFMPEG_EXE": "/nonexistent"}, {"MPLBACKEND": "none"},
    {"PYTHONWARNINGS": "error"}, {"PYTHONOPTIMIZE": "2"}, {"PYTHONDONTWRITEBYTECODE": "1"}, {"SKILLS_TRUST": "; rm"},
    {"GYM_KEY": "x", "MINARI_REMOTE": "gs://x"}, {"TZ": "Nowhere/No"}, {"PATH": ""}, {"XDG_CACHE_HOME": "/proc"},
)  # fmt: skip


def hostile_variables(count: int, seed: int) -> Iterator[Attack]:
    for number, variables in enumerate(_VARIABLES[:count]):
        command = ("show", "make", "doctor")[number % 3]
        yield Attack("hostile", "hostile environment variable", f"{command} {variables}", _Surrounded(number, command))


@dataclass(frozen=True)
class _Surrounded:
    number: int
    command: str

    def __call__(self, bench: Bench, folder: str) -> Verdict:
        place = bench.place(folder, "empty" if self.command == "make" else "set")
        (place.path / "linked").symlink_to(place.path / "minari")
        changes = {name: value and value.format(place=place.path) for name, value in _VARIABLES[self.number].items()}
        words = {"show": SHOW, "make": _MAKE, "doctor": ("doctor",)}[self.command]
        ended = place.run(*words, variables=changes, forked=False)

        def wrong() -> str | None:
            if self.command == "doctor" or "MINARI_DATASETS_PATH" in changes:
                return None if ended.out else "nothing is said"
            if self.command == "show":
                right = json.loads((bench.stock / "sets.json").read_text())["shown"]
                return None if json.loads(ended.out) == right else "it shows something else"
            return differences(digests(place.path / "minari"), _made(bench))

        kept = {"MINARI_DATASETS_PATH": "data"}.items() <= changes.items()
        leftovers = [name for name in place.leftovers() if not (kept and name == "here/data")]
        return judge(ended, wrong, leftovers)


def _made(bench: Bench) -> dict[str, str]:
    """What `_MAKE` makes where nothing is wrong."""
    noted = bench.stock / "made.json"
    if not noted.is_file():
        place = bench.place("right-make", "empty")
        if place.run(*_MAKE).code != 0:
            raise RuntimeError("data make fails undisturbed")
        noted.write_text(json.dumps(digests(place.path / "minari")))
    found: dict[str, str] = json.loads(noted.read_text())
    return found


def known_of_surroundings(bench: Bench) -> None:
    _made(bench)


def _nested(path: Path) -> None:
    inner = path.with_name("inner.npz")
    path.rename(inner)
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(inner, "rows.npz")


def _many_members(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        for number in range(20_000):
            archive.writestr(f"{number}.npy", b"")


def _twice(path: Path) -> None:
    """A name that stands twice in the directory: readers differ in which they take."""
    with np.load(path) as file:
        rewards = file["rewards"]
    with zipfile.ZipFile(path, "a") as archive, archive.open("rewards.npy", "w") as out:
        np.lib.format.write_array(out, rewards + 1)


def _encrypted(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = content.find(mark)
        while place >= 0:
            content[place + offset] |= 1
            place = content.find(mark, place + 4)
    path.write_bytes(bytes(content))


def _speaking_names(path: Path) -> None:
    """Names of arrays speak to the terminal and lead upwards."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    np.savez(path, **arrays, **{"\x1b[2J\x1b]0;owned\x07": arrays["rewards"], "../../x": arrays["rewards"]})


def _without(path: Path) -> None:
    path.unlink()


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def _socket(path: Path) -> None:
    path.unlink()
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's name may have 107 characters
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def _hdf5_inside(path: Path) -> None:
    path.unlink()
    with h5py.File(path, "w") as file:
        file["observations"] = np.zeros((5, 11))


def _pickle_inside(path: Path) -> None:
    path.write_bytes(b"cos\nsystem\n(S'touch executed'\ntR.")


_FILES: dict[str, Callable[[Path], None]] = {
    "an archive in an archive": _nested, "20,000 empty members": _many_members, "a name twice": _twice,
    "encrypted": _encrypted, "names that speak": _speaking_names, "no file": _without, "a pipe": _fifo,
    "/dev/zero": _device, "a socket": _socket, "a folder": _folder, "a link to itself": _loop,
    "HDF5 in its place": _hdf5_inside, "a pickle in its place": _pickle_inside,
}  # fmt: skip


def hostile_archives(count: int, seed: int) -> Iterator[Attack]:
    for kind in list(_FILES)[:count]:
        yield Attack("hostile", "hostile file", kind, _Archive(kind))


@dataclass(frozen=True)
class _Archive:
    kind: str

    def __call__(self, bench: Bench, folder: str) -> Verdict:
        place = bench.place(folder, "rows")
        path = place.path / "in" / "rows.npz"
        _FILES[self.kind](path)
        stored = place.path / "minari" / "mine" / "rows-v0" / "data" / "main_data.hdf5"
        verdict = judge(place.run(*IMPORT), lambda: wrong_about_rows(stored, path), _left(place))
        if verdict.outcome is Outcome.NAMED and stored.exists():
            return Verdict(Outcome.LEFT, f"a dataset is left: {verdict.detail}")
        return verdict


_SPECS: dict[str, dict[str, object]] = {
    **hostile("executed"),
    "nested without end": {"env_spec": "[" * 100_000},
    "other columns": {"observation_space": '{"type": "Box", "dtype": "float64", "shape": [5], "low": [0, 0, 0, 0, 0], '
                      '"high": [1, 1, 1, 1, 1]}'},
    "discrete": {"action_space": '{"type": "Discrete", "dtype": "int64", "start": 0, "n": 4}'},
    "a space of 10^12": {"observation_space": '{"type": "Box", "dtype": "float64", "shape": [1000000000000], '
                         '"low": 0, "high": 1}'},
}  # fmt: skip


def hostile_specs(count: int, seed: int) -> Iterator[Attack]:
    for number, kind in enumerate(list(_SPECS)[:count]):
        yield Attack("hostile", "hostile spec of an environment", kind, _Spec(kind, number))


@dataclass(frozen=True)
class _Spec:
    kind: str
    number: int

    def __call__(self, bench: Bench, folder: str) -> Verdict:
        place = bench.place(folder, "set")
        path = place.set_folder / "metadata.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **_SPECS[self.kind]}))
        words = SHOW if self.number % 2 else ("discover", SET_ID, *SMALL, "--no-videos")
        verdict = judge(place.run(*words), lambda: "it is read", _left(place))
        if verdict.outcome is Outcome.NAMED and any((place.path / "runs").iterdir()):
            return Verdict(Outcome.LEFT, f"a run is left: {verdict.detail}")
        return verdict


def _left(place: Place) -> list[str]:
    """Leftovers, and whatever code in a file has made."""
    return [*place.leftovers(), *(str(path) for path in place.path.rglob("executed"))]
