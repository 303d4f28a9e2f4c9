"""Compile modules into one file that `start.py` reads, or into a file for each.

Runs as a program, `python bundle.py OUTPUT FOLDER...`, under the Python that the bytecode is for. Standard input has the list of
modules as JSON; without OUTPUT, only the files that the list names are written. The folders hold the package and its
libraries, whose regular expressions go into the bundle as well. Promises equal bytes for equal sources,
with one PYTHONHASHSEED, since the order in frozensets depends on it.

The one file holds in this order: the bytecode's magic number, the size of the index, the marshalled index, the marshalled code,
sources, and regular expressions. The index
has three parts: name to (offset, size, whether it is a package), name to (offset, size) of the source, and (offset, size) of the
expressions' own index. That is the number of their form, and (text, flags) to (offset, size).
"""

import _frozen_importlib_external as external
import _sre  # type: ignore[import-not-found]
import ast
import json
import marshal
import subprocess
import sys
from pathlib import Path
from types import CodeType
from typing import TypedDict

SIZE_BYTES = 4
"""The same as in `start.py`, which is alone in Lambda."""

SOME_DOCSTRING = "."

NO_HASH = bytes(8)
"""The hash of a source that is not there, so nobody compares it."""

NO_REFERENCES = 2
"""A version of marshal's form."""

TIMEOUT_S = 120.0
"""A rehearsal takes a second."""

Places = dict[str, tuple[int, ...]]

Patterns = dict[
    tuple["str | bytes", int], tuple[int, bytes, int, dict[str, int], tuple["str | None", ...]]
]
"""By text and flags: the flags in the end, the engine's code, the number of groups, their numbers by name, their names."""


class Listed(TypedDict):
    """One module of the list.

    Attributes:
        name: as it is imported.
        path: of its source.
        shown: its file name in tracebacks.
        source: whether the source goes into the bundle as well.
        target: the file for its bytecode, if it has one of its own.
    """

    name: str
    path: str
    shown: str
    source: bool
    target: str


def compiled(module: Listed) -> CodeType:
    """Return a module's code without docstrings, which take a megabyte of a running extension's memory.

    Unlike with `-OO`, assertions stay.
    """
    tree = ast.parse(Path(module["path"]).read_bytes())
    for node in ast.walk(tree):
        if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if ast.get_docstring(node, clean=False) is None:
            continue
        if isinstance(node, ast.ClassDef):
            # For a dataclass that has none, one is made of its signature, which takes longer than to make the class.
            node.body[0] = ast.copy_location(ast.Expr(ast.Constant(SOME_DOCSTRING)), node.body[0])
            ast.fix_missing_locations(node)
        else:
            # Something is needed where there was nothing but the docstring.
            node.body = node.body[1:] or [ast.copy_location(ast.Pass(), node.body[0])]
    code: CodeType = compile(tree, module["shown"], "exec", dont_inherit=True)
    return code


def write_file(module: Listed) -> None:
    """Write a module's bytecode to its own file, with a header that nobody checks."""
    make = external._code_to_hash_pyc  # type: ignore[attr-defined]  # noqa: SLF001 - as py_compile does
    target = Path(module["target"])
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(make(compiled(module), NO_HASH, False))


def bundled(modules: list[Listed], patterns: Patterns) -> bytes:
    """Return the bundle of `modules`, and of regular expressions as :func:`rehearsed` returns them."""
    codes = {
        module["name"]: (marshal.dumps(compiled(module)), module["path"].endswith("/__init__.py"))
        for module in modules
    }
    sources = {
        module["name"]: Path(module["path"]).read_bytes() for module in modules if module["source"]
    }
    # Where things are depends on the index's size; that does not depend on where they are, since marshal writes every
    # number up to 31 bits in four bytes.
    size = len(marshal.dumps(_index(codes, sources, patterns, 0)))
    head = external.MAGIC_NUMBER + size.to_bytes(SIZE_BYTES, "little")
    index = marshal.dumps(found := _index(codes, sources, patterns, len(head) + size))
    assert len(index) == size, "marshal writes numbers in other ways than was assumed"  # noqa: S101 - a build's
    parts = [head, index, *(code for code, _ in codes.values()), *sources.values()]
    if patterns:
        offset, size = found[2]
        parts += _places_of(patterns, offset + size)
    return b"".join(parts)


def _index(
    codes: dict[str, tuple[bytes, bool]],
    sources: dict[str, bytes],
    patterns: Patterns,
    offset: int,
) -> tuple[Places, Places, tuple[int, int]]:
    modules: Places = {}
    for name, (code, is_package) in codes.items():
        modules[name] = (offset, len(code), is_package)
        offset += len(code)
    texts: Places = {}
    for name, text in sources.items():
        texts[name] = (offset, len(text))
        offset += len(text)
    return modules, texts, (offset, len(_places_of(patterns, 0)[0]) if patterns else 0)


def _places_of(patterns: Patterns, offset: int) -> tuple[bytes, bytes]:
    """Return where each expression is if the first is at an offset, and all of them."""
    places, written = {}, []
    for key, made in patterns.items():
        # Without references, which marshal writes where an object happens to be in use elsewhere.
        data = marshal.dumps(made, NO_REFERENCES)
        places[key] = (offset, len(data))
        offset += len(data)
        written.append(data)
    return marshal.dumps((_sre.MAGIC, places), NO_REFERENCES), b"".join(written)


def rehearsed(folders: list[str]) -> Patterns:
    """Run `rehearsal.py` on the package and the libraries in `folders`; return what it printed, in one order."""
    program = Path(__file__).with_name("rehearsal.py")
    command = [sys.executable, "-ISB", str(program), *folders]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=TIMEOUT_S)
    found: Patterns = marshal.loads(done.stdout)  # noqa: S302 - our own program's
    return dict(sorted(found.items(), key=repr))


if __name__ == "__main__":
    listed: list[Listed] = json.load(sys.stdin)
    for one in listed:
        if one["target"]:
            write_file(one)
    if sys.argv[1:]:
        patterns = rehearsed(sys.argv[2:]) if sys.argv[2:] else {}
        rest = [one for one in listed if not one["target"]]
        Path(sys.argv[1]).write_bytes(bundled(rest, patterns))
