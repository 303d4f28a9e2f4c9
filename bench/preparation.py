"""Prepare the subjects of a run: unpack layers, copy the interpreter, compile the floor and a launcher.

All run on a copy of the interpreter and its shared library in a temporary folder. Otherwise they would share its pages
with this very process and with others on the machine, and their PSS would be a third of its size in an environment of
their own. The standard library is the original's. A standalone layer is measured beside a floor on the interpreter that
it brings, and beside the layer that borrows the function's.
"""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from bench.control_plane.tls_sink import make_certificate
from bench.subjects import COMPILED, FLOOR, KEEPING, LAYER, OBVIOUS, Bench, Subject
from layer.archive import unpack

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = ROOT / "bench" / "programs"
LAUNCHER = ROOT / "layer" / "standalone" / "launcher.c"
PYTHON_LAYER = ROOT / "dist" / "flight-recorder-python.zip"

_HASHED = re.compile(r"[0-9a-f]{8}\.\d+$")
"""Files of a folder of authorities that OpenSSL looks up by the hash of their subject (OpenSSL: openssl-rehash)."""

_ASK = """
import json, os, sys, sysconfig
print(json.dumps({
    "version": sys.version.split()[0],
    "minor": "python%d.%d" % sys.version_info[:2],
    "binary": os.path.realpath(sys.executable),
    "stdlib": sysconfig.get_path("stdlib"),
    "library": os.path.join(sysconfig.get_config_var("LIBDIR") or "", sysconfig.get_config_var("INSTSONAME") or ""),
}))
"""

# The shell launcher has Python do this; here is a file for a launcher that starts one.
_START = """
import sys
sys.path.insert(0, {opt!r})
from start import prepare
prepare({opt!r})
from extension.boot import main
main(sys.argv[2:])
"""

# Works with a trimmed standard library as well.
_COMPILE = """
import _frozen_importlib_external as external, sys
with open(sys.argv[1]) as file:
    code = compile(file.read(), sys.argv[1], "exec")
with open(sys.argv[2], "wb") as file:
    file.write(external._code_to_hash_pyc(code, bytes(8), False))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """A layer in a folder, as Lambda unpacks it under ``/opt``.

    Attributes:
        opt: the folder.
        trusts: whether its own authorities have the HTTPS sink's certificate.
    """

    opt: Path
    trusts: bool = False

    @property
    def private(self) -> Path:
        """The folder with our package and its dependencies."""
        return self.opt / "flight-recorder"

    @property
    def launcher(self) -> str:
        """The file that Lambda starts."""
        return str(self.opt / "extensions" / "flight-recorder")

    @property
    def python(self) -> Path:
        """The interpreter that it brings, if it brings one."""
        return self.private / "bin" / "python3"

    @property
    def brings_python(self) -> bool:
        """Whether it runs on an interpreter of its own."""
        return self.python.exists()

    def trusting(self, certificate: Path) -> "Unpacked":
        """Return the layer with an authority more among those that it brings, if it brings any.

        An HTTPS sink is then measured with all authorities of the layer, and with its way to look one up.
        """
        command = ["openssl", "x509", "-noout", "-hash", "-in", str(certificate)]
        digest = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        bundles = list(self.private.rglob("cacert.pem"))
        for bundle in bundles:
            bundle.write_bytes(bundle.read_bytes() + b"\n" + certificate.read_bytes())
        folders = {path.parent for path in self.private.rglob("*.0") if _HASHED.match(path.name)}
        for folder in folders:
            shutil.copy(certificate, folder / f"{digest}.0")
        return replace(self, trusts=bool(bundles or folders))

    def subject(self, name: str, environ: dict[str, str]) -> Subject:
        """Return the layer, started through its launcher."""
        return Subject(
            name=name,
            command=(self.launcher,),
            environ=environ | {"FLIGHT_RECORDER_SAMPLE_RATE": "0"},
            is_layer=True,
            brings_python=self.brings_python,
            trusts=self.trusts,
        )


def prepare(*, python: Path, layer: Path, beside: list[Path], scratch: Path, quick: bool) -> Bench:
    """Copy the interpreter and prepare all subjects.

    Args:
        python: the interpreter to run everything on.
        layer: the layer's zip file.
        beside: zip files of layers to compare with it.
        scratch: a temporary folder that outlives the measurements.
        quick: whether to do with few repetitions.
    """
    certificate = make_certificate(scratch)
    measured = _unpacked(layer, scratch / "opt", certificate)
    borrowing = measured
    if measured.brings_python:
        borrowing = _unpacked(PYTHON_LAYER, scratch / "borrowing", certificate)
    about = json.loads(_said(python, "-I", "-c", _ASK))
    copy = _copy_interpreter(about, scratch / "runtime")
    environ = _environ(scratch / "runtime")
    subjects = _floors(measured.python if measured.brings_python else copy, environ, scratch)
    path = str(_compiled_libraries(copy, borrowing, scratch))
    subjects[OBVIOUS] = Subject(
        name=OBVIOUS,
        command=(str(copy), str(PROGRAMS / "obvious.py")),
        environ=environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        trusts=borrowing.trusts,
    )
    first = subjects[LAYER] = measured.subject(LAYER, environ)
    names = {f"layer {archive}": archive for archive in beside}
    for number, (name, archive) in enumerate(names.items()):
        other = _unpacked(archive, scratch / f"beside-{number}", certificate)
        subjects[name] = other.subject(name, environ)
    version = about["version"]
    if measured.brings_python:
        ways = {"layer that borrows Python": replace(first, command=(borrowing.launcher,))}
        own = _said(measured.python, "-V").split()[-1]
        version = f"{own} of the layer (the obvious way's: {version})"
    else:
        ways = _ways(first) | _compiled(first, copy, measured.opt, scratch)
    return Bench(
        python=copy,
        version=version,
        subjects=subjects,
        beside=tuple(names),
        ways=ways,
        brings_python=measured.brings_python,
        quick=quick,
        scratch=scratch,
        certificate=certificate,
    )


def _unpacked(archive: Path, target: Path, certificate: Path | None) -> Unpacked:
    unpack(archive, target)
    layer = Unpacked(opt=target)
    return layer.trusting(certificate) if certificate is not None else layer


def _said(python: Path, *arguments: str) -> str:
    return subprocess.run([python, *arguments], capture_output=True, text=True, check=True).stdout


def _environ(runtime: Path) -> dict[str, str]:
    """Return the environment that all subjects have."""
    return {
        "PATH": f"{runtime}/bin:/usr/local/bin:/usr/bin:/bin",
        "LD_LIBRARY_PATH": f"{runtime}/lib",
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_REGION": "eu-west-1",
    }


def _floors(python: Path, environ: dict[str, str], scratch: Path) -> dict[str, Subject]:
    """Return the two floors, compiled ahead as the layer is: they must not spend time on their own source."""
    compiled = scratch / "floor.pyc"
    _compile(python, PROGRAMS / "floor.py", compiled, scratch)
    bare = (str(python), "-ISB", str(compiled))
    return {
        FLOOR: Subject(name=FLOOR, command=bare, environ=environ),
        KEEPING: Subject(name=KEEPING, command=(*bare, "keep"), environ=environ),
    }


def _compiled_libraries(python: Path, layer: Unpacked, scratch: Path) -> Path:
    """Return a folder with the layer's own copies of the libraries, each file compiled ahead as after an installation."""
    folder = scratch / "libraries"
    shutil.copytree(layer.private / "deps", folder, ignore=shutil.ignore_patterns("__pycache__"))
    options = ["-q", "-j0", "--invalidation-mode=unchecked-hash"]
    command = [str(python), "-ISBm", "compileall", *options, str(folder)]
    environ = {"LD_LIBRARY_PATH": str(python.parents[1] / "lib")}
    subprocess.run(command, capture_output=True, check=True, env=environ)
    return folder


