"""Check a standalone layer before it is written: its size, its glibc, its architecture, and traces of this machine.

Promises an error that names the file. Assumes of ELF that a program's string table holds the versions and libraries it
needs as plain names. So a search of its bytes finds all of them, and at worst one too many.
"""

import re
import struct
from pathlib import Path

from layer.archive import tree_files
from layer.function_python.dependencies import BuildError

MAX_ZIPPED_BYTES = 12_000_000
MAX_UNZIPPED_BYTES = 30_000_000
"""A function has 250 MB for itself and its layers, and a smaller layer is there sooner."""

MAGIC = b"\x7fELF"
MACHINE_OFFSET = 18
MACHINES = {62: "x86_64", 183: "aarch64"}
"""`e_machine` of the ELF format, and the compilers' name."""

GLIBC_VERSION = re.compile(rb"\0GLIBC_(\d+(?:\.\d+)+)(?=\0)")
LIBRARY = re.compile(rb"\0((?:lib[\w+-]+|ld-linux[\w+-]*)\.so[.\d]*)(?=\0)")
OF_GLIBC = re.compile(rb"(lib(c|m|dl|rt|util|pthread|resolv)|ld-linux[\w+-]*)\.so\.\d+")
"""Libraries that every runtime has, since its own programs need them."""


def check_programs(root: Path, *, arch: str, oldest_glibc: tuple[int, ...]) -> None:
    """Check every ELF file below `root`.

    Raises:
        BuildError: one is for another machine, needs a newer glibc, or a library that the layer does not have.
    """
    own = {path.name for path in tree_files(root)}
    found = False
    for path in tree_files(root):
        data = path.read_bytes()
        if not data.startswith(MAGIC):
            continue
        found = True
        name = path.relative_to(root).as_posix()
        [machine] = struct.unpack_from("<H", data, MACHINE_OFFSET)
        if MACHINES.get(machine) != arch:
            raise BuildError(
                f"{name} is for {MACHINES.get(machine, 'another machine')}, not {arch}"
            )
        for match in GLIBC_VERSION.findall(data):
            if tuple(int(part) for part in match.split(b".")) > oldest_glibc:
                oldest = ".".join(map(str, oldest_glibc))
                raise BuildError(f"{name} needs glibc {match.decode()}, and {oldest} is the oldest")
        for library in LIBRARY.findall(data):
            if not OF_GLIBC.fullmatch(library) and library.decode() not in own:
                raise BuildError(f"{name} needs {library.decode()}, which a runtime need not have")
    if not found:
        raise BuildError("there is no program in the layer")


def check_paths(root: Path, *, machine_paths: list[str]) -> None:
    """Check that no file below `root` holds a path of the machine that built it.

    Raises:
        BuildError: one does.
    """
    for path in tree_files(root):
        data = path.read_bytes()
        for machine_path in machine_paths:
            if machine_path.encode() in data:
                name = path.relative_to(root).as_posix()
                raise BuildError(f"{name} holds a path of this machine, {machine_path}")


def check_sizes(root: Path, archive: Path) -> None:
    """Check the sizes of `archive` and of the files below `root`.

    Raises:
        BuildError: it is too large.
    """
    unzipped_bytes = sum(path.stat().st_size for path in tree_files(root))
    for kind, size, limit in (
        ("zipped", archive.stat().st_size, MAX_ZIPPED_BYTES),
        ("unzipped", unzipped_bytes, MAX_UNZIPPED_BYTES),
    ):
        if size > limit:
            raise BuildError(f"the layer has {size} bytes {kind}, over {limit}")
