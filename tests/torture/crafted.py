"""Files that somebody has made on purpose: JSON, `.npz`, safetensors and HDF5 that are none, or lie."""

import io
import json
import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Crafting = Callable[[Path, random.Random], None]  # changes a file in place

_VALUES: tuple[Any, ...] = (
    None, [], {}, "", "x", -1, 0, True, 1e308, 10**30, [[[]]], {"a": {}}, "../../outside", "\x1b[2J\x00", "9" * 3000,
)  # fmt: skip


def _whole(text: str | bytes) -> Crafting:
    """The file is this."""

    def craft(path: Path, chance: random.Random) -> None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    return craft


def _a_value_changed(path: Path, chance: random.Random) -> None:
    """A value somewhere in a document is of another type, or out of all bounds."""
    document = json.loads(path.read_text())
    place = chance.choice(_places(document))
    place[0][place[1]] = chance.choice([value for value in _VALUES if value != place[0][place[1]]])
    path.write_text(json.dumps(document))


def _a_key_gone(path: Path, chance: random.Random) -> None:
    document = json.loads(path.read_text())
    holder, key = chance.choice(_places(document))
    del holder[key]
    path.write_text(json.dumps(document))


def _not_finite(path: Path, chance: random.Random) -> None:
    """A number is NaN or infinite, or too large for one."""
    document = json.loads(path.read_text())
    numbers = [place for place in _places(document) if type(place[0][place[1]]) in (int, float)]
    holder, key = chance.choice(numbers or _places(document))
    holder[key] = "@"
    path.write_text(json.dumps(document).replace('"@"', chance.choice(("NaN", "Infinity", "-Infinity", "1e999"))))


def _places(document: Any) -> list[tuple[Any, Any]]:
    """(holder, key) of each value of a document."""
    found: list[tuple[Any, Any]] = []
    entries = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in entries:
        found.append((document, key))
        if isinstance(value, dict | list):
            found += _places(value)
    return found


JSON: dict[str, Crafting] = {
    "a value of another type": _a_value_changed,
    "a key gone": _a_key_gone,
    "a number that is none": _not_finite,
    "nested without end": _whole("[" * 200_000),
    "objects without end": _whole('{"a":' * 100_000),
    "a number of 5,000 digits": _whole('{"schema_version": ' + "9" * 5000 + "}"),
    "null": _whole("null"),
    "a list": _whole("[]"),
    "nothing in it": _whole("{}"),
    "a word": _whole('"text"'),
    "not UTF-8": _whole(b'{"schema_version": "\xff\xfe"}'),
    "UTF-16": _whole('{"schema_version": 1}'.encode("utf-16")),
    "lone surrogates": _whole('{"schema_version": 1, "dataset": "\\ud800"}'),
}


def _arrays(change: Callable[[dict[str, Any], random.Random], None]) -> Crafting:
    def craft(path: Path, chance: random.Random) -> None:
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
        change(arrays, chance)
        with path.open("wb") as out:
            np.savez(out, **arrays)

    return craft


def _one(change: Callable[[Any], Any]) -> Crafting:
    """One array is another."""

    def edit(arrays: dict[str, Any], chance: random.Random) -> None:
        name = chance.choice(sorted(arrays))
        arrays[name] = change(arrays[name])

    return _arrays(edit)


def _without_one(arrays: dict[str, Any], chance: random.Random) -> None:
    del arrays[chance.choice(sorted(arrays))]


def _lying_header(path: Path, chance: random.Random) -> None:
    """A member's header says that it holds a terabyte."""
    with np.load(path) as file:
        names = file.files
    chosen = chance.choice(names)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**11, 11)})
    _replace_member(path, f"{chosen}.npy", header.getvalue() + bytes(4096))


def _pickled(path: Path, chance: random.Random) -> None:
    """An array is a pickle that makes a file when it is read."""
    out = io.BytesIO()
    np.lib.format.write_array(out, np.array([_Trap(path.parent / "executed")], object), allow_pickle=True)
    with np.load(path) as file:
        chosen = chance.choice(file.files)
    _replace_member(path, f"{chosen}.npy", out.getvalue())


class _Trap:
    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self._marker), "w")


def _bomb(path: Path, chance: random.Random) -> None:
    """A member of 128 MB of zeros in half a megabyte, and directories that a name climbs out of."""
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (1 << 27,)})
        with archive.open("../../climbing.npy", "w") as out:
            out.write(header.getvalue())
            for _ in range(1 << 7):
                out.write(bytes(1 << 20))


def _replace_member(path: Path, name: str, content: bytes) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for member, kept in {**members, name: content}.items():
            archive.writestr(member, content if member == name else kept)


