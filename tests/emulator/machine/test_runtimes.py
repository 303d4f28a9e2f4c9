"""The real clients: Python's, those of Node.js and Java where they are installed, and a custom runtime in bash."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import emulator
from emulator.cloud import LocalLambda
from emulator.machine.runtimes import (
    Interpreter,
    find_java,
    find_node,
    java_client,
    node_client,
    python_client,
)
from emulator.model.errors import ComponentMissing
from emulator.model.function import Function

pytestmark = pytest.mark.every_python

BASH = Path(emulator.__file__).parent / "examples" / "bash_function"


@pytest.mark.skipif(shutil.which("curl") is None, reason="the example runtime needs curl")
def test_custom_runtime_in_bash_runs() -> None:
    """The shortest runtime exercises the Runtime API without a client library."""
    function = Function(code=BASH, runtime="provided.al2023")
    with LocalLambda(function) as cloud:
        good = cloud.invoke("hello")
        bad = cloud.invoke("raise")
        gone = cloud.invoke("exit")
        again = cloud.invoke("back")

        assert good.payload == "hello"
        assert sorted(cloud.lines(good.request_id)) == ['got "hello"\n', "working\n"]
    assert (bad.status, bad.error_type, bad.runtime_done_status) == (
        "error",
        "Function.Told",
        "success",
    )
    assert (gone.status, gone.error_type) == ("error", "Runtime.ExitError")
    assert again.status == "success"


def test_custom_runtime_without_bootstrap_does_not_start(tmp_path: Path) -> None:
    """A failure of the function is a result, not an exception of the emulator."""
    with LocalLambda(Function(code=tmp_path, runtime="provided")) as cloud:
        result = cloud.invoke({})

    assert (result.status, result.error_type) == ("error", "Runtime.InvalidEntrypoint")


@pytest.fixture(scope="module")
def node() -> Path:
    """Node.js with its client, or a skip that says what is missing."""
    try:
        found = find_node()
        node_client(found, install=False)
    except ComponentMissing as error:
        pytest.skip(str(error))
    return found


@pytest.mark.newest
@pytest.mark.parametrize("log_format", ["Text", "JSON"])
def test_the_nodejs_client(node: Path, tmp_path: Path, log_format: str) -> None:
    """Lines of console come through the framed channel with their level; a thrown error is the caller's."""
    (tmp_path / "index.js").write_text(
        "exports.handler = async (e) => { console.log('info\\nline'); console.warn('careful');"
        " if (e.do === 'raise') throw new Error('told to'); if (e.do === 'exit') process.exit(3); return e; };"
    )
    function = Function(
        code=tmp_path,
        runtime="nodejs20.x",
        handler="index.handler",
        log_format="Text" if log_format == "Text" else "JSON",
        timeout_ms=10_000,
        memory_mb=512,
    )
    with LocalLambda(function, node=node) as cloud:
        good = cloud.invoke({"a": 1})
        bad = cloud.invoke({"do": "raise"})
        gone = cloud.invoke({"do": "exit"})
        lines = [line for line in cloud.written if line.request_id == good.request_id]

    assert good.payload == {"a": 1}
    assert [(line.channel, line.level) for line in lines] == [("frame", "INFO"), ("frame", "WARN")]
    assert "info" in lines[0].text
    assert (bad.error_type, bad.runtime_done_status) == ("Error", "success")
    assert (gone.status, gone.error_type) == ("error", "Runtime.ExitError")


def test_missing_node_is_named() -> None:
    """The message must say what to install."""
    with pytest.raises(ComponentMissing, match=r"install Node\.js"):
        find_node(Path("/nonexistent/node"))


def test_interpreter_that_does_not_run_is_named() -> None:
    """A traceback of subprocess would not name it."""
    with pytest.raises(ComponentMissing, match=r"/nonexistent/python3 does not run"):
        Interpreter.of(Path("/nonexistent/python3"))


def test_other_interpreter_is_asked_for_its_version() -> None:
    """Its prefix becomes /var/lang, and its version chooses the client."""
    executable = Path(sys.base_prefix) / "bin" / "python3"

    found = Interpreter.of(executable)

    answer = subprocess.run([executable, "-V"], capture_output=True, text=True, check=True).stdout
    assert found.prefix == Path(sys.base_prefix)
    assert answer.startswith(f"Python {found.minor}.")


def test_python_client_is_copied_from_the_running_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine without a network can run Python functions."""
    pytest.importorskip("awslambdaric")
    monkeypatch.setenv("LAMBDA_EMULATOR_CACHE", str(tmp_path / "cache"))

    first = python_client(Interpreter.of(None))
    second = python_client(Interpreter.of(None))

    assert first == second
    assert (first / "awslambdaric" / "bootstrap.py").exists()
    assert list(first.glob("runtime_client*.so"))
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_a_client_that_cannot_be_installed_is_said_in_one_line(
    node: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what it needs, and nothing half-done is left in the cache."""
    monkeypatch.setenv("LAMBDA_EMULATOR_CACHE", str(tmp_path / "cache"))
    broken = tmp_path / "bin"
    broken.mkdir()
    (broken / "npm").write_text("#!/bin/sh\necho 'autoreconf: not found' >&2\nexit 127\n")
    (broken / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{broken}:/usr/bin:/bin")

    with pytest.raises(ComponentMissing) as caught:
        node_client(node)

    assert "autoreconf: not found" in str(caught.value)
    assert "g++ make (Debian packages)" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "cache").iterdir())


@pytest.mark.newest
def test_the_java_client() -> None:
    """A class that is not there is the caller's error, and the client's line comes through the framed channel, whole."""
    try:
        java_client(install=False)
        find_java()
    except ComponentMissing as error:
        pytest.skip(str(error))
    function = Function(
        code=BASH, runtime="java17", handler="shop.Missing", memory_mb=512, timeout_ms=10_000
    )
    with LocalLambda(function) as cloud:
        result = cloud.invoke({})
        [line] = cloud.written

    assert (result.status, result.error_type) == ("error", "java.lang.ClassNotFoundException")
    assert line.channel == "frame"
    assert line.text.startswith("Class not found: shop.Missing")


def test_missing_java_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message must say what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("LAMBDA_EMULATOR_CACHE", str(tmp_path / "cache"))

    with pytest.raises(ComponentMissing, match=r"openjdk-17-jdk-headless"):
        find_java()
    with pytest.raises(ComponentMissing, match=r"it needs mvn"):
        java_client()
