"""Arrays that are on a disk where memory is short: the same numbers, gone with whoever had them."""

from pathlib import Path

import numpy as np
import pytest
from commands import skills
from small import NAME, QUICKLY, check, finished

from skills import memory
from skills.errors import ENVIRONMENT, SkillsError
from skills.memory import spacious
from tests.torture.same import differences, digests


def on_disk(array: np.ndarray) -> bool:
    return isinstance(array.base, np.memmap)


@pytest.fixture
def scarce(monkeypatch: pytest.MonkeyPatch) -> None:
    """So little memory that an array of more than 1,000 bytes is put on a disk."""
    monkeypatch.setattr(memory, "_IN_MEMORY", 0)
    monkeypatch.setattr(memory, "free_memory", lambda: 8_000)


def test_what_is_large_beside_the_free_memory_is_on_a_disk(scarce: None, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert not on_disk(spacious((250,), np.float32, "This"))
    found = spacious((251, 2), np.float32, "This")
    assert on_disk(found)
    assert (found.shape, found.dtype) == ((251, 2), np.float32)
    found[:] = np.arange(502).reshape(251, 2)
    assert found.sum() == 251 * 501
    assert list(tmp_path.iterdir()) == []


def test_what_is_small_is_in_memory_however_little_of_it_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 0)
    assert not on_disk(spacious((1000,), np.float32, "This"))


def test_what_there_is_room_for_nowhere_is_refused(scarce: None) -> None:
    with pytest.raises(SkillsError, match=r"This takes 4,000,000\.0 GB, and 0\.0 GB of memory and ") as caught:
        spacious((10**15,), np.float32, "This")
    assert caught.value.exit_code == ENVIRONMENT
    assert "TMPDIR" in caught.value.hint


def test_a_run_on_data_beyond_memory_has_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the rows and both learners' tables on a disk, and K-means by the same rule in both."""
    finished(tmp_path)
    run = tmp_path / "runs" / "iql"
    check(skills(tmp_path, "discover", NAME, "--run", run, *QUICKLY, "--learner", "iql"))
    made: list[bool] = []

    def noted(*asked) -> np.ndarray:
        made.append(on_disk(found := spacious(*asked)))
        return found

    monkeypatch.setattr("skills.data.minari.spacious", noted)
    monkeypatch.setattr("skills.learning.engine.tables.spacious", noted)
    monkeypatch.setattr(memory, "_IN_MEMORY", 0)
    monkeypatch.setattr(memory, "free_memory", lambda: 8_000)
    again = tmp_path / "runs" / "again"
    check(skills(tmp_path, "discover", NAME, "--run", again, *QUICKLY, "--learner", "iql"))
    assert made.count(True) == 7  # observations, actions, next states, rewards; the table of CVAEs, the two of IQL
    ours, theirs = (
        {name: digest for name, digest in digests(one).items() if not name.startswith("gallery/")}
        for one in (again, run)
    )  # the page says where the run is
    assert len(ours) > 8
    assert differences(ours, theirs) is None
