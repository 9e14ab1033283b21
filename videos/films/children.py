"""Processes of ours import what this process imports, and nothing from the folder that they are started in.

Python looks for modules in the current folder first, where a command or a module is given to it: a `random.py` that
lies beside somebody's data would be run in the place of the library's.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SAFE = "PYTHONSAFEPATH"  # in the environment, so that it holds for whatever multiprocessing starts too


def environment() -> dict[str, str]:
    """This process's environment, with its import path, so that a child finds the same packages."""
    return {**os.environ, _SAFE: "1", "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


@contextmanager
def starting() -> Iterator[None]:
    """Around what starts worker processes, which multiprocessing gives the import path of this one.

    Ctrl-C and a terminal that closes are for this process to hear, which ends its workers: they start, and stay, deaf.
    """
    before = os.environ.get(_SAFE)
    os.environ[_SAFE] = "1"
    heard = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGHUP))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, heard)
        if before is None:
            del os.environ[_SAFE]
        else:
            os.environ[_SAFE] = before


@contextmanager
def lifeline() -> Iterator[int]:
    """What a child is to have as its stdin: it ends as this process does, however that ends."""
    reading, writing = os.pipe()
    try:
        yield reading
    finally:
        os.close(reading)
        os.close(writing)


def end_with_stdin() -> None:
    """In a child with a lifeline: from now on it ends with the process that started it."""

    def watch() -> None:
        os.read(sys.stdin.fileno(), 1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
