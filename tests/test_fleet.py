"""Pieces of work on a real Ray of this machine: done, failed, broken, and those whose process is killed."""

import os
import signal
import time
from pathlib import Path

import pytest

from skills.errors import SkillsError
from skills.fleet import Fleet, Standing, Standings, work_off
from skills.progress import Notify, Reporter


def work(folder: str, kind: str, reporter: Reporter, notify: Notify) -> None:
    """Notes each try in a file; what else it does, its kind says."""
    tries = Path(folder) / kind
    tries.write_text(tries.read_text() + "x" if tries.is_file() else "x")
    reporter(f"doing {kind}", "steps")(3, 4)
    if kind == "fine":
        time.sleep(2)  # so that it is seen to be at work
    if kind == "deadly" or (kind == "unlucky" and tries.read_text() == "x"):
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "refused":
        raise SkillsError("There is no such thing.", "Name another.")
    if kind == "broken":
        raise ValueError("of a fault")


def test_each_piece_is_done_or_said_to_have_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", found)  # Ray's processes are to import this file
    kinds = ("fine", "unlucky", "refused", "broken", "deadly")
    before = signal.getsignal(signal.SIGTERM)
    seen: list[Standings] = []
    pieces = {kind: (work, str(tmp_path), kind) for kind in kinds}
    failed = work_off(Fleet(address=None, workers=2), pieces, lambda standings: seen.append(dict(standings)))
    assert signal.getsignal(signal.SIGTERM) is before
    assert failed == [
        "refused: There is no such thing.   Name another.",
        "broken: ValueError: of a fault",
        "deadly: its process died 4 times, out of memory perhaps (WorkerCrashedError)",
    ]
    tried = {kind: len((tmp_path / kind).read_text()) for kind in kinds}
    assert tried == {"fine": 1, "unlucky": 2, "refused": 1, "broken": 1, "deadly": 4}
    last = seen[-1]
    assert {kind: one.state for kind, one in last.items()} == {
        "fine": "done", "unlucky": "done", "refused": "failed", "broken": "failed", "deadly": "failed",
    }  # fmt: skip
    assert last["unlucky"].begun == 2
    assert last["deadly"].begun == 4
    assert seen[0]["broken"] == Standing()
    assert any(one["fine"].words == "doing fine: 3/4 steps" for one in seen)
