from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools.fetching import (
    ensure_aws_emulator,
    ensure_browser,
    ensure_loggers,
    ensure_node_client,
    ensure_programs,
    ensure_services,
    ensure_validators,
    fetched_python,
    machine_name,
    services_folder,
    with_newest_python,
)
from tools.pythons import Python

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.doubles.checkout import Checkout
    from tools.environments import Workspace


def with_node(checkout: Checkout) -> None:
    for name in ("node", "npm"):
        checkout.stand_in(checkout.root / "path" / name)
    checkout.answer("node --version", prints="v20.1.0\n")
    for folder in ("templates", "end_to_end/loggers", "browser"):
        (checkout.root / "tests" / folder).mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            (checkout.root / "tests" / folder / name).write_text("{}")


def emulator(checkout: Checkout) -> Path:
    return checkout.root / ".cache" / "emulator" / f"aws-lambda-rie-{machine_name()}"


@pytest.mark.parametrize(
    ("prepare", "refused", "warning"),
    [
        pytest.param(ensure_services, "venv", "the services could not be fetched", id="services"),
        pytest.param(
            ensure_validators, "venv", "cfn-lint, the aws command and CDK", id="templates"
        ),
        pytest.param(ensure_validators, "npm ci", "npm could not fetch CDK and", id="npm"),
        pytest.param(ensure_loggers, "venv", "Python's loggers could not be", id="loggers"),
        pytest.param(ensure_loggers, "npm ci", "npm could not fetch Node.js's", id="npm's loggers"),
        pytest.param(ensure_browser, "npm ci", "npm could not fetch axe-core", id="browser"),
        pytest.param(ensure_node_client, "node_client", "could not be made", id="Node.js"),
        pytest.param(ensure_programs, "emulator build", "the tests of functions", id="programs"),
        pytest.param(ensure_aws_emulator, "pip install", "could not be fetched", id="AWS"),
    ],
)
def test_fetching_leaves_out_what_it_cannot_fetch_with_a_warning(
    checkout: Checkout,
    capsys: pytest.CaptureFixture[str],
    prepare: Callable[[Workspace], None],
    refused: str,
    warning: str,
) -> None:
    """A machine without the package index runs all other tests, and tries again the next time."""
    with_node(checkout)
    checkout.stand_in(checkout.root / "path" / "go")
    checkout.fetched()
    for folder in ("services", "validators/python", "loggers/python"):
        if refused == "venv":
            (checkout.root / ".cache" / folder / "installed").unlink()
    checkout.answer(refused, status=1)

    for _ in range(2):
        prepare(checkout.workspace)

    assert capsys.readouterr().err.count(f"  {warning}") == 2
    assert len(checkout.calls(refused)) == 2


def unpack_python(checkout: Checkout) -> None:
    """Put an interpreter that answers where Debian's is unpacked."""
    path = fetched_python(checkout.root / ".cache") / "bin" / "python3"
    path.parent.mkdir(parents=True)
    answer = f"#!/bin/sh\necho '3.14 venv {path}'\n"
    path.write_text(answer)
    path.chmod(0o755)


