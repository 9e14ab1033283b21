"""Lies of a hub: a stand-in on this machine serves a set as the hub does, but for one thing that is not so."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.hub import Fault, serving
from tests.torture.attack import Attack, Bench
from tests.torture.judge import Outcome, Verdict, judge
from tests.torture.places import SET_ID
from tests.torture.same import differences, digests

OFFICIAL = "mujoco/hopper/medium-v0"
_Entries = list[dict[str, object]]
_RUNS = {"id": "Hopper-v5", "entry_point": "subprocess:run", "kwargs": {"args": ["touch", "executed"]}}


def _answered(content: bytes) -> Fault:
    return Fault(listing=lambda entries: content)


def _first(**changes: object) -> Fault:
    """The first entry of the list of files is another; a value of `...` takes a key out."""

    def change(entries: _Entries) -> bytes:
        changed = {**entries[0], **changes}
        kept = {key: value for key, value in changed.items() if value is not ...}
        return json.dumps([kept, *entries[1:]]).encode()

    return Fault(listing=change)


def _more(make: Callable[[_Entries], _Entries]) -> Fault:
    return Fault(listing=lambda entries: json.dumps([*entries, *make(entries)]).encode())


_LIES: dict[str, Callable[[], Fault]] = {
    "HTML for a list": lambda: _answered(b"<!doctype html><title>Sign in</title>"),
    "no text for a list": lambda: _answered(b"\xff\xfe\x00"),
    "a list without end": lambda: Fault(endless=True),
    "a list nested without end": lambda: _answered(b"[" * 100_000),
    "numbers for a list": lambda: _answered(b"[1, 2]"),
    "an error for a list": lambda: _answered(b'{"error": "no"}'),
    "an empty list": lambda: _answered(b"[]"),
    "no size": lambda: _first(size=...),
    "no checksum": lambda: _first(oid=..., lfs=...),
    "a size below nothing": lambda: _first(size=-1),
    "a size in words": lambda: _first(size="many"),
    "a size without bounds": lambda: _answered(b'[{"type": "file", "path": "a", "oid": "0", "size": 1e400}]'),
    "an absolute path": lambda: _first(path="/tmp/climbed"),  # what the hub says, not where we write
    "a path that climbs": lambda: _first(path="hopper/medium-v0/../../../../climbed"),
    "a path with NUL": lambda: _first(path="hopper/medium-v0/\0x"),
    "a path that speaks": lambda: _first(path="hopper/medium-v0/\x1b[2Jx"),
    "a path of Windows": lambda: _first(path="hopper/medium-v0/..\\..\\climbed"),
    "a number for a path": lambda: _first(path=7),
    "no path": lambda: _first(path=None),
    "a file beside the set": lambda: _more(lambda entries: [{**entries[0], "path": "hopper/other-v0/data/x"}]),
    "a file twice": lambda: _more(lambda entries: [dict(entries[0])]),
    "a file that is not there": lambda: _more(lambda entries: [{**entries[0], "path": "hopper/medium-v0/data/gone"}]),
    "a folder that is a file": lambda: _first(type="directory"),
    "answers that end early": lambda: Fault(cut=1000),
    "one answer that ends early": lambda: Fault(cut=1000, cuts=1),
    "one wrong byte, once": lambda: Fault(flips=1),
    "one wrong byte, always": lambda: Fault(flips=10**6),
    "more bytes than it says": lambda: Fault(more=5_000_000),
    "a set larger than the disk": lambda: Fault(size=10**17),
    "a set smaller than it is": lambda: Fault(size=10),
    "metadata that run a command": Fault,
    "metadata that are empty": Fault,
    "data cut short, rightly summed": Fault,
}  # fmt: skip


def hub_lies(count: int, seed: int) -> Iterator[Attack]:
    for kind in list(_LIES)[:count]:
        yield Attack("hub", "lie of the hub", kind, _Lie(kind))


@dataclass(frozen=True)
class _Lie:
    kind: str

    def __call__(self, bench: Bench, folder: str) -> Verdict:
        place = bench.place(folder, "empty")
        served = place.path / "served"
        shutil.copytree(bench.stock / "set" / "minari" / SET_ID, served / OFFICIAL)
        _prepare(self.kind, served / OFFICIAL / "data")
        stored = place.path / "minari" / "mujoco" / "hopper" / "medium-v0"
        with serving(served) as hub:
            hub.fault.__dict__.update(_LIES[self.kind]().__dict__)
            there = {"HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": None, "HF_HOME": str(place.path / "home" / "hf")}
            ended = place.run("data", "download", "hopper-medium", variables=there)
        # What has come so far stays in the workshop: the same command goes on from there.
        left = [name for name in place.leftovers() if not name.startswith("minari/.skills/")]
        left += [str(path) for name in ("climbed", "executed", "x") for path in place.path.rglob(name)]
        verdict = judge(ended, lambda: differences(digests(stored), digests(served / OFFICIAL)), left)
        if verdict.outcome is Outcome.NAMED and digests(stored):
            return Verdict(Outcome.LEFT, f"a dataset is left: {verdict.detail}")
        return verdict


def _prepare(kind: str, data: Path) -> None:
    """Spoils what is served, where the lie is in the files themselves; their checksums are right."""
    path = data / "metadata.json"
    metadata: dict[str, Any] = json.loads(path.read_text())
    if kind == "metadata that run a command":
        spec = {**json.loads(metadata["env_spec"]), **_RUNS}
        path.write_text(json.dumps({**metadata, "env_spec": json.dumps(spec), "observation_space": None}))
    elif kind == "metadata that are empty":
        path.write_text("{}")
    elif kind.startswith("data cut short"):
        main = data / "main_data.hdf5"
        main.write_bytes(main.read_bytes()[: main.stat().st_size // 2])
