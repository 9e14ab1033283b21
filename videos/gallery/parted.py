"""A page as it is served: its style and its script are files, so that whatever else stands in it cannot act.

The copy that opens from disk has both inside, to be one file. `default-src 'self'` lets a browser run and show only
what comes as a file from here: text of a dataset that would slip into the page as more than text does nothing.
"""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

POLICY = "default-src 'self'"
_INLINE = re.compile(r"<(style|script)>(.*?)</\1>", re.DOTALL)
_ICON = '<link rel="icon" href="data:,">\n'  # no file: what is served may not show it
_SUFFIXES = {"style": ".css", "script": ".js"}
MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript"}
_LINKS = {"style": '<link rel="stylesheet" href="{}">', "script": '<script src="{}"></script>'}


@dataclass(frozen=True)
class Parted:
    """A page in parts.   text: what is left of it.   files: its styles and scripts, by the names that it calls them."""

    text: str
    files: dict[str, str]


def part(page: Path) -> Parted:
    """Takes the styles and scripts out of a page; "index.html" calls them "index-0.css", "index-1.js", ..."""
    files: dict[str, str] = {}

    def link(found: re.Match[str]) -> str:
        name = f"{page.stem}-{len(files)}{_SUFFIXES[found[1]]}"
        files[name] = found[2]
        return _LINKS[found[1]].format(name)

    text = page.read_text(encoding="utf-8").replace(_ICON, "")
    return Parted(_INLINE.sub(link, text), files)


def page_of(file: PurePosixPath) -> PurePosixPath | None:
    """The page that a file of this name would be part of."""
    stem, _, _ = file.stem.rpartition("-")
    return file.with_name(f"{stem}.html") if stem and file.suffix in MEDIA_TYPES else None
