"""Downloads from a stand-in of the hub, over HTTP: what comes whole, what is fetched again, what is refused and how."""

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import gymnasium
import pytest
from hub import Hub, serving

from skills.bodies import making
from skills.bodies.body import body_of
from skills.data import catalog, listing, minari, patience
from skills.data import hub as remote
from skills.data.made import embedded
from skills.data.minari_root import is_local, minari_root
from skills.errors import ENVIRONMENT, FAILED, NOT_FOUND, SkillsError
from skills.progress import silent_reporter, unsaid
from skills.runs.begin import get_data

constants = pytest.importorskip("huggingface_hub.constants", reason="downloads need the extra `hf`")

OFFICIAL = "mujoco/hopper/medium-v0"
DATA = Path(OFFICIAL) / "data" / "main_data.hdf5"
UNIT = 10 * 2**20  # what the hub's library writes at once
SIZE = 25_000_000


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Minari root with a real dataset under the official id of hopper-medium, to be served."""
    root = tmp_path_factory.mktemp("served")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(root))
        embedded.make(catalog.resolve("hopper-random"), 300)
    made, official = root / "skills" / "hopper" / "random-v0", root / OFFICIAL
    official.parent.mkdir(parents=True)
    made.rename(official)
    os.truncate(root / DATA, SIZE)  # HDF5 does not mind what comes after its end
    metadata = official / "data" / "metadata.json"
    metadata.write_text(metadata.read_text().replace("skills/hopper/random-v0", OFFICIAL))
    return root


def point_at(url: str, patch: pytest.MonkeyPatch) -> None:
    """What HF_ENDPOINT does before the hub's library is imported."""
    patch.setattr(constants, "ENDPOINT", url)
    patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")


