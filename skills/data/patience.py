"""Work over a network that may fail and be repeated, or hang and be given up."""

import errno
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any, TypeVar

from skills.errors import ENVIRONMENT, SkillsError
from skills.progress import Notify

ATTEMPTS = 3
_PAUSE = 2.0  # s before the second attempt; twice as long before the third
_POLL = 0.2  # s between two looks

Result = TypeVar("Result")


def patiently(work: Callable[[], Result], minari_id: str, notify: Notify, attempts: int = ATTEMPTS) -> Result:
    """Does the work and gives its result; does it again after a failure that may pass.

    Raises: SkillsError that says what the last failure was.
    """
    import huggingface_hub

    # Whatever HTTP client the hub's library uses, its errors and the library's own have this base.
    transient: tuple[Any, ...] = (OSError, *huggingface_hub.errors.HfHubHTTPError.__bases__)
    for attempt in range(1, attempts + 1):
        try:
            return work()
        except transient as error:
            if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EFBIG):
                raise  # time does not mend a full disk
            reason = " ".join(str(error).split()) or type(error).__name__
            if attempt == attempts:
                raise SkillsError(
                    f"{minari_id} could not be downloaded from {_endpoint()}: {reason}.",
                    "Check the network and run the same command again: it continues where this one stopped.",
                    ENVIRONMENT,
                ) from error
            pause = _PAUSE * attempt
            notify(f"Attempt {attempt} of {attempts} failed: {reason}. The next in {pause:.0f} s.")
            time.sleep(pause)
    raise AssertionError("the last attempt returns or raises")


def limited(work: Callable[[], Result], seconds: float, late: str, look: Callable[[], None] = lambda: None) -> Result:
    """The result of work that is done in a thread of its own; looks on meanwhile.

    Raises: SkillsError (environment) after so many seconds. The thread is left behind, as nothing ends a read.
    """
    done: Future[Result] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001  # whatever it is, the waiting thread raises it
            done.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    latest = time.monotonic() + seconds
    while not wait([done], timeout=_POLL).done:
        look()
        if time.monotonic() > latest:
            raise SkillsError(f"{late}: given up after {seconds:,.0f} s.", "Try again later.", ENVIRONMENT)
    return done.result()


def _endpoint() -> str:
    from huggingface_hub import constants

    return str(constants.ENDPOINT)
