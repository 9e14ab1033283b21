"""Whether two folders hold the same, byte for byte but for the times that are noted in them."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from skills.runs.layout import Layout

_WALL = re.compile(rb'"wall_seconds":[0-9.]+')


def digests(folder: Path) -> dict[str, str]:
    """The digest of each file by its name in the folder; locks are no content."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not _is_lock(path)]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(timeless(path)).hexdigest() for path in files}


def differences(found: dict[str, str], right: dict[str, str]) -> str | None:
    """What is missing, changed and too much, in a line; None where nothing is."""
    parts = {
        "missing": [name for name in right if name not in found],
        "other": [name for name in right if name in found and found[name] != right[name]],
        "too much": [name for name in found if name not in right],
    }
    told = [f"{what}: {', '.join(names[:6])}" for what, names in parts.items() if names]
    return "; ".join(told) or None


def timeless(path: Path) -> bytes:
    """A file's bytes without the moment at which it was made and the seconds that it took."""
    content = path.read_bytes()
    layout = Layout(path.parent)
    if path == layout.manifest_file:
        return _without_times(content)
    return _WALL.sub(b"", content) if path.suffix == ".html" else content


def _without_times(content: bytes) -> bytes:
    try:
        document: Any = json.loads(content)
        document.pop("created", None)
        document.pop("wall_seconds", None)
        document.pop("checksum", None)  # of the times too
        for stage in document.get("stages", {}).values():
            stage.pop("seconds")
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        return content
    return json.dumps(document, sort_keys=True).encode()


def _is_lock(path: Path) -> bool:
    return path.name == ".lock" or path.suffix == ".lock"