def _ways(layer: Subject) -> dict[str, Subject]:
    """Return the ways to start the layer's script: by each shell, with and without bash's TCP."""
    launcher = layer.command[0]
    ways = {}
    if Path("/bin/bash").exists():
        ways["layer, sh is bash"] = replace(layer, command=("/bin/bash", launcher))
    if Path("/bin/dash").exists():
        ways["layer, sh is dash"] = replace(layer, command=("/bin/dash", launcher))
        # The launcher looks for bash only if it is not bash already, so this is an image without bash.
        ways["layer, no bash"] = replace(
            layer,
            command=("/bin/dash", launcher),
            environ=layer.environ | {"BASH_VERSION": "none"},
        )
    return ways


def _compiled(layer: Subject, python: Path, opt: Path, scratch: Path) -> dict[str, Subject]:
    """Return the layer behind the compiled launcher; nothing without a compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return {}
    # The launcher finds what it starts by its own place, so it gets a place like theirs.
    binary = scratch / "compiled" / "extensions" / "flight-recorder"
    private = scratch / "compiled" / "flight-recorder"
    binary.parent.mkdir(parents=True)
    (private / "bin").mkdir(parents=True)
    command = [compiler, "-O2", "-static", "-o", str(binary), str(LAUNCHER)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        return {}
    (private / "bin" / "python3").symlink_to(python)
    start = private / "start.py"
    start.write_text(_START.format(opt=str(opt / "flight-recorder")))
    _compile(python, start, start.with_suffix(".pyc"), scratch)
    return {COMPILED: replace(layer, command=(str(binary),))}


def _compile(python: Path, source: Path, target: Path, scratch: Path) -> None:
    script = scratch / "compile.py"
    script.write_text(_COMPILE)
    subprocess.run([python, "-ISB", script, source, target], check=True)


def _copy_interpreter(about: dict[str, str], runtime: Path) -> Path:
    (runtime / "bin").mkdir(parents=True)
    (runtime / "lib").mkdir()
    copy = runtime / "bin" / "python3"
    shutil.copy2(about["binary"], copy)
    if ".so" in about["library"] and Path(about["library"]).exists():
        shutil.copy2(about["library"], runtime / "lib")
    # By this folder's place the interpreter finds out where it is installed.
    (runtime / "lib" / about["minor"]).symlink_to(about["stdlib"])
    return copy
