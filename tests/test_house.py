"""The house: which room may know which. Arrows go down or stay within a room; docs/contributing.md has the picture."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# From the ground up; rooms of one floor do not know each other.
FLOORS = (
    ("skills.printable", "skills.progress", "skills.choices"),
    ("skills.errors",),
    ("skills.memory",),
    ("skills.archives",),
    ("skills.files", "skills.plugins"),
    ("skills.settings",),
    ("skills.bodies",),
    ("skills.data",),
    ("skills.data.made", "skills.learning.engine"),
    ("skills.data.sources",),
    ("skills.learning",),
    ("skills.learning.rewards", "skills.learning.learners"),
    ("skills.playing", "skills.runs"),
    ("skills.measures",),
    ("skills.discovery",),
    ("skills.evaluation", "skills.videos.films"),
    ("skills.videos.gallery",),
    ("skills.api",),
    ("skills",),
    ("skills.cli",),
    ("tools",),
)
ROOMS = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}


def modules() -> dict[str, Path]:
    """Every module of the package, by its name."""
    found = {}
    for folder in ("skills", "cli", "videos", "tools"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts if folder in ("skills", "tools") else ("skills", *parts))
            found[name.removesuffix(".__init__")] = path
    return found


MODULES = modules()


def room_of(module: str) -> str:
    """The innermost room that a module is in."""
    while module not in ROOMS:
        module = module.rpartition(".")[0]
    return module


def imports(path: Path) -> set[str]:
    """The modules of ours that a file imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {
                name if (name := f"{node.module}.{alias.name}") in MODULES else node.module for alias in node.names
            }
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.split(".")[0] in ("skills", "tools")}


@pytest.mark.parametrize("module", MODULES)
def test_no_arrow_climbs(module: str) -> None:
    here = room_of(module)
    climbing = [
        other for other in imports(MODULES[module]) if room_of(other) != here and ROOMS[room_of(other)] >= ROOMS[here]
    ]
    assert not climbing, f"{module} ({here}) imports {climbing}"
