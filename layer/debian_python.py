"""Unpack Debian's Python 3.14 in a folder of its own: `python -m layer.debian_python FOLDER`.

The layer gets bytecode for that Python, and the tests run on it, on machines whose own Pythons are older. It comes from
Debian's next release, with that release's libraries and dynamic loader beside it, so the machine's own release does not
matter. Nothing is installed: the machine and its apt stay as they are.

Promises an interpreter that imports what the tests import, or an error and no folder. It finds its loader and its
libraries by their paths, so a link to it or a copy of it works anywhere, and a folder that moves has to be made again.
Needs apt with a mirror of Debian's, dpkg-deb, and x86_64 or arm64; no root.
"""

import argparse
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from layer.function_python.dependencies import BuildError
from layer.standalone.apt import NoMirrorError, PrivateApt
from terminal.waiting import still

VERSION = "3.14"

RELEASE = "forky"
"""The first of Debian's releases that has this Python."""

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""Debian's names of the machine's."""

FETCH_TIMEOUT_SECONDS = 60.0
"""For the lists, and again for the packages: they come in seconds, and tests wait for a mirror that does not answer."""

STEP_TIMEOUT_SECONDS = 120.0
"""The longest step, bytecode for the standard library, takes some ten seconds of one core."""

# The last ones bring pip, which `python -m venv` unpacks, and set the loader's path in the executable.
PACKAGES = [
    f"python{VERSION}",
    f"python{VERSION}-minimal",
    f"libpython{VERSION}-minimal",
    f"libpython{VERSION}-stdlib",
    "libbz2-1.0",
    "libc6",
    "libexpat1",
    "libffi8",
    "liblzma5",
    "libncursesw6",
    "libreadline8t64",
    "libsqlite3-0",
    "libssl3t64",
    "libtinfo6",
    "libuuid1",
    "libzstd1",
    "zlib1g",
    f"python{VERSION}-venv",
    "python3-pip-whl",
    "patchelf",
    "libgcc-s1",
    "libstdc++6",
]

# Modules whose libraries are packages of their own, and those that make an environment.
MODULES = "bz2, ctypes, curses, ensurepip, hashlib, lzma, pyexpat, readline, sqlite3, ssl, uuid, venv, zlib"

WHEELS = "share/python-wheels"


def make(target: Path) -> None:
    """Make the interpreter `target/bin/python3`; a folder that is there is replaced.

    Raises:
        BuildError: the packages cannot be fetched, or do not run here.
    """
    architecture = ARCHITECTURES.get(platform.machine())
    if architecture is None:
        raise BuildError(f"there is none for {platform.machine()}")
    # An absolute path without links: it is written into the executable.
    target = target.absolute().parent.resolve() / target.name
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="unpacking-") as scratch:
        folder = Path(scratch) / "apt"
        apt = PrivateApt(
            folder=folder,
            release=RELEASE,
            architectures=(architecture,),
            timeout_s=FETCH_TIMEOUT_SECONDS,
        )
        packages = apt.fetch_binaries(PACKAGES, Path(scratch) / "packages")
        megabytes = sum(path.stat().st_size for path in packages) / 1e6
        print(f"  {len(packages)} packages of Debian {RELEASE}, {megabytes:.0f} MB", flush=True)
        root = Path(scratch) / "root"
        for package in packages:
            _run(["dpkg-deb", "--extract", str(package), str(root)])
        _relocate(root / "usr", target)
    try:
        _finish(target)
    except BaseException:
        shutil.rmtree(target)
        raise


def main(arguments: list[str] | None = None) -> int:
    """Make the interpreter; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m layer.debian_python", description=__doc__)
    parser.add_argument("target", type=Path, metavar="FOLDER", help="where it is made")
    options = parser.parse_args(arguments)
    try:
        make(options.target)
    except NoMirrorError:
        print("  this machine has no apt with a mirror of Debian's", file=sys.stderr)
        return 1
    except (BuildError, OSError) as error:
        print(f"  {error}", file=sys.stderr)
        return 1
    return 0


def _relocate(usr: Path, target: Path) -> None:
    """Let the unpacked files find each other in `target`, and move them there."""
    [libraries] = usr.glob("lib/*-linux-gnu")
    [loader] = libraries.glob("ld-linux-*")
    there = target / "lib" / libraries.name
    # The release's own patchelf, which needs the release's libraries. It breaks the executable if it does both at once.
    patchelf = [str(loader), "--library-path", str(libraries), str(usr / "bin" / "patchelf")]
    python = str(usr / "bin" / f"python{VERSION}")
    # An RPATH holds for the libraries of libraries as well, which a RUNPATH does not.
    _run([*patchelf, "--force-rpath", "--set-rpath", str(there), python])
    _run([*patchelf, "--set-interpreter", str(there / loader.name), python])
    (usr / "bin" / "python3").symlink_to(f"python{VERSION}")
    library = usr / "lib" / f"python{VERSION}"
    # A link to a file of /etc, and the mark that keeps pip out of a Python of Debian's.
    for name in ("sitecustomize.py", "EXTERNALLY-MANAGED"):
        (library / name).unlink(missing_ok=True)
    for path in library.glob("_sysconfig*"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(f"/usr/{WHEELS}", str(target / WHEELS)), encoding="utf-8")
    # What no program looks for: modules of other packages of Debian's, manuals, a second name of the loader.
    for path in (usr / "lib" / "python3", usr / "lib64", *(usr / "share").iterdir()):
        if path != usr / WHEELS:
            shutil.rmtree(path)
    shutil.rmtree(target, ignore_errors=True)
    usr.replace(target)


def _finish(target: Path) -> None:
    """Compile the standard library, which Debian does when it installs, and see whether all of it works."""
    python = str(target / "bin" / "python3")
    _run([python, "-I", "-c", f"import {MODULES}"])
    print("  bytecode of its standard library", flush=True)
    # A copy of the folder has other times, and its bytecode holds all the same.
    compiling = ["-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash"]
    _run([python, "-I", *compiling, str(target / "lib" / f"python{VERSION}")])


def _run(command: list[str]) -> None:
    """Run a step.

    Raises:
        BuildError: it failed, or took too long.
    """
    try:
        with still("unpacking Debian's Python"):
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=STEP_TIMEOUT_SECONDS,
            )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(f"{Path(command[0]).name} does not run: {error}") from error
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        raise BuildError(f"{Path(command[0]).name} failed: {reason}")


if __name__ == "__main__":
    sys.exit(main())
