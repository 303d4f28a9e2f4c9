"""Build the layers that bring their own Python: `python -m layer.standalone.build`, by `./build.sh layer --standalone`.

For functions in Node.js, Java, .NET, Ruby, Go, a custom runtime or a container image. A zip holds the launcher
`extensions/flight-recorder`, compiled for its architecture, and `flight-recorder/` with the interpreter, one file of
bytecode for all modules, and what has to be a file.

Promises: the same inputs give the same bytes; what is too large, needs a newer glibc than any runtime has or names this
machine is not written; a build that fails leaves the last zip as it was. Longer than most modules: what goes into the
layer, where it lies there, and the proof that it imports are one list seen from three sides.
"""

import argparse
import ast
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from layer.archive import entry_time, tree_files, write_archive
from layer.function_python.build import EXTENSION_NAME, ROOT, Sources, unpack
from layer.function_python.bytecode import PRIVATE, run_bundle
from layer.function_python.dependencies import BuildError, install, select
from layer.standalone.compiling import ARCHITECTURES, LEFT_OUT, OLDEST_GLIBC
from layer.standalone.gates import check_paths, check_programs, check_sizes
from layer.standalone.interpreter import Workshop
from layer.standalone.prebuilt import fetch_prebuilt

BRINGS = "3.13"
"""The version of the interpreter, for which dependencies are chosen."""

TIMEOUT_SECONDS = 180.0
"""To compile a tree or to import it takes seconds; the rest is for a busy machine."""

UNUSED = frozenset(
    """
    __phello__ _aix_support _android_support _apple_support _ios_support _osx_support _pyrepl antigravity bdb cProfile
    cmd code codeop ctypes curses dbm distutils doctest ensurepip ftplib idlelib imaplib lib2to3 mailbox modulefinder
    multiprocessing nturl2path pdb pickletools plistlib poplib profile pstats py_compile pyclbr pydoc pydoc_data
    site-packages smtplib sqlite3 tabnanny test this tkinter trace turtle turtledemo unittest venv webbrowser wsgiref
    xml xmlrpc zipapp zoneinfo
    """.split()  # noqa: SIM905 - a list of sixty words reads better so
)
"""Whole packages and modules of the standard library that a running extension has no use for. Within a package everything
stays: picking single modules out of one has been seen to break it."""

NEEDED_AT_ONCE = ("os", "encodings", "encodings.aliases", "encodings.utf_8")
"""What the interpreter looks for before it runs a line of ours, as files: `os` tells it where the library is."""

AS_FILES = "certifi"
"""A package that has data to be read from a file, with the certificate authorities."""

READS_ITSELF = "anyio"
"""It inspects its own source, and without it imports forty modules instead of two."""

PACKINGS = ("bundle", "tree")
"""One file for all modules, which is what ships, or one for each, to measure it against (docs/standalone.md)."""

# How the layer starts when it is a tree of files: as the shell launcher does it.
START_TREE = """
import sys
def prepare(root):
    sys.path[:] = [entry for entry in sys.path if not entry.endswith(".zip")] + [root, root + "/deps"]
if __name__ == "__main__":
    prepare(sys.argv[1])
    from extension.boot import main
    main(sys.argv[2:])
"""

