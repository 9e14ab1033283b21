"""Runs and logs in object storage: a real server of S3's interface on loopback, and commands as people give them."""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import Done, process, skills, start
from small import NAME, QUICKLY, check, log

from skills import leases, storage
from skills.errors import ENVIRONMENT, NOT_FOUND, USAGE, SkillsError, UnwritableError
from skills.files import write_json
from skills.progress import unsaid
from skills.runs.folder import STAGES, open_run
from skills.runs.holding import bring

fsspec = pytest.importorskip("fsspec", reason="the extra `s3` is not installed")
pytest.importorskip("s3fs", reason="the extra `s3` is not installed")
moto = pytest.importorskip("moto.server", reason="the extra `test` is not installed")

BUCKET = "s3://shelf"
RUN = f"{BUCKET}/runs/hops"
MARK = "shelf/runs/hops/.writer"
LONG = (*QUICKLY, "--set", "policy.steps=800")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of an S3 server with an empty bucket."""
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def away(server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The bucket, empty, as a file system; this process's and its children's user is let in."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "someone",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": server,
        "AWS_EC2_METADATA_DISABLED": "true",
        storage.VARIABLE: str(tmp_path / "here"),
    }.items():
        monkeypatch.setenv(name, value)
    fsspec.filesystem("s3").clear_instance_cache()
    system = fsspec.filesystem("s3", use_listings_cache=False)
    if not system.exists("shelf"):
        system.mkdir("shelf")
    for name in system.find("shelf"):
        system.rm_file(name)
    return system


def elsewhere(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """As on another machine: nothing is mirrored yet."""
    monkeypatch.setenv(storage.VARIABLE, str(folder))


def objects(system: Any) -> set[str]:
    """The names below the run."""
    system.invalidate_cache()
    return {name.removeprefix("shelf/runs/hops/") for name in system.find("shelf/runs/hops")}


def stages(path: Path) -> dict[str, dict[str, str]]:
    """The digest of each file of a finished run, which has those bytes."""
    run = open_run(path)
    run.require(*STAGES)
    return {stage: run.manifest["stages"][stage]["files"] for stage in STAGES}


def discovered(home: Path, *more: object) -> Done:
    return skills(home, "discover", log(home / "hops.npz"), "--env", "Hopper-v5", *QUICKLY, *more)


def test_a_run_there_is_the_run_here(away: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(discovered(tmp_path, "--run", RUN))
    check(discovered(tmp_path, "--run", tmp_path / "plain"))
    there = {name for name in objects(away) if not name.startswith(".")}
    plain = tmp_path / "plain"
    assert there == {file.relative_to(plain).as_posix() for file in plain.rglob("*") if file.is_file()} - {".lock"}
    assert ".writer" not in objects(away)
    elsewhere(monkeypatch, tmp_path / "other")
    found = bring(storage.placed(RUN))
    assert found.is_relative_to(tmp_path / "other")
    assert stages(plain) == stages(found)

    said = json.loads(check(skills(tmp_path, "list", "--json", SKILLS_RUNS=f"{BUCKET}/runs")).stdout)
    assert [(run["name"], run["path"], run["complete"]) for run in said["runs"]] == [("hops", RUN, True)]
    assert "hops" in check(skills(tmp_path, "show", "hops", SKILLS_RUNS=f"{BUCKET}/runs")).stdout
    check(skills(tmp_path, "export", RUN, "--skill", 1))
    assert "export/001.onnx" in objects(away)
    check(skills(tmp_path, "render", RUN, "--skill", 1))
    assert "gallery/skills/001.mp4" in objects(away)
    check(skills(tmp_path, "rm", "hops", "--yes", SKILLS_RUNS=f"{BUCKET}/runs"))
    assert not objects(away)


def test_what_is_killed_goes_on_elsewhere_to_the_same_bytes(
    away: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = log(tmp_path / "hops.npz")
    check(skills(tmp_path, "discover", file, "--env", "Hopper-v5", *LONG, "--run", tmp_path / "plain"))
    with start(tmp_path, "discover", file, "--env", "Hopper-v5", *LONG, "--run", RUN) as killed:
        deadline = time.monotonic() + 300
        while "rewards/labels.f16" not in objects(away):
            assert killed.poll() is None, killed.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        killed.send_signal(signal.SIGKILL)
    assert "measures.json" not in objects(away)
    assert ".writer" in objects(away)
    elsewhere(monkeypatch, tmp_path / "other")
    done = check(process(tmp_path, "discover", file, "--env", "Hopper-v5", *LONG, "--run", RUN))
    assert "experts" in done.stderr
    assert stages(tmp_path / "plain") == stages(storage.placed(RUN))
    assert ".writer" not in objects(away)


def test_a_log_there_is_read(away: Any, tmp_path: Path) -> None:
    away.put_file(str(log(tmp_path / "hops.npz")), "shelf/logs/hops.npz")
    check(skills(tmp_path, "discover", f"{BUCKET}/logs/hops.npz", "--env", "Hopper-v5", *QUICKLY))
    check(discovered(tmp_path, "--run", tmp_path / "plain"))
    assert stages(tmp_path / "plain") == stages(tmp_path / "runs" / "hops")
    missing = skills(tmp_path, "discover", f"{BUCKET}/logs/jumps.npz", "--env", "Hopper-v5", *QUICKLY)
    assert missing.returncode == NOT_FOUND
    assert f"There is nothing at {BUCKET}/logs/jumps.npz" in missing.stderr


def test_a_sweep_there_goes_on(away: Any, tmp_path: Path) -> None:
    check(skills(tmp_path, "data", "import", log(tmp_path / "hops.npz"), "--env", "Hopper-v5", "--name", NAME))
    settings = "{reward.iterations: 5, policy.steps: 5, rollout.horizon: 20}"
    grid = tmp_path / "grid.yaml"
    grid.write_text(
        f"datasets: {NAME}\nseeds: 2\npreset: smoke\nskills: 3\nmethods: {{bc: {{learner: bc}}}}\nset: {settings}\n"
    )
    done = check(skills(tmp_path, "sweep", grid, "--out", f"{BUCKET}/sweep", "--workers", 1))
    assert done.stderr.count(": done") == 2
    there = {name.partition("/")[2] for name in away.find("shelf/sweep")}
    assert {f"sweep/mine-hops-v0-bc-{seed}/measures.json" for seed in (1, 2)} | {"sweep/sweep.json"} <= there
    again = check(skills(tmp_path, "sweep", grid, "--out", f"{BUCKET}/sweep"))
    assert "2 of 2 runs are there." in again.stderr


def test_two_machines_do_not_write_one_run(away: Any, tmp_path: Path) -> None:
    check(discovered(tmp_path, "--run", RUN))
    mark = {"host": "another", "process": 17, "since": "2026-01-01T00:00:00+00:00"}
    away.pipe_file(MARK, json.dumps(mark).encode())
    refused = skills(tmp_path, "evaluate", RUN, "--trials", 2)
    assert refused.returncode != 0
    assert f"Another process is writing {RUN}: 17 on another" in refused.stderr
    assert f"delete {RUN}/.writer" in refused.stderr
    assert "After 180 s without one the same command takes over" in refused.stderr
    assert json.loads(away.cat_file(MARK)) == mark
    check(skills(tmp_path, "show", RUN))  # to read is no harm


def test_what_is_no_run_is_left_alone(away: Any, tmp_path: Path) -> None:
    away.pipe_file("shelf/runs/hops/diary.txt", b"mine")
    refused = discovered(tmp_path, "--run", RUN)
    assert refused.returncode == USAGE
    assert f"{RUN} is not empty and is not a run" in refused.stderr
    assert objects(away) == {"diary.txt"}


def test_fresh_moves_nothing_there(away: Any, tmp_path: Path) -> None:
    check(discovered(tmp_path, "--run", RUN))
    before = objects(away)
    refused = discovered(tmp_path, "--run", RUN, "--fresh")
    assert refused.returncode == USAGE
    assert "Choose another place with --run" in refused.stderr
    assert objects(away) == before


def test_only_what_has_changed_is_fetched(away: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    here = storage.placed(f"{BUCKET}/a")
    write_json(here / "same.json", {"x": 1})
    write_json(here / "changed.json", {"x": 1})
    write_json(here / "gone.json", {"x": 1})
    kept = (here / "same.json").stat().st_ino
    away.pipe_file("shelf/a/changed.json", b'{"x": 2}')  # of the same size, in the same second
    away.pipe_file("shelf/a/new.json", b"{}")
    away.rm_file("shelf/a/gone.json")
    (here / "of this machine").write_text("")  # was killed before it was sent
    assert set(storage.fetch(here)) == {"same.json", "changed.json", "new.json"}
    assert {file.name for file in here.iterdir()} == {"same.json", "changed.json", "new.json"}
    assert (here / "same.json").stat().st_ino == kept
    assert json.loads((here / "changed.json").read_text()) == {"x": 2}


def writer(system: Any, **changes: object) -> dict[str, Any]:
    """Who the run's mark says that writes there, after it has been changed."""
    if changes:
        system.pipe_file(MARK, json.dumps({**json.loads(system.cat_file(MARK)), **changes}).encode())
    found: dict[str, Any] = json.loads(system.cat_file(MARK))
    return found


