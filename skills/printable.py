"""Words of others on a terminal: what would move its cursor, colour it or turn its lines round is shown, not obeyed."""

import json
import re

# Control characters but the ends of lines and tabs, what no encoding has, and what is seen only by what it does to
# other characters: overrides of the direction of writing, separators of lines, tags, blanks of no width.
_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def printable(text: str) -> str:
    r"""The text with such characters as JSON writes them: "\u001b" for an escape. Text that is JSON stays the same."""
    return _OBEYED.sub(lambda found: json.dumps(found[0])[1:-1], text)
