"""Processes of ours import what this process imports, and nothing from the folder that they are started in.

Python looks for modules in the current folder first, where a command or a module is given to it: a `random.py` that
lies beside somebody's data would be run in the place of the library's.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_SAFE = "PYTHONSAFEPATH"  # in the environment, so that it holds for whatever multiprocessing starts too


def environment() -> dict[str, str]:
    """This process's environment, with its import path, so that a child finds the same packages."""
    return {**os.environ, _SAFE: "1", "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


@contextmanager
def starting() -> Iterator[None]:
    """Around what starts worker processes, which multiprocessing gives the import path of this one."""
    before = os.environ.get(_SAFE)
    os.environ[_SAFE] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_SAFE]
        else:
            os.environ[_SAFE] = before
