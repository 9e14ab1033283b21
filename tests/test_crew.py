"""Worker processes: a dead one takes its own job with it and no other, and none is left when the work ends."""

import os
import signal
import time
from contextlib import closing
from functools import partial
from pathlib import Path

from commands import gone

from skills.videos.films.crew import DIED, share_out

JOBS = {number: (number,) for number in range(7)}


def note(folder: Path) -> None:
    """Says that a worker is there."""
    (folder / f"worker-{os.getpid()}").touch()


def work(folder: Path, dies: dict[int, int], number: int) -> int:
    """The number's square; some numbers kill the worker so many times first."""
    times = len(list(folder.glob(f"died-{number}-*")))
    if times < dies.get(number, 0):
        (folder / f"died-{number}-{times}").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def done(folder: Path, dies: dict[int, int]) -> dict[int, int | str]:
    with closing(share_out(partial(work, folder, dies), JOBS, 2, partial(note, folder))) as answers:
        return dict(answers)


def test_a_job_whose_worker_died_is_done_by_another(tmp_path: Path) -> None:
    assert done(tmp_path, {0: 1, 4: 1}) == {number: number * number for number in JOBS}


def test_a_job_that_kills_every_worker_fails_alone(tmp_path: Path) -> None:
    expected: dict[int, int | str] = {number: number * number for number in JOBS}
    assert done(tmp_path, {3: 9}) == expected | {3: DIED}
    assert len(list(tmp_path.glob("died-3-*"))) == 2


def test_where_all_die_it_ends(tmp_path: Path) -> None:
    assert done(tmp_path, dict.fromkeys(JOBS, 9)) == dict.fromkeys(JOBS, DIED)
    assert len(list(tmp_path.glob("worker-*"))) <= 6


def sleep(number: int) -> int:
    """The first number at once, the others when everybody has gone."""
    time.sleep(600 if number else 0)
    return number


def test_no_worker_is_left_whatever_it_was_doing(tmp_path: Path) -> None:
    answers = share_out(sleep, JOBS, 2, partial(note, tmp_path))
    assert next(answers) == (0, 0)
    workers = [int(path.name.removeprefix("worker-")) for path in tmp_path.glob("worker-*")]
    assert workers
    before = time.monotonic()
    answers.close()  # as where what made them is interrupted
    assert time.monotonic() - before < 20
    assert gone(workers, 0)
