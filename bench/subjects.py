"""Prepare the subjects: the floor, the floor that keeps, the obvious way and the built layer.

All run on a copy of the interpreter and its shared library in a temporary folder. Otherwise they would share its pages
with this very process and whatever else runs on the machine, and their PSS would be a third of what it is in an
environment of their own; the standard library is the original's. A standalone layer is measured beside a floor on the
interpreter that it brings, and beside the layer that borrows the function's.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.control_plane import ControlPlane

HERE = Path(__file__).resolve().parent
LAUNCHER = HERE.parent / "layer" / "standalone" / "launcher.c"

FLOOR = "floor"
KEEPING = "floor that keeps"
OBVIOUS = "obvious"
LAYER = "layer"
COMPILED = "layer, compiled launcher"

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


# What the shell launcher has Python do, for a launcher that starts a file.
_START = """
import sys
sys.path.insert(0, {opt!r})
sys.path.append({opt!r} + "/deps")
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
class Subject:
    """One program and its command line.

    Attributes:
        name: as in the results.
        command: the program and its arguments.
        environ: all of its environment, but for what the control plane adds.
    """

    name: str
    command: tuple[str, ...]
    environ: dict[str, str] = field(default_factory=dict)

    def with_settings(self, **settings: str) -> "Subject":
        """Return the subject with ``FLIGHT_RECORDER_...`` settings, which only the layer reads."""
        named = {f"FLIGHT_RECORDER_{name}": value for name, value in settings.items()}
        return replace(self, environ=self.environ | named)

    def with_words(self, *words: str) -> "Subject":
        """Return the subject with more words on its command line; the layer has settings instead."""
        return self if self.name == LAYER else replace(self, command=(*self.command, *words))

    @contextmanager
    def running(
        self,
        environ: Mapping[str, str] | None = None,
        *,
        freezes: bool = False,
        stop_at_next: bool = False,
    ) -> Iterator[ControlPlane]:
        """Start it, wait for its first Next, and kill it at the end.

        Args:
            environ: more of its environment.
            freezes: stop it after each Next.
            stop_at_next: stop it at the first Next only.
        """
        with ControlPlane(freezes=freezes) as plane:
            plane.stop_at_next = stop_at_next
            plane.start(self.command, {**self.environ, **(environ or {})})
            plane.wait_next()
            yield plane


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """All subjects of one run.

    Attributes:
        python: the interpreter, a copy.
        version: its version.
        subjects: by name.
        ways: further ways to start the layer, by what they are.
        brings_python: whether the layer runs on an interpreter of its own.
        quick: whether to do with few repetitions.
        scratch: a temporary folder.
    """

    python: Path
    version: str
    subjects: dict[str, Subject]
    ways: dict[str, Subject]
    brings_python: bool
    quick: bool
    scratch: Path

    def times(self, full: int, quick: int) -> int:
        """Return how often to repeat a measurement."""
        return quick if self.quick else full


def prepare(
    *,
    python: Path,
    opt: Path,
    borrowing: Path,
    others: dict[str, Path],
    scratch: Path,
    quick: bool,
) -> Bench:
    """Copy the interpreter and prepare all subjects.

    Args:
        python: the interpreter to run everything on.
        opt: the unpacked layer.
        borrowing: the unpacked layer that has no interpreter of its own; the same unless ``opt`` has one.
        others: more unpacked layers, whose start is measured beside, by what to call them.
        scratch: a temporary folder that outlives the measurements.
        quick: whether to do with few repetitions.
    """
    asked = subprocess.run(
        [python, "-I", "-c", _ASK], capture_output=True, text=True, check=True
    ).stdout
    about = json.loads(asked)
    runtime = scratch / "runtime"
    copy = _copy_interpreter(about, runtime)
    environ = {
        "PATH": f"{runtime}/bin:/usr/local/bin:/usr/bin:/bin",
        "LD_LIBRARY_PATH": f"{runtime}/lib",
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_REGION": "eu-west-1",
    }
    # Compiled ahead, as the layer is: what the floor does must not include reading its own source.
    compiled = scratch / "floor.pyc"
    own = opt / "flight-recorder" / "bin" / "python3"
    brings_python = own.exists()
    floor = own if brings_python else copy
    _compile(floor, HERE / "programs" / "floor.py", compiled, scratch)
    bare = (str(floor), "-ISB", str(compiled))
    launcher = str(opt / "extensions" / "flight-recorder")
    # The libraries of the obvious way are the layer's own copies, compiled ahead as those are.
    deps = {
        "PYTHONPATH": str(borrowing / "flight-recorder" / "deps"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    layer = Subject(
        name=LAYER,
        command=(launcher,),
        environ=environ | {"FLIGHT_RECORDER_SAMPLE_RATE": "0"},
    )
    subjects = [
        Subject(name=FLOOR, command=bare, environ=environ),
        Subject(name=KEEPING, command=(*bare, "keep"), environ=environ),
        Subject(
            name=OBVIOUS,
            command=(str(copy), str(HERE / "programs" / "obvious.py")),
            environ=environ | deps,
        ),
        layer,
    ]
    version = about["version"]
    ways = {}
    if brings_python:
        shell = str(borrowing / "extensions" / "flight-recorder")
        ways = {"layer that borrows Python": replace(layer, command=(shell,))}
        asked = subprocess.run([own, "-V"], capture_output=True, text=True, check=True).stdout
        version = f"{asked.split()[-1]} of the layer (the obvious way's: {version})"
    else:
        ways = _ways(layer, launcher) | _compiled(layer, copy, opt, scratch)
    for name, folder in others.items():
        started = str(folder / "extensions" / "flight-recorder")
        ways[name] = replace(layer, command=(started,))
    return Bench(
        python=copy,
        version=version,
        subjects={subject.name: subject for subject in subjects},
        ways=ways,
        brings_python=brings_python,
        quick=quick,
        scratch=scratch,
    )


def _ways(layer: Subject, launcher: str) -> dict[str, Subject]:
    """Return the ways to start the layer's script: by each shell, with and without bash's TCP."""
    ways = {}
    if Path("/bin/bash").exists():
        ways["layer, sh is bash"] = replace(layer, command=("/bin/bash", launcher))
    if Path("/bin/dash").exists():
        ways["layer, sh is dash"] = replace(layer, command=("/bin/dash", launcher))
        # The launcher looks for bash only if it is not bash already, so this is what an image without bash does.
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
