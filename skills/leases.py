"""Who writes a place in object storage: one process at a time, on whatever machine.

An object there says who it is, and is put there anew twice a minute. One that has not been for three minutes is of a
process that is no more, or of a machine that is off or cannot reach the store: whoever comes next takes the place over.
Times are compared as the store has them, so no clock of a machine need be right.
"""

import contextlib
import json
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from skills import storage
from skills.errors import SkillsError, UnwritableError
from skills.progress import Notify

MARK = ".writer"
RENEWED_EVERY = 30.0  # s
GONE_AFTER = 180.0  # s

_Writer = Mapping[str, Any]  # host, process, since


@contextlib.contextmanager
def leased(path: Path, notify: Notify) -> Iterator[None]:
    """Keeps out who would write the same place; nothing where a path mirrors nothing.

    Where it is lost meanwhile, as by a machine that slept, nothing more can be sent there.
    Raises: SkillsError where another process writes it.   notify: is told where one has left it behind.
    """
    if storage.url_of(path) is None:
        yield
        return
    since = datetime.now(UTC).isoformat(timespec="seconds")
    me = {"host": socket.gethostname(), "process": os.getpid(), "since": since}
    _take(path, me, notify)
    ended = threading.Event()
    renewing = threading.Thread(target=_renew, args=(path, me, ended), daemon=True)
    renewing.start()
    try:
        yield
    finally:
        ended.set()
        renewing.join()
        storage.reopen(path)
        with contextlib.suppress(SkillsError), storage.afar(path / MARK) as (system, name):
            if _writer(system, name) == me:
                system.rm_file(name)


def _take(path: Path, me: _Writer, notify: Notify) -> None:
    with storage.afar(path / MARK) as (system, name):
        try:
            system.pipe_file(name, _bytes(me), mode="create")
        except FileExistsError:
            other = _writer(system, name)
            if other is not None:
                _check_over(system, name, path, other, notify)
            system.pipe_file(name, _bytes(me))


def _check_over(system: Any, name: str, path: Path, other: _Writer, notify: Notify) -> None:
    """Raises: SkillsError where the process that has said that it writes may still be at it."""
    host, process, since = str(other["host"]), int(other["process"]), other["since"]
    if host == socket.gethostname() and (process == os.getpid() or not storage.is_running(process)):
        return
    what, who, silent = storage.words(path), f"{process} on {host}", _silent_seconds(system, name)
    if silent > GONE_AFTER:
        notify(f"{what} is taken over from {who}, which wrote it since {since}: silent for {silent:.0f} s.")
        return
    raise UnwritableError(
        f"Another process is writing {what}: {who}, since {since}.",
        f"Wait for it: its last sign is {silent:.0f} s old. After {GONE_AFTER:.0f} s without one the same command "
        f"takes over; where you know that it is no more, delete {storage.words(path / MARK)}",
    )


def _silent_seconds(system: Any, name: str) -> float:
    """How long ago a mark was put there, by the store's clock; 0 where the store does not say."""
    probe = f"{name}-{socket.gethostname()}-{os.getpid()}"
    system.pipe_file(probe, b"")
    try:
        system.invalidate_cache()
        now, then = system.modified(probe), system.modified(name)
    except NotImplementedError:
        return 0.0
    finally:
        system.rm_file(probe)
    return float((now - then).total_seconds())


def _renew(path: Path, me: _Writer, ended: threading.Event) -> None:
    """Puts the mark there anew until the end, or until it is another's; what cannot be reached now is tried again."""
    while not ended.wait(RENEWED_EVERY):
        with contextlib.suppress(SkillsError), storage.afar(path / MARK) as (system, name):
            other = _writer(system, name)
            if other not in (None, me):
                storage.close(path, f"{other['process']} on {other['host']} has taken it over, since {other['since']}")
                return
            system.pipe_file(name, _bytes(me))


def _writer(system: Any, name: str) -> Any:
    """Who writes there, as the mark says; None where there is none."""
    try:
        return json.loads(system.cat_file(name))
    except FileNotFoundError:
        return None


def _bytes(writer: _Writer) -> bytes:
    return json.dumps(writer).encode()
