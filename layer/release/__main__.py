"""Build the layers of a clean commit, and what tells where they come from: `python -m layer.release`, by `./build.sh release`.

Promises: two runs give the same bytes on machines that have the same Pythons, zlib and Debian sources. The folder
`dist/release-VERSION` is whole, or it is as it was. Nothing is published and nothing is signed.
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from layer.function_python import build as python_build
from layer.function_python.build import EXTENSION_NAME, ROOT
from layer.function_python.dependencies import RUNTIMES, BuildError, install, select, wheels_in
from layer.origin import sha256
from layer.release.bill import bill_of
from layer.release.components import Component, Source, Sources, components_of
from layer.release.conditions import Commit, ReleaseError, examine, missing_pythons, named
from layer.release.licences import licences_of
from layer.release.provenance import dependency, provenance_of
from layer.standalone import build as standalone_build
from layer.standalone.apt import OlderError
from layer.standalone.build import BRINGS
from layer.standalone.compiling import ARCHITECTURES
from layer.standalone.interpreter import Workshop
from terminal.waiting import still

CHECKSUMS = "SHA256SUMS"

ASKS_VERSION_S = 30.0
"""To start an interpreter takes milliseconds; the rest is for a busy machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One zip of a release, and what it was built from."""

    archive: Path
    sources: Sources

    @property
    def components(self) -> list[Component]:
        """What it brings along."""
        return components_of(self.archive, self.sources)


class _BuildFailedError(Exception):
    """A build has failed, and has said why."""


@still("making a release")
def main(arguments: list[str] | None = None) -> int:
    """Make a release; return the exit status."""
    options = _parser().parse_args(arguments)
    if options.arch and not options.standalone:
        options.standalone = True
    try:
        _release(options, os.environ)
    except (ReleaseError, BuildError, OSError, subprocess.TimeoutExpired) as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    except _BuildFailedError:
        return 1
    return 0


def _release(options: argparse.Namespace, environ: Mapping[str, str]) -> None:
    commit = examine(ROOT, environ)
    pythons = _versions(options.python or [Path(sys.executable)])
    missing = missing_pythons(pythons)
    if missing and not options.allow_missing_pythons:
        raise ReleaseError(
            f"there is no Python {', '.join(missing)} here, so the layer would start slower there: install"
            f" {'it' if len(missing) == 1 else 'them'} (./build.sh pythons lists what is found), or --allow-missing-pythons"
        )
    print(f"release {commit.version} of commit {commit.commit}", flush=True)
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.output, prefix="releasing-") as scratch:
        folder = Path(scratch) / "release"
        folder.mkdir()
        # First what may be refused.
        layers = _standalone_layers(options, folder, commit) if options.standalone else []
        layers.insert(0, _python_layer(options, folder, commit))
        _write_papers(layers, folder, commit, pythons=pythons, environ=environ, options=options)
        if examine(ROOT, environ) != commit:
            raise ReleaseError("another commit was checked out meanwhile: release again")
        finished = options.output / f"release-{commit.version}"
        if finished.exists():
            shutil.rmtree(finished)
        folder.replace(finished)
    print(f"{named(finished, ROOT)}:")
    print(
        "".join(f"  {line}\n" for line in (finished / CHECKSUMS).read_text().splitlines()), end=""
    )
    print(
        f"(cd {named(finished, ROOT)} && sha256sum -c {CHECKSUMS}) checks them; none is signed yet"
    )


def _python_layer(options: argparse.Namespace, folder: Path, commit: Commit) -> Layer:
    archive = folder / f"{EXTENSION_NAME}-python-{commit.version}.zip"
    words = [f"--output={archive}", f"--cache={options.cache / 'layer'}"]
    words += [f"--python={python}" for python in options.python or [Path(sys.executable)]]
    _build(python_build.main(words), archive)
    return Layer(archive=archive, sources=Sources(wheels=_wheels(options, RUNTIMES)))


def _standalone_layers(options: argparse.Namespace, folder: Path, commit: Commit) -> list[Layer]:
    cache = options.cache / "standalone"
    pins = ROOT / "requirements-standalone.txt"
    workshop = Workshop(folder=cache.resolve(), requirements=pins, allow_older=options.allow_older)
    try:
        workshop.refresh()
    except OlderError as error:
        raise ReleaseError(f"{error}. --allow-older releases what the mirror has") from error
    layers = []
    for architecture in options.arch or list(ARCHITECTURES):
        words = [f"--output={folder}", f"--cache={cache}", f"--arch={architecture}"]
        built = folder / f"{EXTENSION_NAME}-{architecture}.zip"
        _build(standalone_build.main(words), built)
        archive = built.with_name(f"{EXTENSION_NAME}-{architecture}-{commit.version}.zip")
        built.rename(archive)
        sources = Sources(
            wheels=_wheels(options, [BRINGS]),
            debian={
                package: Source(file=file, sha256=digest)
                for package, (file, digest) in workshop.source_hashes().items()
            },
            compiler=(_pinned(pins), Source(file=pins.name, sha256=sha256(pins))),
        )
        layers.append(Layer(archive=archive, sources=sources))
    return layers


def _build(status: int, archive: Path) -> None:
    if status != 0:
        raise _BuildFailedError
    # The note of a build is for this machine's own use; the provenance tells the same.
    archive.with_suffix(".json").unlink()


def _write_papers(
    layers: list[Layer],
    folder: Path,
    commit: Commit,
    *,
    pythons: Mapping[str, str],
    environ: Mapping[str, str],
    options: argparse.Namespace,
) -> None:
    """Write what belongs to the zips: bills, licences, provenance, checksums."""
    components = {layer.archive.name: layer.components for layer in layers}
    for name, parts in components.items():
        text = bill_of(name, sha256(folder / name), parts, commit)
        (folder / name).with_suffix(".cdx.json").write_text(text, encoding="utf-8")
    own = (ROOT / "LICENSE").read_text(encoding="utf-8")
    stem = f"{EXTENSION_NAME}-{commit.version}"
    (folder / f"{stem}.licenses.txt").write_text(
        licences_of(components, own=own, commit=commit), encoding="utf-8"
    )
    subjects = {path.name: sha256(path) for path in folder.iterdir()}
    machine = {
        "pythons": dict(pythons),
        "zlib": zlib.ZLIB_RUNTIME_VERSION,
        "platform": f"{sys.platform} {platform.machine()}",
        "sourceDateEpoch": environ.get("SOURCE_DATE_EPOCH", ""),
    }
    command = ["./build.sh", "release", *(["--standalone"] if options.standalone else [])]
    command += [f"--arch={one}" for one in options.arch or []]
    command += ["--allow-older"] if options.allow_older else []
    command += ["--allow-missing-pythons"] if options.allow_missing_pythons else []
    text = provenance_of(
        subjects,
        _dependencies(layers, standalone=options.standalone),
        commit=commit,
        command=command,
        machine=machine,
        environ=environ,
    )
    (folder / f"{stem}.provenance.json").write_text(text, encoding="utf-8")
    lines = [f"{sha256(path)}  {path.name}\n" for path in sorted(folder.iterdir())]
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8")


def _dependencies(layers: list[Layer], *, standalone: bool) -> list[dict[str, object]]:
    """Return the pins' files, and what was fetched by them, each once."""
    pins = ["requirements-layer.txt", "requirements-dev.txt"]
    pins += ["requirements-standalone.txt"] if standalone else []
    found = [dependency(Source(file=name, sha256=sha256(ROOT / name))) for name in pins]
    parts = {one.purl: one for layer in layers for one in layer.components if "#" not in one.purl}
    return [*found, *(dependency(parts[purl].source, purl) for purl in sorted(parts))]


