"""Object storage: what lies there has a mirror here, and what is finished in a mirror is sent there at once.

    s3://bucket/runs/x   <->   $SKILLS_MIRROR/s3/bucket/runs/x      (~/.cache/skills unless told)

A file is sent as it gets its name, so what lies there passes through the very states that a folder does: killed at any
moment it is what a disk would hold. What lies there is the truth, and the mirror its copy: `fetch` makes it the same.
Hidden files are of one machine. All else knows paths only: a path inside of `mirrors()` is mirrored, any other is not.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from skills.errors import ENVIRONMENT, NOT_FOUND, USAGE, SkillsError, UnwritableError
from skills.troubles import is_ours, writing

VARIABLE = "SKILLS_MIRROR"
Found = Mapping[str, dict[str, Any]]  # what lies somewhere, by its name below: as a file system tells of it
_SEEN = ".seen"  # notes of what each mirrored file was when it was the same as its object
_TAGS = ("ETag", "etag", "md5Hash", "mtime", "created")  # how file systems tell contents apart, the surest first
_PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs"}
_closed: dict[Path, str] = {}  # places that nothing may be sent to, and why
_KEYS = ("credentials", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken")


def mirrors() -> Path:
    """The folder of all mirrors; a whole path without links. It may not exist yet."""
    given = os.environ.get(VARIABLE, "").strip()
    return Path(os.path.realpath(os.path.expanduser(given or "~/.cache/skills")))  # noqa: PTH111  # Path's raises where there is no home


def is_url(text: str) -> bool:
    """Whether what is named lies in object storage."""
    return "://" in text


def placed(text: str) -> Path:
    """The path of what is named: that of a URL is its mirror. Raises: SkillsError (usage) for a URL of nothing."""
    if not is_url(text):
        return Path(text)
    scheme, _, rest = text.partition("://")
    parts = rest.rstrip("/").split("/")
    if not all(parts) or {".", ".."} & set(parts) or len(parts) < 2 or not scheme.isalnum():
        raise SkillsError(f"{text} names nothing in object storage.", "Name a bucket and a place: s3://bucket/a", USAGE)
    return mirrors().joinpath(scheme.lower(), *parts)


def url_of(path: Path) -> str | None:
    """What a path mirrors; None where it mirrors nothing."""
    whole = Path(os.path.realpath(path))
    if not whole.is_relative_to(mirrors()):
        return None
    scheme, *parts = whole.relative_to(mirrors()).parts or ("",)
    return f"{scheme}://{'/'.join(parts)}" if len(parts) > 1 and scheme != _SEEN else None


def words(path: Path) -> str:
    """A path as people named it."""
    return url_of(path) or str(path)


def look(path: Path) -> Found:
    """What lies there now, of a file or below a folder. Raises: SkillsError where that cannot be reached or read."""
    with afar(path) as (system, root):
        system.invalidate_cache()
        found = {name[len(root) :].lstrip("/"): entry for name, entry in system.find(root, detail=True).items()}
        return {name: entry for name, entry in found.items() if not _is_hidden(name)}


def fetch(path: Path, wanted: Callable[[str], bool] = lambda name: True, found: Found | None = None) -> list[str]:
    """Makes a mirror, a file's or a folder's, the same as what lies there; the names of all that does, below it.

    wanted: by its name, whether a file is to come, or to go where it lies there no longer.   found: by `look`.
    Raises: SkillsError where object storage cannot be reached or read.
    """
    found = look(path) if found is None else found
    with afar(path) as (system, _):
        for name, entry in found.items():
            if wanted(name):
                _fetch_file(system, entry, path / name if name else path)
    for file in [file for file in path.rglob("*") if file.is_file()]:
        name = file.relative_to(path).as_posix()
        if wanted(name) and not _is_hidden(name) and name not in found:
            file.unlink(missing_ok=True)
    return list(found)


def folders(path: Path) -> list[Path]:
    """The mirrors of the folders that lie in one, by name; they need not be here."""
    with afar(path) as (system, root), contextlib.suppress(FileNotFoundError):
        system.invalidate_cache()
        found = [entry["name"].rstrip("/") for entry in system.ls(root, detail=True) if entry["type"] == "directory"]
        names = sorted(name.rpartition("/")[2] for name in found)
        return [path / name for name in names if not _is_hidden(name)]
    return []


def send(path: Path) -> None:
    """Sends a file that is finished, where it is one of a mirror. Raises: SkillsError where that cannot be."""
    if not _is_mirrored(path):
        return
    for place, reason in _closed.items():
        if path.is_relative_to(place):
            raise UnwritableError(f"{words(place)} is not to be written any more: {reason}.", "Let that one end first.")
    with afar(path) as (system, name):
        system.put_file(str(path), name)
        system.invalidate_cache()
        _note(path, _tag(system.info(name)))


def remove(path: Path) -> None:
    """Deletes a file or a folder, and what it mirrors; what is not there is no matter."""
    if _is_mirrored(path):
        with afar(path) as (system, name), contextlib.suppress(FileNotFoundError):
            system.invalidate_cache()
            system.rm(name, recursive=path.is_dir())
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def close(path: Path, reason: str) -> None:
    """From now on nothing can be sent to a place."""
    _closed[path] = reason


def reopen(path: Path) -> None:
    """Undoes `close`."""
    _closed.pop(path, None)


def is_running(process: int) -> bool:
    """Whether there is a process of that number on this machine."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        return True
    return True


