"""List the contents of a standalone layer: its modules, and its files.

Promises an order of the modules that does not depend on this machine. Whole packages are left out, never single modules
of one.
"""

import platform
from dataclasses import dataclass
from pathlib import Path

from layer.function_python.build import Sources
from layer.function_python.bytecode import PRIVATE
from layer.standalone.compiling import ARCHITECTURES, LEFT_OUT

UNUSED = frozenset(
    """
    __phello__ _aix_support _android_support _apple_support _ios_support _osx_support _pyrepl antigravity bdb cProfile
    cmd code codeop ctypes curses dbm distutils doctest ensurepip ftplib idlelib imaplib lib2to3 mailbox modulefinder
    multiprocessing nturl2path pdb pickletools plistlib poplib profile pstats py_compile pyclbr pydoc pydoc_data
    site-packages smtplib sqlite3 tabnanny test this tkinter trace turtle turtledemo unittest venv webbrowser wsgiref
    xml xmlrpc zipapp zoneinfo
    """.split()  # noqa: SIM905 - a list of sixty words reads better so
)
"""Whole packages and modules of the standard library that a running extension does not use. A package stays complete:
without single modules it has been seen to break."""

NEEDED_AT_ONCE = ("os", "encodings", "encodings.aliases", "encodings.utf_8")
"""The interpreter looks for these files before it runs a line of ours; by `os` it finds its library."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One module of the layer: its name, its source, and its place below the private folder."""

    name: str
    source: Path
    place: str

    @property
    def shown(self) -> str:
        """Its file name in tracebacks."""
        return f"/opt/{PRIVATE}/{self.place}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The inputs of one layer.

    Attributes:
        architecture: Lambda's name.
        interpreter: the folder of a Python for it.
        build_python: a Python of the same version that runs here.
        launcher: the compiled launcher.
        launcher_license: the licence of the C library in the launcher.
        versions: the sources of the interpreter; they tell whether it has a fix.
        dependencies: the folder with our package's dependencies.
        sources: our own files.
        packing: one of `PACKINGS`.
    """

    architecture: str
    interpreter: Path
    build_python: Path
    launcher: Path
    launcher_license: Path
    versions: list[str]
    dependencies: Path
    sources: Sources
    packing: str = "bundle"

    @property
    def library(self) -> Path:
        """The standard library's folder."""
        [folder] = (self.interpreter / "lib").glob("python3.*")
        return folder

    @property
    def tag(self) -> str:
        """The name of the interpreter's bytecode, such as `cpython-313`."""
        return self.library.name.replace("python", "cpython-").replace(".", "")

    @property
    def runs_here(self) -> bool:
        """Whether this machine can run it."""
        return ARCHITECTURES[self.architecture] == platform.machine()


def modules_of(job: Job) -> list[Module]:
    """Return every module of the layer, in the order of the bundle."""
    modules = []
    for folder, place in (
        (job.library, f"lib/{job.library.name}"),
        (job.dependencies, "deps"),
        (job.sources.package.parent, "."),
    ):
        names = sorted(path for path in folder.iterdir() if path.suffix == ".py" or path.is_dir())
        for path in names:
            if place == "." and path != job.sources.package:
                continue
            if place not in {".", "deps"} and path.stem in UNUSED | set(LEFT_OUT):
                continue
            found = [path] if path.is_file() else sorted(path.rglob("*.py"))
            for source in found:
                relative = source.relative_to(folder)
                parts = list(relative.with_suffix("").parts)
                if not all(part.isidentifier() for part in parts) or parts[0].startswith(
                    "_sysconfigdata"
                ):
                    continue
                if parts[-1] == "__init__":
                    parts.pop()
                where = relative.as_posix() if place == "." else f"{place}/{relative.as_posix()}"
                modules.append(Module(name=".".join(parts), source=source, place=where))
    # Ours first: what is read before the first Next then lies beside the index, and comes with it.
    return sorted(
        modules, key=lambda module: (module.place.startswith(("lib/", "deps/")), module.name)
    )
