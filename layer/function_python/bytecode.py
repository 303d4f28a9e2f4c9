"""Compile the layer for each Python at hand, and prove that each can import all of it.

Promises bytecode that is used. The modules of each version are in one file, `modules.cpython-313` and the like, which saves an
open and a third of the time that importing a file takes. Few modules are files all the same; `unchecked-hash` bytecode is
valid with any timestamps that Lambda's unpacking gives them. Equal sources give equal bytes. `bundle.py` compiles, and leaves
out docstrings. The sources stay beside it, for a version that nobody has compiled for.
"""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from layer.archive import tree_files
from layer.function_python.dependencies import BuildError

PRIVATE = "flight-recorder"
"""The layer's folder with our package and its dependencies, where no function looks for modules."""

COMPILES = ("-SBs", "-Xno_debug_ranges")
"""Options for the compiler: leave out the columns of each instruction (3.11 and later). Only the carets in a traceback
need them, and the zip is a sixth smaller without them."""

COMPILE_TIMEOUT_SECONDS = 180.0
"""A tree compiles in a few seconds; the rest is for a busy machine."""

AS_FILES = "certifi"
"""This package finds the certificate authorities beside its own file."""

READS_ITSELF = "anyio"
"""This package reads its own source; without it, it imports forty modules instead of two."""

# httpcore swallows an anyio that cannot be imported and fails at the first request; so it is asked.
VERIFY = """
import sys
private = sys.argv[1]
sys.path[:] = [private] + [entry for entry in sys.path if entry]
import start
start.prepare(private)
import anyio, certifi, httpcore, httpx, importlib, os, pathlib, structlog
assert hasattr(httpcore.AnyIOBackend, "connect_tcp"), "httpcore has no anyio backend"
# What anyio imports when it is asked for, it does not miss before.
assert anyio.connect_tcp and anyio.run and anyio.to_thread
importlib.import_module("anyio._backends._asyncio")
assert os.path.isfile(certifi.where()), "the certificate authorities are missing"
httpx.Client().close()
import extension
for path in pathlib.Path(private, "extension").rglob("*.py"):
    if path.name != "__main__.py":
        parts = path.relative_to(private).with_suffix("").parts
        importlib.import_module(".".join(part for part in parts if part != "__init__"))
for module in (anyio, certifi, extension, httpcore, httpx, structlog):
    assert module.__file__.startswith(("/opt/flight-recorder/", private)), module.__file__ + " is not the layer's"
    assert module is certifi or type(module.__loader__).__name__ == "Bundle", module.__name__ + " is no part of the bundle"
"""


def precompile(root: Path, pythons: dict[str, Path]) -> None:
    """Write the bytecode of every source below `root`, for each of `pythons` (by version, such as `3.12`).

    Raises:
        BuildError: a file does not compile under one of them.
    """
    sources = [path for path in tree_files(root) if path.suffix == ".py"]
    with ThreadPoolExecutor() as workers:
        for version, process in zip(
            pythons,
            workers.map(
                lambda version: _compile(version, pythons[version], root, sources), pythons
            ),
            strict=True,
        ):
            if process.returncode != 0:
                raise BuildError(f"Python {version} cannot compile the layer:\n{process.stderr}")


def verify(root: Path, pythons: dict[str, Path]) -> None:
    """Import everything from the unpacked layer at `root` with each of `pythons`, as Lambda would.

    Raises:
        BuildError: an import fails, a file compiled anew although there is bytecode for it, or a
            file was written.
    """
    before = tree_files(root)
    for version, python in pythons.items():
        process = subprocess.run(
            [str(python), "-ISBv", "-c", VERIFY, str(root / PRIVATE)],
            capture_output=True,
            text=True,
            check=False,
            timeout=COMPILE_TIMEOUT_SECONDS,
            env={},
        )
        traces = process.stderr.splitlines()
        if process.returncode != 0:
            reason = [line for line in traces if not line.startswith(("#", "import "))][-6:]
            raise BuildError(f"Python {version} cannot import the layer:\n" + "\n".join(reason))
        # With -v the interpreter names the file each module's code came from.
        compiled = [line for line in traces if line.startswith(f"# code object from {root}")]
        if compiled:
            raise BuildError(f"Python {version} did not use its bytecode: {compiled[0]}")
    if tree_files(root) != before:
        raise BuildError("importing the layer wrote files into it")


def _compile(
    version: str, python: Path, root: Path, sources: list[Path]
) -> subprocess.CompletedProcess[str]:
    tag = f"cpython-{version.replace('.', '')}"
    private = root / PRIVATE
    listed: list[dict[str, object]] = []
    for source in sources:
        name = _name_of(source.relative_to(private))
        is_file = name.partition(".")[0] in {AS_FILES, "start"}
        listed.append(
            {
                "name": name,
                "path": str(source),
                # The name in tracebacks is where the file is in Lambda, so the folder of the build is nowhere.
                "shown": f"/opt/{source.relative_to(root).as_posix()}",
                "source": name == READS_ITSELF,
                "target": str(source.parent / "__pycache__" / f"{source.stem}.{tag}.pyc")
                if is_file
                else "",
            }
        )
    # Ours first: what is read before the first Next then lies beside the index, and comes with it.
    listed.sort(key=lambda one: not str(one["name"]).startswith("extension"))
    # A package that is only built, as tests have one, has nothing to rehearse.
    is_whole = (private / "extension" / "boot.py").exists()
    folders = (str(private), str(private / "deps")) if is_whole else ()
    return run_bundle(python, listed, str(private / f"modules.{tag}"), *folders)


def _name_of(place: Path) -> str:
    """Return the name that a file in the private folder, or in its `deps`, is imported by."""
    parts = list(place.with_suffix("").parts)
    if parts[0] == "deps":
        del parts[0]
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts)


def run_bundle(
    python: Path, listed: list[dict[str, object]], *words: str
) -> subprocess.CompletedProcess[str]:
    """Compile a list of modules with `python`: run `bundle.py` with these arguments."""
    return subprocess.run(
        [str(python), *COMPILES, str(Path(__file__).parents[1] / "bundle.py"), *words],
        input=json.dumps(listed),
        capture_output=True,
        text=True,
        check=False,
        timeout=COMPILE_TIMEOUT_SECONDS,
        # The order in frozensets of strings depends on it.
        env={"PYTHONHASHSEED": "0"},
        cwd="/",
    )
