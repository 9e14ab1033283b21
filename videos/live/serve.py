"""The page of a session, and the socket between them, for this machine alone.

The page sends orders as text. A picture is one message: four bytes with the length of what is said of it, that as
JSON, and a JPEG. The page tells of each that it has drawn it, and no more than two are on their way: what is shown is
never old.
"""

import asyncio
import contextlib
import json
import struct
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from skills.errors import ENVIRONMENT, SkillsError
from skills.videos.gallery.parted import POLICY
from skills.videos.gallery.serve import for_this_machine, run_here
from skills.videos.live.orders import RATES, read_order
from skills.videos.live.session import Picture, Session

_FILES = {"/": "play.html", "/play.css": "play.css", "/play.js": "play.js"}
_ON_THEIR_WAY = 2  # pictures that the page has not drawn yet
_LONGEST = 1 << 12  # bytes of an order
_STRANGER, _NONSENSE = 1008, 1003  # why a socket is closed, as RFC 6455 counts


def check_installed() -> None:
    """Raises: SkillsError (environment) where the extra is not installed."""
    if find_spec("websockets") is None:
        raise SkillsError(
            "Playing in the browser needs the package websockets.",
            "Install it: pip install 'skills[play]'",
            ENVIRONMENT,
        )


def serve_session(session: Session, port: int, ready: Callable[[str], None]) -> None:
    """Serves until interrupted.   port: 0 takes a free one.   ready: is told the address.

    Raises: SkillsError (environment) for a port that is taken; what has ended the session.
    """
    routes = [Route(path, _file) for path in _FILES]
    served = for_this_machine(*routes, WebSocketRoute("/play", lambda socket: _talk(session, socket)))
    with session:
        run_here(served, port, ready, ws_max_size=_LONGEST, ws_per_message_deflate=False)
    if session.error is not None:
        raise session.error


async def _file(request: Request) -> Response:
    headers = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    return FileResponse(Path(__file__).with_name(_FILES[request.url.path]), headers=headers)


async def _talk(session: Session, socket: WebSocket) -> None:
    """Pictures out, orders in, until the page is closed. A page from elsewhere is not listened to."""
    if socket.headers.get("origin") != f"http://{socket.headers.get('host')}":
        await socket.close(_STRANGER)
        return
    await socket.accept()
    await socket.send_text(json.dumps(_about(session)))
    changed, room = asyncio.Event(), asyncio.Semaphore(_ON_THEIR_WAY)
    loop = asyncio.get_running_loop()

    def tell() -> None:
        with contextlib.suppress(RuntimeError):  # the server has ended in between
            loop.call_soon_threadsafe(changed.set)

    session.watch(tell)
    sending = asyncio.create_task(_show(session, socket, changed, room))
    try:
        await _listen(session, socket, room)
    except WebSocketDisconnect:
        pass
    finally:
        session.leave(tell)
        sending.cancel()


async def _listen(session: Session, socket: WebSocket, room: asyncio.Semaphore) -> None:
    while True:
        text = await socket.receive_text()
        if text == "drawn":
            room.release()
        elif order := read_order(text, len(session.cast.labels)):
            session.order(order)
        else:
            await socket.close(_NONSENSE)
            return


async def _show(session: Session, socket: WebSocket, changed: asyncio.Event, room: asyncio.Semaphore) -> None:
    while True:
        await changed.wait()
        await room.acquire()
        changed.clear()
        if session.picture is not None:
            await socket.send_bytes(_packed(session.picture))


def _packed(picture: Picture) -> bytes:
    about = json.dumps(picture.about).encode()
    return struct.pack("<I", len(about)) + about + picture.jpeg


def _about(session: Session) -> dict[str, Any]:
    """What the page has to know first."""
    steering = session.cast.steering
    return {
        "labels": session.cast.labels,
        "rates": RATES,
        "fastest": None if steering is None else steering.fastest,
        "number": session.heeded,
        "size": [session.cast.style.width, session.cast.style.height],
    }
