"""Whether a JSON document has the shape that its readers rely on, told by an example of it.

    {"made": str, "steps": int, "expert?": dict, "stages": {str: {"seconds": float}}, "numbers": [int]}

A name with a question mark may be missing, or null. `str` for a name is any name. `float` is any number.
"""

from typing import Any

from skills.troubles import DamagedError

_WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "an object",
    list: "a list",
    type(None): "null",
}


def check_shape(document: Any, shape: Any, place: str = "it") -> None:
    """Raises: DamagedError for the first part that is of another shape.   place: what the document is called."""
    if isinstance(shape, type):
        if not _is_of(document, shape):
            raise DamagedError(f"{place} is {_said(document)}, not {_WORDS[shape]}")
    elif isinstance(shape, list):
        check_shape(document, list, place)
        for number, one in enumerate(document):
            check_shape(one, shape[0], f"{place}[{number}]")
    else:
        check_shape(document, dict, place)
        for name, inner in shape.items():
            _check_member(document, name, inner, place)


def _check_member(document: dict[str, Any], name: Any, shape: Any, place: str) -> None:
    if name is str:
        for known, one in document.items():
            check_shape(one, shape, f"{place}.{known}")
    elif name.endswith("?"):
        if document.get(name[:-1]) is not None:
            check_shape(document[name[:-1]], shape, f"{place}.{name[:-1]}")
    elif name not in document:
        raise DamagedError(f"{place} has no {name!r}")
    else:
        check_shape(document[name], shape, f"{place}.{name}")


def _is_of(found: Any, kind: type) -> bool:
    if isinstance(found, bool) and kind is not bool:
        return False
    return isinstance(found, int | float if kind is float else kind)


def _said(found: Any) -> str:
    return _WORDS.get(type(found), type(found).__name__)
