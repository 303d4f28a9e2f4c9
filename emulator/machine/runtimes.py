"""Find, fetch and start the real runtime clients.

``awslambdaric`` is copied from the running interpreter's packages where its version fits, else installed with pip.
``aws-lambda-ric`` for Node.js is installed with npm, which compiles C++. Both go to a cache directory, once.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
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
    """Return the directory for fetched clients: ``LAMBDA_EMULATOR_CACHE``, else .cache/ beside the package."""
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


@contextlib.contextmanager
def _staged(target: Path) -> Iterator[Path]:
    """Provide a temporary neighbour of the target; move it there at the end, or remove it after an error."""
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        with contextlib.suppress(OSError):  # another process was quicker
            partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _install(command: list[str], target: Path, what: str, hint: str) -> Path:
    """Run an installer; the word TARGET in its command is the directory to install to."""
    try:
        with _staged(target) as partial:
            subprocess.run(
                [word.replace("TARGET", str(partial)) for word in command],
                capture_output=True,
                check=True,
                timeout=INSTALL_TIMEOUT_S,
                cwd=partial,
            )
    except (OSError, subprocess.SubprocessError) as error:
        output = getattr(error, "stderr", None) or b""
        lines = output.decode("utf-8", "replace").strip().splitlines()
        # npm ends with the name of its log, which says nothing to the reader.
        last = [line for line in lines if "complete log" not in line][-1:] or [str(error)]
        raise ComponentMissing(f"{what} could not be installed ({last[0]}); {hint}") from error
    return target


def python_client(interpreter: Interpreter) -> Path:
    """Return a directory that holds awslambdaric for an interpreter.

    Raises:
        ComponentMissing: It is not in the cache, and pip cannot fetch it.
    """
    target = cache_directory() / f"awslambdaric-{interpreter.minor}"
    running = "{}.{}".format(*sys.version_info[:2])
    if target.is_dir() or (interpreter.minor == running and _copy_installed(target)):
        return target
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", "TARGET", "--no-compile"]
    pip += ["--only-binary", ":all:", "--python-version", interpreter.minor, "awslambdaric"]
    hint = f"install it with: {interpreter.executable} -m pip install awslambdaric"
    return _install(pip, target, "awslambdaric", hint)


def _copy_installed(target: Path) -> bool:
    """Copy awslambdaric from the running interpreter's packages; return whether they have it."""
    try:
        with _staged(target) as partial:
            for name in ("awslambdaric", "simplejson", "snapshot_restore_py"):
                for file in metadata.distribution(name).files or []:
                    source = Path(str(file.locate()))
                    if ".." in file.parts or "__pycache__" in file.parts or not source.is_file():
                        continue
                    (partial / file).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(source, partial / file)
    except metadata.PackageNotFoundError:
        return False
    return True


def find_node(given: Path | None = None) -> Path:
    """Return the Node.js executable.

    Raises:
        ComponentMissing: This machine has none.
    """
    found = str(given) if given else shutil.which("node")
    if not found or not Path(found).exists():
        raise ComponentMissing(
            "Node.js is not on PATH; install Node.js 20 or newer to run nodejs functions"
        )
    return Path(found).resolve()


def node_client(node: Path, *, install: bool = True) -> Path:
    """Return a directory whose node_modules holds aws-lambda-ric.

    Raises:
        ComponentMissing: It is not in the cache, and (if ``install``) npm cannot build it.
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
    """Return the command that starts the runtime; ``opt`` is the directory of the merged layers."""
    if function.family == "python":
        boot = PYTHON_BOOT.format(task=places.task, opt=places.opt, runtime=places.runtime)
        return [f"{places.lang}/bin/python3", "-c", boot]
    if function.family == "nodejs":
        client = f"{places.runtime}/node_modules/aws-lambda-ric/bin/index.mjs"
        return [str(node), client, function.handler]
    # AWS "Building a custom runtime": the bootstrap file is in the function or, failing that, in a layer.
    in_layer = not (Path(function.code) / "bootstrap").exists() and (opt / "bootstrap").exists()
    return [f"{places.opt if in_layer else places.task}/bootstrap"]


def runtime_version(function: Function, interpreter: Interpreter, *, durable: bool = False) -> str:
    """Return the runtime version for platform.initStart, ``python:3.13.v1``; or ``python:3.13.DurableFunction.v1``."""
    family = function.family
    detail = interpreter.minor if family == "python" else function.runtime.removeprefix(family)
    kind = ".DurableFunction" if durable else ""
    return f"{family}:{detail.strip('.').removesuffix('.x') or 'local'}{kind}.v1"
