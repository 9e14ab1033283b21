"""Serves one folder of pages and videos to this machine alone: for browsers that will not open files."""

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from skills.errors import ENVIRONMENT, SkillsError

HOST = "127.0.0.1"
_GRACE = 1  # s that a browser's open connections may delay the end

Allowed = Callable[[PurePosixPath], bool]


class _Folder(StaticFiles):
    """Files of a folder, with ranges; neither hidden ones, nor what a link or a path leads to outside of it."""

    def __init__(self, folder: Path, allowed: Allowed) -> None:
        super().__init__(directory=folder, html=True, follow_symlink=False)
        self._allowed = allowed

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        place = PurePosixPath(path)
        hidden = any(part.startswith(".") and part != "." for part in place.parts)
        return ("", None) if hidden or not self._allowed(place) else super().lookup_path(path)


def everything(path: PurePosixPath) -> bool:
    """Of a gallery's folder: all of it."""
    return True


def pages_of_runs(path: PurePosixPath) -> bool:
    """Of the folder of runs: the index page and what lies in the runs' galleries, not their data."""
    parts = path.parts
    return (len(parts) < 2 and (not parts or parts[0] == "index.html")) or (len(parts) > 1 and parts[1] == "gallery")


def application(folder: Path, allowed: Allowed = everything) -> Starlette:
    """The web application that serves a folder to requests that name this machine as their host."""
    hosts = Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])
    return Starlette(routes=[Mount("/", _Folder(folder, allowed))], middleware=[hosts])


def serve(folder: Path, allowed: Allowed, port: int, ready: Callable[[str], None]) -> None:
    """Serves until interrupted (Ctrl-C or SIGTERM). port: 0 takes a free one.   ready: is told the address.

    Raises: SkillsError (environment) for a port that is taken.
    """
    import uvicorn

    try:
        listening = socket.create_server((HOST, port))
    except (OSError, OverflowError) as error:
        raise SkillsError(f"Cannot serve on port {port}: {error}.", "Choose another --port.", ENVIRONMENT) from error
    settings = uvicorn.Config(
        application(folder, allowed),
        log_level="warning",
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
    )
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with listening:
            ready(f"http://{HOST}:{listening.getsockname()[1]}/")
            uvicorn.Server(settings).run(sockets=[listening])
    except KeyboardInterrupt:  # uvicorn raises again what has ended it
        return
    finally:
        signal.signal(signal.SIGTERM, before)