# httpcore swallows an anyio that cannot be imported and fails at the first request; a trust store that is empty makes no
# error either. `start` is what the layer begins with, without its end that starts the extension.
VERIFY = """
import sys, marshal
root, names = sys.argv[1], sys.argv[2].split(",")
with open(root + "/start.pyc", "rb") as file:
    exec(marshal.loads(file.read()[16:]), start := {"__name__": "start"})
start["prepare"](root)
import anyio, certifi, httpcore, httpx, importlib, inspect, ssl, structlog
assert hasattr(httpcore.AnyIOBackend, "connect_tcp"), "httpcore has no anyio backend"
assert "import" in inspect.getsource(anyio), "anyio cannot read its source"
context = ssl.create_default_context(cafile=certifi.where())
assert len(context.get_ca_certs()) > 50, "the certificate authorities are missing"
httpx.Client(verify=context).close()
eager = [name for name in sys.modules if name.partition(".")[0] == "anyio"]
assert len(eager) < 10, f"anyio imported all of itself: {eager}"
# What it imports when it is asked for, it does not miss before.
assert anyio.connect_tcp and anyio.run and anyio.to_interpreter and anyio.to_thread
importlib.import_module("anyio._backends._asyncio")
for name in names:
    importlib.import_module(name)
for module in (anyio, certifi, httpcore, httpx, structlog):
    assert "flight-recorder" in module.__file__, module.__file__ + " is not the layer's"
print(",".join(sys.builtin_module_names))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One module of the layer: its name, its source, and where that would be below the private folder."""

    name: str
    source: Path
    place: str

    @property
    def shown(self) -> str:
        """What tracebacks call its file."""
        return f"/opt/{PRIVATE}/{self.place}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a layer is made of.

    Attributes:
        architecture: Lambda's name.
        interpreter: the folder of a Python for it.
        build_python: a Python of the same version that runs here.
        launcher: the compiled launcher.
        launcher_license: the terms of what is linked into it.
        versions: what the interpreter was made of, for whoever asks whether a fix is in it.
        dependencies: the folder with what our package needs.
        sources: the rest.
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
    def runs_here(self) -> bool:
        """Whether this machine can run it."""
        return ARCHITECTURES[self.architecture] == platform.machine()


def build(job: Job, output: Path, *, machine_paths: list[str], environ: dict[str, str]) -> None:
    """Write the layer to `output`.

    Raises:
        BuildError: something is missing, does not import or is not as it must be; `output` is unchanged.
    """
    with tempfile.TemporaryDirectory(prefix="flight-recorder-layer-") as scratch:
        tree = Path(scratch) / "tree"
        _lay_out(job, tree)
        arch = ARCHITECTURES[job.architecture]
        check_programs(tree, arch=arch, oldest_glibc=OLDEST_GLIBC)
        check_paths(tree, machine_paths=[*machine_paths, scratch])
        fresh = Path(scratch) / output.name
        entries = write_archive(tree, fresh, date_time=entry_time(environ))
        check_sizes(tree, fresh)
        unpacked = Path(scratch) / "opt"
        unpack(fresh, unpacked)
        _verify(job, unpacked)
        unzipped_bytes = sum(path.stat().st_size for path in tree_files(tree))
        print(
            f"  {job.architecture}: {entries} entries, {fresh.stat().st_size / 1e6:.2f} MB zipped,"
            f" {unzipped_bytes / 1e6:.2f} MB unzipped"
        )
        output.parent.mkdir(parents=True, exist_ok=True)
        partial = output.with_name(output.name + ".part")
        shutil.copyfile(fresh, partial)
        partial.replace(output)


def _lay_out(job: Job, tree: Path) -> None:
    private = tree / PRIVATE
    (private / "bin").mkdir(parents=True)
    launcher = tree / "extensions" / EXTENSION_NAME
    launcher.parent.mkdir()
    python = private / "bin" / "python3"
    for source, target in (
        (job.launcher, launcher),
        (job.interpreter / "bin" / "python3", python),
    ):
        shutil.copyfile(source, target)
        target.chmod(0o755)
    shutil.copyfile(job.sources.license, private / "LICENSE")
    shutil.copyfile(job.launcher_license, private / "LICENSE-musl.txt")
    (private / "VERSIONS").write_text("\n".join([*job.versions, ""]), encoding="utf-8")
    library = private / "lib" / job.library.name
    dynload = library / "lib-dynload"
    dynload.mkdir(parents=True)
    # By this folder the interpreter finds out where its library is.
    (dynload / ".keep").touch()
    _copy_libraries(job, private, dynload)
    for path in sorted(job.library.glob("*.txt")):
        shutil.copyfile(path, library / path.name)
    for info in sorted(job.dependencies.glob("*.dist-info")):
        shutil.copytree(info, private / "deps" / info.name)
    authorities = job.dependencies / AS_FILES / "cacert.pem"
    (private / "deps" / AS_FILES).mkdir()
    shutil.copyfile(authorities, private / "deps" / AS_FILES / authorities.name)
    modules = _modules(job)
    start = Path(__file__).parent / "start.py"
    if job.packing == "bundle":
        as_files = {
            module.name
            for module in modules
            if module.name in NEEDED_AT_ONCE or module.name.partition(".")[0] == AS_FILES
        }
    else:
        as_files = {module.name for module in modules}
        own_source = f"{READS_ITSELF}/__init__.py"
        (private / "deps" / READS_ITSELF).mkdir()
        shutil.copyfile(job.dependencies / own_source, private / "deps" / own_source)
        start = tree.parent / "start.py"
        start.write_text(START_TREE, encoding="utf-8")
    modules.append(Module(name="start", source=start, place="start.py"))
    _compile(job, private, modules, as_files={*as_files, "start"})
    for path in tree_files(tree):
        if path not in {launcher, python}:
            path.chmod(0o644)