def _wheels(
    options: argparse.Namespace, runtimes: list[str] | tuple[str, ...]
) -> dict[str, Source]:
    text = (ROOT / "requirements-layer.txt").read_text(encoding="utf-8")
    tree = install(select(text, list(runtimes)), options.cache / "layer")
    return {
        name: Source(file=file, sha256=digest) for name, (file, digest) in wheels_in(tree).items()
    }


def _pinned(requirements: Path) -> str:
    """Return the version of the one package that a file pins."""
    first = requirements.read_text(encoding="utf-8").partition("\\")[0]
    [specifier] = Requirement(first.strip()).specifier
    return specifier.version


def _versions(pythons: list[Path]) -> dict[str, str]:
    """Return the whole versions of interpreters, by those of runtimes."""
    versions = {}
    for python in pythons:
        done = subprocess.run(
            [str(python), "-ISBc", "import platform; print(platform.python_version())"],
            capture_output=True,
            text=True,
            check=False,
            timeout=ASKS_VERSION_S,
        )
        whole = done.stdout.strip()
        runtime = ".".join(whole.split(".")[:2])
        if runtime in RUNTIMES:
            versions[runtime] = whole
    return dict(sorted(versions.items(), key=lambda item: RUNTIMES.index(item[0])))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./build.sh release",
        description="Build the layers of a clean commit, with checksums, a bill of materials, licences and provenance, in"
        " dist/release-VERSION. It publishes nothing and signs nothing.",
    )
    parser.add_argument(
        "--standalone",
        action="store_true",
        help="with the layers that bring their own Python, from the newest sources that Debian's mirror lists",
    )
    parser.add_argument(
        "--arch",
        action="append",
        choices=list(ARCHITECTURES),
        help="of these layers, the one for an architecture only (repeatable; default: both)",
    )
    parser.add_argument(
        "--allow-older",
        action="store_true",
        help="release an older CPython, OpenSSL or zlib where the mirror lists a newer one and does not have it",
    )
    parser.add_argument(
        "--allow-missing-pythons",
        action="store_true",
        help="release without bytecode for the runtimes whose Python is not on this machine",
    )
    parser.add_argument(
        "--python",
        type=Path,
        action="append",
        help="compile for this interpreter; ./build.sh names each that it finds (repeatable)",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=ROOT / ".cache",
        metavar="FOLDER",
        help="keep what is fetched and compiled in this folder (default: .cache)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=ROOT / "dist",
        metavar="FOLDER",
        help="make the release in this folder (default: dist)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
