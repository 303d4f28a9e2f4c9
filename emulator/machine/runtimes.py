"""The real runtime clients: where they are, how they are fetched, how they are started.

``awslambdaric`` is taken from the running interpreter's packages where its version fits, else installed with pip into
a cache directory; ``aws-lambda-ric`` for Node.js is installed with npm, which compiles C++. Both once.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from emulator.machine.filesystem import Places
from emulator.model.errors import ComponentMissing
from emulator.model.function import Function

INSTALL_TIMEOUT_S = 600  # npm compiles libcurl and a native module: 67 s on two cores
NODE_NEEDS = "autoconf automake libtool cmake g++ make (Debian packages)"
FIRST_NODE_OF_RIC_4 = 22
PYTHON_BOOT = """
import os, sys
task, opt, runtime = {task!r}, {opt!r}, {runtime!r}
minor = 'python%d.%d' % sys.version_info[:2]
wanted = [task, opt + '/python/lib/' + minor + '/site-packages', opt + '/python', runtime]
sys.path[:] = wanted + [p for p in sys.path if p not in wanted and p != '']
from awslambdaric.__main__ import main
main([runtime + '/bootstrap', os.environ['_HANDLER']])
"""


def cache_directory() -> Path:
    """Give the directory for fetched clients: ``LAMBDA_EMULATOR_CACHE``, else .cache/ beside the package."""
    given = os.environ.get("LAMBDA_EMULATOR_CACHE")
    if given:
        return Path(given)
    beside = Path(__file__).resolve().parents[2]
    if (beside / "pyproject.toml").exists() and os.access(beside, os.W_OK):
        return beside / ".cache" / "emulator"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lambda-emulator"


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python: its executable, its prefix (which becomes /var/lang) and its minor version, ``3.13``."""

    executable: Path
    prefix: Path
    minor: str

    @classmethod
    def of(cls, executable: Path | None) -> "Interpreter":
        """Ask an interpreter, the running one by default.

        Raises:
            ComponentMissing: It does not run.
        """
        if executable is None or executable == Path(sys.executable):
            major, minor = sys.version_info[:2]
            return cls(Path(sys.executable), Path(sys.base_prefix), f"{major}.{minor}")
        code = (
            "import sys, json; print(json.dumps([sys.base_prefix, '%d.%d' % sys.version_info[:2]]))"
        )
        try:
            answer = subprocess.run(
                [str(executable), "-IS", "-c", code], capture_output=True, check=True, timeout=30
            ).stdout
        except (OSError, subprocess.SubprocessError) as error:
            raise ComponentMissing(f"the interpreter {executable} does not run: {error}") from error
        prefix, version = json.loads(answer)
        return cls(executable, Path(prefix), version)


def _install(command: list[str], target: Path, what: str, hint: str) -> Path:
    """Run an installer into a temporary neighbour of the target, then move it there in one step."""
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        subprocess.run(
            [word.replace("TARGET", str(partial)) for word in command],
            capture_output=True,
            check=True,
            timeout=INSTALL_TIMEOUT_S,
            cwd=partial,
        )
    except (OSError, subprocess.SubprocessError) as error:
        shutil.rmtree(partial, ignore_errors=True)
        output = getattr(error, "stderr", None) or b""
        lines = output.decode("utf-8", "replace").strip().splitlines()
        # npm ends with the name of its log, which says nothing to the reader.
        last = [line for line in lines if "complete log" not in line][-1:] or [str(error)]
        raise ComponentMissing(f"{what} could not be installed ({last[0]}); {hint}") from error
    try:
        partial.rename(target)
    except OSError:  # another process was quicker
        shutil.rmtree(partial, ignore_errors=True)
    return target


def python_client(interpreter: Interpreter) -> Path:
    """Give a directory that holds awslambdaric for an interpreter.

    Raises:
        ComponentMissing: It is not there and pip cannot get it.
    """
    target = cache_directory() / f"awslambdaric-{interpreter.minor}"
    if target.is_dir():
        return target
    if interpreter.minor == "{}.{}".format(*sys.version_info[:2]):
        copied = _copy_installed(target)
        if copied is not None:
            return copied
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", "TARGET", "--no-compile"]
    pip += ["--only-binary", ":all:", "--python-version", interpreter.minor, "awslambdaric"]
    hint = f"install it with: {interpreter.executable} -m pip install awslambdaric"
    return _install(pip, target, "awslambdaric", hint)


def _copy_installed(target: Path) -> Path | None:
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    try:
        for name in ("awslambdaric", "simplejson", "snapshot_restore_py"):
            for file in metadata.distribution(name).files or []:
                source = Path(str(file.locate()))
                if ".." in file.parts or "__pycache__" in file.parts or not source.is_file():
                    continue
                (partial / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, partial / file)
    except metadata.PackageNotFoundError:
        shutil.rmtree(partial, ignore_errors=True)
        return None
    try:
        partial.rename(target)
    except OSError:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def find_node(given: Path | None = None) -> Path:
    """Give the Node.js executable.

    Raises:
        ComponentMissing: There is none.
    """
    found = str(given) if given else shutil.which("node")
    if not found or not Path(found).exists():
        raise ComponentMissing(
            "Node.js is not on PATH; install Node.js 20 or newer to run nodejs functions"
        )
    return Path(found).resolve()


def node_client(node: Path, *, install: bool = True) -> Path:
    """Give a directory whose node_modules holds aws-lambda-ric.

    Raises:
        ComponentMissing: It is not there and (if ``install``) npm cannot build it.
    """
    answer = subprocess.run([str(node), "--version"], capture_output=True, check=True, timeout=30)
    major = int(answer.stdout.decode().lstrip("v").split(".")[0])
    target = cache_directory() / f"aws-lambda-ric-node{major}"
    if (target / "node_modules/aws-lambda-ric").is_dir():
        return target
    hint = f"it needs npm and {NODE_NEEDS}"
    npm = shutil.which("npm")
    if not install or npm is None:
        raise ComponentMissing(f"aws-lambda-ric is not in {target}; {hint}")
    version = "4" if major >= FIRST_NODE_OF_RIC_4 else "3"
    command = [
        npm,
        "install",
        "--prefix",
        "TARGET",
        "--no-audit",
        "--no-fund",
        f"aws-lambda-ric@{version}",
    ]
    return _install(command, target, "aws-lambda-ric", hint)


def runtime_command(
    function: Function, places: Places, *, node: Path | None, opt: Path
) -> list[str]:
    """Give the command that starts the function's runtime; ``opt`` is the merged layers' directory on this machine."""
    if function.family == "python":
        boot = PYTHON_BOOT.format(task=places.task, opt=places.opt, runtime=places.runtime)
        return [f"{places.lang}/bin/python3", "-c", boot]
    if function.family == "nodejs":
        client = f"{places.runtime}/node_modules/aws-lambda-ric/bin/index.mjs"
        return [str(node), client, function.handler]
    # AWS "Building a custom runtime": the bootstrap file is in the function or, failing that, in a layer.
    in_layer = not (Path(function.code) / "bootstrap").exists() and (opt / "bootstrap").exists()
    return [f"{places.opt if in_layer else places.task}/bootstrap"]


def runtime_version(function: Function, interpreter: Interpreter) -> str:
    """Make what platform.initStart tells, ``python:3.13.v1``."""
    family = function.family
    detail = interpreter.minor if family == "python" else function.runtime.removeprefix(family)
    return f"{family}:{detail.strip('.').removesuffix('.x') or 'local'}.v1"
