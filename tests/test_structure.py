"""Sizes, circles and style of the source folders. `[tool.importlinter]` in pyproject.toml says who may import whom."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = (
    *(
        "attach",
        "bench",
        "emulator",
        "extension",
        "layer",
        "pages",
        "show",
        "terminal",
        "tools",
        "whatif",
    ),
)
"""The source folders; one that does not exist is left out."""

COPIED = (ROOT / "layer" / "templates", ROOT / "bench" / "programs")
"""Files to copy and programs to measure against: no module of ours imports them."""

MAX_FILES = 12
MAX_CLASS_LINES = 260
MAX_FUNCTION_LINES = 50
MAX_MODULE_LINES = 400

Node = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def sources() -> dict[str, Path]:
    """Return the source files by the name of their module."""
    found = {}
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not any(path.is_relative_to(one) for one in COPIED):
                parts = path.relative_to(ROOT).with_suffix("").parts
                found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = sources()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports_of(name: str) -> set[str]:
    """Return the modules of ours that a module imports, lazily and for types as well."""
    found = set()
    for node in ast.walk(tree_of(MODULES[name])):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            # Importing a module from its package asks the package for nothing else.
            found |= inner & MODULES.keys() or {node.module}
            if not inner <= MODULES.keys():
                found.add(node.module)
    return (found & MODULES.keys()) - {name}


def circles(imports: dict[str, set[str]]) -> list[set[str]]:
    """Return the sets of modules that import each other, directly or through others."""
    left = {name: set(targets) for name, targets in imports.items()}
    while leaves := [name for name, targets in left.items() if not targets & left.keys()]:
        for name in leaves:
            del left[name]
    reached = {name: reachable(name, left) for name in left}
    return [
        {name, *(other for other in reached[name] if name in reached[other])}
        for name in left
        if name in reached[name]
    ]


def reachable(name: str, imports: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        new = (imports[waiting.pop()] & imports.keys()) - found
        found |= new
        waiting += new
    return found


def definitions() -> Iterator[tuple[str, Node]]:
    for name, path in MODULES.items():
        for node in ast.walk(tree_of(path)):
            if isinstance(node, Node):
                yield f"{name}.{node.name}", node


def length(node: Node) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def over(sizes: dict[str, int], most: int) -> dict[str, int]:
    """Return the sizes above a limit."""
    return {name: size for name, size in sizes.items() if size > most}


def test_no_folder_holds_more_than_twelve_files() -> None:
    """A reader finds a room by its name, and a file in it at a glance."""
    folders = {path.parent for path in MODULES.values()}
    sizes = {str(one.relative_to(ROOT)): len(list(one.glob("*.py"))) for one in folders}

    assert over(sizes, MAX_FILES) == {}


def test_no_modules_import_each_other() -> None:
    """A module in a circle cannot be read, or tested, without the others."""
    found = circles({name: imports_of(name) for name in MODULES})

    assert found == []


def test_circles_are_found() -> None:
    """The finder knows a circle from a long way."""
    assert circles({"a": {"b"}, "b": {"c"}, "c": set(), "d": {"a", "c"}}) == []
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"c"}}) == [{"b", "c"}, {"b", "c"}]


def test_no_class_is_longer_than_260_lines() -> None:
    """A longer class has more than one job."""
    sizes = {name: length(node) for name, node in definitions() if isinstance(node, ast.ClassDef)}

    assert over(sizes, MAX_CLASS_LINES) == {}


def test_no_function_is_longer_than_50_lines() -> None:
    """A function fits on a screen."""
    sizes = {
        name: length(node) for name, node in definitions() if not isinstance(node, ast.ClassDef)
    }

    assert over(sizes, MAX_FUNCTION_LINES) == {}


def test_no_module_is_longer_than_400_lines() -> None:
    """A longer module has more than one subject."""
    sizes = {name: len(path.read_text().splitlines()) for name, path in MODULES.items()}

    assert over(sizes, MAX_MODULE_LINES) == {}


def test_modules_keep_the_house_style() -> None:
    """Imports are absolute, and no module is a library that exports names."""
    offenders = {
        name
        for name, path in MODULES.items()
        for node in ast.walk(tree_of(path))
        if (isinstance(node, ast.ImportFrom) and node.level)
        or (isinstance(node, ast.Name) and node.id == "__all__")
    }

    assert offenders == set()
