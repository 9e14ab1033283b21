"""The server of a gallery: ranges, this folder only, this machine only, a clean end. Spoken to byte by byte."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from skills.errors import ENVIRONMENT, SkillsError
from skills.videos.gallery.serve import serve

CODE = (
    "import sys; from pathlib import Path; from skills.videos.gallery import serve;"
    "serve.serve(Path(sys.argv[1]), getattr(serve, sys.argv[2]), 0, lambda address: print(address, flush=True))"
)


def _start(folder: Path, allowed: str) -> "tuple[subprocess.Popen[str], int]":
    command = [sys.executable, "-c", CODE, str(folder), allowed]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    assert address.startswith("http://127.0.0.1:"), process.stderr and process.stderr.read()
    return process, int(address.rstrip("/").rsplit(":", 1)[1])


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs with a gallery, secrets around it, and links that lead out."""
    root = tmp_path_factory.mktemp("runs")
    gallery = root / "ant" / "gallery"
    (gallery / "skills").mkdir(parents=True)
    (gallery / "index.html").write_text("the page")
    (gallery / "parts.html").write_text(
        '<style>a {}</style><script type="application/json">"<style>"</script><script>1;</script>'
    )
    (gallery / "skills" / "017.mp4").write_bytes(bytes(range(256)) * 8)
    (gallery / ".hidden").write_text("secret")
    (root / "index.html").write_text("all runs")
    (root / "ant" / "config.json").write_text("secret")
    (root / "secret.txt").write_text("secret")
    (gallery / "link.txt").symlink_to(root / "secret.txt")
    (gallery / "out").symlink_to(root)
    return root


@pytest.fixture(scope="module")
def gallery_port(root: Path) -> Iterator[int]:
    process, port = _start(root / "ant" / "gallery", "everything")
    yield port
    process.kill()
    process.communicate()


@pytest.fixture(scope="module")
def runs_port(root: Path) -> Iterator[int]:
    process, port = _start(root, "pages_of_runs")
    yield port
    process.kill()
    process.communicate()


def _ask(port: int, path: str, *headers: str, method: str = "GET", host: str = "127.0.0.1") -> tuple[int, bytes, bytes]:
    """Status, head and body; the path goes out as it is, with nothing resolved or encoded on the way."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}:{port}", "Connection: close", *headers, "", ""]
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall("\r\n".join(lines).encode())
        answer = b""
        while part := connection.recv(65536):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.lower(), body


def test_pages_and_ranges(gallery_port: int) -> None:
    assert _ask(gallery_port, "/")[::2] == (200, b"the page")
    whole = bytes(range(256)) * 8
    status, head, body = _ask(gallery_port, "/skills/017.mp4")
    assert (status, body) == (200, whole)
    assert b"content-type: video/mp4" in head
    assert b"accept-ranges: bytes" in head
    status, head, body = _ask(gallery_port, "/skills/017.mp4", "Range: bytes=100-299")
    assert (status, body) == (206, whole[100:300])
    assert b"content-range: bytes 100-299/2048" in head
    assert _ask(gallery_port, "/skills/017.mp4", "Range: bytes=-48")[::2] == (206, whole[-48:])
    assert _ask(gallery_port, "/skills/017.mp4", "Range: bytes=5000-")[0] == 416
    assert _ask(gallery_port, "/", method="POST")[0] == 405


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/../../secret.txt",
        "/skills/../../../secret.txt",
        "/%2e%2e/%2e%2e/secret.txt",
        "/..%2f..%2fsecret.txt",
        "/%2e%2e%2f%2e%2e%2fsecret.txt",
        "/%252e%252e/%252e%252e/secret.txt",
        "/..%5c..%5csecret.txt",
        "//secret.txt",
        "/link.txt",
        "/out/secret.txt",
        "/out/",
        "/.hidden",
        "/skills/%00",
        "/skills/%00-0.css",
        "/../secret-0.css",
        "/link-0.js",
        "/../config.json",
    ],
)
def test_nothing_outside_the_folder_is_given(gallery_port: int, path: str) -> None:
    status, _, body = _ask(gallery_port, path)
    assert status in (400, 404, 405, 500) or body == b"the page"
    assert b"secret" not in body
    assert b"all runs" not in body


def test_of_runs_only_their_pages_are_given(runs_port: int) -> None:
    assert _ask(runs_port, "/")[::2] == (200, b"all runs")
    assert _ask(runs_port, "/ant/gallery/index.html")[::2] == (200, b"the page")
    for path in (
        "/ant/config.json",
        "/secret.txt",
        "/ant/",
        "/ant/gallery/../config.json",
        "/ant/gallery/%2e%2e/config.json",
    ):
        assert _ask(runs_port, path)[0] == 404


def test_the_parts_of_a_page_are_files_and_nothing_else_may_run(gallery_port: int, runs_port: int) -> None:
    for port in (gallery_port, runs_port):
        status, head, body = _ask(port, "/parts.html" if port == gallery_port else "/")
        assert status == 200
        assert b"content-security-policy: default-src 'self'\r\n" in head + b"\r\n"
        assert b"content-type: text/html" in head
    assert _ask(gallery_port, "/parts.html")[2] == (
        b'<link rel="stylesheet" href="parts-0.css"><script type="application/json">"<style>"</script>'
        b'<script src="parts-1.js"></script>'
    )
    status, head, body = _ask(gallery_port, "/parts-0.css")
    assert (status, body, b"content-type: text/css" in head) == (200, b"a {}", True)
    status, head, body = _ask(gallery_port, "/parts-1.js")
    assert (status, body, b"content-type: text/javascript" in head) == (200, b"1;", True)
    for absent in ("/parts-0.js", "/parts-2.js", "/none-0.css", "/parts-0.txt"):
        assert _ask(gallery_port, absent)[0] == 404
    assert _ask(runs_port, "/secret-0.css")[0] == 404


def test_other_names_of_this_machine_are_refused(gallery_port: int) -> None:
    assert _ask(gallery_port, "/", host="localhost")[0] == 200
    assert _ask(gallery_port, "/", host="attacker.example")[0] == 400  # a page elsewhere cannot rebind its name to us


def test_it_listens_on_the_loopback_only(gallery_port: int) -> None:
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
    for address in others:
        with socket.socket() as connection:
            connection.settimeout(2)
            assert connection.connect_ex((address, gallery_port)) != 0


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly_though_a_browser_holds_on(root: Path, ending: signal.Signals) -> None:
    process, port = _start(root, "pages_of_runs")
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")  # kept alive
        assert connection.recv(15).startswith(b"HTTP/1.1 200")
        process.send_signal(ending)
        _, complaints = process.communicate(timeout=30)
    assert (process.returncode, complaints) == (0, "")


def test_a_port_that_is_taken_is_told(root: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(SkillsError, match="Cannot serve") as caught:
        serve(root, lambda path: True, other.getsockname()[1], print)
    assert caught.value.exit_code == ENVIRONMENT
