"""The pages' texts: a template each, one head for all, and what stands in them between @@ and @@."""

from collections.abc import Mapping
from pathlib import Path

_PARTS = Path(__file__).parent


def text_of(name: str) -> str:
    """A part of a page, "gallery.js"."""
    return (_PARTS / name).read_text(encoding="utf-8")


def filled(name: str, title: str, values: Mapping[str, str]) -> str:
    """The page of the template `name`, "bands.html".   title: escaped already, as all that stands in its values."""
    head = _fill("head.html", {"title": title, "style": text_of("gallery.css")})
    return _fill(name, {"head": head.rstrip("\n"), "title": title, **values})


def _fill(name: str, values: Mapping[str, str]) -> str:
    texts = text_of(name).split("@@")  # text, name, text, name, ..., text
    return "".join(values[text] if place % 2 else text for place, text in enumerate(texts))
