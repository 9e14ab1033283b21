"""The house: arrows go down or stay within a room, names have one home and one meaning, files are small.

docs/contributing.md has the picture of the rooms, docs/glossary.md the words.
"""

import ast
import re
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

from skills.runs.layout import Layout

ROOT = Path(__file__).parents[1]
# From the ground up; rooms of one floor do not know each other.
FLOORS = (
    ("skills.printable", "skills.progress", "skills.choices", "skills.arrays"),
    ("skills.errors",),
    ("skills.memory", "skills.troubles", "skills.fleet"),
    ("skills.archives", "skills.shape", "skills.storage"),
    ("skills.files", "skills.plugins", "skills.leases"),
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
    ("skills.videos.live",),
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


TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}
BENCHMARKS = {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "bench").glob("*.py"))}
FRONT_DOOR = ("skills", "skills.api")  # what people import: it shows what is defined further in


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Those of a module, inside its conditions too."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try):
            yield from statements([*node.body, *node.orelse])


def defined(tree: ast.Module) -> set[str]:
    """The names that a module itself defines."""
    found = set()
    for node in statements(tree.body):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)}
    return found


DEFINED = {name: defined(tree) for name, tree in TREES.items()}


def taken(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(module of ours, name) of all that a file takes from one: by `from`, or as an attribute of what it imported."""
    modules = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                if whole in MODULES:
                    modules[alias.asname or alias.name] = whole
                elif node.module in MODULES:
                    yield node.module, alias.name
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            yield modules[node.value.id], node.attr


@pytest.mark.parametrize("name", [*TREES, *BENCHMARKS])
def test_no_file_takes_what_is_private_to_another(name: str) -> None:
    tree = TREES.get(name) or BENCHMARKS[name]
    private = [(module, one) for module, one in taken(tree) if one.startswith("_") and not one.startswith("__")]
    assert not private


@pytest.mark.parametrize("name", [*TREES, *BENCHMARKS])
def test_a_name_is_taken_from_where_it_is_defined(name: str) -> None:
    tree = TREES.get(name) or BENCHMARKS[name]
    through = [
        (module, one)
        for module, one in taken(tree)
        if module not in FRONT_DOOR and one not in DEFINED[module] and not one.startswith("__")
    ]
    assert not through


def twice(names: Iterator[tuple[str, str]]) -> dict[str, list[str]]:
    """{name: its modules} of (name, module), where there is more than one."""
    found: dict[str, list[str]] = {}
    for name, module in names:
        found[name] = [*found.get(name, []), module]
    return {name: modules for name, modules in found.items() if len(modules) > 1}


def test_a_class_has_a_name_of_its_own() -> None:
    names = ((name, module) for module, found in DEFINED.items() for name in found if re.match("[A-Z].*[a-z]", name))
    assert twice(names) == {}


def test_no_two_functions_are_imported_by_the_same_name() -> None:
    """Verbs such as `load` may be in several modules; then they are called with the module before them."""
    bare = {
        (one, module)
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and node.module in MODULES
        and not name.startswith((*FRONT_DOOR[1:], "tools"))
        for one, module in [(alias.name, node.module) for alias in node.names]
        if one in DEFINED[module] and one[0].islower() and not module.startswith(("skills.cli", "skills.api"))
    }
    assert twice(iter(sorted(bare))) == {}


def test_nothing_has_a_second_name() -> None:
    rows = re.findall(r"^\| ([a-z -]+) \| .* \| ([^|]*) \|$", (ROOT / "docs" / "glossary.md").read_text(), re.M)
    words = [word for word, _ in rows]
    assert len(words) > 30
    assert sorted(set(words)) == sorted(words)
    banned = {other.strip() for _, others in rows for other in others.split(",")} - {""}
    assert not banned & set(words)
    used = {part for tree in TREES.values() for part in parts(tree)}
    assert {"skill", "expert", "behaviour", "classes"} <= used
    assert sorted(banned & used) == []


def parts(tree: ast.Module) -> set[str]:
    """The words of the names that a file gives: of classes, functions, arguments, variables."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return {part.lower() for name in names for part in re.findall("[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def test_files_are_small() -> None:
    sizes = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()}
    assert max(sizes.values()) <= 400, max(sizes, key=lambda name: sizes[name])
    middle = statistics.median(size for name, size in sizes.items() if MODULES[name].name != "__init__.py")
    assert 80 <= middle <= 200, f"of {len(sizes)} files"


def test_every_path_inside_a_run_is_named_in_one_file() -> None:
    """Names of files; those of the policy's own folder and of the matrix are the policy's and the matrix's."""
    layout = Layout(Path("run"))
    names = {found.name for name in dir(Layout) if isinstance(found := getattr(layout, name, None), Path)}
    names |= {getattr(layout.method("own"), name).name for name in ("trials_file", "trials_note", "numbers_file")}
    files = {name for name in names if "." in name} - {"config.json", "index.html", ".lock"}
    assert len(files) > 8
    for module, tree in TREES.items():
        said = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        assert module == "skills.runs.layout" or not files & said, module


def test_the_ten_tasks_name_files_that_there_are() -> None:
    text = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
    tasks = re.findall(r"^\| ((?:add|change) [^|]*) \| (.*) \|$", text, re.M)
    assert len(tasks) == 10
    for task, touched in tasks:
        named = [name for name in re.findall(r"`([\w./]+)`", touched) if "/" in name or name.endswith(".toml")]
        assert 1 <= len(named) <= 2, task
        assert all((ROOT / name).exists() for name in named), named