def _modules(job: Job) -> list[Module]:
    """Return every module that goes in, in the order of the bundle."""
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


def _copy_libraries(job: Job, private: Path, dynload: Path) -> None:
    """Copy what an interpreter that was not compiled here may have as files of their own."""
    program = (job.interpreter / "bin" / "python3").read_bytes()
    for path in sorted((job.interpreter / "lib").glob("libpython3.*.so.*")):
        if path.name.encode() in program:
            shutil.copyfile(path, private / "lib" / path.name)
    for path in sorted((job.library / "lib-dynload").glob("*.so")):
        name = path.name.partition(".")[0]
        if name not in LEFT_OUT and "test" not in name:
            shutil.copyfile(path, dynload / path.name)


def _compile(job: Job, private: Path, modules: list[Module], *, as_files: set[str]) -> None:
    """Write the bytecode of `modules`: some where their sources would be, the others into the bundle."""
    listed: list[dict[str, object]] = []
    for module in modules:
        target = (private / module.place).with_suffix(".pyc")
        if module.name in as_files:
            target.parent.mkdir(parents=True, exist_ok=True)
        listed.append(
            {
                "name": module.name,
                "path": str(module.source),
                "shown": module.shown,
                "source": module.name == READS_ITSELF,
                "target": str(target) if module.name in as_files else "",
            }
        )
    words = [str(private / "modules")] if job.packing == "bundle" else []
    done = run_bundle(job.build_python, listed, *words)
    if done.returncode != 0:
        raise BuildError(f"the layer's modules do not compile:\n{done.stderr}")


