"""Writes many modules' bytecode into one file, which `start.py` reads.

Runs as a program, `python bundle.py OUTPUT`, under the Python that the bytecode is for, with the list of modules as JSON
on standard input. Promises equal bytes for equal sources (given one PYTHONHASHSEED, which the order in frozensets hangs
on). The file holds, one after the other: the size of the index; the index, marshalled; code, marshalled; sources.
The index is two dicts: name to (offset, size, whether it is a package), and name to (offset, size) of the source.
"""

from __future__ import annotations

import json
import marshal
import sys
from pathlib import Path
from typing import TypedDict

SIZE_BYTES = 8
"""As in `start.py`, which is on its own in Lambda."""

Places = dict[str, tuple[int, ...]]


class Listed(TypedDict):
    """One module of the list: its name, its file, what tracebacks call the file, and whether its source goes in."""

    name: str
    path: str
    shown: str
    source: bool


def bundled(modules: list[Listed]) -> bytes:
    """Return the bundle of `modules`."""
    compiled = {}
    for module in modules:
        source = Path(module["path"]).read_bytes()
        code = compile(source, module["shown"], "exec", dont_inherit=True)
        is_package = Path(module["path"]).name == "__init__.py"
        compiled[module["name"]] = (marshal.dumps(code), is_package)
    sources = {
        module["name"]: Path(module["path"]).read_bytes() for module in modules if module["source"]
    }
    # Where things are depends on the index's size; that does not depend on where they are, since marshal writes every
    # number up to 31 bits in four bytes.
    size = len(marshal.dumps(_index(compiled, sources, 0)))
    index = marshal.dumps(_index(compiled, sources, SIZE_BYTES + size))
    assert len(index) == size, "marshal writes numbers in other ways than was assumed"  # noqa: S101 - a build's
    parts = [size.to_bytes(SIZE_BYTES, "little"), index]
    parts += [code for code, _ in compiled.values()]
    parts += sources.values()
    return b"".join(parts)


def _index(
    compiled: dict[str, tuple[bytes, bool]], sources: dict[str, bytes], offset: int
) -> tuple[Places, Places]:
    modules: Places = {}
    for name, (code, is_package) in compiled.items():
        modules[name] = (offset, len(code), is_package)
        offset += len(code)
    texts: Places = {}
    for name, text in sources.items():
        texts[name] = (offset, len(text))
        offset += len(text)
    return modules, texts


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(bundled(json.load(sys.stdin)))
