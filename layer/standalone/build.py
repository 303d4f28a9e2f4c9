"""Build the layers that bring their own Python: `python -m layer.standalone.build`, by `./build.sh layer --standalone`.

For functions in Node.js, Java, .NET, Ruby, Go, a custom runtime or a container image. A zip holds the launcher
`extensions/flight-recorder`, compiled for its architecture, and `flight-recorder/` with the interpreter, one file of
bytecode for all modules, and the data that must be files.

Promises: the same inputs give the same bytes. A layer is not written if it is too large, needs a newer glibc than every
runtime has, or names this machine. A build that fails leaves the last zip as it was.
"""

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

from layer.archive import entry_time, tree_files, unpack, write_archive
from layer.function_python.build import EXTENSION_NAME, ROOT, Sources
from layer.function_python.dependencies import BuildError, install, select
from layer.origin import look_at, note
from layer.standalone.compiling import ARCHITECTURES, OLDEST_GLIBC
from layer.standalone.contents import Job
from layer.standalone.gates import check_paths, check_programs, check_sizes
from layer.standalone.interpreter import Workshop
from layer.standalone.packing import PACKINGS, lay_out
from layer.standalone.prebuilt import fetch_prebuilt
from layer.standalone.proof import verify
from terminal.waiting import still

BRINGS = "3.13"
"""The version of the interpreter, for which dependencies are chosen."""


@still("packing the layer and importing all of it")
def build(job: Job, output: Path, *, machine_paths: list[str], environ: dict[str, str]) -> None:
    """Write the layer to `output`.

    Raises:
        BuildError: a part is missing, does not import or fails a check; `output` is unchanged.
    """
    with tempfile.TemporaryDirectory(prefix="flight-recorder-layer-") as scratch:
        tree = Path(scratch) / "tree"
        lay_out(job, tree)
        arch = ARCHITECTURES[job.architecture]
        check_programs(tree, arch=arch, oldest_glibc=OLDEST_GLIBC)
        check_paths(tree, machine_paths=[*machine_paths, scratch])
        fresh = Path(scratch) / output.name
        entries = write_archive(tree, fresh, date_time=entry_time(environ))
        check_sizes(tree, fresh)
        unpacked = Path(scratch) / "opt"
        unpack(fresh, unpacked)
        verify(job, unpacked)
        unzipped_bytes = sum(path.stat().st_size for path in tree_files(tree))
        print(
            f"  {job.architecture}: {entries} entries, {fresh.stat().st_size / 1e6:.2f} MB zipped,"
            f" {unzipped_bytes / 1e6:.2f} MB unzipped"
        )
        output.parent.mkdir(parents=True, exist_ok=True)
        partial = output.with_name(output.name + ".part")
        shutil.copyfile(fresh, partial)
        partial.replace(output)


@still("making standalone layers")
def main(arguments: list[str] | None = None) -> int:
    """Build the layers that are not up to date; return the exit status."""
    options = _parser().parse_args(arguments)
    environ = dict(os.environ)
    folder: Path = options.cache.resolve()
    workshop = Workshop(
        folder=folder,
        requirements=ROOT / "requirements-standalone.txt",
    )
    sources = Sources(launcher=Path(__file__).parent / "launcher.c")
    # Each with its slash: "/root" alone may be part of anything.
    home = f"{environ.get('HOME', '').rstrip('/')}/"
    machine_paths = [f"{ROOT}/", f"{folder}/", *([home] if len(home) > 1 else [])]
    try:
        requirements = select(sources.requirements.read_text(encoding="utf-8"), [BRINGS])
        dependencies = install(requirements, options.cache.parent / "layer")
        for architecture in options.arch or list(ARCHITECTURES):
            interpreter, build_python = _interpreters(
                workshop,
                architecture,
                kind=options.interpreter,
                refresh=options.refresh,
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
            _build_unless_built(
                job, output, stamp=stamp, force=options.force, machine_paths=machine_paths
            )
    except (BuildError, OSError, subprocess.TimeoutExpired) as error:
        print(f"build: {error}", file=sys.stderr)
        return 1
    if options.interpreter == "debian":
        _warn_of_older(workshop.older())
    return 0


def _build_unless_built(
    job: Job, output: Path, *, stamp: Path, force: bool, machine_paths: list[str]
) -> None:
    """Build a layer that is not up to date, and print its hash."""
    environ = dict(os.environ)
    digest = _digest(job, environ)
    if not force and _is_built(output, stamp, digest=digest):
        print(f"  {output} is up to date")
    else:
        build(job, output, machine_paths=machine_paths, environ=environ)
        stamp.write_text(f"{digest} {_hash(output)}", encoding="utf-8")
        print(f"  wrote {output}")
    print(f"  sha256 {note(output, look_at(ROOT, job.sources.package))}")


def _warn_of_older(older: list[str]) -> None:
    if older:
        print(
            f"warning: these layers have {', '.join(older)}: when the sources were fetched, Debian's mirror listed the"
            " newer ones and did not have them. They may lack fixes of security. --refresh tries again",
            file=sys.stderr,
        )


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
    """Return the version that an interpreter reports."""
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
        prog="./build.sh layer --standalone",
        description="Build the layers that bring their own Python. The first time compiles it, in some ten minutes.",
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
    parser.add_argument(
        "--refresh",
        action="store_true",
        help="ask Debian's mirror for newer sources of CPython, OpenSSL and zlib, and compile them",
    )
    parser.add_argument(
        "--packing",
        choices=PACKINGS,
        default=PACKINGS[0],
        help="one file for all modules (the default), or one for each, to compare them in ./build.sh bench",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=ROOT / "dist",
        metavar="FOLDER",
        help="write the zips to this folder (default: dist)",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=ROOT / ".cache" / "standalone",
        metavar="FOLDER",
        help="keep the sources, the compiler and the interpreters in this folder, 1 GB (default: .cache/standalone)",
    )
    parser.add_argument("--force", action="store_true", help="build even when up to date")
    return parser


if __name__ == "__main__":
    sys.exit(main())
