"""A stand-in of the hub: a real HTTP server that serves the Minari datasets of a folder as the hub's API does.

Its `fault` spoils what it serves, as networks and disks do: see `Fault`.
"""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

ORGANISATION = "farama-minari"
_COMMIT = "0123456789abcdef0123456789abcdef01234567"
_PIECE = 1_000_000


@dataclass
class Fault:
    """How the server misbehaves with data files.

    cut: answers end after so many bytes, `cuts` times.   seconds: waits so long before each piece of an answer.
    flip: one byte of each answer is wrong, `flips` times.   size: what it claims each file to have, in bytes.
    more: so many bytes follow the file's own.   listing: makes the list of files into what is answered instead.
    endless: the list of files says that it goes on.
    """

    cut: int | None = None
    cuts: int = 10**9
    seconds: float = 0.0
    flips: int = 0
    size: int | None = None
    more: int = 0
    listing: Callable[[list[dict[str, object]]], bytes] | None = None
    endless: bool = False


@dataclass
class Hub:
    """A running server.   url: for HF_ENDPOINT.   asked: (method, path, Range header) of each request, in order."""

    url: str
    fault: Fault
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)

    def ranges(self) -> list[str]:
        """The Range headers of the requests for data that had one."""
        return [asked for method, path, asked in self.asked if method == "GET" and asked and path.endswith(".hdf5")]


@contextmanager
def serving(root: Path) -> Iterator[Hub]:
    """Serves the Minari root `root`, whose datasets are `repository/more/name-v0`, until the block ends."""
    hub = Hub("", Fault())

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(body=True)

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self, *, body: bool) -> None:
            path = unquote(urlsplit(self.path).path)
            hub.asked.append((self.command, path, self.headers.get("Range")))
            repository, _, rest = path.partition(f"/{ORGANISATION}/")[2].partition("/")
            folder = root / repository
            action, _, rest = rest.partition("/")
            below = rest.partition("/")[2]
            if not repository or not folder.is_dir():
                self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"}, body)
            elif action == "revision":
                self._send(200, json.dumps({"id": f"{ORGANISATION}/{repository}", "sha": _COMMIT}).encode(), {}, body)
            elif action == "tree" and (folder / below).is_dir():
                entries = list(_tree(folder, below, hub.fault))
                whole = json.dumps(entries).encode() if hub.fault.listing is None else hub.fault.listing(entries)
                more = {"Link": f'<{hub.url}{self.path}>; rel="next"'} if hub.fault.endless else {}
                self._send(200, whole, more, body)
            elif action == "resolve" and (folder / below).is_file():
                self._file(folder / below, body)
            else:
                self._send(404, b"{}", {"X-Error-Code": "EntryNotFound"}, body)

        def _file(self, path: Path, body: bool) -> None:
            content, digest = path.read_bytes(), hashlib.sha256(path.read_bytes()).hexdigest()
            whole, first = len(content), 0
            headers = {"ETag": f'"{digest}"', "X-Repo-Commit": _COMMIT, "Accept-Ranges": "bytes"}
            headers |= {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(hub.fault.size or whole)}
            asked = self.headers.get("Range")
            if asked:
                first = int(asked.removeprefix("bytes=").partition("-")[0])
                headers["Content-Range"] = f"bytes {first}-{whole - 1}/{whole}"
            spoil = path.suffix == ".hdf5"
            content += bytes(hub.fault.more if spoil else 0)
            self._send(206 if asked else 200, content[first:], headers, body, spoil)

        def _send(self, status: int, content: bytes, headers: dict[str, str], body: bool, spoil: bool = False) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if not body:
                return
            fault = hub.fault
            if spoil and fault.flips > 0:
                fault.flips -= 1
                content = content[:-1] + bytes([content[-1] ^ 1])
            cut = fault.cut if spoil and fault.cuts > 0 else None
            if cut is not None:
                fault.cuts -= 1
                self.close_connection = True
            for start in range(0, len(content[:cut]), _PIECE):
                if spoil:
                    time.sleep(fault.seconds)
                try:
                    self.wfile.write(content[:cut][start : start + _PIECE])
                except OSError:  # the client has given up
                    self.close_connection = True
                    return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _tree(folder: Path, below: str, fault: Fault) -> Iterator[dict[str, object]]:
    """What the hub says of each file: large ones have a sha256, small ones Git's own."""
    for file in sorted((folder / below).rglob("*")):
        if file.is_file():
            content = file.read_bytes()
            size = fault.size or len(content)
            entry = {"type": "file", "path": file.relative_to(folder).as_posix(), "size": size}
            if file.suffix == ".hdf5":
                digest = hashlib.sha256(content).hexdigest()
                yield {**entry, "oid": _COMMIT, "lfs": {"oid": digest, "size": size, "pointerSize": 134}}
            else:
                header = f"blob {len(content)}\0".encode()
                yield {**entry, "oid": hashlib.sha1(header + content, usedforsecurity=False).hexdigest()}