NPZ: dict[str, Crafting] = {
    "an array gone": _arrays(_without_one),
    "half the rows": _one(lambda array: array[: len(array) // 2] if array.ndim else array.reshape(1)),
    "words": _one(lambda array: np.full(array.shape, "much")),
    "NaN": _one(lambda array: np.full(array.shape, np.nan)),
    "1e308": _one(lambda array: np.full(array.shape, 1e308)),
    "complex": _one(lambda array: array.astype(complex)),
    "no rows": _one(lambda array: array[:0] if array.ndim else np.zeros(0)),
    "a dimension more": _one(lambda array: array[None]),
    "a header that lies": _lying_header,
    "a pickle": _pickled,
    "a bomb": _bomb,
    "no archive": _whole(b"PK\x03\x04 and so on"),
}


def _tensors(change: Callable[[dict[str, Any], random.Random], None]) -> Crafting:
    """The header of a safetensors file is another."""

    def craft(path: Path, chance: random.Random) -> None:
        content = path.read_bytes()
        length = struct.unpack("<Q", content[:8])[0]
        header = json.loads(content[8 : 8 + length])
        header.pop("__metadata__", None)
        change(header, chance)
        text = json.dumps(header).encode()
        path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])

    return craft


def _some(key: str, value: Any) -> Callable[[dict[str, Any], random.Random], None]:
    def change(header: dict[str, Any], chance: random.Random) -> None:
        header[chance.choice(sorted(header))][key] = value

    return change


SAFETENSORS: dict[str, Crafting] = {
    "a header of 2^63 bytes": _whole(struct.pack("<Q", 1 << 63) + b"{}"),
    "a header that is no JSON": _whole(struct.pack("<Q", 4) + b"{{{{"),
    "offsets outside": _tensors(_some("data_offsets", [0, 10**15])),
    "offsets backwards": _tensors(_some("data_offsets", [8, 0])),
    "another shape": _tensors(_some("shape", [1])),
    "another type": _tensors(_some("dtype", "F64")),
    "no type": _tensors(_some("dtype", "X9")),
    "a tensor gone": _tensors(lambda header, chance: header.pop(chance.choice(sorted(header)))),
}


def _hdf5(change: Callable[[h5py.File, str, Path], None]) -> Crafting:
    """An array, of an episode where there are episodes, is another."""

    def craft(path: Path, chance: random.Random) -> None:
        outside = path.parent / "outside.bin"
        with h5py.File(path, "a") as file:
            episodes = sorted(name for name in file if name.startswith("episode_"))
            holder = f"{chance.choice(episodes)}/" if episodes else ""
            arrays = ["observations", "actions", "rewards"]
            arrays += ["terminations", "truncations"] if episodes else ["terminals", "next_observations"]
            change(file, holder + chance.choice(arrays), outside)

    return craft


def _again(make: Callable[[Any], Any]) -> Callable[[h5py.File, str, Path], None]:
    def change(file: h5py.File, name: str, outside: Path) -> None:
        array = np.asarray(file[name])
        del file[name]
        file[name] = make(array)

    return change


def _kept_outside(file: h5py.File, name: str, outside: Path) -> None:
    array = np.asarray(file[name], "f8")
    outside.write_bytes(array.tobytes())
    del file[name]
    file.create_dataset(name, array.shape, "f8", external=[(str(outside), 0, array.nbytes)])


def _virtual(file: h5py.File, name: str, outside: Path) -> None:
    shape = file[name].shape
    del file[name]
    layout = h5py.VirtualLayout(shape, "f8")
    layout[:] = h5py.VirtualSource(str(outside), "gone", shape)
    file.create_virtual_dataset(name, layout, fillvalue=0)


def _claims_much(file: h5py.File, name: str, outside: Path) -> None:
    """It says that it has 10^12 rows, none of which is stored."""
    columns = file[name].shape[1:]
    del file[name]
    file.create_dataset(name, (10**12, *columns), "f4", chunks=(1024, *columns))


def _linked(link: Any) -> Callable[[h5py.File, str, Path], None]:
    def change(file: h5py.File, name: str, outside: Path) -> None:
        del file[name]
        file[name] = link

    return change


def _removed(file: h5py.File, name: str, outside: Path) -> None:
    del file[name]


HDF5: dict[str, Crafting] = {
    "kept in another file": _hdf5(_kept_outside),
    "pieces of another file": _hdf5(_virtual),
    "10^12 rows": _hdf5(_claims_much),
    "a link outside": _hdf5(_linked(h5py.ExternalLink("/etc/hostname", "/"))),
    "a link to itself": _hdf5(_linked(h5py.SoftLink("/observations"))),
    "gone": _hdf5(_removed),
    "words": _hdf5(_again(lambda array: np.full(array.shape, b"much"))),
    "NaN": _hdf5(_again(lambda array: np.full(array.shape, np.nan))),
    "half the rows": _hdf5(_again(lambda array: array[: len(array) // 2])),
    "a column more": _hdf5(_again(lambda array: np.repeat(array[..., None], 2, -1))),
    "no rows": _hdf5(_again(lambda array: array[:0])),
    "a number": _hdf5(_again(lambda array: 5)),
    "a group": _hdf5(lambda file, name, outside: (file.__delitem__(name), file.create_group(name))[0]),
    "no HDF5": _whole(b"\x89HDF\r\n\x1a\n and so on"),
}
CRAFTED = {".json": JSON, ".npz": NPZ, ".safetensors": SAFETENSORS, ".hdf5": HDF5}
