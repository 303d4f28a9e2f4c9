"""Select and install the requirements that go into the layer.

Promises one set of files that serves every runtime and both architectures, or an error: each
package in one version, from a wheel without compiled code, its hash checked. Assumes nothing of
AWS but the list of Python runtimes ("Lambda runtimes" in the AWS Lambda Developer Guide).
"""

import hashlib
import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from terminal.waiting import still

RUNTIMES = ("3.10", "3.11", "3.12", "3.13", "3.14")
"""The Python runtimes the layer serves."""

INSTALL_TIMEOUT_SECONDS = 300.0
"""A dozen small wheels take seconds; a package index that does not answer must not hang a build."""

NEEDLESS_IN_DIST_INFO = frozenset(
    {
        "INSTALLER",
        "RECORD",
        "REQUESTED",
        "WHEEL",
        "direct_url.json",
        "entry_points.txt",
        "top_level.txt",
        "uv_cache.json",
    }
)
"""Only installers use these. METADATA stays, since vulnerability scanners read it."""

FORM = "with a list of wheels"
"""A part of the folder's name: what earlier builds have kept has no such list."""

COMPILED_SUFFIXES = (".so", ".pyd", ".dylib", ".dll")


class BuildError(Exception):
    """The layer cannot be built; the message says why and what to do."""


def select(requirements: str, runtimes: Sequence[str] = RUNTIMES) -> list[str]:
    """Return the pinned, hashed requirements that some Python runtime needs, markers removed.

    pip evaluates markers for the Python that runs it, but one layer serves all runtimes. So the
    markers are evaluated here, and a package that one runtime needs is in the layer of all.

    Args:
        requirements: the text of a requirements file as `uv pip compile --universal
            --generate-hashes` writes it.
        runtimes: the versions of Python to choose for.

    Raises:
        BuildError: a package is pinned to several versions, or one is not pinned with a hash.
    """
    logical_lines = re.sub(r"\\\n\s*", "", requirements).splitlines()
    selected: dict[str, str] = {}
    for line in logical_lines:
        text = line.partition("#")[0].strip()
        if not text:
            continue
        specification, *hashes = re.split(r"\s+--hash=", text)
        requirement = Requirement(specification)
        if not any(_applies(requirement, runtime) for runtime in runtimes):
            continue
        if not hashes or not str(requirement.specifier).startswith("=="):
            raise BuildError(f"{requirement.name} is not pinned with a hash: run ./build.sh lock")
        if requirement.name in selected:
            raise BuildError(
                f"{requirement.name} is pinned to several versions, but one set of files must"
                f" serve Python {runtimes[0]} to {runtimes[-1]}: narrow its range in pyproject.toml"
            )
        pinned = [f"{requirement.name}{requirement.specifier}"]
        pinned += [f"--hash={digest}" for digest in hashes]
        selected[requirement.name] = " ".join(pinned)
    return [selected[name] for name in sorted(selected)]


def install(requirements: list[str], cache: Path) -> Path:
    """Return a folder with `requirements` installed and trimmed, made once and kept in `cache`.

    Beside it is the list of the wheels, which `wheels_in` reads.

    Raises:
        BuildError: pip failed, or a package holds compiled code.
    """
    key = "\n".join(
        [*requirements, importlib.metadata.version("pip"), *NEEDLESS_IN_DIST_INFO, FORM]
    )
    digest = hashlib.sha256("\n".join(sorted(key.splitlines())).encode()).hexdigest()
    tree = cache / f"deps-{digest[:16]}"
    if tree.is_dir():
        return tree
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="installing-") as scratch:
        target = Path(scratch) / "deps"
        report = Path(scratch) / "report.json"
        _run_pip(requirements, target, report)
        _trim(target)
        wheels = _read_report(report)
        _list_of(tree).write_text(json.dumps(wheels, indent=2) + "\n", encoding="utf-8")
        target.replace(tree)
    return tree


def wheels_in(tree: Path) -> dict[str, tuple[str, str]]:
    """Return, by the names of packages, the file name and the SHA-256 of each wheel that a folder was made from."""
    listed: dict[str, list[str]] = json.loads(_list_of(tree).read_text(encoding="utf-8"))
    return {name: (file, digest) for name, (file, digest) in listed.items()}


def _list_of(tree: Path) -> Path:
    return tree.with_name(f"{tree.name}.json")


def _read_report(report: Path) -> dict[str, tuple[str, str]]:
    """Return what pip says that it has installed, without where it came from."""
    return {
        canonicalize_name(one["metadata"]["name"]): (
            unquote(one["download_info"]["url"].rpartition("/")[2]),
            one["download_info"]["archive_info"]["hashes"]["sha256"],
        )
        for one in json.loads(report.read_text(encoding="utf-8"))["install"]
    }


def _applies(requirement: Requirement, runtime: str) -> bool:
    if requirement.marker is None:
        return True
    return requirement.marker.evaluate(
        {
            "implementation_name": "cpython",
            "os_name": "posix",
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            "python_full_version": f"{runtime}.0",
            "python_version": runtime,
            "sys_platform": "linux",
        }
    )


def _run_pip(requirements: list[str], target: Path, report: Path) -> None:
    listing = target.parent / "requirements.txt"
    listing.write_text("\n".join(requirements) + "\n", encoding="utf-8")
    # Wheels for any platform and the oldest runtime: pip refuses whatever holds compiled code.
    options = ["--implementation=py", "--abi=none", "--platform=any", f"--report={report}"]
    run_pip([*options, f"--python-version={RUNTIMES[0]}"], listing, target)


def run_pip(options: list[str], requirements: Path, target: Path) -> None:
    """Install the wheels of `requirements` into `target`, each by its hash and without its dependencies.

    Raises:
        BuildError: pip failed.
    """
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input"]
    command += ["--disable-pip-version-check", "--root-user-action=ignore"]
    command += ["--only-binary=:all:", "--no-deps", "--no-compile", *options]
    command += ["--require-hashes", "--target", str(target), "--requirement", str(requirements)]
    try:
        with still("fetching packages"):
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                check=False,
                timeout=INSTALL_TIMEOUT_SECONDS,
            )
    except subprocess.TimeoutExpired as error:
        raise BuildError("pip got no answer from the package index: is there a network?") from error
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise BuildError(
            f"pip could not install what the layer carries ({reason}); the first build needs the"
            " package index, later ones do not"
        )


def _trim(tree: Path) -> None:
    """Remove packages and files that no import needs, but no single modules.

    Picking single modules out of a package has been seen to break it (a module imported only on
    some path is missed), for a gain of kilobytes.
    """
    shutil.rmtree(tree / "bin", ignore_errors=True)
    for path in sorted(tree.rglob("*"), reverse=True):
        name = path.relative_to(tree).as_posix()
        if path.suffix in COMPILED_SUFFIXES:
            raise BuildError(f"{name} is compiled code, but one set of files must serve all")
        if path.is_dir() and path.name in {"tests", "__pycache__"}:
            shutil.rmtree(path)
        elif path.name in NEEDLESS_IN_DIST_INFO and path.parent.suffix == ".dist-info":
            path.unlink()
        elif path.is_file():
            path.chmod(0o644)