def _imports(source: Path) -> set[str]:
    """Return every module that a file imports by its whole name, wherever in it: what is imported late must be here too."""
    names = set()
    for node in ast.walk(ast.parse(source.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
    return names


def _verify(job: Job, opt: Path) -> None:
    """Import everything from the unpacked layer at `opt`, and write nothing into it.

    A layer for another architecture is imported by the Python that runs here, which is of the same version and compiled
    in the same way; what is compiled into the other one is looked up in its file.
    """
    before = tree_files(opt)
    private = opt / PRIVATE
    own = private / "bin" / "python3"
    own_modules = [
        module for module in _modules(job) if module.name.partition(".")[0] == "extension"
    ]
    names = [module.name for module in own_modules if not module.name.endswith("__main__")]
    names += sorted({name for module in own_modules for name in _imports(module.source)})
    python = own if job.runs_here else job.build_python
    # As a file: for -c the interpreter imports modules of its own, before it could find them.
    script = opt.parent / "verify.py"
    script.write_text(VERIFY, encoding="utf-8")
    done = subprocess.run(
        [str(python), "-ISB", "-Xutf8", str(script), str(private), ",".join(names)],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
        env={},
    )
    if done.returncode != 0:
        reason = "\n".join(done.stderr.splitlines()[-6:])
        raise BuildError(f"the {job.architecture} layer does not import:\n{reason}")
    program = own.read_bytes()
    for name in done.stdout.strip().split(","):
        if name.encode() + b"\0" not in program:
            raise BuildError(f"the {job.architecture} interpreter has no module {name}")
    if tree_files(opt) != before:
        raise BuildError("importing the layer wrote files into it")


def main(arguments: list[str] | None = None) -> int:
    """Build the layers that are not up to date; return the exit status."""
    options = _parser().parse_args(arguments)
    environ = dict(os.environ)
    folder: Path = options.cache.resolve()
    workshop = Workshop(folder=folder, requirements=ROOT / "requirements-standalone.txt")
    sources = Sources(launcher=Path(__file__).parent / "launcher.c")
    # Each with its slash: "/root" alone may be part of anything.
    home = f"{environ.get('HOME', '').rstrip('/')}/"
    machine_paths = [f"{ROOT}/", f"{folder}/", *([home] if len(home) > 1 else [])]
    try:
        requirements = select(sources.requirements.read_text(encoding="utf-8"), [BRINGS])
        dependencies = install(requirements, options.cache.parent / "layer")
        for architecture in options.arch or list(ARCHITECTURES):
            interpreter, build_python = _interpreters(
                workshop, architecture, kind=options.interpreter, refresh=options.refresh
            )
            job = Job(
                architecture=architecture,
                interpreter=interpreter,
                build_python=build_python,
                launcher=workshop.launcher(architecture, sources.launcher),
                launcher_license=workshop.launcher_license(),
                versions=workshop.versions()
                if options.interpreter == "debian"
                else [f"python-build-standalone {_version(build_python)}"],
                dependencies=dependencies,
                sources=sources,
                packing=options.packing,
            )
            output = options.output / f"{EXTENSION_NAME}-{architecture}.zip"
            stamp = folder / f"built-{architecture}"
            digest = _digest(job, environ)
            if not options.force and _is_built(output, stamp, digest=digest):
                print(f"  {output} is up to date")
                continue
            build(job, output, machine_paths=machine_paths, environ=environ)
            stamp.write_text(f"{digest} {_hash(output)}", encoding="utf-8")
            print(f"  wrote {output}")
    except (BuildError, OSError, subprocess.TimeoutExpired) as error:
        print(f"build: {error}", file=sys.stderr)
        return 1
    return 0


def _interpreters(
    workshop: Workshop, architecture: str, *, kind: str, refresh: bool
) -> tuple[Path, Path]:
    """Return the folder of the interpreter for `architecture`, and an interpreter of its version that runs here."""
    here = {arch: name for name, arch in ARCHITECTURES.items()}.get(platform.machine())
    if here is None or sys.platform != "linux":
        raise BuildError(
            f"the standalone layers are built on Linux on {' or '.join(ARCHITECTURES)}"
        )
    own, wanted = (
        fetch_prebuilt(ARCHITECTURES[name], workshop.folder, refresh=refresh)
        if kind == "uv"
        else workshop.interpreter(name, refresh=refresh and name == here)
        for name in (here, architecture)
    )
    return wanted, own / "bin" / "python3"


def _version(python: Path) -> str:
    """Return what an interpreter says it is."""
    command = [str(python), "-ISB", "-V"]
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    return said.stdout.strip()


def _digest(job: Job, environ: dict[str, str]) -> str:
    """Return a hash of everything that the layer's bytes depend on."""
    digest = hashlib.sha256()
    files = [job.launcher, job.interpreter / "bin" / "python3", job.sources.license]
    files += [path for path in tree_files(job.sources.package) if path.suffix != ".pyc"]
    files += sorted(Path(__file__).parents[1].rglob("*.py"))
    for path in files:
        digest.update(f"{path} {_hash(path)}\n".encode())
    about = [job.interpreter, job.dependencies, job.packing, job.versions, sys.version]
    digest.update(f"{about} {zlib.ZLIB_RUNTIME_VERSION} {entry_time(environ)}".encode())
    return digest.hexdigest()


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _is_built(output: Path, stamp: Path, *, digest: str) -> bool:
    if not (output.is_file() and stamp.is_file()):
        return False
    return stamp.read_text(encoding="utf-8") == f"{digest} {_hash(output)}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./build.sh layer --standalone", description="Build the layers with their own Python."
    )
    parser.add_argument(
        "--arch", choices=list(ARCHITECTURES), action="append", help="default: both (repeatable)"
    )
    parser.add_argument(
        "--interpreter",
        choices=["debian", "uv"],
        default="debian",
        help="compiled here from Debian's sources (the default), or python-build-standalone, fetched by uv",
    )
    parser.add_argument("--refresh", action="store_true", help="look for newer sources")
    parser.add_argument("--packing", choices=PACKINGS, default=PACKINGS[0], help="to measure by")
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="the folder of the zips")
    parser.add_argument(
        "--cache", type=Path, default=ROOT / ".cache" / "standalone", help="kept files"
    )
    parser.add_argument("--force", action="store_true", help="build even when up to date")
    return parser


if __name__ == "__main__":
    sys.exit(main())
