"""Build the layer: `python -m layer.function_python.build`, usually called by `./build.sh layer`.

The zip holds `extensions/flight-recorder`, which Lambda starts and by whose name it registers
("Lambda Extensions API" in the AWS Lambda Developer Guide: the extension's file name), and the
private folder `flight-recorder/` with our package and its dependencies. Nothing is under `python/`:
that folder is on the function's own import path.

Promises: the same sources, requirements and Pythons give the same bytes; the layer is checked by
importing all of it from the finished zip; a build that fails leaves the last zip as it was.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from layer.archive import entry_time, tree_files, unpack, write_archive
from layer.authorities import FOLDER, write_authorities
from layer.function_python.bytecode import PRIVATE, precompile, verify
from layer.function_python.dependencies import RUNTIMES, BuildError, install, select
from layer.origin import look_at, note
from terminal.waiting import still

MAX_ZIPPED_BYTES = 8 * 1024 * 1024
"""Every new environment fetches the layer before it starts; five Pythons' bytecode fits well."""

EXTENSION_NAME = "flight-recorder"

ROOT = Path(__file__).resolve().parents[2]

START = ROOT / "layer" / "start.py"
"""The program that finds the layer's modules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The sources of a layer.

    Attributes:
        launcher: the executable Lambda starts.
        package: the folder of our package, named `extension`.
        requirements: the pinned, hashed requirements file.
        license: the licence of our own files.
    """

    launcher: Path = ROOT / "layer" / "function_python" / EXTENSION_NAME
    package: Path = ROOT / "extension"
    requirements: Path = ROOT / "requirements-layer.txt"
    license: Path = ROOT / "LICENSE"

    def digest(self, pythons: dict[str, Path], environ: dict[str, str]) -> str:
        """Return a hash of everything the layer's bytes depend on."""
        digest = hashlib.sha256()
        files = [self.launcher, self.requirements, self.license]
        files += [path for path in tree_files(self.package) if path.suffix != ".pyc"]
        files += sorted(Path(__file__).parents[1].rglob("*.py"))
        for path in files:
            digest.update(f"{path}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
        for version, python in pythons.items():
            digest.update(f"{version} {python} {python.stat().st_mtime_ns}\n".encode())
        digest.update(f"{sys.version} {zlib.ZLIB_RUNTIME_VERSION} {entry_time(environ)}".encode())
        return digest.hexdigest()


@still("building the layer")
def build(
    sources: Sources,
    output: Path,
    *,
    pythons: dict[str, Path],
    cache: Path,
    environ: dict[str, str],
) -> None:
    """Write the layer to `output`, with bytecode for each of `pythons` (by version, `3.12`).

    Raises:
        BuildError: something is missing, does not import or is too large; `output` is unchanged.
    """
    for path in (sources.launcher, sources.package, sources.requirements):
        if not path.exists():
            raise BuildError(f"{path} is missing: is this a whole checkout?")
    requirements = select(sources.requirements.read_text(encoding="utf-8"))
    names = " ".join(line.partition("==")[0] for line in requirements)
    print(f"  dependencies: {names}")
    dependencies = install(requirements, cache)
    with tempfile.TemporaryDirectory(prefix="flight-recorder-layer-") as scratch:
        tree = Path(scratch) / "tree"
        _lay_out(sources, dependencies, tree)
        print(f"  bytecode for Python {' '.join(pythons)}")
        precompile(tree, pythons)
        fresh = Path(scratch) / output.name
        entries = write_archive(tree, fresh, date_time=entry_time(environ))
        unpacked = Path(scratch) / "opt"
        unpack(fresh, unpacked)
        print(f"  imported whole from the zip by Python {' '.join(pythons)}")
        verify(unpacked, pythons)
        zipped_bytes = fresh.stat().st_size
        unzipped_bytes = sum(path.stat().st_size for path in tree_files(tree))
        print(
            f"  {entries} entries, {zipped_bytes / 1e6:.2f} MB zipped,"
            f" {unzipped_bytes / 1e6:.2f} MB unzipped"
        )
        if zipped_bytes > MAX_ZIPPED_BYTES:
            raise BuildError(f"the layer has {zipped_bytes} bytes, over {MAX_ZIPPED_BYTES}")
        output.parent.mkdir(parents=True, exist_ok=True)
        partial = output.with_name(output.name + ".part")
        shutil.copyfile(fresh, partial)
        partial.replace(output)


def main(arguments: list[str] | None = None) -> int:
    """Build the layer unless it is up to date; return the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.arch is not None:
        parser.error(
            "this layer serves both architectures. The layers with their own Python are built for one:"
            f" ./build.sh layer --standalone --arch {options.arch}"
        )
    sources = Sources(launcher=options.launcher, package=options.package)
    output: Path = options.output
    try:
        pythons = _versions(options.python or [Path(sys.executable)])
        stamp = options.cache / "built"
        if not options.force and _is_built(sources, output, pythons=pythons, stamp=stamp):
            print(f"  {output} is up to date")
            _tell(sources, output)
            return 0
        build(sources, output, pythons=pythons, cache=options.cache, environ=dict(os.environ))
        stamp.write_text(_stamp(sources, output, pythons=pythons), encoding="utf-8")
    except (BuildError, OSError, subprocess.TimeoutExpired) as error:
        print(f"build: {error}", file=sys.stderr)
        return 1
    without = [runtime for runtime in RUNTIMES if runtime not in pythons]
    if without:
        print(
            f"  no Python {', '.join(without)} here: the layer works there too, but starts slower"
            " (it has no bytecode for it)"
        )
    print(f"  wrote {output}")
    _tell(sources, output)
    return 0


def _tell(sources: Sources, output: Path) -> None:
    """Note what the zip was built from, and print its hash."""
    print(f"  sha256 {note(output, look_at(ROOT, sources.package))}")


def _lay_out(sources: Sources, dependencies: Path, tree: Path) -> None:
    private = tree / PRIVATE
    no_bytecode = shutil.ignore_patterns("__pycache__")
    shutil.copytree(sources.package, private / "extension", ignore=no_bytecode)
    shutil.copytree(dependencies, private / "deps")
    write_authorities(private / "deps" / "certifi" / "cacert.pem", private / "deps" / FOLDER)
    shutil.copyfile(sources.license, private / "LICENSE")
    shutil.copyfile(START, private / START.name)
    for path in tree_files(private):
        path.chmod(0o644)
    launcher = tree / "extensions" / EXTENSION_NAME
    launcher.parent.mkdir()
    shutil.copyfile(sources.launcher, launcher)
    launcher.chmod(0o755)


def _versions(pythons: list[Path]) -> dict[str, Path]:
    """Return the interpreters by version, oldest first, without versions that no runtime has."""
    ask = "import sys; print('%d.%d' % sys.version_info[:2])"
    versions = {}
    for python in pythons:
        answer = subprocess.run(
            [str(python), "-ISBc", ask], capture_output=True, text=True, check=False, timeout=30
        )
        version = answer.stdout.strip()
        if version in RUNTIMES:
            versions[version] = python
    if not versions:
        raise BuildError(f"there is no Python {RUNTIMES[0]} to {RUNTIMES[-1]} among {pythons}")
    return {runtime: versions[runtime] for runtime in RUNTIMES if runtime in versions}


def _stamp(sources: Sources, output: Path, *, pythons: dict[str, Path]) -> str:
    written = hashlib.sha256(output.read_bytes()).hexdigest()
    return f"{sources.digest(pythons, dict(os.environ))} {written}"


def _is_built(sources: Sources, output: Path, *, pythons: dict[str, Path], stamp: Path) -> bool:
    if not (output.is_file() and stamp.is_file() and sources.launcher.is_file()):
        return False
    return stamp.read_text(encoding="utf-8") == _stamp(sources, output, pythons=pythons)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./build.sh layer",
        description="Build the layer for Lambda's Python runtimes, on both architectures. It has bytecode for each Python"
        " that is found, and is built anew only if something has changed.",
        epilog="./build.sh layer --standalone --help tells of the layers that bring their own Python.",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=ROOT / "dist" / "flight-recorder-python.zip",
        metavar="ZIP",
        help="write the layer to this file (default: dist/flight-recorder-python.zip)",
    )
    parser.add_argument(
        "--python",
        type=Path,
        action="append",
        help="compile for this interpreter too; ./build.sh names each that it finds (repeatable)",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=ROOT / ".cache" / "layer",
        metavar="FOLDER",
        help="keep what is fetched in this folder (default: .cache/layer)",
    )
    parser.add_argument("--force", action="store_true", help="build even when up to date")
    # Asked for by mistake, and for other files in the place of ours, as the tests have them.
    parser.add_argument("--arch", help=argparse.SUPPRESS)
    for name, ours in (("--launcher", Sources().launcher), ("--package", Sources().package)):
        parser.add_argument(name, type=Path, default=ours, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