def _fetch_file(system: Any, entry: dict[str, Any], target: Path) -> None:
    tag = _tag(entry)
    if _is_as_noted(target, tag):
        return
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.stem}.{os.getpid()}.partial{target.suffix}")
        try:
            system.get_file(entry["name"], str(temporary))
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    _note(target, tag)


def _note(path: Path, tag: str) -> None:
    """Notes that a file is what lies there with that tag."""
    kept = path.stat()
    note = _note_file(path)
    with writing(note):
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(f"{tag} {kept.st_size} {kept.st_mtime_ns}", encoding="utf-8")


def _is_as_noted(path: Path, tag: str) -> bool:
    """Whether a file is still what it was when what lies there had that tag."""
    try:
        kept = path.stat()
        return _note_file(path).read_text(encoding="utf-8") == f"{tag} {kept.st_size} {kept.st_mtime_ns}"
    except FileNotFoundError:
        return False


def _note_file(path: Path) -> Path:
    return mirrors() / _SEEN / Path(os.path.realpath(path)).relative_to(mirrors())


def _tag(entry: dict[str, Any]) -> str:
    known = next((str(entry[name]) for name in _TAGS if entry.get(name)), "")
    return f"{known} {entry['size']}"


def _is_mirrored(path: Path) -> bool:
    url = url_of(path)
    return url is not None and not _is_hidden(url)


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))


@contextlib.contextmanager
def afar(path: Path) -> Iterator[tuple[Any, str]]:
    """(the file system, the name in it) of what a path mirrors; puts into words what goes wrong inside of the block."""
    url = url_of(path)
    if url is None:
        raise ValueError(f"{path} mirrors nothing")
    try:
        import fsspec

        yield fsspec.url_to_fs(url)
    except SkillsError:
        raise
    except Exception as error:  # file systems raise what their services' clients do
        if is_ours(error):
            raise
        raise _told(error, url) from error


def _told(error: Exception, url: str) -> SkillsError:
    """The words for what a file system raised."""
    scheme, _, rest = url.partition("://")
    bucket = f"{scheme}://{rest.partition('/')[0]}"
    said = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    if isinstance(error, ImportError):
        package = _PACKAGES.get(scheme)
        hint = f"Install it: pip install {package}" if package else "Install what it names."
        return SkillsError(f"{scheme}:// needs a package that is not installed: {said}.", hint, ENVIRONMENT)
    if isinstance(error, ValueError) and "Protocol not known" in said:
        return SkillsError(f"{url}: there is no storage {scheme}://.", f"Known: {_known()}.", USAGE)
    if any(key.lower() in f"{type(error).__name__} {said}".lower() for key in _KEYS):
        return SkillsError(
            f"{bucket} does not let this user in: {said}.",
            "Say who you are: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; of other storage as its "
            "package says.",
            ENVIRONMENT,
        )
    if isinstance(error, FileNotFoundError):
        return SkillsError(
            f"{url}: {said}.", f"See that there is {bucket}, and AWS_ENDPOINT_URL where it is not AWS's.", NOT_FOUND
        )
    if isinstance(error, PermissionError):
        return SkillsError(f"{url} may not be read or written: {said}.", f"Have the owner of {bucket} permit it.")
    return SkillsError(
        f"{url} cannot be reached: {said}.",
        "What is finished there is kept: run the same command again.",
        ENVIRONMENT,
    )


def _known() -> str:
    return ", ".join(f"{scheme}://" for scheme in _PACKAGES)