def test_one_writer_at_a_time(away: Any) -> None:
    here, said = storage.placed(RUN), list[str]()
    with leases.leased(here, said.append):
        assert writer(away)["process"] == os.getpid()
        other = writer(away, host="another")
        with pytest.raises(UnwritableError, match="Another process is writing"), leases.leased(here, said.append):
            pass
    assert writer(away) == other  # which is not this process's to take away
    assert said == []


def test_a_writer_that_is_silent_is_taken_over(away: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    here, said, since = storage.placed(RUN), list[str](), "2026-01-01T00:00:00+00:00"
    monkeypatch.setattr(leases, "GONE_AFTER", 2.5)  # a store's times are whole seconds
    away.pipe_file(MARK, json.dumps({"host": "another", "process": 17, "since": since}).encode())
    with pytest.raises(UnwritableError, match="17 on another"), leases.leased(here, said.append):
        pass
    time.sleep(4)
    with leases.leased(here, said.append):
        assert writer(away)["process"] == os.getpid()
        assert objects(away) == {".writer"}
    assert len(said) == 1
    assert said[0].startswith(f"{RUN} is taken over from 17 on another, which wrote it since {since}: silent for")
    assert objects(away) == set()


def test_a_writer_that_writes_gives_signs_of_it(away: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    here = storage.placed(RUN)
    monkeypatch.setattr(leases, "GONE_AFTER", 2.5)
    monkeypatch.setattr(leases, "RENEWED_EVERY", 0.2)
    with leases.leased(here, unsaid):
        time.sleep(4)
        monkeypatch.setattr(socket, "gethostname", lambda: "another")
        with pytest.raises(UnwritableError, match="Another process is writing"), leases.leased(here, unsaid):
            pass


def test_who_was_taken_over_sends_nothing_more(away: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a machine finds it that slept."""
    here = storage.placed(RUN)
    monkeypatch.setattr(leases, "RENEWED_EVERY", 0.2)
    with leases.leased(here, unsaid):
        write_json(here / "mine.json", {})
        other = {**writer(away), "host": "another"}

        def write_on() -> None:
            for _ in range(600):
                away.pipe_file(MARK, json.dumps(other).encode())
                write_json(here / "mine.json", {})
                time.sleep(0.05)

        with pytest.raises(UnwritableError, match="on another has taken it over"):
            write_on()
    assert writer(away) == other
    write_json(here / "mine.json", {"x": 1})  # and what comes after is as ever
    assert json.loads(away.cat_file("shelf/runs/hops/mine.json")) == {"x": 1}


def test_a_run_that_goes_on_is_looked_for_once(away: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And once more when it is held, as others may have written it until then."""
    check(discovered(tmp_path, "--run", RUN))
    looked: list[Path] = []
    look = storage.look

    def counted(path: Path) -> storage.Found:
        looked.append(path)
        return look(path)

    monkeypatch.setattr(storage, "look", counted)
    check(discovered(tmp_path, "--run", RUN))
    assert looked == [storage.placed(RUN)] * 2


def refused(url: str) -> SkillsError:
    with pytest.raises(SkillsError) as raised:
        storage.fetch(storage.placed(url))
    return raised.value


def test_no_such_bucket(away: Any) -> None:
    error = refused("s3://nowhere/runs/x")
    assert error.exit_code == NOT_FOUND
    assert "s3://nowhere/runs/x" in error.message
    assert "See that there is s3://nowhere" in error.hint


def test_nobody_in_particular(away: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))  # nor in a file there
    fsspec.filesystem("s3").clear_instance_cache()
    error = refused(RUN)
    assert error.exit_code == ENVIRONMENT
    assert "AWS_ACCESS_KEY_ID" in error.hint


def test_nobody_answers(away: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free.getsockname()[1]}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    fsspec.filesystem("s3").clear_instance_cache()
    error = refused(RUN)
    assert error.exit_code == ENVIRONMENT
    assert f"{RUN} cannot be reached" in error.message
    assert "run the same command again" in error.hint


@pytest.mark.parametrize(
    ("url", "words", "hint", "code"),
    [
        ("zz://shelf/a", "there is no storage zz://", "s3://", USAGE),
        ("gs://shelf/a", "gs:// needs a package", "pip install gcsfs", ENVIRONMENT),
    ],
)
def test_other_storage(url: str, words: str, hint: str, code: int) -> None:
    error = refused(url)
    assert words in error.message
    assert hint in error.hint
    assert error.exit_code == code


@pytest.mark.parametrize("url", ["s3://", "s3://shelf", "s3://shelf/../x", "s3:///x", "s3://shelf//x"])
def test_a_url_of_nothing(url: str) -> None:
    with pytest.raises(SkillsError, match="names nothing in object storage"):
        storage.placed(url)


def test_a_path_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(storage.VARIABLE, str(tmp_path / "here"))
    assert storage.placed("runs/x") == Path("runs/x")
    assert storage.url_of(tmp_path / "x") is None
    assert storage.url_of(storage.placed("s3://shelf/a/b.c")) == "s3://shelf/a/b.c"
    assert storage.words(tmp_path) == str(tmp_path)


def test_memory_is_storage_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fsspec knows will do."""
    monkeypatch.setenv(storage.VARIABLE, str(tmp_path / "here"))
    check(discovered(tmp_path, "--run", "memory://shelf/runs/hops"))
    elsewhere(monkeypatch, tmp_path / "other")
    assert open_run(bring(storage.placed("memory://shelf/runs/hops"))).is_finished


def test_a_dataset_there_is_read(away: Any, tmp_path: Path) -> None:
    file = log(tmp_path / "hops.npz")
    check(skills(tmp_path, "data", "import", file, "--env", "Hopper-v5", "--name", NAME))
    check(skills(tmp_path, "discover", NAME, *QUICKLY, "--run", tmp_path / "plain"))
    for part in sorted((tmp_path / "minari" / NAME / "data").iterdir()):
        away.put_file(str(part), f"shelf/sets/robot/data/{part.name}")
    other = tmp_path / "other"
    for _ in range(2):  # the second time it is here
        done = check(skills(other, "discover", f"{BUCKET}/sets/robot", *QUICKLY))
    assert "is the dataset imported/robot-" in done.stderr
    assert stages(other / "runs" / "robot") == stages(tmp_path / "plain")