def test_newest_python_is_fetched_where_the_machine_has_none(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    """Debian has it for any of its releases. The newest Python's environment unpacks it."""
    unpack_python(checkout)

    workspace = with_newest_python(checkout.workspace)

    (call,) = checkout.calls()
    folder = checkout.root / ".cache" / "python-3.14"
    assert call.program == checkout.workspace.python
    assert call.arguments == ["-m", "layer.debian_python", str(folder)]
    assert workspace.pythons == (
        *checkout.workspace.pythons,
        Python("3.14", folder / "bin" / "python3"),
    )
    assert capsys.readouterr().out.startswith("Python 3.14, from Debian's packages (unpacked once")


@pytest.mark.parametrize("unpacks", [True, False], ids=["it does not run", "no mirror"])
def test_tests_run_without_the_python_that_cannot_be_fetched(
    checkout: Checkout, capsys: pytest.CaptureFixture[str], *, unpacks: bool
) -> None:
    """As on a machine that is not Debian's."""
    checkout.answer("debian_python", status=0 if unpacks else 1)

    assert with_newest_python(checkout.workspace) == checkout.workspace

    assert capsys.readouterr().err == "  could not be fetched: nothing is tested on Python 3.14\n"


@pytest.mark.parametrize("reason", ["the machine has it", "another one is chosen"])
def test_newest_python_is_not_fetched_without_need(checkout: Checkout, reason: str) -> None:
    """FLIGHT_RECORDER_PYTHON names the only Python to use."""
    workspace = dataclasses.replace(
        checkout.workspace, environ={"FLIGHT_RECORDER_PYTHON": "/usr/bin/python3.13"}
    )
    if reason == "the machine has it":
        pythons = (*checkout.workspace.pythons, Python("3.14", Path("/usr/bin/python3.14")))
        workspace = dataclasses.replace(checkout.workspace, pythons=pythons)

    assert with_newest_python(workspace) == workspace
    assert checkout.calls() == []


@pytest.mark.parametrize(
    ("versions", "expected"),
    [(("3.10", "3.13", "3.14"), "3.13"), (("3.14",), "3.14")],
    ids=["an older one is there", "there is no other"],
)
def test_services_run_on_the_newest_python_they_have_wheels_for(
    checkout: Checkout, versions: tuple[str, ...], expected: str
) -> None:
    """They are processes of their own, so the tests of sinks run on another Python."""
    pythons = tuple(
        Python(version, checkout.stand_in(checkout.root / f"python{version}"))
        for version in versions
    )
    workspace = dataclasses.replace(checkout.workspace, pythons=pythons)
    checkout.answer("-m venv", status=1)

    for ensure in (ensure_services, ensure_validators):
        ensure(workspace)

    used = [call.program for call in checkout.calls("-m venv")]
    assert used == [checkout.root / f"python{expected}"] * 2


def test_given_services_are_taken_as_they_are(checkout: Checkout) -> None:
    """FLIGHT_RECORDER_SERVICES names an environment that somebody else keeps."""
    workspace = dataclasses.replace(
        checkout.workspace, environ={"FLIGHT_RECORDER_SERVICES": "/given"}
    )

    ensure_services(workspace)

    assert services_folder(workspace) == Path("/given")
    assert checkout.calls() == []


def test_current_tools_are_not_fetched_again(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second run starts at once."""
    with_node(checkout)
    checkout.fetched()

    def prepare() -> None:
        for ensure in (ensure_services, ensure_validators, ensure_loggers, ensure_node_client):
            ensure(checkout.workspace)

    client = checkout.root / ".cache" / "emulator" / "aws-lambda-ric-node20"
    checkout.answer("node_client", writes={client: ""})
    prepare()
    assert capsys.readouterr().out.splitlines() == [
        "environment .cache/validators/node (v20.1.0)",
        "environment .cache/loggers/node (v20.1.0)",
        "Node.js's runtime client (compiled once, in a minute or two)",
    ]
    prepare()
    assert capsys.readouterr().out == ""


def test_functions_are_built_for_whose_language_there_is_a_toolchain(checkout: Checkout) -> None:
    """Go, Rust and Java are optional, each for itself."""
    ensure_programs(checkout.workspace)
    assert checkout.calls() == []

    checkout.stand_in(checkout.root / "path" / "cargo")
    ensure_programs(checkout.workspace)

    (call,) = checkout.calls("emulator build")
    assert call.arguments[-1:] == [str(checkout.root / "tests/captured/functions/rust")]
    assert len(call.arguments) == 4


@pytest.mark.parametrize(
    ("ensure", "name"),
    [
        (ensure_validators, "validators"),
        (ensure_loggers, "loggers"),
        (ensure_browser, "browser"),
    ],
)
def test_node_packages_are_installed_without_their_scripts(
    checkout: Checkout, ensure: Callable[[Workspace], None], name: str
) -> None:
    """No package of a registry runs code of its own here."""
    with_node(checkout)
    checkout.fetched()

    ensure(checkout.workspace)

    (call,) = checkout.calls("npm ci")
    folder = checkout.root / ".cache" / name / "node"
    assert call.arguments == [
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
    ]
    assert call.cwd == folder
    assert (folder / "package-lock.json").exists()


def test_machine_without_node_is_asked_for_nothing(checkout: Checkout) -> None:
    """Node.js is optional."""
    checkout.fetched()

    for ensure in (ensure_node_client, ensure_validators, ensure_loggers, ensure_browser):
        ensure(checkout.workspace)

    assert checkout.calls() == []


def test_aws_emulator_is_taken_out_of_its_wheel_once(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing else of the wheel stays."""
    wheel = checkout.root / ".cache" / "aws-emulator"
    inside = wheel / "samcli" / "local" / "rapid" / emulator(checkout).name
    checkout.answer("pip install", writes={inside: "program"})

    ensure_aws_emulator(checkout.workspace)
    ensure_aws_emulator(checkout.workspace)

    assert emulator(checkout).read_text() == "program"
    assert emulator(checkout).stat().st_mode & 0o777 == 0o755
    assert not wheel.exists()
    assert capsys.readouterr().out == "AWS's Runtime Interface Emulator\n"
    (call,) = checkout.calls("pip install")
    assert "--require-hashes" in call.arguments
