"""Serves one folder of pages and videos to this machine alone: for browsers that will not open files."""

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from skills.errors import ENVIRONMENT, SkillsError
from skills.videos.gallery.parted import MEDIA_TYPES, POLICY, page_of, part

HOST = "127.0.0.1"
_GRACE = 1  # s that a browser's open connections may delay the end

Allowed = Callable[[PurePosixPath], bool]


class _Folder(StaticFiles):
    """Files of a folder, with ranges; neither hidden ones, nor what a link or a path leads to outside of it.

    Pages are served in parts, as `parted` makes them, and whatever is served says that nothing else may run.
    """

    def __init__(self, folder: Path, allowed: Allowed) -> None:
        super().__init__(directory=folder, html=True, follow_symlink=False)
        self._allowed = allowed

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        place = PurePosixPath(path)
        hidden = any(part.startswith(".") and part != "." for part in place.parts)
        return ("", None) if hidden or not self._allowed(place) else super().lookup_path(path)

    def file_response(self, full_path: Any, *arguments: Any, **options: Any) -> Response:
        if Path(full_path).suffix == ".html":
            return HTMLResponse(part(Path(full_path)).text)
        return super().file_response(full_path, *arguments, **options)

    async def get_response(self, path: str, scope: Any) -> Response:
        try:
            response = await super().get_response(path, scope)
        except HTTPException as error:
            taken = await run_in_threadpool(self._taken_out, path) if error.status_code == 404 else None
            if taken is None:
                raise
            response = taken
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    def _taken_out(self, path: str) -> Response | None:
        """A style or script that stands inside a page of this folder."""
        file = PurePosixPath(path)
        page = page_of(file)
        try:
            full_path, found = self.lookup_path(str(page)) if page else ("", None)
        except (OSError, ValueError):  # no name that a file could have
            return None
        text = part(Path(full_path)).files.get(file.name) if found else None
        return None if text is None else Response(text, media_type=MEDIA_TYPES[file.suffix])


def everything(path: PurePosixPath) -> bool:
    """Of a gallery's folder: all of it."""
    return True


def pages_of_runs(path: PurePosixPath) -> bool:
    """Of the folder of runs: the index page and what lies in the runs' galleries, not their data."""
    parts = path.parts
    return (len(parts) < 2 and (not parts or parts[0] == "index.html")) or (len(parts) > 1 and parts[1] == "gallery")


def application(folder: Path, allowed: Allowed = everything) -> Starlette:
    """The web application that serves a folder to requests that name this machine as their host."""
    return for_this_machine(Mount("/", _Folder(folder, allowed)))


def for_this_machine(*routes: BaseRoute) -> Starlette:
    """An application that answers to requests that name this machine as their host, and to no others."""
    hosts = Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])
    return Starlette(routes=[Route("/favicon.ico", _no_icon), *routes], middleware=[hosts])


def _no_icon(_: Request) -> Response:
    """Browsers ask for it unasked, and complain of a 404."""
    return Response(status_code=204)


def serve(folder: Path, allowed: Allowed, port: int, ready: Callable[[str], None]) -> None:
    """Serves a folder until interrupted, see `run_here`."""
    run_here(application(folder, allowed), port, ready)


def run_here(served: Starlette, port: int, ready: Callable[[str], None], **settings: Any) -> None:
    """Serves an application to this machine until interrupted (Ctrl-C or SIGTERM).

    port: 0 takes a free one.   ready: is told the address.   settings: more of uvicorn's.
    Raises: SkillsError (environment) for a port that is taken.
    """
    import uvicorn

    try:
        listening = socket.create_server((HOST, port))
    except (OSError, OverflowError) as error:
        raise SkillsError(f"Cannot serve on port {port}: {error}.", "Choose another --port.", ENVIRONMENT) from error
    config = uvicorn.Config(
        served,
        log_level="warning",
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
        **settings,
    )
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with listening:
            ready(f"http://{HOST}:{listening.getsockname()[1]}/")
            uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:  # uvicorn raises again what has ended it
        return
    finally:
        signal.signal(signal.SIGTERM, before)
