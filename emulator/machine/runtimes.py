"""Find, fetch and start the real runtime clients.

``awslambdaric`` is copied from the running interpreter's packages where its version fits, else installed with pip.
``aws-lambda-ric`` for Node.js is installed with npm, which compiles C++. Java's client is fetched with Maven. All go to
a cache directory, once. The clients of Go and Rust are part of the function's program (``programs.py``).
"""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from emulator.machine.filesystem import Places
from emulator.machine.installing import cache_directory, install_into, staged
from emulator.model.errors import ComponentMissing
from emulator.model.function import Function

NODE_NEEDS = "autoconf automake libtool cmake g++ make (Debian packages)"
FIRST_NODE_OF_RIC_4 = 22
JAVA_CLIENT = "aws-lambda-java-runtime-interface-client"
JAVA_CLIENT_VERSION = "2.10.1"
JAVA_CLIENT_POM = f"""<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>emulator</groupId>
  <artifactId>client</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>com.amazonaws</groupId>
      <artifactId>{JAVA_CLIENT}</artifactId>
      <version>{JAVA_CLIENT_VERSION}</version>
    </dependency>
  </dependencies>
</project>
"""
COPY_LIBRARIES = (
    "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies",
    "-DincludeScope=runtime",
)
# AWS "Customize Java runtime startup behavior": since Java 17, Lambda stops at the C1 compiler by itself.
JAVA_OPTIONS = ["-XX:+TieredCompilation", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
# The client opens the framed channel through a private constructor of FileDescriptor; without this it writes to stdout.
JAVA_OPTIONS += ["--add-opens", "java.base/java.io=ALL-UNNAMED"]
PYTHON_BOOT = """
import os, sys
task, opt, runtime = {task!r}, {opt!r}, {runtime!r}
minor = 'python%d.%d' % sys.version_info[:2]
wanted = [task, opt + '/python/lib/' + minor + '/site-packages', opt + '/python', runtime]
sys.path[:] = wanted + [p for p in sys.path if p not in wanted and p != '']
from awslambdaric.__main__ import main
main([runtime + '/bootstrap', os.environ['_HANDLER']])
"""


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
    return install_into(target, pip, what="awslambdaric", hint=hint)


def _copy_installed(target: Path) -> bool:
    """Copy awslambdaric from the running interpreter's packages; return whether they have it."""
    try:
        with staged(target) as partial:
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
    return install_into(target, command, what="aws-lambda-ric", hint=hint)


def find_java() -> Path:
    """Return the Java executable.

    Raises:
        ComponentMissing: This machine has none.
    """
    found = shutil.which("java")
    if found is None:
        raise ComponentMissing(
            "Java is not on PATH; install Java 17 or newer (Debian: openjdk-17-jdk-headless maven) to run java functions"
        )
    return Path(found)


def java_client(*, install: bool = True) -> Path:
    """Return a directory whose ``lib`` holds Java's client and what it needs.

    Raises:
        ComponentMissing: It is not in the cache, and (if ``install``) Maven cannot fetch it.
    """
    target = cache_directory() / f"aws-lambda-java-{JAVA_CLIENT_VERSION}"
    if target.is_dir():
        return target
    maven = shutil.which("mvn")
    if not install or maven is None:
        raise ComponentMissing(f"{JAVA_CLIENT} is not in {target}; it needs mvn (Debian: maven)")
    command = [maven, "-q", "-B", *COPY_LIBRARIES, "-DoutputDirectory=lib"]
    files = {"pom.xml": JAVA_CLIENT_POM}
    return install_into(
        target, command, what=JAVA_CLIENT, hint="it needs the registry of Maven", files=files
    )


def runtime_command(
    function: Function, places: Places, *, program: Path | None, opt: Path
) -> list[str]:
    """Return the command that starts the runtime.

    Args:
        function: The function.
        places: The paths that the environment's processes see.
        program: Node.js's or Java's executable.
        opt: The directory of the merged layers.
    """
    if function.family == "python":
        boot = PYTHON_BOOT.format(task=places.task, opt=places.opt, runtime=places.runtime)
        return [f"{places.lang}/bin/python3", "-c", boot]
    if function.family == "nodejs":
        # A link to the client's main file, whose place differs between its versions 3 and 4.
        client = f"{places.runtime}/node_modules/.bin/aws-lambda-ric"
        return [str(program), client, function.handler]
    if function.family == "java":
        client = "com.amazonaws.services.lambda.runtime.api.client.AWSLambda"
        classes = f"{places.runtime}/lib/*"
        return [str(program), *JAVA_OPTIONS, "-cp", classes, client, function.handler]
    # AWS "Building a custom runtime": the bootstrap file is in the function or, failing that, in a layer.
    in_layer = not (Path(function.code) / "bootstrap").exists() and (opt / "bootstrap").exists()
    return [f"{places.opt if in_layer else places.task}/bootstrap"]


def runtime_version(function: Function, interpreter: Interpreter, *, durable: bool = False) -> str:
    """Return the runtime version for platform.initStart, ``python:3.13.v1``; or ``python:3.13.DurableFunction.v1``."""
    family = function.family
    detail = interpreter.minor if family == "python" else function.runtime.removeprefix(family)
    kind = ".DurableFunction" if durable else ""
    return f"{family}:{detail.strip('.').removesuffix('.x') or 'local'}{kind}.v1"