@pytest.fixture
def hub(served: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A running hub, which this process takes for the real one."""
    monkeypatch.setattr(patience, "_PAUSE", 0.05)
    with serving(served) as running:
        point_at(running.url, monkeypatch)
        yield running


def command(folder: Path, url: str, *arguments: str, before=None) -> subprocess.Popen[str]:
    """Starts the command line with the hub at `url` and its files in `folder`."""
    known = {"HF_ENDPOINT": url, "HF_HOME": str(folder / "hf"), "MINARI_DATASETS_PATH": str(minari_root())}
    return subprocess.Popen(
        [sys.executable, "-m", "skills.cli.app", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **known},
        preexec_fn=before,
    )


def assert_whole(served: Path) -> None:
    assert (minari_root() / DATA).read_bytes() == (served / DATA).read_bytes()
    assert len(minari.load(OFFICIAL, "hopper-medium", steps=None, columns="motion")) >= 300
    assert [path.suffix for path in (minari_root() / ".skills").iterdir()] == [".lock"]


def test_the_command_brings_a_whole_set(tmp_path: Path, served: Path, hub: Hub) -> None:
    out, err = (process := command(tmp_path, hub.url, "data", "download", "hopper-medium")).communicate(timeout=120)
    assert (process.returncode, out) == (0, f"{OFFICIAL}\n"), err
    assert_whole(served)


def test_what_is_here_is_not_asked_for_again(served: Path, hub: Hub) -> None:
    seen: list[tuple[int, int]] = []
    remote.download(OFFICIAL, lambda done, total: seen.append((done, total)))
    assert_whole(served)
    assert seen[-1][0] == seen[-1][1] > SIZE
    asked = len(hub.asked)
    remote.download(OFFICIAL)
    assert len(hub.asked) == asked


@pytest.mark.parametrize("name", ["D4RL/door/human-v2", "mujoco/hopper/nonsense-v0"])
def test_what_the_hub_does_not_have_is_not_found(name: str, hub: Hub) -> None:
    with pytest.raises(SkillsError, match=f"The hub has no dataset {name}") as caught:
        remote.download(name)
    assert caught.value.exit_code == NOT_FOUND


def test_a_truncated_file_is_continued_where_it_broke_off(served: Path, hub: Hub) -> None:
    hub.fault.cut, hub.fault.cuts = 12_000_000, 1
    remote.download(OFFICIAL)
    assert_whole(served)
    assert hub.ranges() == [f"bytes={UNIT}-"]


def test_a_slow_server_is_waited_for(served: Path, hub: Hub) -> None:
    hub.fault.seconds = 0.1
    seen: list[int] = []
    remote.download(OFFICIAL, lambda done, total: seen.append(done))
    assert_whole(served)
    assert seen == sorted(seen)
    assert any(0 < done < SIZE for done in seen)


def test_a_killed_download_goes_on_where_it_was(tmp_path: Path, served: Path, hub: Hub) -> None:
    hub.fault.seconds = 0.2
    process = command(tmp_path, hub.url, "data", "download", "hopper-medium")
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size >= UNIT for path in minari_root().rglob("*.part")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not is_local(OFFICIAL)
    hub.fault.seconds = 0.0
    remote.download(OFFICIAL)
    assert_whole(served)
    assert hub.ranges() in ([f"bytes={UNIT}-"], [f"bytes={2 * UNIT}-"])


def test_damaged_bytes_are_noticed_and_fetched_again(served: Path, hub: Hub) -> None:
    hub.fault.flips = 1
    said: list[str] = []
    remote.download(OFFICIAL, notify=said.append)
    assert len(said) == 1
    assert "not the bytes that the hub's checksum is of" in said[0]
    assert_whole(served)


def test_bytes_that_stay_damaged_are_refused(hub: Hub) -> None:
    hub.fault.flips = 100
    with pytest.raises(SkillsError, match=r"could not be downloaded from .*checksum"):
        remote.download(OFFICIAL)
    assert not is_local(OFFICIAL)


def test_no_server_is_told_with_the_way_out(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        point_at(f"http://127.0.0.1:{unused.getsockname()[1]}", monkeypatch)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # the hub's library waits 23 s between its own attempts
    said: list[str] = []
    with pytest.raises(SkillsError, match=r"could not be downloaded from .*refused") as caught:
        remote.download(OFFICIAL, notify=said.append)
    assert caught.value.exit_code == ENVIRONMENT
    assert "continues where this one stopped" in caught.value.hint
    assert said == []
    assert not is_local(OFFICIAL)


def test_a_set_larger_than_the_disk_is_refused_before_it_is_fetched(hub: Hub) -> None:
    hub.fault.size = 10**17
    with pytest.raises(SkillsError, match="are to be downloaded"):
        remote.download(OFFICIAL)
    assert not any("resolve" in path for _, path, _ in hub.asked)


def test_a_disk_that_fills_up_is_told_and_the_same_command_goes_on(tmp_path: Path, served: Path, hub: Hub) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (15_000_000, 15_000_000))

    process = command(tmp_path, hub.url, "data", "download", "hopper-medium", before=limit)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (FAILED, "")
    assert "Cannot write" in err
    assert "Attempt" not in err
    assert "Traceback" not in err
    remote.download(OFFICIAL)
    assert_whole(served)


def test_offline_never_asks(hub: Hub) -> None:
    with pytest.raises(SkillsError, match="--offline forbids"):
        get_data("my/set-v0", "auto", True, silent_reporter, unsaid)
    assert hub.asked == []


def test_discover_downloads_what_is_nowhere_else_and_refuses_what_it_cannot_play(
    served: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    making.register()
    monkeypatch.delitem(gymnasium.registry, "AdroitHandDoor-v1")  # as where gymnasium-robotics is not installed
    body_of.cache_clear()
    get_data(OFFICIAL, "auto", False, silent_reporter, unsaid)
    assert_whole(served)
    asked = len(hub.asked)
    with pytest.raises(SkillsError, match="no environment 'AdroitHandDoor-v1' here"):
        get_data("door-human", "auto", False, silent_reporter, unsaid)
    assert len(hub.asked) == asked


def test_a_set_that_minari_cannot_read_is_refused(served: Path, hub: Hub) -> None:
    broken = served / "mine" / "broken-v0"
    shutil.copytree(served / OFFICIAL, broken)
    (broken / "data" / "metadata.json").write_text("{}")
    with pytest.raises(SkillsError, match="mine/broken-v0 is damaged"):
        remote.download("mine/broken-v0")
    assert not is_local("mine/broken-v0")


def listed(change: Callable[[dict[str, object]], object]) -> Callable[[list[dict[str, object]]], bytes]:
    """A list of files whose first entry is changed."""

    def answer(entries: list[dict[str, object]]) -> bytes:
        change(entries[0])
        return json.dumps(entries).encode()

    return answer


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd", "hopper/medium-v0/../../../x", "hopper/medium-v0/data/./x", "hopper/medium-v0//x", "x",
        "hopper/medium-v0", "hopper/medium-v0/\0x", "hopper/medium-v0/\x1b[2Jx", "hopper/medium-v0/..\\x",
        "C:/hopper/medium-v0/x", 7, None,
    ],
)  # fmt: skip
def test_a_file_that_is_not_below_the_dataset_is_refused_before_anything_is_written(path: object, hub: Hub) -> None:
    hub.fault.listing = listed(lambda entry: entry.update(path=path))
    with pytest.raises(SkillsError, match="which is not a file below") as caught:
        remote.download(OFFICIAL)
    assert caught.value.exit_code == ENVIRONMENT
    assert repr(path) in caught.value.message
    assert "\0" not in caught.value.message
    assert not any("resolve" in asked for _, asked, _ in hub.asked)
    assert not any(file.is_file() for file in minari_root().rglob("*") if file.suffix != ".lock")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda entries: b"<!doctype html><title>Sign in</title>", "list of files is none"),
        (lambda entries: b"\xff\xfe", "list of files is none"),
        (lambda entries: b"[" * 100_000, "list of files is none"),
        (lambda entries: b"[1, 2]", "list of files is none"),
        (lambda entries: b'{"error": "no"}', "list of files is none"),
        (listed(lambda entry: entry.pop("size")), "an entry has no 'size'"),
        (listed(lambda entry: entry.pop("oid")), "an entry has no 'oid'"),
        (listed(lambda entry: entry.update(size=-1)), "the size of .* is -1"),
        (listed(lambda entry: entry.update(size="many")), "the size of .* is 'many'"),
        (listed(lambda entry: entry.update(size=1e400)), "list of files is none|the size of .* is inf"),
    ],
    ids=["HTML", "no text", "deep", "numbers", "no list", "no size", "no checksum", "less than none", "a word", "inf"],
)
def test_what_is_no_list_of_files_is_told(
    answer: Callable[[list[dict[str, object]]], bytes], reason: str, hub: Hub
) -> None:
    hub.fault.listing = answer
    with pytest.raises(SkillsError, match=reason) as caught:
        remote.download(OFFICIAL)
    assert caught.value.exit_code == ENVIRONMENT
    assert not is_local(OFFICIAL)


def test_a_list_without_end_is_given_up(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.fault.endless = True
    monkeypatch.setattr(listing, "MOST_FILES", 50)
    with pytest.raises(SkillsError, match="more than 50 files"):
        remote.download(OFFICIAL)
    hub.fault.listing = lambda entries: b"[]"
    monkeypatch.setattr(remote, "PATIENCE", 0.5)
    began = time.monotonic()
    with pytest.raises(SkillsError, match="list of files has no end"):
        remote.download(OFFICIAL)
    assert time.monotonic() - began < 30


def test_more_bytes_than_were_listed_are_not_written(hub: Hub) -> None:
    hub.fault.more = 3 * UNIT
    with pytest.raises(SkillsError, match=r"more came than the [0-9,]+ bytes"):
        remote.download(OFFICIAL)
    assert sum(file.stat().st_size for file in minari_root().rglob("*") if file.is_file()) < SIZE


def test_a_download_that_drips_is_given_up_and_goes_on_later(
    served: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.fault.seconds = 0.5
    with monkeypatch.context() as patch:
        patch.setattr(remote, "PATIENCE", 1.0)
        patch.setattr(remote, "SLOWEST", 10**12)
        with pytest.raises(SkillsError, match="comes too slowly: given up") as caught:
            remote.download(OFFICIAL)
    assert caught.value.exit_code == ENVIRONMENT
    hub.fault.seconds = 0.0
    remote.download(OFFICIAL)
    assert_whole(served)
